//! A caller that talks to the stand-in as any HTTP client would.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sandbox::omnium::{Omnium, Options};
use sandbox::{Call, Fault, Rule, Sandbox};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A sandbox, and someone with a token for it.
pub(crate) struct Trial {
    pub sandbox: Sandbox,
    pub http: Client,
    pub token: String,
}

impl Trial {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::of(sandbox::Options { omnium: options, ..Default::default() }).await
    }

    pub(crate) async fn of(options: sandbox::Options) -> Self {
        // One that is there already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let sandbox = sandbox::serve(listener, options).expect("a listener has an address");
        let http = Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        let mut trial = Self { sandbox, http, token: String::new() };
        trial.token = trial.fetch_token().await;
        trial
    }

    pub(crate) fn omnium(&self) -> &Omnium {
        &self.sandbox.omnium
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    pub(crate) fn token_request(&self) -> RequestBuilder {
        self.http.post(self.url("/api/token?clientId=me&clientSecret=hush&returnAsJson=true"))
    }

    pub(crate) async fn fetch_token(&self) -> String {
        let answer: Value =
            self.token_request().send().await.expect("an answer").json().await.expect("a token");
        answer["accessToken"].as_str().expect("a token").to_owned()
    }

    pub(crate) fn upsert(&self, invoice: &Value) -> RequestBuilder {
        self.http.put(self.url("/api/Invoices/UpdateInvoice")).bearer_auth(&self.token).json(invoice)
    }

    pub(crate) fn attach(&self, id: &str, content: &'static str) -> RequestBuilder {
        self.http
            .post(self.url(&format!("/api/Invoices/{id}/AddFileToInvoice?fileName=1001.pdf")))
            .bearer_auth(&self.token)
            .header("content-type", "application/octet-stream")
            .body(content)
    }

    pub(crate) fn add_asset(&self, id: &str, asset: &str, content: &'static str) -> RequestBuilder {
        self.http
            .post(self.url(&format!("/api/Invoices/{id}/AddAsset?fileName=1001.pdf{asset}")))
            .bearer_auth(&self.token)
            .header("content-type", "application/octet-stream")
            .body(content)
    }

    pub(crate) fn get(&self, id: &str) -> RequestBuilder {
        self.http.get(self.url(&format!("/api/Invoices/{id}"))).bearer_auth(&self.token)
    }

    /// A call of this kind about an invoice.
    pub(crate) fn call(&self, call: Call, id: &str) -> RequestBuilder {
        match call {
            Call::Token => self.token_request(),
            Call::Upsert => self.upsert(&invoice(id)),
            Call::Attach => self.attach(id, "%PDF"),
            Call::AddAsset => self.add_asset(id, "", "%PDF"),
            Call::Get => self.get(id),
            Call::Pdf => {
                self.http.get(self.url(&format!("/api/Invoices/GetAsPdf/{id}"))).bearer_auth(&self.token)
            }
            other => panic!("{other:?} is no call to Omnium"),
        }
    }

    /// The status of a call about an invoice.
    pub(crate) async fn status(&self, call: Call, id: &str) -> u16 {
        send(self.call(call, id)).await.status().as_u16()
    }

    /// An invoice with one file.
    pub(crate) async fn complete(&self, id: &str) {
        assert_eq!(self.status(Call::Upsert, id).await, 200);
        assert_eq!(self.status(Call::Attach, id).await, 200);
    }

    pub(crate) fn fault(&self, call: Call, fault: Fault) {
        self.omnium().add_fault(Rule::new(fault).on(call));
    }

    /// The files of an invoice, as a get tells them.
    pub(crate) async fn files(&self, id: &str) -> usize {
        let found: Value = send(self.get(id)).await.json().await.expect("an invoice");
        found["assets"].as_array().expect("a list").len()
    }

    /// Waits until something holds of the ledger.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Omnium) -> bool) {
        until(what, || holds(self.omnium())).await;
    }

    /// A request for the invoice of a package.
    pub(crate) fn invoice_request(&self, key: &str, package: &Value) -> RequestBuilder {
        let body = json!({ "type": "invoice.request.v1", "id": key, "oms": "akinon", "package": package });
        self.http
            .post(self.sandbox.invoice_service_url())
            .basic_auth("bilag", Some("hush"))
            .header("idempotency-key", key)
            .json(&body)
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} never came");
        tokio::task::yield_now().await;
    }
}

/// A package, with more members than anybody needs.
pub(crate) fn package(id: u64) -> Value {
    json!({
        "id": id,
        "number": format!("{id:09}"),
        "order_number": format!("order-{id}"),
        "state": { "enum_value": "500" },
        "stock_location": { "id": 8, "name": "Ege Spor Eyüpsultan", "erp_code": "369" },
        "packageitem_set": [
            { "id": 1, "sku": "AYK-42", "quantity": 1 },
            { "id": 2, "sku": "CRP-3", "quantity": 2 },
        ],
    })
}

/// A fault that answers with a status.
pub(crate) fn status(status: StatusCode) -> Fault {
    Fault::Status { status, retry_after: None, done: false }
}

pub(crate) async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

pub(crate) fn invoice(id: &str) -> Value {
    json!({ "id": id, "invoiceNumber": format!("no-{id}"), "storeId": "70", "amount": 38.5, "lineItems": [] })
}
