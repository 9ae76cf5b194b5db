//! `bilag packages`: the packages of the OMS, from packed to printed.

use std::time::Duration;

use amqp::Publisher;
use chrono::Utc;
use operate::package_status;
use serde_json::{Value, json};
use sync_store::{DeadLetter, PackageFilter, PackageKey, PackageRound, PackageState, Page, State, SyncStore};

use crate::cli::PackagesCommand;
use crate::commands::dead::letters_about;
use crate::output::{self, Column, Failed, ago, field, say, table, times, when};

/// Lists, shows, or asks once more.
pub async fn run(command: PackagesCommand) -> Result<(), Failed> {
    match command {
        PackagesCommand::List { state, waiting, limit, json, timeout, store } => {
            let timeout = timeout.delay.duration();
            let waiting_for = waiting.then_some(timeout);
            let filter = PackageFilter { state, waiting_for, ..Default::default() };
            list(store.open().await?.as_ref(), &filter, timeout, limit, json).await
        }
        PackagesCommand::Show { package, json, timeout, store } => {
            show(store.open().await?.as_ref(), package, timeout.delay.duration(), json).await
        }
        PackagesCommand::Ask { package, packages, broker, store } => {
            let key = PackageKey { oms: packages.oms_id, package_id: package };
            let publisher = broker.broker_to_publish("packages")?;
            ask(store.open().await?.as_ref(), &publisher, &key).await
        }
    }
}

async fn list(
    store: &dyn SyncStore,
    filter: &PackageFilter,
    timeout: Duration,
    limit: u32,
    json: bool,
) -> Result<(), Failed> {
    let counts = store.package_counts().await.map_err(Failed::plainly)?;
    let rounds = store.packages(filter, Page::first(limit)).await.map_err(Failed::plainly)?;
    if json {
        let counts: Vec<_> = counts
            .iter()
            .map(|count| json!({ "state": count.state.as_str(), "count": count.count, "oldest": count.oldest }))
            .collect();
        let rounds: Vec<_> = rounds.iter().map(|round| to_json(round, timeout)).collect();
        output::json(&json!({ "counts": counts, "packages": rounds }));
        return Ok(());
    }
    if counts.is_empty() {
        say(format_args!("no packages in {}", store.describe()));
        return Ok(());
    }
    let rows: Vec<_> = counts
        .iter()
        .map(|count| vec![count.state.to_string(), count.count.to_string(), ago(count.oldest)])
        .collect();
    output::test_header();
    table(&[Column::Left("state"), Column::Right("rounds"), Column::Right("unchanged for")], &rows);
    say("");
    if rounds.is_empty() {
        match filter.waiting_for {
            Some(_) => say("no packages are waiting"),
            None => say("no packages in this state"),
        }
        return Ok(());
    }
    let rows: Vec<_> = rounds.iter().map(|round| row(round, timeout)).collect();
    table(
        &[
            Column::Left("package"),
            Column::Left("number"),
            Column::Right("round"),
            Column::Left("state"),
            Column::Right("requests"),
            Column::Left("voucher"),
            Column::Left("receipt"),
            Column::Right("unchanged for"),
        ],
        &rows,
    );
    if rounds.len() == limit as usize {
        say(format_args!("\nthe latest {limit}; --limit N shows more"));
    }
    Ok(())
}

fn row(round: &PackageRound, timeout: Duration) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    vec![
        round.key.to_string(),
        round.number.clone(),
        round.round.to_string(),
        package_status(round, timeout, Utc::now()).to_owned(),
        format!("{}×", round.asked_times),
        or_dash(round.voucher_number.clone()),
        or_dash(round.receipt.as_ref().map(ToString::to_string)),
        ago(round.updated_at),
    ]
}

