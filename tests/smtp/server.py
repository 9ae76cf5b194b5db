"""An SMTP server that nobody here wrote (aiosmtpd), on a port of its own.

    server.py CERTIFICATE KEY    with STARTTLS and a login
    server.py                    without

Prints its port, then each message that it takes as a line of JSON. An address that begins with "gone" is refused
for good, one that begins with "busy" for the first time. It never answers QUIT.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LOGIN = LoginPassword(b"bilag", b"hunter2-secret")


class Handler:
    """Takes messages."""

    def __init__(self):
        self.busy = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return f"550 5.1.1 <{address}>: no such user here"
        if address.startswith("busy") and address not in self.busy:
            self.busy.add(address)
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "secure": session.ssl is not None,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": message.get_content().replace("\r\n", "\n"),
        }
        print(json.dumps(told), flush=True)
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        await asyncio.Event().wait()


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: the server itself answers 535.
    return AuthResult(success=data == LOGIN, handled=False)


async def main():
    # Clients that break off on purpose are nothing to tell of.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    handler, options = Handler(), {}
    if len(sys.argv) > 1:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*sys.argv[1:3])
        options = {
            "tls_context": context,
            "require_starttls": True,
            "authenticator": authenticate,
            "auth_required": True,
        }

    def session():
        return SMTP(handler, hostname="localhost", **options)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
