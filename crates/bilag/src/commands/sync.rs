//! `bilag sync`: how far each receipt has come.

use serde_json::{Value, json};
use sync_store::{Key, LetterFilter, Listed, Page, ReceiptFacts, RecordFilter, State, SyncStore};

use crate::cli::SyncCommand;
use crate::output::{self, Column, Failed, ago, table};
use crate::reconcile::{self, Reconcile};

/// Lists, shows, or sends stranded receipts on.
pub async fn run(command: SyncCommand) -> Result<(), Failed> {
    match command {
        SyncCommand::List { state, limit, json, store } => {
            list(store.open().await?.as_ref(), state, limit, json).await
        }
        SyncCommand::Show { receipt, tenant, json, store } => {
            show(store.open().await?.as_ref(), receipt, tenant, json).await
        }
        SyncCommand::Reconcile { untouched_for, broker, store } => {
            let untouched_for = untouched_for.map_or(broker.all_rungs(), |delay| delay.duration());
            let store = store.open().await?;
            let cycle = Box::new(consumer_receipt::Stranded { store: store.clone() });
            let broker = broker.broker("reconcile")?;
            reconcile::now(&Reconcile { broker, store, cycle, untouched_for }).await
        }
    }
}

async fn list(store: &dyn SyncStore, state: Option<State>, limit: u32, json: bool) -> Result<(), Failed> {
    let counts = store.counts().await.map_err(Failed::plainly)?;
    let filter = RecordFilter { state, ..Default::default() };
    let records = store.records(&filter, Page::first(limit)).await.map_err(Failed::plainly)?;
    if json {
        let counts: Vec<_> = counts
            .iter()
            .map(|count| {
                json!({ "target": count.target, "state": count.state.as_str(),
                                 "count": count.count, "oldest": count.oldest })
            })
            .collect();
        let records: Vec<_> = records.iter().map(to_json).collect();
        output::json(&json!({ "counts": counts, "records": records }));
        return Ok(());
    }
    if counts.is_empty() {
        println!("no receipt has been heard yet in {}", store.describe());
        return Ok(());
    }
    let rows: Vec<_> = counts
        .iter()
        .map(|count| {
            let oldest = ago(count.oldest);
            vec![count.target.clone(), count.state.to_string(), count.count.to_string(), oldest]
        })
        .collect();
    table(
        &[
            Column::Left("target"),
            Column::Left("state"),
            Column::Right("records"),
            Column::Right("untouched for"),
        ],
        &rows,
    );
    println!();
    let rows: Vec<_> = records.iter().map(row).collect();
    table(
        &[
            Column::Left("tenant"),
            Column::Left("receipt"),
            Column::Left("voucher"),
            Column::Left("order"),
            Column::Left("store"),
            Column::Right("amount"),
            Column::Left("state"),
            Column::Left("invoice"),
            Column::Right("untouched for"),
        ],
        &rows,
    );
    let wanted = counts.iter().filter(|count| state.is_none_or(|only| only == count.state));
    let (shown, all) = (records.len() as u64, wanted.map(|count| count.count).sum::<u64>());
    if shown < all {
        println!("\nthe latest {shown} of {all}; --limit N shows more");
    }
    Ok(())
}

fn row(listed: &Listed) -> Vec<String> {
    let facts = listed.receipt.as_ref();
    let fact = |text: Option<&String>| text.cloned().unwrap_or_else(|| "–".to_owned());
    vec![
        listed.record.key.tenant_uid.clone(),
        listed.record.key.receipt_uid.clone(),
        fact(facts.map(|facts| &facts.voucher_number)),
        fact(facts.map(|facts| &facts.order_number)),
        fact(facts.map(|facts| &facts.store_uid)),
        facts.map_or_else(|| "–".to_owned(), money),
        listed.record.state.to_string(),
        fact(listed.record.invoice_id.as_ref()),
        ago(listed.record.updated_at),
    ]
}

