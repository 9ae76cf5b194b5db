"""The chain from receipt to invoice as one would write it in Python: chain.py receipt|render|upload.

Bilag is measured beside it. A delivery is acked only after its follow-up is confirmed or its result is stored, and a
receipt that is complete is not sent again. It lacks what Bilag has beyond that, and is faster for it:

- retries, pauses and limits: any error ends the process, and the broker delivers again what was not acked
- dead letters: an invalid event is logged and dropped; types and required members are checked, sums are not
- leases, and a look before an attach that may be a repeat: killed at the wrong moment, it attaches a file twice
- tenants, languages, templates, returns, payments, pages after the first, PDF/A, tagged PDF, e-invoices
- contact persons, invoice addresses, merged cash and pre-payments, in the mapping
- the stored copy of each event, and the commands, console, health, metrics and traces

Settings: AMQP_URL, DATABASE (a SQLite file), OMNIUM_BASE_URL, OMNIUM_CLIENT_ID, OMNIUM_CLIENT_SECRET.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp
import aiormq
import msgspec
import uvloop
from pamqp.commands import Basic
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfdoc, pdfmetrics, ttfonts
from reportlab.pdfgen.canvas import Canvas
from yarl import URL

PREFETCH = 256
BATCH = 64
# Messages that are rendered before the connections are looked after again.
RENDERED = 8
REQUESTS = 16
# How long uploads are gathered for one commit, in seconds.
GATHER = 0.01


# --- messages


class Model(msgspec.Struct, rename="camel"):
    """Unknown members are ignored."""


class Address(Model):
    display_name: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country_code: str | None = None
    email: str | None = None
    mobile: str | None = None
    company_name: str | None = None
    vat_number: str | None = None


class Country(Model):
    currency: str


class Tenant(Model):
    uid: str
    country: Country
    name: str | None = None


class Store(Model):
    uid: str
    external_id: str | None = None
    name: str | None = None
    organization_number: str | None = None
    address: Address = msgspec.field(default_factory=Address)
    phone: str | None = None
    email: str | None = None


class Order(Model):
    uid: str
    order_number: str
    type: Literal["SALE"]
    origin: str
    store: Store
    address: Address = msgspec.field(default_factory=Address)


class VatRow(Model):
    rate: int
    net: int
    vat: int


class Totals(Model):
    grand_total: int
    vat_total: int
    vat: list[VatRow]


class Item(Model):
    uid: str
    sku: str
    name: str
    quantity: int
    unit_price: int
    discount_amount: int
    total: int
    vat_rate: int
    vat_amount: int
    ean: str | None = None


class Settlement(Model):
    uid: str
    code: str
    name: str
    kind: str
    amount: int
    state: str
    settled_at: str | None = None
    transaction_id: str | None = None


class Customer(Model):
    uid: str | None = None
    type: str | None = None
    loyalty_id: str | None = None


class Seller(Model):
    code: str | None = None
    name: str | None = None


class Receipt(Model):
    uid: str
    voucher_number: str
    created_at: str
    settled_at: str
    order: Order
    order_totals: Totals
    items: list[Item]
    settlements: list[Settlement]
    seller: Seller = msgspec.field(default_factory=Seller)
    customer: Customer = msgspec.field(default_factory=Customer)


class ReceiptSettled(Model):
    id: str
    type: Literal["receipt.settled.v1"]
    occurred_at: str
    tenant: Tenant
    order_receipt: Receipt


class InvoiceReady(Model):
    receipt: ReceiptSettled
    invoice: msgspec.Raw


class InvoiceRendered(Model):
    tenant: str
    uid: str
    invoice: msgspec.Raw
    file_name: str
    pdf: bytes


read_receipt = msgspec.json.Decoder(ReceiptSettled).decode
read_ready = msgspec.json.Decoder(InvoiceReady).decode
read_rendered = msgspec.json.Decoder(InvoiceRendered).decode
write = msgspec.json.Encoder().encode


# --- receipt to invoice


def decimal(hundredths: int) -> int | float:
    """A JSON number with exactly these decimals: the float nearest to them has no shorter digits than theirs."""
    whole, rest = divmod(hundredths, 100)
    return hundredths / 100 if rest else whole


def without_tax(price: int, rate: int) -> int:
    """Midpoints away from zero."""
    divisor = 10_000 + rate
    rounded = (abs(price) * 20_000 + divisor) // (2 * divisor)
    return rounded if price >= 0 else -rounded


def present(**members) -> dict:
    return {name: value for name, value in members.items() if value not in (None, "")}


def properties(*pairs: tuple[str, str | None]) -> list[dict]:
    return [{"key": key, "value": value, "keyGroup": "flow.Invoice"} for key, value in pairs if value]


def invoice_of(event: ReceiptSettled) -> dict:
    receipt, currency = event.order_receipt, event.tenant.country.currency
    order, totals, customer, address = receipt.order, receipt.order_totals, receipt.customer, receipt.order.address
    is_business = customer.type == "ORGANIZATION" or address.company_name or address.vat_number
    voucher = receipt.voucher_number
    of_line = properties(("flow.receipt.voucher_number", voucher), ("voyado.order.id", voucher))
    return present(
        id=receipt.uid,
        orderId=order.uid,
        invoiceDate=receipt.created_at,
        invoiceNumber=voucher,
        amount=decimal(totals.grand_total),
        amountExcludingTax=decimal(totals.grand_total - totals.vat_total),
        currency=currency,
        deliveryDate=receipt.settled_at,
        invoiceDueDate=receipt.settled_at,
        customerEmail=address.email,
        customerId=customer.uid,
        customerName=address.display_name,
        customerType="B2B" if is_business else "B2C",
        origin=order.origin,
        storeId=order.store.uid,
        marketId=order.store.external_id,
        customerAddress=present(
            name=address.display_name,
            firstName=address.firstname,
            lastName=address.lastname,
            line1=address.address,
            postalCode=address.postal_code,
            city=address.city,
            countryCode=address.country_code,
            email=address.email,
            phone=address.mobile,
            organization=address.company_name,
            organizationalNumber=address.vat_number,
        )
        or None,
        lineItems=[
            present(
                lineItemId=item.uid,
                code=item.sku,
                displayName=item.name,
                ean=item.ean,
                quantity=decimal(item.quantity),
                placedPrice=decimal(item.unit_price),
                placedPriceExclTax=decimal(without_tax(item.unit_price, item.vat_rate)),
                discounted=decimal(item.discount_amount),
                extendedPrice=decimal(item.total),
                extendedPriceExclTax=decimal(item.total - item.vat_amount),
                taxRate=decimal(item.vat_rate),
                taxTotal=decimal(item.vat_amount),
                properties=of_line,
            )
            for item in receipt.items
        ],
        payments=[
            {
                "amount": decimal(abs(settlement.amount)),
                "paymentMethodName": settlement.code,
                "paymentType": settlement.name,
                "transactionId": settlement.transaction_id or settlement.uid,
                "transactionType": "Credit" if settlement.amount < 0 else "Sale",
                "status": "Processed",
                "paidDate": settlement.settled_at,
            }
            for settlement in receipt.settlements
            if settlement.state == "COMPLETED" and settlement.amount
        ],
        properties=properties(
            ("flow.order_number", order.order_number),
            ("flow.customer.loyalty_id", customer.loyalty_id),
            ("flow.seller.code", receipt.seller.code),
            ("flow.order.type", order.type),
        ),
    )


# --- receipt to PDF

FONTS = Path(__file__).resolve().parents[3] / "crates/receipt-pdf/fonts"
REGULAR, BOLD = "NotoSans", "NotoSans-Bold"
BLUE, GREY, LINE, BLACK = HexColor("#1d4e6b"), HexColor("#555555"), HexColor("#d9dee2"), HexColor("#000000")
ZONE = ZoneInfo("Europe/Oslo")
LEFT, RIGHT, BOTTOM = 18 * mm, A4[0] - 18 * mm, 30 * mm


class Face(ttfonts.TTFontFace):
    """Cuts the font once for all documents with the same characters."""

    def makeSubset(self, subset):
        return self.cut(tuple(subset))

    @lru_cache(maxsize=64)
    def cut(self, subset):
        return super().makeSubset(subset)


def load_fonts() -> None:
    # The fonts have no names inside.
    rl_config.autoGenerateTTFMissingTTFName = True
    # Deflates the same cut font once.
    pdfdoc.PDFZCompress.encode = lru_cache(maxsize=256)(pdfdoc.PDFZCompress.encode)
    for name, file in (REGULAR, "NotoSans-Regular.ttf"), (BOLD, "NotoSans-Bold.ttf"):
        font = ttfonts.TTFont(name, FONTS / file, asciiReadable=False)
        font.face.__class__ = Face
        pdfmetrics.registerFont(font)


def grouped(hundredths: int) -> str:
    sign, amount = "\N{MINUS SIGN}" if hundredths < 0 else "", abs(hundredths)
    return f"{sign}{amount // 100:,}".replace(",", "\N{NO-BREAK SPACE}")


def money(hundredths: int) -> str:
    return f"{grouped(hundredths)},{abs(hundredths) % 100:02}"


def number(hundredths: int) -> str:
    """Without decimals that are zero."""
    rest = abs(hundredths) % 100
    return grouped(hundredths) + (f",{rest:02}".rstrip("0") if rest else "")


class Page:
    """A page that is written from the top."""

    def __init__(self, title: str):
        self.canvas = Canvas(None, pagesize=A4, pageCompression=1, lang="nb", initialFontName=REGULAR)
        self.canvas.setTitle(title)
        self.content = self.canvas.beginText()
        # In the same order in each document, so that cut fonts are found again.
        for font in REGULAR, BOLD:
            pdfmetrics.getFont(font).splitString("0123456789", self.canvas._doc)
        self.style = None
        self.y = A4[1] - 17 * mm

    def text(self, x, text, size=9.0, bold=False, color=BLACK, right=False):
        if not text:
            return
        font, content = BOLD if bold else REGULAR, self.content
        if self.style != (font, size, color):
            self.style = (font, size, color)
            content.setFont(font, size)
            content.setFillColor(color)
        content.setTextOrigin(x - pdfmetrics.stringWidth(text, font, size) if right else x, self.y)
        content.textOut(text)

    def end(self) -> bytes:
        self.canvas.drawText(self.content)
        return self.canvas.getpdfdata()

    def lines(self, x, *texts, leading=12.6, **style):
        for text in filter(None, texts):
            self.text(x, text, **style)
            self.down(leading)

    def rule(self, thickness, color):
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(thickness)
        self.canvas.line(LEFT, self.y, RIGHT, self.y)

    def down(self, distance):
        self.y -= distance

    def table(self, columns, titles, rows, rules=False):
        """Columns are an x each; all but the first are aligned right. A row may have a note below its first cell."""
        style = {"size": 7.5, "color": BLUE}
        for i, (x, title) in enumerate(zip(columns, titles)):
            self.text(x, title, right=i > 0, **style)
        self.down(5 * mm)
        for cells, note in rows:
            for i, (x, cell) in enumerate(zip(columns, cells)):
                self.text(x, cell, right=i > 0)
            if note:
                self.down(10)
                self.text(columns[0], note, size=7.5, color=GREY)
            if rules:
                self.down(2 * mm)
                self.rule(0.4, LINE)
            self.down(5 * mm)


def pdf_of(event: ReceiptSettled) -> bytes:
    receipt, tenant = event.order_receipt, event.tenant
    order, store, totals = receipt.order, receipt.order.store, receipt.order_totals
    buyer, voucher = order.address, receipt.voucher_number
    page = Page(f"Salgskvittering {voucher}")

    top = page.y
    page.down(4 * mm)
    page.lines(LEFT, store.name or tenant.name, size=15, bold=True, leading=17)
    page.lines(
        LEFT,
        store.address.address,
        " ".join(filter(None, (store.address.postal_code, store.address.city))),
        store.organization_number and f"Org.nr. {store.organization_number}",
        " · ".join(filter(None, (store.phone, store.email))),
        color=GREY,
    )
    below, page.y = page.y, top - 4 * mm
    page.lines(RIGHT, "Elektronisk salgskvittering", size=17, color=BLUE, right=True, leading=18)
    page.lines(RIGHT, voucher, size=11, color=GREY, right=True)
    page.y = below - 1 * mm
    page.rule(1.2, BLUE)
    page.down(8 * mm)

    top = page.y
    page.lines(LEFT, "Kunde", size=7.5, color=BLUE)
    page.lines(LEFT, buyer.display_name or buyer.company_name, size=10.5, bold=True, leading=14)
    page.lines(
        LEFT,
        buyer.display_name and buyer.company_name,
        buyer.address,
        " ".join(filter(None, (buyer.postal_code, buyer.city))),
        buyer.vat_number and f"Org.nr. {buyer.vat_number}",
        buyer.email,
        buyer.mobile,
    )
    below, page.y = page.y, top
    for label, value, bold in (
        ("Bilagsnr.", voucher, True),
        ("Ordrenr.", order.order_number, False),
        ("Dato", datetime.fromisoformat(receipt.created_at).astimezone(ZONE).strftime("%d.%m.%Y %H:%M"), False),
        ("Selger", receipt.seller.name or receipt.seller.code, False),
        ("Medlemsnr.", receipt.customer.loyalty_id, False),
    ):
        if value:
            page.text(LEFT + 108 * mm, label, color=GREY)
            page.text(LEFT + 130 * mm, value, bold=bold)
            page.down(12.6)
    page.y = min(below, page.y) - 6 * mm

    page.table(
        (LEFT, RIGHT - 82 * mm, RIGHT - 58 * mm, RIGHT - 40 * mm, RIGHT - 24 * mm, RIGHT),
        ("Beskrivelse", "Antall", "Pris", "Rabatt" if any(item.discount_amount for item in receipt.items) else "")
        + ("Mva.", "Beløp"),
        [
            (
                (
                    item.name,
                    number(item.quantity),
                    money(item.unit_price),
                    item.discount_amount and money(-item.discount_amount),
                    f"{number(item.vat_rate)} %",
                    money(item.total),
                ),
                f"Varenr. {item.sku}" + (f" · EAN {item.ean}" if item.ean else ""),
            )
            for item in receipt.items
        ],
        rules=True,
    )

    page.down(3 * mm)
    page.text(RIGHT - 78 * mm, f"Totalt {tenant.country.currency}", size=13, bold=True)
    page.text(RIGHT, money(totals.grand_total), size=13, bold=True, right=True)
    page.down(16)
    page.text(RIGHT - 78 * mm, "Herav mva.", color=GREY)
    page.text(RIGHT, money(totals.vat_total), color=GREY, right=True)
    page.down(12 * mm)

    top = page.y
    paid = [settlement for settlement in receipt.settlements if settlement.state == "COMPLETED"]
    page.table(
        (LEFT, LEFT + 81 * mm),
        ("Betaling", "Beløp"),
        [((each.name, money(each.amount)), each.transaction_id) for each in paid],
    )
    below, page.y = page.y, top
    page.table(
        (LEFT + 93 * mm, RIGHT - 42 * mm, RIGHT - 22 * mm, RIGHT),
        ("Mva.-sats", "Ekskl. mva.", "Mva.", "Inkl. mva."),
        [
            ((f"{number(row.rate)} %", money(row.net), money(row.vat), money(row.net + row.vat)), None)
            for row in totals.vat
        ],
    )
    page.y = min(below, page.y) - 5 * mm
    page.text(LEFT, "Takk for handelen!", size=10.5, color=BLUE)
    if page.y < BOTTOM:
        raise ValueError(f"receipt {receipt.uid} does not fit on a page")

    page.y = 20 * mm
    page.rule(0.4, LINE)
    page.down(5 * mm)
    issuer = " · ".join(filter(None, (tenant.name or store.name, store.organization_number)))
    page.text(LEFT, issuer, size=7.5, color=GREY)
    page.text(RIGHT, f"Salgskvittering {voucher} · Side 1 av 1", size=7.5, color=GREY, right=True)
    return page.end()


# --- messaging and storage


class Queue:
    """Consumes one queue and publishes to another. Acks are sent in groups, in the order of delivery."""

    def __init__(self, channel, tasks: asyncio.TaskGroup, stage: str):
        self.channel, self.tasks, self.name = channel, tasks, f"alternative.{stage}"
        self.received = asyncio.Queue()
        self.acked = None

    async def consume(self) -> None:
        async def receive(message):
            self.received.put_nowait(message)

        await self.channel.basic_qos(prefetch_count=PREFETCH)
        await self.channel.basic_consume(self.name, receive)
        print("consuming", flush=True)

    async def batches(self, most=BATCH):
        """What has arrived, at least one message."""
        while True:
            batch = [await self.received.get()]
            while len(batch) < most and not self.received.empty():
                batch.append(self.received.get_nowait())
            yield batch

    async def publish(self, queue: str, body: bytes) -> None:
        """Until the broker has confirmed it."""
        persistent = Basic.Properties(delivery_mode=2, content_type="application/json")
        await self.channel.basic_publish(body, routing_key=queue, properties=persistent, mandatory=True, wait=False)

    def publish_then_ack(self, queue: str, bodies: list[bytes], last) -> None:
        """Publishes what follows from a batch, which ends in `last`. Does not wait for it."""

        async def publish(before):
            await asyncio.gather(*(self.publish(queue, body) for body in bodies))
            if before:
                await before
            await self.channel.basic_ack(last.delivery_tag, multiple=True, wait=False)

        self.acked = self.tasks.create_task(publish(self.acked))

    async def ack(self, messages) -> None:
        for message in messages:
            await self.channel.basic_ack(message.delivery_tag, wait=False)


class Store:
    """The receipts, in a thread of their own."""

    def __init__(self, path: str):
        self.thread = ThreadPoolExecutor(1)
        self.database = sqlite3.connect(path, timeout=10, check_same_thread=False)
        self.database.execute("pragma journal_mode = wal")
        self.database.execute("pragma synchronous = full")
        self.database.execute(
            "create table if not exists receipts (tenant text, uid text, voucher text, amount integer, state text,"
            " primary key (tenant, uid)) without rowid"
        )

    def run(self, do, *arguments):
        return asyncio.get_running_loop().run_in_executor(self.thread, do, *arguments)

    def open(self, receipts: list[tuple]) -> set[tuple[str, str]]:
        """Records receipts. Those that are complete already."""
        with self.database:
            opened = self.database.executemany(
                "insert into receipts values (?, ?, ?, ?, 'pending') on conflict do nothing", receipts
            )
        return set() if opened.rowcount == len(receipts) else self.complete([(row[0], row[1]) for row in receipts])

    def complete(self, keys: list[tuple[str, str]]) -> set[tuple[str, str]]:
        query = "select 1 from receipts where tenant = ? and uid = ? and state = 'complete'"
        return {key for key in keys if self.database.execute(query, key).fetchone()}

    def close(self, keys: list[tuple[str, str]]) -> None:
        with self.database:
            self.database.executemany("update receipts set state = 'complete' where tenant = ? and uid = ?", keys)


# --- stages


def checked(body: bytes) -> ReceiptSettled | None:
    try:
        event = read_receipt(body)
        receipt = event.order_receipt
        for time in receipt.created_at, receipt.settled_at:
            datetime.fromisoformat(time)
        if not (event.tenant.uid and receipt.uid and receipt.voucher_number and receipt.items):
            raise ValueError("an empty member")
        return event
    except ValueError as error:
        print("invalid event:", error, file=sys.stderr)
        return None


async def receipt(queue: Queue, tasks: asyncio.TaskGroup) -> None:
    store = Store(os.environ["DATABASE"])
    await queue.consume()
    async for batch in queue.batches():
        events = [(event, message.body) for message in batch if (event := checked(message.body))]
        rows = []
        for event, _ in events:
            it = event.order_receipt
            rows.append((event.tenant.uid, it.uid, it.voucher_number, it.order_totals.grand_total))
        complete = await store.run(store.open, rows)
        ready = [
            write(InvoiceReady(msgspec.Raw(body), msgspec.Raw(write(invoice_of(event)))))
            for event, body in events
            if (event.tenant.uid, event.order_receipt.uid) not in complete
        ]
        queue.publish_then_ack("alternative.render", ready, batch[-1])


def rendered(body: bytes) -> bytes:
    ready = read_ready(body)
    it, voucher = ready.receipt, ready.receipt.order_receipt.voucher_number
    file_name = voucher.translate(str.maketrans(dict.fromkeys('/\\:*?"<>|', "-"))) + ".pdf"
    return write(InvoiceRendered(it.tenant.uid, it.order_receipt.uid, ready.invoice, file_name, pdf_of(it)))


async def render(queue: Queue, tasks: asyncio.TaskGroup) -> None:
    load_fonts()
    await queue.consume()
    async for batch in queue.batches(RENDERED):
        queue.publish_then_ack("alternative.upload", [rendered(message.body) for message in batch], batch[-1])
        # Lets what was rendered out.
        await asyncio.sleep(0)


async def upload(queue: Queue, tasks: asyncio.TaskGroup) -> None:
    store, todo, done = Store(os.environ["DATABASE"]), asyncio.Queue(), asyncio.Queue()
    timeout = aiohttp.ClientTimeout(total=10)
    connector = aiohttp.TCPConnector(limit=REQUESTS)
    base = os.environ["OMNIUM_BASE_URL"].rstrip("/")
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, raise_for_status=True) as http:
        credentials = {
            "clientId": os.environ["OMNIUM_CLIENT_ID"],
            "clientSecret": os.environ["OMNIUM_CLIENT_SECRET"],
            "returnAsJson": "true",
        }
        async with http.post(f"{base}/api/token", params=credentials) as answer:
            token = (await answer.json())["accessToken"]
        authorization = {"Authorization": f"Bearer {token}"}
        as_json = authorization | {"Content-Type": "application/json"}
        as_file = authorization | {"Content-Type": "application/octet-stream"}

        async def send():
            while True:
                message, it = await todo.get()
                async with http.put(f"{base}/api/Invoices/UpdateInvoice", data=bytes(it.invoice), headers=as_json):
                    pass
                url = f"{base}/api/Invoices/{quote(it.uid, safe='')}/AddFileToInvoice"
                url = URL(f"{url}?fileName={quote(it.file_name, safe='')}", encoded=True)
                async with http.post(url, data=it.pdf, headers=as_file):
                    pass
                done.put_nowait((message, (it.tenant, it.uid)))

        async def complete():
            while True:
                sent = [await done.get()]
                await asyncio.sleep(GATHER)
                while not done.empty():
                    sent.append(done.get_nowait())
                await store.run(store.close, [key for _, key in sent])
                await queue.ack(message for message, _ in sent)

        for _ in range(REQUESTS):
            tasks.create_task(send())
        tasks.create_task(complete())
        await queue.consume()
        async for batch in queue.batches():
            invoices = [read_rendered(message.body) for message in batch]
            complete = await store.run(store.complete, [(it.tenant, it.uid) for it in invoices])
            for message, it in zip(batch, invoices):
                if (it.tenant, it.uid) in complete:
                    await queue.ack([message])
                else:
                    todo.put_nowait((message, it))


async def declare(channel) -> None:
    for stage in "receipt", "render", "upload":
        await channel.queue_declare(f"alternative.{stage}", durable=True, arguments={"x-queue-type": "quorum"})
    await channel.queue_bind("alternative.receipt", "events", "receipt.settled.v1")


async def main(stage: str) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    connection = await aiormq.connect(os.environ["AMQP_URL"])
    channel = await connection.channel()
    await declare(channel)
    async with asyncio.TaskGroup() as tasks:
        run = {"receipt": receipt, "render": render, "upload": upload}[stage]
        tasks.create_task(run(Queue(channel, tasks, stage), tasks))
        # Ends all where the broker goes away.
        await channel.closing


if __name__ == "__main__":
    try:
        uvloop.run(main(sys.argv[1]))
    except asyncio.CancelledError:
        pass
