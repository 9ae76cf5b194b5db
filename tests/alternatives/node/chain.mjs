// The chain from receipt to invoice as one would write it for Node.js: chain.mjs receipt|render|upload.
//
// Bilag is measured beside it. A delivery is acked only after its follow-up is confirmed or its result is stored, and a
// receipt that is complete is not sent again. It lacks what Bilag has beyond that, and is faster for it:
//
// - retries, pauses and limits: any error ends the process, and the broker delivers again what was not acked
// - dead letters: an invalid event is logged and dropped; it is checked against the schema, sums are not
// - leases, and a look before an attach that may be a repeat: killed at the wrong moment, it attaches a file twice
// - tenants, languages, templates, returns, payments, pages after the first, PDF/A, tagged PDF, e-invoices
// - contact persons, invoice addresses, merged cash and pre-payments, in the mapping
// - the stored copy of each event, and the commands, console, health, metrics and traces
//
// Settings: AMQP_URL, DATABASE (a SQLite file), OMNIUM_BASE_URL, OMNIUM_CLIENT_ID, OMNIUM_CLIENT_SECRET.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import zlib from "node:zlib";

// By require, which finds packages in NODE_PATH too.
const require = createRequire(import.meta.url);

const PREFETCH = 256;
const BATCH = 64;
const REQUESTS = 16;
/** How long uploads are gathered for one commit, in milliseconds. */
const GATHER = 10;

const { AMQP_URL, DATABASE, OMNIUM_BASE_URL, OMNIUM_CLIENT_ID, OMNIUM_CLIENT_SECRET } = process.env;
const repository = new URL("../../../", import.meta.url);
const file = (path) => readFileSync(new URL(path, repository));

// --- receipt to invoice

/** A number with exactly these decimals in JSON: the float nearest to them has no shorter digits than theirs. */
const decimal = (hundredths) => hundredths / 100;

/** Midpoints away from zero. */
function withoutTax(price, rate) {
  const divisor = BigInt(10_000 + rate);
  const rounded = Number((BigInt(Math.abs(price)) * 20_000n + divisor) / (2n * divisor));
  return price < 0 ? -rounded : rounded;
}

const properties = (...pairs) =>
  pairs.filter(([, value]) => value).map(([key, value]) => ({ key, value, keyGroup: "flow.Invoice" }));

/** Empty texts count as absent, and what is undefined is not in the JSON. */
const text = (value) => value || undefined;

export function invoiceOf({ tenant, orderReceipt: receipt }) {
  const { order, orderTotals: totals, voucherNumber: voucher } = receipt;
  const customer = receipt.customer ?? {};
  const address = order.address ?? {};
  const isBusiness = customer.type === "ORGANIZATION" || address.companyName || address.vatNumber;
  const ofLine = properties(["flow.receipt.voucher_number", voucher], ["voyado.order.id", voucher]);
  const counted = receipt.settlements.filter(({ state, amount }) => state === "COMPLETED" && amount !== 0);
  return {
    id: receipt.uid,
    orderId: order.uid,
    invoiceDate: receipt.createdAt,
    invoiceNumber: voucher,
    amount: decimal(totals.grandTotal),
    amountExcludingTax: decimal(totals.grandTotal - totals.vatTotal),
    currency: tenant.country.currency,
    deliveryDate: receipt.settledAt,
    invoiceDueDate: receipt.settledAt,
    customerEmail: text(address.email),
    customerId: text(customer.uid),
    customerName: text(address.displayName),
    customerType: isBusiness ? "B2B" : "B2C",
    origin: order.origin,
    storeId: order.store.uid,
    marketId: text(order.store.externalId),
    customerAddress: order.address && {
      name: text(address.displayName),
      firstName: text(address.firstname),
      lastName: text(address.lastname),
      line1: text(address.address),
      postalCode: text(address.postalCode),
      city: text(address.city),
      countryCode: text(address.countryCode),
      email: text(address.email),
      phone: text(address.mobile),
      organization: text(address.companyName),
      organizationalNumber: text(address.vatNumber),
    },
    lineItems: receipt.items.map((item) => ({
      lineItemId: item.uid,
      code: item.sku,
      displayName: item.name,
      ean: text(item.ean),
      quantity: decimal(item.quantity),
      placedPrice: decimal(item.unitPrice),
      placedPriceExclTax: decimal(withoutTax(item.unitPrice, item.vatRate)),
      discounted: decimal(item.discountAmount),
      extendedPrice: decimal(item.total),
      extendedPriceExclTax: decimal(item.total - item.vatAmount),
      taxRate: decimal(item.vatRate),
      taxTotal: decimal(item.vatAmount),
      properties: ofLine,
    })),
    payments: counted.map((settlement) => ({
      amount: decimal(Math.abs(settlement.amount)),
      paymentMethodName: settlement.code,
      paymentType: settlement.name,
      transactionId: settlement.transactionId || settlement.uid,
      transactionType: settlement.amount < 0 ? "Credit" : "Sale",
      status: "Processed",
      paidDate: settlement.settledAt,
    })),
    properties: properties(
      ["flow.order_number", order.orderNumber],
      ["flow.customer.loyalty_id", customer.loyaltyId],
      ["flow.seller.code", receipt.seller?.code],
      ["flow.order.type", order.type],
    ),
  };
}

