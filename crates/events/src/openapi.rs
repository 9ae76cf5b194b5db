//! What Bilag asks of services that others write: OpenAPI documents, as `schemas/` holds them.

use serde_json::{Value, json};

/// Each document's file name in `schemas/` and the document (OpenAPI 3.1).
pub fn openapi() -> Vec<(&'static str, Value)> {
    vec![
        ("invoice-service.openapi.json", invoice_service()),
        ("erp.openapi.json", erp()),
        ("hydrate.openapi.json", hydrate()),
    ]
}

/// Whoever makes the invoices of packed packages.
fn invoice_service() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Invoice service",
            "version": "1",
            "summary": "Makes the invoice of a packed package.",
            "description": "Bilag calls this service; you write it, and set INVOICE_SERVICE_URL to its address.\n\n\
                Answer 200 with the receipt where it can be made at once (an integrated ERP), or 202 and publish \
                the receipt on the bus later, with its package.\n\n\
                A request is repeated with the same key whenever its answer did not arrive, after a restart, and \
                once more when no receipt has come for INVOICE_SERVICE_PATIENCE. Make one invoice for one key.\n\n\
                With orderType RETURN the package was packed for refund: the receipt is its credit note, with order.type RETURN."
        },
        "servers": [{ "url": "https://erp.example/invoice-service" }],
        "security": [{ "basic": [] }],
        "paths": { "/": { "post": {
            "operationId": "requestInvoice",
            "summary": "Asks for the invoice of a package.",
            "parameters": [idempotency_key(
                "OMS, package and round, as in akinon/73/1. The round counts the contents of a package: one that \
                 is packed again with other contents is asked for under a new key."
            )],
            "requestBody": body("invoice.request.v1.schema.json"),
            "responses": responses(json!({
                "200": {
                    "description": "The receipt. Its package may be left out; where it is there, it must be the one asked for. \
                        The same key gets the same receipt again.",
                    "content": { "application/json": { "schema": { "$ref": "receipt.settled.v1.schema.json" } } }
                },
                "202": { "description": "Taken. The receipt comes over the bus as receipt.settled.v1, with its package." },
                "409": { "description": "A request with this key is being worked on. It is repeated later." }
            }))
        } } },
        "components": { "securitySchemes": { "basic": { "type": "http", "scheme": "basic" } } }
    })
}

/// Whoever keeps the books of invoices that others made.
fn erp() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ERP",
            "version": "1",
            "summary": "Takes the invoice of a package with its PDF.",
            "description": "Bilag calls this service; you write it, and set ERP_INVOICE_URL to its address. A delivery \
                is repeated with the same key until it is answered with a success. Keep one invoice for one key."
        },
        "servers": [{ "url": "https://erp.example/invoices" }],
        "security": [{ "authorization": [] }],
        "paths": { "/": { "post": {
            "operationId": "deliverInvoice",
            "summary": "Delivers an invoice and its PDF.",
            "parameters": [idempotency_key("Tenant, receipt and target, as in 31/rcpt-3001/erp.")],
            "requestBody": body("invoice.rendered.v1.schema.json"),
            "responses": responses(json!({
                "200": { "description": "Kept; also for one that was kept before." },
                "201": { "description": "Kept." },
                "202": { "description": "Taken, and certain to be kept." },
                "204": { "description": "Kept." },
                "409": { "description": "A delivery with this key is being worked on. It is repeated later." }
            }))
        } } },
        "components": { "securitySchemes": { "authorization": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "The whole header, as ERP_INVOICE_AUTHORIZATION has it."
        } } }
    })
}

/// Whoever makes a whole receipt of the ids in Flow's webhook.
fn hydrate() -> Value {
    let id = |what: &str| {
        json!({
            "type": "object", "description": what,
            "properties": { "Id": { "type": "integer" }, "Uid": { "type": "string" } }
        })
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hydrate hook",
            "version": "1",
            "summary": "Makes a whole receipt of the ids in Flow's webhook.",
            "description": "bilag ingress calls this service; you write it, and set BILAG_INGRESS_HYDRATE_URL to its \
                address. It reads the receipt from Flow's API and answers with the event.\n\n\
                Flow waits ten seconds, and BILAG_INGRESS_TIMEOUT is the time for all of it: answer within a few \
                seconds. The same ids are asked for again whenever Flow sends its webhook again: answer with the same \
                receipt."
        },
        "servers": [{ "url": "https://till.example/hydrate" }],
        "security": [{ "authorization": [] }],
        "paths": { "/": { "post": {
            "operationId": "hydrateReceipt",
            "summary": "Asks for a receipt by its ids.",
            "requestBody": { "required": true, "content": { "application/json": { "schema": {
                "type": "object",
                "description": "Flow's webhook, byte by byte as it came. Flow's own documents say which ids it has; \
                    anything may be missing but the action.",
                "properties": {
                    "action": { "const": "ORDER_RECEIPT_SETTLED" },
                    "tenant": id("The tenant."),
                    "store": id("The store."),
                    "order": id("The order."),
                    "orderReceipt": id("The receipt.")
                }
            } } } },
            "responses": responses(json!({
                "200": {
                    "description": "The receipt. It goes on the bus as it is: what is wrong with it shows as a dead letter.",
                    "content": { "application/json": { "schema": { "$ref": "receipt.settled.v1.schema.json" } } }
                },
                "401": { "description": "Wrong credentials. Flow is answered 503, and sends its webhook again." },
                "403": { "description": "As 401." },
                "404": { "description": "There is no such receipt, and there will be none: the ids become a dead letter, \
                    for a person to look at. Answer 503 where it may still come." },
                "422": { "description": "No receipt can be made of this: as 404." }
            }))
        } } },
        "components": { "securitySchemes": { "authorization": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "The whole header, as BILAG_INGRESS_HYDRATE_AUTHORIZATION has it."
        } } }
    })
}

fn idempotency_key(description: &str) -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": true,
        "description": description, "schema": { "type": "string", "minLength": 1 }
    })
}

fn body(schema: &str) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": { "$ref": schema } } } })
}

/// The service's own answers, and those that mean the same everywhere.
fn responses(own: Value) -> Value {
    let mut responses = json!({
        "401": { "description": "Wrong credentials. Nothing more is sent until others are set." },
        "403": { "description": "Not allowed. Tried again; a dead letter where others are let through." },
        "429": {
            "description": "Too many requests. Nothing is sent for as long as Retry-After says.",
            "headers": { "Retry-After": { "description": "Seconds.", "schema": { "type": "integer" } } }
        },
        "4XX": {
            "description": "Refused. A person looks at it; the first kilobyte of the body is shown to them.",
            "content": { "text/plain": { "schema": { "type": "string" } } }
        },
        "5XX": { "description": "Not now. It is repeated; while every request fails, few are sent." }
    });
    if let (Some(all), Value::Object(own)) = (responses.as_object_mut(), own) {
        all.extend(own);
    }
    responses
}
