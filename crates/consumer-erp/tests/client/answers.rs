//! What the operator reads for each answer, as `answers.txt` has it.

use consumer_erp::Erp;

use crate::answer_table::table;
use crate::common::{config, deliver};

#[tokio::test]
async fn messages_name_the_erp_and_its_settings() {
    let table = table(|url| async move {
        let erp = Erp::new(config(&url)).expect("a client");
        vec![deliver(&erp).await.expect_err("no success")]
    })
    .await;
    assert_eq!(table, include_str!("answers.txt"), "answers.txt must hold this:\n\n{table}");
}
