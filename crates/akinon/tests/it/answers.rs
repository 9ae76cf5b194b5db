//! What the operator reads for each answer, as `answers.txt` has it.

use std::time::Duration;

use akinon::{InvoiceService, Oms};

use crate::answer_table::table;
use crate::common::{ask, invoice_service_config, oms_config, update};

#[tokio::test]
async fn messages_name_the_service_and_its_settings() {
    let table = table(|url| async move {
        let (mut asked, mut updated) = (invoice_service_config(&url), oms_config(&url));
        (asked.timeout, updated.timeout) = (Duration::from_secs(1), Duration::from_secs(1));
        let asked = InvoiceService::new(asked).expect("a client");
        let updated = Oms::new(updated).expect("a client");
        let (asked, updated) = tokio::join!(ask(&asked), update(&updated));
        vec![asked.err().expect("no success"), updated.expect_err("no success")]
    })
    .await;
    assert_eq!(table, include_str!("answers.txt"), "answers.txt must hold this:\n\n{table}");
}
