//! `bilag sync`: the delivery status of receipts.

use chrono::Utc;
use consumer::{Cycle, Reconcile, Reconciled};
use operate::stages::StageStatus;
use operate::{Blocker, DeliveryStatus, dead_letters_about, delivery_status};
use serde_json::{Value, json};
use sync_store::{
    FoundReceipt, Listed, Page, Place, ReceiptFacts, Record, RecordFilter, SearchScope, State, SyncStore,
};

use crate::chain::stages;
use crate::cli::SyncCommand;
use crate::commands::{migrate, prune, recount, verify};
use crate::output::{self, Column, Failed, ago, field, say, table, times, when};

/// Lists, shows, or sends stranded receipts on.
pub async fn run(command: SyncCommand) -> Result<(), Failed> {
    match command {
        SyncCommand::List { state, search: Some(text), limit, json, tenants, store } => {
            let store = store.open().await?;
            report::fill(store.as_ref(), &tenants.zones(), |_| ()).await.map_err(Failed::plainly)?;
            search_receipts(store.as_ref(), &text, state, limit, json).await
        }
        SyncCommand::Recount(args) => recount::run(&args).await,
        SyncCommand::List { state, search: None, limit, json, tenants: _, store } => {
            list(store.open().await?.as_ref(), state, limit, json).await
        }
        SyncCommand::Migrate(args) => migrate::run(&args).await,
        SyncCommand::Prune(args) => prune::run(&args).await,
        SyncCommand::Verify(args) => verify::run(*args).await,
        SyncCommand::Show { receipt, tenant, json, store } => {
            show(store.open().await?.as_ref(), receipt, tenant, json).await
        }
        SyncCommand::Reconcile { untouched_for, broker, store } => {
            let untouched_for = untouched_for.map_or(broker.all_retry_delays(), |delay| delay.duration());
            let store = store.open().await?;
            // By hand all are sent on, also those whose stage is paused.
            let (targets, tenants) = (Vec::new(), None);
            let cycle = consumer_receipt::Stranded {
                records: store.clone(),
                stages: store.clone(),
                targets,
                tenants,
            };
            let broker = broker.broker_to_publish("reconcile")?;
            reconcile(&Reconcile { broker, store, cycle, untouched_for }).await
        }
    }
}

async fn reconcile(reconcile: &Reconcile<impl Cycle>) -> Result<(), Failed> {
    match reconcile.once().await {
        Ok(Reconciled::SentOn(0)) => say("no receipt is stranded"),
        Ok(Reconciled::SentOn(count)) => {
            say(format_args!("published the events of {count} stranded receipt(s) again"))
        }
        Ok(Reconciled::ElsewhereAlready) => say("another process is publishing stranded receipts already"),
        Err(error) => return Err(Failed::at("stranded receipts could not be published", error)),
    }
    Ok(())
}

async fn list(store: &dyn SyncStore, state: Option<State>, limit: u32, json: bool) -> Result<(), Failed> {
    let counts = store.counts().await.map_err(Failed::plainly)?;
    let filter = RecordFilter { state, ..Default::default() };
    let records = store.records(&filter, Page::first(limit)).await.map_err(Failed::plainly)?;
    let shown = records.len() as u64;
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
        say(format_args!("no receipts in {}", store.describe()));
        return Ok(());
    }
    let rows: Vec<_> = counts
        .iter()
        .map(|count| {
            let oldest = ago(count.oldest);
            vec![count.target.clone(), count.state.to_string(), count.count.to_string(), oldest]
        })
        .collect();
    output::test_header();
    table(
        &[
            Column::Left("target"),
            Column::Left("state"),
            Column::Right("records"),
            Column::Right("unchanged for"),
        ],
        &rows,
    );
    say("");
    list_records(records);
    let wanted = counts.iter().filter(|count| state.is_none_or(|only| only == count.state));
    let all = wanted.map(|count| count.count).sum::<u64>();
    if shown < all {
        say(format_args!("\nthe latest {shown} of {all} records; --limit N shows more"));
    }
    Ok(())
}

