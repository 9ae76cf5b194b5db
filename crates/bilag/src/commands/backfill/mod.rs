//! `bilag backfill`: publishes receipts of a period that the store has not received, from an export or from Flow.

mod events;
mod pace;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use ::events::{MAX_EVENT, ReceiptSettled, ReceiptSettledType};
use amqp::{Outgoing, PublishError, Publisher, chain};
use serde_json::json;
use sync_store::{Key, Page, Period, RecordFilter, State, SyncStore};
use tenants::Zones;
use tokio::task::JoinSet;

use self::events::{Events, Exported};
use self::pace::Pace;
use crate::cli::BackfillArgs;
use crate::commands::report_flow;
use crate::output::{self, Column, Failed, say, table, tell};

/// Interval of progress lines.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Receipts on their way to the broker at once.
const UNCONFIRMED: usize = 64;

/// So many broken events are listed; of a wrong file, each line is one.
const BROKEN_LISTED: usize = 1000;

/// What became of the events.
#[derive(Debug, Default)]
struct Done {
    published: u64,
    already: u64,
    outside: u64,
    broken: u64,
    /// File, line, and what is wrong.
    listed: Vec<(String, u64, String)>,
}

/// Reads the files, and publishes what is to be published.
pub async fn run(args: BackfillArgs) -> Result<(), Failed> {
    if args.from > args.to {
        return Err(Failed::used_wrongly("--from", format!("{} is after --to {}", args.from, args.to)));
    }
    let store = args.store.open().await?;
    let publisher = match args.publish {
        true => {
            let broker = args.broker.broker_to_publish("backfill")?;
            Some(Publisher::connect(&broker).await.map_err(Failed::plainly)?)
        }
        false => None,
    };
    let mut run = Run {
        args: &args,
        store: store.as_ref(),
        publisher,
        pace: Pace::new(args.rate),
        unconfirmed: JoinSet::new(),
        zones: args.tenants.zones(),
        done: Done::default(),
        reported_at: Instant::now(),
    };
    let mut stop = pin!(async {
        // Where signals cannot be listened to, it goes on to its end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let ended = tokio::select! {
        ended = run.all() => ended,
        () = &mut stop => Err(Failed::plainly("interrupted: run the same command to continue")),
    };
    if let Some(publisher) = &run.publisher {
        publisher.close().await;
    }
    let done = run.done;
    print(&args, &done);
    ended?;
    match done.broken {
        0 => Ok(()),
        count => Err(Failed::plainly(format!("{count} event(s) are invalid"))),
    }
}

struct Run<'a> {
    args: &'a BackfillArgs,
    store: &'a dyn SyncStore,
    publisher: Option<Publisher>,
    pace: Pace,
    unconfirmed: JoinSet<Result<(), PublishError>>,
    zones: Zones,
    done: Done,
    reported_at: Instant,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), Failed> {
        let read = if self.args.from_flow { self.flow().await } else { self.files().await };
        // Also where it failed: what is on its way is published, and counted.
        let mut confirmed = Ok(());
        while !self.unconfirmed.is_empty() {
            confirmed = confirmed.and(self.confirmed_but(0).await);
        }
        read.and(confirmed)
    }

    /// Every receipt that Flow has of the period. Made to events as the stage `hydrate` makes them.
    async fn flow(&mut self) -> Result<(), Failed> {
        let flow = self.args.flow.client().map_err(Failed::plainly_used_wrongly)?;
        let defaults = self.args.flow.defaults();
        let period = Period { from: self.args.from, to: self.args.to };
        for tenant in report_flow::tenants(self.args.tenant.as_deref(), &self.args.tenants)? {
            for day in report_flow::utc_days(period) {
                for found in report_flow::day_of(&flow, &tenant, day).await? {
                    match found.event(&tenant, &defaults) {
                        Ok(receipt) => {
                            let body = serde_json::to_vec(&receipt).map_err(Failed::plainly)?;
                            self.valid(&receipt, body).await?;
                        }
                        Err(error) => self.broken(format!("flow:{tenant}/{}", found.uid), 1, chain(&error)),
                    }
                    self.tell();
                }
            }
        }
        Ok(())
    }

    /// Every receipt of the files.
    async fn files(&mut self) -> Result<(), Failed> {
        for file in &self.args.files {
            let input: Box<dyn BufRead + Send> = match file.as_os_str() == "-" {
                true => Box::new(BufReader::new(std::io::stdin())),
                false => {
                    let opened = File::open(file).map_err(|error| Failed::at(file.display(), error))?;
                    Box::new(BufReader::new(opened))
                }
            };
            for read in Events::new(input) {
                self.one(file, read.map_err(|error| Failed::at(file.display(), error))?).await?;
                self.tell();
            }
        }
        Ok(())
    }

    async fn one(&mut self, file: &Path, exported: Exported) -> Result<(), Failed> {
        let Exported { line, body } = exported;
        match receipt(&body) {
            Ok(receipt) => self.valid(&receipt, body).await,
            Err(why) => {
                self.broken(file.display().to_string(), line, why);
                Ok(())
            }
        }
    }

    fn broken(&mut self, file: String, line: u64, why: String) {
        self.done.broken += 1;
        if self.done.listed.len() < BROKEN_LISTED {
            self.done.listed.push((file, line, why));
        }
    }

    fn tell(&mut self) {
        if self.reported_at.elapsed() >= TELL_EVERY {
            self.reported_at = Instant::now();
            let Done { published, already, .. } = self.done;
            tell(format_args!("{published} published, {already} already received so far"));
        }
    }

    async fn valid(&mut self, receipt: &ReceiptSettled, body: Vec<u8>) -> Result<(), Failed> {
        let day = report::settled_on(receipt, self.zones.of(&receipt.tenant.uid));
        if day < self.args.from || day > self.args.to {
            self.done.outside += 1;
        } else if self.is_there(receipt).await? {
            self.done.already += 1;
        } else {
            self.publish(receipt, body).await?;
        }
        Ok(())
    }

    /// Whether the receipt was received, and no target has skipped it: one in progress or dead gains nothing from
    /// being received again, and a complete target loses nothing.
    async fn is_there(&self, receipt: &ReceiptSettled) -> Result<bool, Failed> {
        let key = Key::new(&*receipt.tenant.uid, &*receipt.order_receipt.uid);
        let filter = RecordFilter {
            receipt: Some(key.receipt_uid.clone()),
            tenant_uid: Some(key.tenant_uid.clone()),
            ..RecordFilter::default()
        };
        let records = self.store.records(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
        let records = records.into_iter().map(|listed| listed.record).filter(|record| record.key == key);
        let heard: Vec<_> = records.filter(|record| record.heard_count > 0).collect();
        Ok(!heard.is_empty() && heard.iter().all(|record| record.state != State::Skipped))
    }

    async fn publish(&mut self, receipt: &ReceiptSettled, body: Vec<u8>) -> Result<(), Failed> {
        let Some(publisher) = self.publisher.clone() else {
            self.done.published += 1;
            return Ok(());
        };
        self.pace.tick().await;
        let event = Outgoing {
            exchange: self.args.broker.bus_exchange.clone(),
            routing_key: ReceiptSettledType::NAME.to_owned(),
            message_id: receipt.id.to_string(),
            kind: ReceiptSettledType::NAME.to_owned(),
            body: body.into(),
            subject: None,
        };
        self.unconfirmed.spawn(async move { publisher.publish(&event).await });
        self.confirmed_but(UNCONFIRMED).await
    }

    /// Waits until all receipts but so many are confirmed.
    async fn confirmed_but(&mut self, most: usize) -> Result<(), Failed> {
        loop {
            let confirmed = match self.unconfirmed.try_join_next() {
                None if self.unconfirmed.len() > most => self.unconfirmed.join_next().await,
                confirmed => confirmed,
            };
            let Some(confirmed) = confirmed else { return Ok(()) };
            confirmed.map_err(Failed::plainly)?.map_err(|error| {
                let problem = format!("{}{}", chain(&error), super::publish::advice(&error));
                Failed::plainly(format!("{problem}; run the same command to continue"))
            })?;
            self.done.published += 1;
        }
    }
}

