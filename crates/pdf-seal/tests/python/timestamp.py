"""Answers a request for a timestamp as an authority does.

timestamp.py KEY.pem CERTIFICATE.pem REQUEST ANSWER
"""

import asyncio
import sys

from asn1crypto import tsp
from pyhanko.keys import load_cert_from_pemder, load_private_key_from_pemder
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

key, certificate, request, answer = sys.argv[1:]
certificate = load_cert_from_pemder(certificate)
authority = DummyTimeStamper(certificate, load_private_key_from_pemder(key, None), certs_to_embed=[certificate])
with open(request, "rb") as file:
    asked = tsp.TimeStampReq.load(file.read(), strict=True)
with open(answer, "wb") as file:
    file.write(asyncio.run(authority.async_request_tsa_response(asked)).dump())