// --- receipt to PDF

const MM = 72 / 25.4;
const [WIDTH, HEIGHT] = [210 * MM, 297 * MM];
const [LEFT, RIGHT, BOTTOM] = [18 * MM, WIDTH - 18 * MM, HEIGHT - 30 * MM];
const [BLUE, GREY, LINE, BLACK] = ["#1d4e6b", "#555555", "#d9dee2", "#000000"];

const grouped = (hundredths) => {
  const whole = Math.trunc(Math.abs(hundredths) / 100);
  return (hundredths < 0 ? "\u2212" : "") + String(whole).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
};
const cents = (hundredths) => String(Math.abs(hundredths) % 100).padStart(2, "0");
const money = (hundredths) => `${grouped(hundredths)},${cents(hundredths)}`;
/** Without decimals that are zero. */
const number = (hundredths) => grouped(hundredths) + (hundredths % 100 ? `,${cents(hundredths)}`.replace(/0$/, "") : "");
const joined = (separator, ...texts) => texts.filter(Boolean).join(separator);

const clock = new Intl.DateTimeFormat("nb", {
  timeZone: "Europe/Oslo",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});
const dateTime = (moment) => clock.format(new Date(moment)).replace(",", "");

/** What is called with the same text again is looked up. */
function kept(compute, most) {
  const results = new Map();
  return (key, ...rest) => {
    let result = results.get(key);
    if (result === undefined) {
      result = compute(key, ...rest);
      if (results.size >= most) results.clear();
      results.set(key, result);
    }
    return result;
  };
}

/** A font that is read once for all documents, and cut once for all with the same glyphs. */
function loadFont(fontkit, name) {
  const font = fontkit.create(file(`crates/receipt-pdf/fonts/${name}.ttf`));
  // It has no names inside.
  Object.defineProperty(font, "postscriptName", { value: name });
  const createSubset = font.createSubset.bind(font);
  const encode = kept((_, subset) => subset.encode(), 64);
  font.createSubset = () => {
    const subset = createSubset();
    return Object.create(subset, { encode: { value: () => encode(subset.glyphs.join(), subset) } });
  };
  return font;
}

/** A page that is written from the top. */
class Page {
  constructor(PDFDocument, fonts, title) {
    this.document = new PDFDocument({ size: "A4", margin: 0, lang: "nb", info: { Title: title }, font: null });
    // In the same order in each document, so that cut fonts are found again.
    for (const [name, font] of Object.entries(fonts)) {
      this.document.registerFont(name, font).font(name)._font.encode("0123456789");
    }
    this.y = 17 * MM;
  }

  text(x, text, { size = 9, bold = false, color = BLACK, right = false } = {}) {
    if (!text) return;
    const document = this.document.font(bold ? "bold" : "regular", size).fillColor(color);
    if (right) x -= document.widthOfString(text);
    document.text(text, x, this.y, { lineBreak: false, baseline: "alphabetic" });
  }

  lines(x, texts, style = {}, leading = 12.6) {
    for (const text of texts.filter(Boolean)) {
      this.text(x, text, style);
      this.y += leading;
    }
  }

  rule(thickness, color) {
    this.document.lineWidth(thickness).strokeColor(color).moveTo(LEFT, this.y).lineTo(RIGHT, this.y).stroke();
  }

  /** Columns are an x each; all but the first are aligned right. A row may have a note below its first cell. */
  table(columns, titles, rows, hasRules = false) {
    titles.forEach((title, i) => this.text(columns[i], title, { size: 7.5, color: BLUE, right: i > 0 }));
    this.y += 5 * MM;
    for (const { cells, note } of rows) {
      cells.forEach((cell, i) => this.text(columns[i], cell, { right: i > 0 }));
      if (note) {
        this.y += 10;
        this.text(columns[0], note, { size: 7.5, color: GREY });
      }
      if (hasRules) {
        this.y += 2 * MM;
        this.rule(0.4, LINE);
      }
      this.y += 5 * MM;
    }
  }