/// The invoice's amount as people write it.
pub fn money(facts: &ReceiptFacts) -> String {
    format!("{} {}", events::Hundredths::new(facts.amount), facts.currency)
}

async fn show(
    store: &dyn SyncStore,
    receipt: String,
    tenant: Option<String>,
    json: bool,
) -> Result<(), Failed> {
    let filter = RecordFilter { receipt: Some(receipt.clone()), tenant_uid: tenant, ..Default::default() };
    let found = store.records(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    if found.is_empty() {
        let store = store.describe();
        return Err(Failed::plainly(format!("no receipt with uid or voucher number {receipt} in {store}")));
    }
    if json {
        output::json(&found.iter().map(to_json).collect());
        return Ok(());
    }
    for (i, listed) in found.iter().enumerate() {
        if i > 0 {
            println!();
        }
        for (name, value) in lines(listed) {
            println!("{name:<14}{value}");
        }
        for id in letters(store, &listed.record.key).await? {
            println!("{:<14}bilag dead show {id}", "dead letter");
        }
    }
    Ok(())
}

/// The dead letters that wait for a person because of this receipt.
async fn letters(store: &dyn SyncStore, key: &Key) -> Result<Vec<String>, Failed> {
    let filter = LetterFilter { text: Some(key.receipt_uid.clone()), ..Default::default() };
    let found = store.dead_letters(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    let letters = found.into_iter().map(|noted| noted.letter);
    Ok(letters.filter(|letter| letter.key.as_ref() == Some(key)).map(|letter| letter.id).collect())
}

fn lines(listed: &Listed) -> Vec<(&'static str, String)> {
    let record = &listed.record;
    let mut lines = vec![("receipt", record.key.to_string()), ("target", record.target.clone())];
    if let Some(facts) = &listed.receipt {
        lines.extend([
            ("voucher", facts.voucher_number.clone()),
            ("order", facts.order_number.clone()),
            ("store", facts.store_uid.clone()),
            ("amount", money(facts)),
        ]);
    }
    lines.extend([
        ("state", record.state.to_string()),
        ("heard", format!("{} time(s), first {}", record.heard_count, record.created_at.to_rfc3339())),
        ("last touched", format!("{} ({} ago)", record.updated_at.to_rfc3339(), ago(record.updated_at))),
    ]);
    let told = [
        ("invoice", record.invoice_id.clone()),
        ("file", record.file_name.clone()),
        ("SHA-256", record.pdf_sha256.clone()),
        ("completed", record.completed_at.map(|time| time.to_rfc3339())),
        (
            "held by",
            record.lease.as_ref().map(|lease| format!("{} until {}", lease.owner, lease.until.to_rfc3339())),
        ),
    ];
    lines.extend(told.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if let Some(death) = &record.death {
        lines.extend([
            ("died in", death.stage.clone()),
            ("reason", death.reason.clone()),
            ("error", death.error.clone()),
        ]);
    }
    lines
}

fn to_json(listed: &Listed) -> Value {
    let record = &listed.record;
    let facts = listed.receipt.as_ref();
    json!({
        "tenant": record.key.tenant_uid,
        "receipt": record.key.receipt_uid,
        "target": record.target,
        "state": record.state.as_str(),
        "voucherNumber": facts.map(|facts| &facts.voucher_number),
        "orderNumber": facts.map(|facts| &facts.order_number),
        "store": facts.map(|facts| &facts.store_uid),
        "amount": facts.map(|facts| events::Amount::from(events::Hundredths::new(facts.amount))),
        "currency": facts.map(|facts| &facts.currency),
        "invoiceId": record.invoice_id,
        "fileName": record.file_name,
        "pdfSha256": record.pdf_sha256,
        "heardCount": record.heard_count,
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "completedAt": record.completed_at,
        "death": record.death.as_ref().map(|death| {
            json!({ "stage": death.stage, "reason": death.reason, "error": death.error })
        }),
    })
}
