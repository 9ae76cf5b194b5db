//! What waits in the store, as it is measured: dead letters, and records on their way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use consumer::Context;
use events::Target;
use opentelemetry::metrics::{Meter, ObservableGauge};
use opentelemetry::{KeyValue, global};
use parking_lot::Mutex;
use sync_store::{Backlog, BacklogStore, State};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How often the store is asked, once somebody collects.
const REFRESH_EVERY: Duration = Duration::from_secs(15);

/// What the store has not confirmed for so long is not reported any more.
const STALE_AFTER: Duration = Duration::from_secs(120);

/// Stands for what is none of the chain's own, so that nobody else's names are attributes.
pub(crate) const OTHER: &str = "_OTHER";

/// The states of a record whose end is yet to come.
const ON_ITS_WAY: [State; 3] = [State::Pending, State::InvoiceCreated, State::Attaching];

/// Measures what waits in the store for as long as the process runs. Whoever collects never waits for
/// the store: this asks it, and where nobody collects it is not asked.
pub(crate) fn measure(context: &Context) -> impl Future<Output = ()> + use<> {
    let seen = Arc::new(Seen {
        stages: context.chain.iter().map(|stage| stage.name).collect(),
        targets: context.targets().into_iter().map(|(_, target)| target).collect(),
        collected: Notify::new(),
        latest: Mutex::default(),
    });
    let store = context.store();
    async move {
        gauges(&seen);
        refresh(store, seen).await;
    }
}

async fn refresh(store: Arc<dyn BacklogStore>, seen: Arc<Seen>) {
    seen.collected.notified().await;
    loop {
        match store.backlog().await {
            Ok(backlog) => *seen.latest.lock() = Some((Instant::now(), backlog)),
            Err(error) => tracing::debug!(%error, "what waits in the store could not be counted"),
        }
        sleep(REFRESH_EVERY).await;
    }
}

/// What the store said last.
struct Seen {
    stages: Vec<&'static str>,
    targets: Vec<Target>,
    collected: Notify,
    latest: Mutex<Option<(Instant, Backlog)>>,
}

impl Seen {
    /// What waits, and how long ago the store said so.
    fn latest(&self) -> Option<(Duration, Backlog)> {
        self.collected.notify_one();
        let (at, backlog) = self.latest.lock().clone()?;
        Some((at.elapsed(), backlog)).filter(|(age, _)| *age < STALE_AFTER)
    }

    fn stage(&self, name: &str) -> KeyValue {
        let known = self.stages.iter().find(|stage| **stage == name);
        KeyValue::new("bilag.stage", *known.unwrap_or(&OTHER))
    }

    fn target(&self, name: &str) -> KeyValue {
        let known = self.targets.iter().find(|target| target.as_str() == name);
        KeyValue::new("bilag.target", known.map_or(OTHER, Target::as_str).to_owned())
    }
}

/// A value with its attributes.
type Measurement = (f64, Vec<KeyValue>);

fn gauges(seen: &Arc<Seen>) {
    let meter = global::meter("bilag");
    let gauge = |name, unit, description, tell| gauge(&meter, seen, name, unit, description, tell);
    gauge("bilag.dead.letters", "{letter}", "Dead letters that wait for a person", letters);
    gauge(
        "bilag.dead.oldest_age",
        "s",
        "How long ago the oldest dead letter was noted; 0 where none waits",
        oldest_letters,
    );
    gauge("bilag.records.open", "{record}", "Records that are neither complete nor skipped", records);
    gauge(
        "bilag.records.oldest_pending_age",
        "s",
        "How long ago the oldest record that is on its way was opened; 0 where none is",
        oldest_records,
    );
    gauge(
        "bilag.invoices.without_file",
        "{invoice}",
        "Invoices in Omnium whose receipt died before its file was known to be attached",
        without_file,
    );
}

fn gauge(
    meter: &Meter,
    seen: &Arc<Seen>,
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    tell: fn(&Seen, Duration, &Backlog) -> Vec<Measurement>,
) -> ObservableGauge<f64> {
    let seen = seen.clone();
    meter
        .f64_observable_gauge(name)
        .with_unit(unit)
        .with_description(description)
        .with_callback(move |observer| {
            let Some((ago, backlog)) = seen.latest() else { return };
            for (value, about) in tell(&seen, ago, &backlog) {
                observer.observe(value, &about);
            }
        })
        .build()
}

fn letters(seen: &Seen, _: Duration, backlog: &Backlog) -> Vec<Measurement> {
    by_stage(seen, |stage| {
        let waiting = backlog.letters.iter().filter(|letters| is(seen, &letters.stage, stage));
        as_value(waiting.map(|letters| letters.count).sum())
    })
}