/// A receipt as the receipt stage takes it; else what is wrong, which names no value.
fn receipt(body: &[u8]) -> Result<ReceiptSettled, String> {
    if body.len() > MAX_EVENT {
        return Err("larger than 1 MiB, the maximum size of an event".to_owned());
    }
    let event: ReceiptSettled = ::events::decode(body).map_err(|error| chain(&error))?;
    event.check().map_err(|error| chain(&error))?;
    Ok(event)
}

fn print(args: &BackfillArgs, done: &Done) {
    let Done { published, already, outside, broken, listed } = done;
    if args.json {
        let listed: Vec<_> = listed
            .iter()
            .map(|(file, line, why)| json!({ "file": file, "line": line, "told": why }))
            .collect();
        output::json(&json!({
            "from": args.from, "to": args.to, "dryRun": !args.publish,
            "published": published, "alreadyThere": already, "outside": outside,
            "broken": broken, "brokenEvents": listed,
        }));
        return;
    }
    for (file, line, why) in listed {
        say(format_args!("{file}:{line}: {why}"));
    }
    if listed.len() < usize::try_from(*broken).unwrap_or(usize::MAX) {
        say(format_args!("the first {} of {broken} invalid events", listed.len()));
    }
    let rows: Vec<_> = [
        (if args.publish { "published" } else { "to be published" }, published),
        ("already there", already),
        ("outside the range", outside),
        ("broken", broken),
    ]
    .map(|(what, count)| vec![what.to_owned(), count.to_string()])
    .to_vec();
    table(&[Column::Left("receipts"), Column::Right("number")], &rows);
    if !args.publish && *published > 0 {
        say("\nnothing was published: add --publish to publish");
    }
}
