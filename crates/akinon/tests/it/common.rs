//! Clients, and what they are asked for, for the tests.

use std::time::Duration;

use akinon::{
    Asked, CallError, InvoiceCommand, InvoiceService, InvoiceServiceConfig, Oms, OmsConfig, PackageInvoice,
    Secret,
};
use axum::body::Bytes;

/// The configuration of an invoice service's client under test.
pub(crate) fn invoice_service_config(url: &str) -> InvoiceServiceConfig {
    InvoiceServiceConfig {
        url: url.to_owned(),
        username: Some(Secret::new("oms-kept-quiet")),
        password: Some(Secret::new("p\u{e6}ss:kept-quiet")),
        max_concurrent: 16,
        timeout: Duration::from_secs(5),
    }
}

/// The configuration of an OMS's client under test.
pub(crate) fn oms_config(base_url: &str) -> OmsConfig {
    OmsConfig {
        base_url: base_url.to_owned(),
        token: Secret::new("token-kept-quiet"),
        command: InvoiceCommand::default(),
        max_concurrent: 16,
        timeout: Duration::from_secs(5),
    }
}

/// A client of an invoice service.
pub(crate) fn invoice_service(url: &str) -> InvoiceService {
    InvoiceService::new(invoice_service_config(url)).expect("a client")
}

/// A client of an OMS.
pub(crate) fn oms(base_url: &str) -> Oms {
    Oms::new(oms_config(base_url)).expect("a client")
}

/// Asks for the invoice of package 73.
pub(crate) async fn ask(service: &InvoiceService) -> Result<Asked, CallError> {
    service.ask("package-73", Bytes::from_static(b"{\"id\":\"hush-request\"}")).await
}

/// Gives package 73 its invoice.
pub(crate) async fn update(oms: &Oms) -> Result<(), CallError> {
    let document = b"%PDF-hush\xff\x00";
    oms.update_invoice(&PackageInvoice { package_id: 73, number: "90001", date: "2026-11-02", document })
        .await
}