async fn show(store: &dyn SyncStore, package: String, timeout: Duration, json: bool) -> Result<(), Failed> {
    let filter = PackageFilter { package: Some(package.clone()), ..Default::default() };
    let mut found = store.packages(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    found.sort_by(|one, other| one.key.cmp(&other.key).then(other.round.cmp(&one.round)));
    if found.is_empty() {
        let store = store.describe();
        return Err(Failed::plainly(format!("no package with id or number {package} in {store}")));
    }
    if json {
        output::json(&found.iter().map(|round| to_json(round, timeout)).collect());
        return Ok(());
    }
    for (i, round) in found.iter().enumerate() {
        if i > 0 {
            say("");
        }
        for (name, value) in lines(round, timeout) {
            field(name, value);
        }
        for letter in letters(store, round).await? {
            field("dead letter", format_args!("bilag dead show {}", letter.id));
        }
    }
    Ok(())
}

fn lines(round: &PackageRound, timeout: Duration) -> Vec<(&'static str, String)> {
    let status = package_status(round, timeout, Utc::now());
    let todo = (status == "waiting").then(|| {
        let id = round.key.package_id;
        format!("check why the invoice service sends no receipt; `bilag packages ask {id}` requests it again")
    });
    let fields = [
        ("package", Some(round.key.to_string())),
        ("number", Some(round.number.clone())),
        (
            "round",
            Some(match round.round {
                0 => "0 (receipt received without a packed event)".to_owned(),
                round => round.to_string(),
            }),
        ),
        ("state", Some(status.to_owned())),
        ("what to do", todo),
        ("key", (round.round > 0).then(|| format!("{}/{}", round.key, round.round))),
        ("requested", (round.asked_times > 0).then(|| times(round.asked_times))),
        ("accepted", round.asked_at.map(when)),
        ("receipt", round.receipt.as_ref().map(ToString::to_string)),
        ("voucher", round.voucher_number.clone()),
        ("issued", round.issued_at.map(when)),
        ("write-back", round.written_back.map(|state| state.to_string())),
        ("died in", round.death.as_ref().map(|death| death.stage.clone())),
        ("reason", round.death.as_ref().map(|death| death.reason.clone())),
        ("error", round.death.as_ref().map(|death| death.error.clone())),
        ("received", Some(when(round.created_at))),
        ("last change", Some(when(round.updated_at))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The dead letters that wait for a person because of this round: where it died itself, and where
/// its receipt is not written back.
async fn letters(store: &dyn SyncStore, round: &PackageRound) -> Result<Vec<DeadLetter>, Failed> {
    match (&round.receipt, round.state, round.written_back) {
        (_, PackageState::Dead, _) => {
            letters_about(store, round.key.to_string(), |letter| letter.package.as_ref() == Some(&round.key))
                .await
        }
        (Some(receipt), _, Some(State::Dead)) => {
            let text = receipt.receipt_uid.clone();
            letters_about(store, text, |letter| letter.key.as_ref() == Some(receipt)).await
        }
        _ => Ok(Vec::new()),
    }
}

async fn ask(store: &dyn SyncStore, broker: &amqp::Broker, key: &PackageKey) -> Result<(), Failed> {
    let Some(overdue) = store.ask_again(key).await.map_err(Failed::plainly)? else {
        let why = why_not(store, key).await?;
        return Err(Failed::plainly(format!("the invoice of package {key} was not requested again: {why}")));
    };
    let again = consumer_packed::again(overdue);
    let publisher = Publisher::connect(broker).await.map_err(Failed::plainly)?;
    let sent = publisher.publish_in(again.traceparent.as_deref(), &again.message).await;
    publisher.close().await;
    sent.map_err(|error| {
        Failed::at(format_args!("the invoice of package {key} could not be requested again"), error)
    })?;
    say(format_args!("the invoice of package {key} is requested again, with the same idempotency key"));
    Ok(())
}

/// Why a package cannot be asked for again.
async fn why_not(store: &dyn SyncStore, key: &PackageKey) -> Result<String, Failed> {
    let rounds = store.package(key).await.map_err(Failed::plainly)?;
    let id = key.package_id;
    Ok(match rounds.first().map(|newest| (newest.state, &newest.receipt)) {
        None => format!("it is not in {}", store.describe()),
        Some((_, Some(receipt))) => format!("it has a receipt: {receipt}"),
        Some((PackageState::Dead, None)) => {
            format!("it is dead; redrive its dead letter, which `bilag packages show {id}` names")
        }
        Some(_) => "a request is in flight".to_owned(),
    })
}

fn to_json(round: &PackageRound, timeout: Duration) -> Value {
    json!({
        "oms": round.key.oms,
        "package": round.key.package_id,
        "number": round.number,
        "round": round.round,
        "state": round.state.as_str(),
        "standing": package_status(round, timeout, Utc::now()),
        "askedTimes": round.asked_times,
        "askedAt": round.asked_at,
        "tenant": round.receipt.as_ref().map(|receipt| &receipt.tenant_uid),
        "receipt": round.receipt.as_ref().map(|receipt| &receipt.receipt_uid),
        "voucherNumber": round.voucher_number,
        "issuedAt": round.issued_at,
        "writtenBack": round.written_back.map(State::as_str),
        "createdAt": round.created_at,
        "updatedAt": round.updated_at,
        "death": round.death.as_ref().map(|death| {
            json!({ "stage": death.stage, "reason": death.reason, "error": death.error })
        }),
    })
}