  end() {
    const chunks = [];
    return new Promise((resolve) => {
      this.document.on("data", (chunk) => chunks.push(chunk));
      this.document.on("end", () => resolve(Buffer.concat(chunks)));
      this.document.end();
    });
  }
}

export function loadRenderer() {
  // Deflates the same cut font once.
  const { deflateSync } = zlib;
  const deflate = kept((_, bytes) => deflateSync(bytes), 256);
  zlib.deflateSync = (bytes) => deflate(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice(), bytes);
  const [PDFDocument, fontkit] = [require("pdfkit"), require("fontkit")];
  const fonts = { regular: loadFont(fontkit, "NotoSans-Regular"), bold: loadFont(fontkit, "NotoSans-Bold") };
  return (event) => pdfOf(event, (title) => new Page(PDFDocument, fonts, title));
}

function pdfOf({ tenant, orderReceipt: receipt }, newPage) {
  const { order, orderTotals: totals, voucherNumber: voucher } = receipt;
  const { store } = order;
  const buyer = order.address ?? {};
  const page = newPage(`Salgskvittering ${voucher}`);

  page.y += 4 * MM;
  const top = page.y;
  page.lines(LEFT, [store.name || tenant.name], { size: 15, bold: true }, 17);
  const address = store.address ?? {};
  page.lines(
    LEFT,
    [
      address.address,
      joined(" ", address.postalCode, address.city),
      store.organizationNumber && `Org.nr. ${store.organizationNumber}`,
      joined(" · ", store.phone, store.email),
    ],
    { color: GREY },
  );
  const below = page.y;
  page.y = top;
  page.lines(RIGHT, ["Elektronisk salgskvittering"], { size: 17, color: BLUE, right: true }, 18);
  page.lines(RIGHT, [voucher], { size: 11, color: GREY, right: true });
  page.y = below + 1 * MM;
  page.rule(1.2, BLUE);
  page.y += 8 * MM;

  const facts = page.y;
  page.lines(LEFT, ["Kunde"], { size: 7.5, color: BLUE });
  page.lines(LEFT, [buyer.displayName || buyer.companyName], { size: 10.5, bold: true }, 14);
  page.lines(LEFT, [
    buyer.displayName && buyer.companyName,
    buyer.address,
    joined(" ", buyer.postalCode, buyer.city),
    buyer.vatNumber && `Org.nr. ${buyer.vatNumber}`,
    buyer.email,
    buyer.mobile,
  ]);
  const afterBuyer = page.y;
  page.y = facts;
  for (const [label, value, bold] of [
    ["Bilagsnr.", voucher, true],
    ["Ordrenr.", order.orderNumber],
    ["Dato", dateTime(receipt.createdAt)],
    ["Selger", receipt.seller?.name || receipt.seller?.code],
    ["Medlemsnr.", receipt.customer?.loyaltyId],
  ]) {
    if (!value) continue;
    page.text(LEFT + 108 * MM, label, { color: GREY });
    page.text(LEFT + 130 * MM, value, { bold });
    page.y += 12.6;
  }
  page.y = Math.max(afterBuyer, page.y) + 6 * MM;

  const isDiscounted = receipt.items.some((item) => item.discountAmount);
  page.table(
    [LEFT, RIGHT - 82 * MM, RIGHT - 58 * MM, RIGHT - 40 * MM, RIGHT - 24 * MM, RIGHT],
    ["Beskrivelse", "Antall", "Pris", isDiscounted && "Rabatt", "Mva.", "Beløp"],
    receipt.items.map((item) => ({
      cells: [
        item.name,
        number(item.quantity),
        money(item.unitPrice),
        item.discountAmount && money(-item.discountAmount),
        `${number(item.vatRate)} %`,
        money(item.total),
      ],
      note: joined(" · ", `Varenr. ${item.sku}`, item.ean && `EAN ${item.ean}`),
    })),
    true,
  );

  page.y += 3 * MM;
  page.text(RIGHT - 78 * MM, `Totalt ${tenant.country.currency}`, { size: 13, bold: true });
  page.text(RIGHT, money(totals.grandTotal), { size: 13, bold: true, right: true });
  page.y += 16;
  page.text(RIGHT - 78 * MM, "Herav mva.", { color: GREY });
  page.text(RIGHT, money(totals.vatTotal), { color: GREY, right: true });
  page.y += 12 * MM;

  const tables = page.y;
  const paid = receipt.settlements.filter(({ state }) => state === "COMPLETED");
  page.table(
    [LEFT, LEFT + 81 * MM],
    ["Betaling", "Beløp"],
    paid.map(({ name, amount, transactionId }) => ({ cells: [name, money(amount)], note: transactionId })),
  );
  const afterPayments = page.y;
  page.y = tables;
  page.table(
    [LEFT + 93 * MM, RIGHT - 42 * MM, RIGHT - 22 * MM, RIGHT],
    ["Mva.-sats", "Ekskl. mva.", "Mva.", "Inkl. mva."],
    (totals.vat ?? []).map(({ rate, net, vat }) => ({
      cells: [`${number(rate)} %`, money(net), money(vat), money(net + vat)],
    })),
  );
  page.y = Math.max(afterPayments, page.y) + 5 * MM;
  page.text(LEFT, "Takk for handelen!", { size: 10.5, color: BLUE });
  if (page.y > BOTTOM) throw new Error(`receipt ${receipt.uid} does not fit on a page`);

  page.y = HEIGHT - 20 * MM;
  page.rule(0.4, LINE);
  page.y += 5 * MM;
  page.text(LEFT, joined(" · ", tenant.name || store.name, store.organizationNumber), { size: 7.5, color: GREY });
  page.text(RIGHT, `Salgskvittering ${voucher} · Side 1 av 1`, { size: 7.5, color: GREY, right: true });
  return page.end();
}