/// Lists receipts that match, the latest first.
async fn search_receipts(
    store: &dyn SyncStore,
    text: &str,
    state: Option<State>,
    limit: u32,
    json: bool,
) -> Result<(), Failed> {
    let is_wanted = |record: &Record| state.is_none_or(|only| only == record.state);
    let (mut looked_at, mut count, mut records) = (0, 0, Vec::new());
    while count < limit {
        let page = Page { limit, offset: looked_at };
        let found = store.search(text, SearchScope::Everywhere, None, page).await.map_err(Failed::plainly)?;
        looked_at += u32::try_from(found.len()).unwrap_or(limit);
        let last = looked_at < page.offset.saturating_add(limit);
        for FoundReceipt { facts, records: of_receipt, .. } in found {
            let before = records.len();
            let wanted = of_receipt.into_iter().filter(is_wanted);
            records.extend(wanted.map(|record| Listed { record, receipt: facts.clone() }));
            count += u32::from(records.len() > before);
            if count == limit {
                break;
            }
        }
        if last {
            break;
        }
    }
    if json {
        let records: Vec<_> = records.iter().map(to_json).collect();
        output::json(&json!({ "records": records }));
        return Ok(());
    }
    if looked_at == 0 {
        let store = store.describe();
        say(format_args!(
            "nothing in {store} has this voucher number, order number or uid, and no customer this text"
        ));
        return Ok(());
    }
    list_records(records);
    if count == limit {
        say(format_args!("\nthe latest {count}; --limit N shows more, a longer text fewer"));
    }
    Ok(())
}

/// One line for each target of a receipt, those of one receipt together.
fn list_records(records: Vec<Listed>) {
    if records.is_empty() {
        say("no records in this state");
        return;
    }
    let columns = [
        Column::Left("receipt"),
        Column::Left("voucher"),
        Column::Left("order"),
        Column::Left("store"),
        Column::Right("amount"),
        Column::Left("target"),
        Column::Left("state"),
        Column::Right("unchanged for"),
    ];
    let rows: Vec<_> = by_receipt(records).iter().flatten().map(row).collect();
    table(&columns, &rows);
}

/// The records of each receipt, the receipts in the order they are met in, their targets by name.
fn by_receipt(records: Vec<Listed>) -> Vec<Vec<Listed>> {
    let mut receipts: Vec<Vec<Listed>> = Vec::new();
    for listed in records {
        match receipts.iter_mut().find(|records| records[0].record.key == listed.record.key) {
            Some(records) => records.push(listed),
            None => receipts.push(vec![listed]),
        }
    }
    for records in &mut receipts {
        records.sort_by(|one, other| one.record.target.cmp(&other.record.target));
    }
    receipts
}

