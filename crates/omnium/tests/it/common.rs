//! A client, a sandbox, and an invoice for the tests.

use std::sync::Arc;
use std::time::Duration;

use events::{Invoice, Uid};
use omnium::{Alone, AttachBy, Config, Omnium, Secret};
use sandbox::{Options, Sandbox};
use tokio::net::TcpListener;

/// The client id and secret of the tests, unlike any other text in logs and errors.
pub(crate) const CLIENT_ID: &str = "client-id-kept-quiet";
/// See [`CLIENT_ID`].
pub(crate) const CLIENT_SECRET: &str = "client&secret=kept/quiet";

/// A sandbox on a port of its own.
pub(crate) async fn sandbox(options: sandbox::omnium::Options) -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    sandbox::serve(listener, Options { omnium: options, ..Default::default() })
        .expect("a listener has an address")
}

/// The configuration of a client under test.
pub(crate) fn config(base_url: &str) -> Config {
    Config {
        base_url: base_url.to_owned(),
        client_id: Secret::new(CLIENT_ID),
        client_secret: Secret::new(CLIENT_SECRET),
        max_concurrent: 16,
        timeout: Duration::from_secs(5),
        attach_by: AttachBy::File,
        tenant: None,
    }
}

/// A client for a base URL.
pub(crate) fn client(base_url: &str) -> Omnium {
    alone(config(base_url))
}

/// A client that shares its limits with nobody.
pub(crate) fn alone(config: Config) -> Omnium {
    Omnium::new(config, Arc::new(Alone::default())).expect("a client")
}

/// A small invoice with this id.
pub(crate) fn invoice(id: &str) -> Invoice {
    let sample = include_str!("../../../../tests/samples/receipt-standard.invoice.json");
    let mut invoice: Invoice = serde_json::from_str(sample).expect("the sample is an invoice");
    invoice.id = uid(id);
    invoice
}

/// An identifier.
pub(crate) fn uid(id: &str) -> Uid {
    Uid::new(id).expect("an identifier")
}