// --- messaging and storage

const [RECEIPT, RENDER, UPLOAD] = ["receipt", "render", "upload"].map((stage) => `alternative.${stage}`);

let connection;
let isStopping = false;

process.once("SIGTERM", async () => {
  isStopping = true;
  await connection?.close().catch(() => {});
  process.exit();
});

function fail(error) {
  if (isStopping) return;
  console.error(error);
  process.exit(1);
}

async function connect() {
  connection = await require("amqplib").connect(AMQP_URL, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  channel.once("error", fail);
  channel.once("close", () => fail(new Error("the broker closed the channel")));
  channel.once("return", () => fail(new Error("a message has no queue")));
  for (const queue of [RECEIPT, RENDER, UPLOAD]) {
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
  }
  await channel.bindQueue(RECEIPT, "events", "receipt.settled.v1");
  await channel.prefetch(PREFETCH);
  return channel;
}

/** Calls with what has been added since the last call, at most `most`. Calls do not overlap. */
function batches(handle, most, wait = setImmediate) {
  const waiting = [];
  let isRunning = false;
  const run = async () => {
    while (waiting.length) await handle(waiting.splice(0, most));
    isRunning = false;
  };
  return (item) => {
    waiting.push(item);
    if (isRunning) return;
    isRunning = true;
    wait(() => run().catch(fail));
  };
}

async function consume(channel, queue, handle) {
  await channel.consume(queue, batches(handle, BATCH));
  console.log("consuming");
}

/** Until the broker has confirmed it. */
function publish(channel, queue, message) {
  const body = Buffer.from(JSON.stringify(message));
  const options = { persistent: true, mandatory: true, contentType: "application/json" };
  return new Promise((resolve, reject) =>
    channel.publish("", queue, body, options, (error) => (error ? reject(error) : resolve())),
  );
}

/** Publishes what follows from messages, which end in `last`, then acks up to it. Acks keep the order of delivery. */
function publisher(channel, queue) {
  let acked = Promise.resolve();
  return (messages, last) => {
    const confirmed = Promise.all(messages.map((message) => publish(channel, queue, message)));
    acked = Promise.all([confirmed, acked]).then(() => channel.ack(last, true));
    acked.catch(fail);
  };
}

function openStore() {
  const Database = require("better-sqlite3");
  const database = new Database(DATABASE, { timeout: 10_000 });
  database.pragma("journal_mode = wal");
  database.pragma("synchronous = full");
  database.exec(
    "create table if not exists receipts (tenant text, uid text, voucher text, amount integer, state text," +
      " primary key (tenant, uid)) without rowid",
  );
  const insert = database.prepare("insert into receipts values (?, ?, ?, ?, 'pending') on conflict do nothing");
  const state = database.prepare("select state from receipts where tenant = ? and uid = ?").pluck();
  const update = database.prepare("update receipts set state = 'complete' where tenant = ? and uid = ?");
  return {
    open: database.transaction((rows) => rows.forEach((row) => insert.run(row))),
    isComplete: (tenant, uid) => state.get(tenant, uid) === "complete",
    complete: database.transaction((keys) => keys.forEach((key) => update.run(key))),
  };
}

// --- stages

async function receipt() {
  const Ajv = require("ajv/dist/2020");
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const isValid = ajv.compile(JSON.parse(file("schemas/receipt.settled.v1.schema.json")));
  const read = ({ content }) => {
    try {
      const event = JSON.parse(content);
      if (isValid(event) && event.orderReceipt.order.type === "SALE") return event;
      console.error("invalid event:", isValid.errors ? ajv.errorsText(isValid.errors) : "no sale");
    } catch (error) {
      console.error("invalid event:", error.message);
    }
  };
  const store = openStore();
  const channel = await connect();
  const publishThenAck = publisher(channel, RENDER);
  await consume(channel, RECEIPT, (batch) => {
    const events = batch.map(read).filter(Boolean);
    store.open(
      events.map(({ tenant, orderReceipt: it }) => [
        tenant.uid,
        it.uid,
        it.voucherNumber,
        it.orderTotals.grandTotal,
      ]),
    );
    const open = events.filter(({ tenant, orderReceipt: it }) => !store.isComplete(tenant.uid, it.uid));
    publishThenAck(
      open.map((event) => ({ receipt: event, invoice: invoiceOf(event) })),
      batch.at(-1),
    );
  });
}

async function render() {
  const pdfOf = loadRenderer();
  const channel = await connect();
  const publishThenAck = publisher(channel, UPLOAD);
  await consume(channel, RENDER, async (batch) => {
    for (const message of batch) {
      const { receipt: event, invoice } = JSON.parse(message.content);
      const { uid, voucherNumber: voucher } = event.orderReceipt;
      const pdf = await pdfOf(event);
      const fileName = `${voucher.replace(/[/\\:*?"<>|]/g, "-")}.pdf`;
      publishThenAck([{ tenant: event.tenant.uid, uid, invoice, fileName, pdf: pdf.toString("base64") }], message);
      // Lets what was rendered out.
      await new Promise(setImmediate);
    }
  });
}

async function upload() {
  const { Pool } = require("undici");
  const { origin, pathname } = new URL(OMNIUM_BASE_URL);
  const base = pathname.replace(/\/$/, "");
  const pool = new Pool(origin, { connections: REQUESTS, headersTimeout: 10_000, bodyTimeout: 10_000 });
  const request = async (method, path, headers, content) => {
    const { statusCode, body } = await pool.request({ method, path: `${base}/api/${path}`, headers, body: content });
    if (statusCode !== 200) throw new Error(`Omnium answered ${statusCode}: ${await body.text()}`);
    return body;
  };
  const credentials = { clientId: OMNIUM_CLIENT_ID, clientSecret: OMNIUM_CLIENT_SECRET, returnAsJson: "true" };
  const answer = await request("POST", `token?${new URLSearchParams(credentials)}`, {});
  const authorization = `Bearer ${(await answer.json()).accessToken}`;
  const asJson = { authorization, "content-type": "application/json" };
  const asFile = { authorization, "content-type": "application/octet-stream" };

  const store = openStore();
  const channel = await connect();
  const todo = [];
  let sending = 0;
  const gather = (run) => setTimeout(run, GATHER);
  const complete = batches(
    (sent) => {
      store.complete(sent.map(({ it }) => [it.tenant, it.uid]));
      sent.forEach(({ message }) => channel.ack(message));
    },
    PREFETCH,
    gather,
  );
  const send = async ({ message, it }) => {
    const created = await request("PUT", "Invoices/UpdateInvoice", asJson, JSON.stringify(it.invoice));
    await created.dump();
    const path = `Invoices/${encodeURIComponent(it.uid)}/AddFileToInvoice`;
    const query = `fileName=${encodeURIComponent(it.fileName)}`;
    const attached = await request("POST", `${path}?${query}`, asFile, Buffer.from(it.pdf, "base64"));
    await attached.dump();
    complete({ message, it });
    sending -= 1;
    sendMore();
  };
  const sendMore = () => {
    while (sending < REQUESTS && todo.length) {
      sending += 1;
      send(todo.shift()).catch(fail);
    }
  };
  await consume(channel, UPLOAD, (batch) => {
    for (const message of batch) {
      const it = JSON.parse(message.content);
      if (store.isComplete(it.tenant, it.uid)) channel.ack(message);
      else todo.push({ message, it });
    }
    sendMore();
  });
}

await { receipt, render, upload }[process.argv[2]]?.();