fn oldest_letters(seen: &Seen, ago: Duration, backlog: &Backlog) -> Vec<Measurement> {
    by_stage(seen, |stage| {
        let waiting = backlog.letters.iter().filter(|letters| is(seen, &letters.stage, stage));
        oldest(waiting.map(|letters| letters.oldest_age), ago)
    })
}

/// A value for each stage of the chain, and one for what is none of them, where there is any.
fn by_stage(seen: &Seen, value: impl Fn(&KeyValue) -> f64) -> Vec<Measurement> {
    let of = |name| {
        let stage = seen.stage(name);
        (value(&stage), vec![stage])
    };
    let other = Some(of(OTHER)).filter(|(value, _)| *value > 0.0);
    seen.stages.iter().copied().map(of).chain(other).collect()
}

fn is(seen: &Seen, name: &str, stage: &KeyValue) -> bool {
    seen.stage(name) == *stage
}

fn records(seen: &Seen, _: Duration, backlog: &Backlog) -> Vec<Measurement> {
    let mut measured = Vec::new();
    for target in seen.targets.iter().map(Target::as_str) {
        for state in ON_ITS_WAY.into_iter().chain([State::Dead]) {
            let open = backlog.records.iter().filter(|open| open.target == target && open.state == state);
            let count = as_value(open.map(|open| open.count).sum());
            measured
                .push((count, vec![seen.target(target), KeyValue::new("bilag.state", state.to_string())]));
        }
    }
    measured
}

fn oldest_records(seen: &Seen, ago: Duration, backlog: &Backlog) -> Vec<Measurement> {
    let of = |target: &Target| {
        let open = backlog.records.iter().filter(|open| open.target == target.as_str());
        let on_their_way = open.filter(|open| ON_ITS_WAY.contains(&open.state));
        (oldest(on_their_way.map(|open| open.oldest_age), ago), vec![seen.target(target.as_str())])
    };
    seen.targets.iter().map(of).collect()
}

/// Only the first target of the chain makes an invoice before its file is attached.
fn without_file(seen: &Seen, _: Duration, backlog: &Backlog) -> Vec<Measurement> {
    let Some(first) = seen.targets.first().map(Target::as_str) else { return Vec::new() };
    let open = backlog.records.iter().filter(|open| open.target == first);
    vec![(as_value(open.map(|open| open.without_file).sum()), vec![seen.target(first)])]
}

/// The oldest of these ages, in seconds: they have gone on since the store was asked. 0 of none.
fn oldest(ages: impl Iterator<Item = Duration>, ago: Duration) -> f64 {
    ages.max().map_or(0.0, |age| (age + ago).as_secs_f64())
}

fn as_value(count: u64) -> f64 {
    // Exact up to 2^53.
    count as f64
}

#[cfg(test)]
mod tests {
    use sync_store::WaitingDeadLetters;

    use super::*;

    fn seen(latest: Option<(Instant, Backlog)>) -> Seen {
        Seen {
            stages: vec!["receipt", "upload"],
            targets: vec![Target::new("omnium")],
            collected: Notify::new(),
            latest: Mutex::new(latest),
        }
    }

    fn waiting(stages: &[&str]) -> Backlog {
        let letters = stages.iter().map(|stage| WaitingDeadLetters {
            stage: (*stage).to_owned(),
            count: 2,
            oldest_age: Duration::from_secs(60),
        });
        Backlog { letters: letters.collect(), records: Vec::new() }
    }

    #[test]
    fn counts_unknown_stages_together() {
        let measured = letters(&seen(None), Duration::ZERO, &waiting(&["upload", "a-stranger", "another"]));
        let measured: Vec<_> =
            measured.iter().map(|(value, about)| (*value, about[0].value.to_string())).collect();
        let of = |value, stage: &str| (value, stage.to_owned());
        assert_eq!(measured, [of(0.0, "receipt"), of(2.0, "upload"), of(4.0, OTHER)]);
        let measured = letters(&seen(None), Duration::ZERO, &waiting(&[]));
        assert_eq!(measured.len(), 2, "no measurement of others where there are none: {measured:?}");
    }

    #[test]
    fn age_grows_and_is_0_where_nothing_waits() {
        let measured = oldest_letters(&seen(None), Duration::from_secs(9), &waiting(&["upload"]));
        assert_eq!(measured.iter().map(|(age, _)| *age).collect::<Vec<_>>(), [0.0, 69.0]);
    }

    #[test]
    fn forgets_a_stale_backlog() {
        assert!(seen(None).latest().is_none());
        assert!(seen(Some((Instant::now(), waiting(&[])))).latest().is_some());
        let long_ago = Instant::now().checked_sub(STALE_AFTER).expect("the machine runs for longer");
        assert!(seen(Some((long_ago, waiting(&[])))).latest().is_none());
    }
}