fn row(listed: &Listed) -> Vec<String> {
    let facts = listed.receipt.as_ref();
    let fact = |text: Option<&String>| text.cloned().unwrap_or_else(|| "–".to_owned());
    vec![
        listed.record.key.to_string(),
        fact(facts.map(|facts| &facts.voucher_number)),
        fact(facts.map(|facts| &facts.order_number)),
        fact(facts.map(|facts| &facts.store_uid)),
        facts.map_or_else(|| "–".to_owned(), money),
        listed.record.target.clone(),
        listed.record.state.to_string(),
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
    let stages_now = operate::stages::status(store, stages()).await.map_err(Failed::plainly)?;
    if json {
        let mut records = Vec::new();
        for listed in &found {
            let letters = dead_letters_about(store, &listed.record.key).await.map_err(Failed::plainly)?;
            let mut record = to_json(listed);
            record["prunedAt"] = json!(store.pruned_at(&listed.record.key).await.map_err(Failed::plainly)?);
            record["dryRun"] = rehearsal(store, &listed.record).await?.into();
            let status = delivery_status(&listed.record, &letters, stages(), Utc::now());
            record["heldUpBy"] = held_up_by(&stages_now, listed, &status.blocker).into();
            record["way"] = status_to_json(&status);
            records.push(record);
        }
        output::json(&records.into());
        return Ok(());
    }
    for (i, records) in by_receipt(found).iter().enumerate() {
        if i > 0 {
            say("");
        }
        show_receipt(store, &stages_now, records).await?;
    }
    Ok(())
}

/// The receipt, each target's record of it, and the dead letters that wait for a person because of it.
async fn show_receipt(
    store: &dyn SyncStore,
    stages_now: &[StageStatus],
    records: &[Listed],
) -> Result<(), Failed> {
    let Listed { record: Record { key, .. }, receipt } = &records[0];
    field("receipt", key);
    if let Some(facts) = receipt {
        field("voucher", &facts.voucher_number);
        field("order", &facts.order_number);
        field("store", &facts.store_uid);
        field("amount", money(facts));
        if let Some(pruned) = store.pruned_at(key).await.map_err(Failed::plainly)? {
            field("pruned", format_args!("{}: its personal data was removed", when(pruned)));
        }
    }
    let letters = dead_letters_about(store, key).await.map_err(Failed::plainly)?;
    let mut named = Vec::new();
    for listed in records {
        let Listed { record, .. } = listed;
        say("");
        let DeliveryStatus { blocker, .. } = delivery_status(record, &letters, stages(), Utc::now());
        for (name, value) in lines(record) {
            field(name, value);
        }
        if let Some(sent) = rehearsal(store, record).await? {
            field("dry run", sent);
        }
        if !matches!(blocker, Blocker::Nothing | Blocker::NotWanted) {
            field("blocked by", &blocker);
        }
        for why in held_up_by(stages_now, listed, &blocker) {
            field("held up by", why);
        }
        named.extend_from_slice(blocker.dead_letters());
    }
    let others =
        letters.iter().filter(|noted| noted.place == Place::Dead && !named.contains(&noted.letter.id));
    for (i, noted) in others.enumerate() {
        if i == 0 {
            say("");
        }
        field("dead letter", format_args!("bilag dead show {}", noted.letter.id));
    }
    Ok(())
}

/// What a receipt in a queue waits for, in words.
fn held_up_by(stages_now: &[StageStatus], listed: &Listed, blocker: &Blocker) -> Vec<String> {
    if !blocker.is_queue() {
        return Vec::new();
    }
    let Listed { record, receipt } = listed;
    let store = receipt.as_ref().map(|facts| facts.store_uid.as_str());
    let held = operate::stages::holding_up(stages_now, &record.target, &record.key, store);
    held.iter().map(ToString::to_string).collect()
}

/// What a dry run would have sent.
async fn rehearsal(store: &dyn SyncStore, record: &Record) -> Result<Option<String>, Failed> {
    store.rehearsal(&record.key, &record.target).await.map_err(Failed::plainly)
}

fn status_to_json(status: &DeliveryStatus) -> Value {
    let until = match status.blocker {
        Blocker::Handler { until } => Some(until),
        _ => None,
    };
    json!({
        "since": status.since,
        "holding": status.blocker.code(),
        "told": status.blocker.to_string(),
        "until": until,
        "letters": status.blocker.dead_letters(),
    })
}

fn lines(record: &Record) -> Vec<(&'static str, String)> {
    let received = match record.heard_count {
        0 => "only invalid events".to_owned(),
        count => times(count),
    };
    let death = record.death.as_ref();
    let fields = [
        ("target", Some(record.target.clone())),
        ("state", Some(record.state.to_string())),
        ("received", Some(received)),
        ("first seen", Some(when(record.created_at))),
        ("last change", Some(when(record.updated_at))),
        ("invoice", record.invoice_id.clone()),
        ("file", record.file_name.clone()),
        ("SHA-256", record.pdf_sha256.clone()),
        ("completed", record.completed_at.map(when)),
        ("held by", record.lease.as_ref().map(|lease| format!("{} until {}", lease.owner, lease.until))),
        ("died in", death.map(|death| death.stage.clone())),
        ("reason", death.map(|death| death.reason.clone())),
        ("error", death.map(|death| death.error.clone())),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

pub fn to_json(listed: &Listed) -> Value {
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
