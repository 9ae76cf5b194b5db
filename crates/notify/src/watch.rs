//! Notes in the store what is so: what is new becomes a notification there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use consumer::{Context, Stage, remedy};
use events::store_clock::{Zone, local};
use sync_store::{DeadLetterFilter, NewNotification, Page, State, StoreError, SyncStore};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Message, NotifySettings};

/// The only way of telling, for now.
pub(crate) const CHANNEL: &str = "webhook";

/// How often the store is looked at.
const EVERY: Duration = Duration::from_secs(15);

/// For how long the process that looks keeps others from it. One that is killed is followed by another after this.
const LEASE: Duration = Duration::from_secs(60);

/// Reports of processes that are younger count.
const RUNS_WITHIN: Duration = Duration::from_secs(10);

/// For how long sent notifications are kept once what they told of has ended.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// No more causes than these are looked at.
const CAUSES: u32 = 10_000;

/// Looks for as long as the process runs. `zone` is that of the daily summary; UTC where there is none.
pub fn watch(
    context: &Context,
    settings: NotifySettings,
    zone: Option<Zone>,
) -> impl Future<Output = ()> + use<> {
    let (store, chain) = (context.store(), context.chain.clone());
    let mut watch =
        Watch { store, chain, settings, zone, owner: Uuid::new_v4().to_string(), summed_up: None };
    async move {
        loop {
            if let Err(error) = watch.look().await {
                tracing::debug!(%error, "the store could not be looked at for notifications");
            }
            sleep(EVERY).await;
        }
    }
}

struct Watch {
    store: Arc<dyn SyncStore>,
    chain: Arc<[Stage]>,
    settings: NotifySettings,
    zone: Option<Zone>,
    owner: String,
    /// The day whose summary is noted already.
    summed_up: Option<NaiveDate>,
}

impl Watch {
    async fn look(&mut self) -> Result<(), StoreError> {
        if !self.store.named_lease("notify", &self.owner, LEASE).await? {
            return Ok(());
        }
        let now = self.store.now().await?;
        self.sum_up(now).await?;
        self.note("dead", self.causes().await?).await?;
        self.note("file", self.missing_files().await?).await?;
        self.note("pause", self.pauses(now).await?).await
    }

    async fn note(&self, kind: &str, standing: Vec<(String, Message)>) -> Result<(), StoreError> {
        let standing = standing.into_iter().map(|(subject, message)| NewNotification {
            id: Uuid::new_v4().to_string(),
            subject,
            message: serde_json::to_string(&message).expect("texts are JSON"),
        });
        self.store.note_standing(CHANNEL, kind, &standing.collect::<Vec<_>>()).await
    }

    /// The causes of dead letters, each by its group's id. The error is left out: it may name people.
    async fn causes(&self) -> Result<Vec<(String, Message)>, StoreError> {
        let causes = self.store.dead_causes(&DeadLetterFilter::default(), Page::first(CAUSES)).await?;
        let told = causes.iter().map(|cause| {
            let (stage, reason) = (name(&cause.stage), name(&cause.reason));
            let title = format!("New cause of dead letters in {stage}: {reason}");
            let command = match self.chain.iter().any(|known| known.name == stage) {
                true => format!("bilag dead list {stage} --group"),
                false => "bilag dead list --group".to_owned(),
            };
            let message = Message::new("dead", title, command)
                .fact("Dead letters", cause.count)
                .fact("Since", time(cause.oldest))
                .fact("Group", cause.id())
                .fact("To do", remedy(&self.chain, reason));
            (cause.id(), message)
        });
        Ok(told.collect())
    }

    /// Stages, and tenants in them, that have been paused for longer than the limit. Who paused and why are left
    /// out: they name people.
    async fn pauses(&self, now: DateTime<Utc>) -> Result<Vec<(String, Message)>, StoreError> {
        let mut pauses: BTreeMap<String, (String, DateTime<Utc>)> = BTreeMap::new();
        let mut add = |subject: String, title: String, since: DateTime<Utc>| {
            let pause = pauses.entry(subject).or_insert((title, since));
            pause.1 = pause.1.min(since);
        };
        for hold in self.store.holds().await? {
            let title = format!("Stage {} is paused by an operator", name(&hold.stage));
            add(format!("{} by hand", hold.stage), title, hold.since);
        }
        for seen in self.store.reports(RUNS_WITHIN).await? {
            let stage = &seen.report.stage;
            if let Some(pause) = &seen.report.pause {
                let title = format!("Stage {} is paused: what it calls is unavailable", name(stage));
                add(stage.clone(), title, pause.since);
            }
            for bulkhead in &seen.report.bulkheads {
                let tenant = name(&bulkhead.bulkhead);
                let title = format!("Stage {} is paused for the tenant {tenant}", name(stage));
                add(format!("{stage} of {}", bulkhead.bulkhead), title, bulkhead.pause.since);
            }
            for scope in &seen.report.scopes {
                let title = format!("Stage {} is paused for a store that is forbidden", name(stage));
                add(format!("{stage} of {}", scope.bulkhead), title, scope.pause.since);
            }
        }
        let limit = self.settings.notify_after.duration();
        let is_long = |since: DateTime<Utc>| (now - since).to_std().is_ok_and(|age| age >= limit);
        let long = pauses.into_iter().filter(|(_, (_, since))| is_long(*since));
        let told = long.map(|(subject, (title, since))| {
            (subject, Message::new("pause", title, "bilag stages").fact("Since", time(since)))
        });
        Ok(told.collect())
    }

    async fn missing_files(&self) -> Result<Vec<(String, Message)>, StoreError> {
        let missing = self.store.invoices_without_file(self.settings.notify_after.duration()).await?;
        let told = missing.into_iter().map(|missing| {
            let title = format!("Invoices without their file in {}", name(&missing.target));
            let message = Message::new("file", title, "bilag dead list upload --text WITHOUT")
                .fact("Invoices", missing.count)
                .fact("Untouched since", time(missing.oldest));
            (missing.target, message)
        });
        Ok(told.collect())
    }

    /// The latest day whose time of the summary has come stands until the next day's comes.
    async fn sum_up(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(at) = self.settings.notify_summary_at else { return Ok(()) };
        let local = local(now.fixed_offset(), self.zone, None).naive_local();
        let day = (local - at.signed_duration_since(NaiveTime::MIN)).date();
        if self.summed_up == Some(day) {
            return Ok(());
        }
        let summary = self.summary(day - TimeDelta::days(1)).await?;
        self.note("summary", vec![(day.to_string(), summary)]).await?;
        self.store.remove_old_notifications(KEPT).await?;
        self.summed_up = Some(day);
        Ok(())
    }

    /// Of the receipts of a day at the first target, and of what waits now.
    async fn summary(&self, day: NaiveDate) -> Result<Message, StoreError> {
        let (mut received, mut complete, mut dead) = (0, 0, 0);
        let target = consumer::targets(&self.chain).into_iter().next();
        if let Some((_, target)) = target {
            for counted in self.store.receipt_counts(day, target.as_str(), None).await? {
                received += counted.count;
                match counted.state {
                    Some(State::Complete | State::Skipped) => complete += counted.count,
                    Some(State::Dead) => dead += counted.count,
                    _ => {}
                }
            }
        }
        let backlog = self.store.backlog().await?;
        let letters: u64 = backlog.letters.iter().map(|of| of.count).sum();
        let (_, given_up) = self.store.unsent_notifications().await?;
        let without_file: u64 = backlog.records.iter().map(|of| of.without_file).sum();
        Ok(Message::new(
            "summary",
            format!("Receipts of {day}"),
            format!("bilag report --from {day} --to {day}"),
        )
        .fact("Received", received)
        .fact("Complete or skipped", complete)
        .fact("On their way", received - complete - dead)
        .fact("Dead", dead)
        .fact("Dead letters waiting now", letters)
        .fact("Invoices without their file now", without_file)
        .fact("Notifications given up", given_up))
    }
}

/// A name of ours. Stages, reasons and tenants are read from headers of messages, which anybody may write.
fn name(text: &str) -> &str {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.is_empty() && text.len() <= 64 && text.chars().all(is_name) { text } else { "(unknown)" }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn shows_names_only() {
        assert_eq!(["upload", "omnium_rejected", "31"].map(name), ["upload", "omnium_rejected", "31"]);
        for text in ["", "<!channel>", "[click](https://evil.example)", "kari nordmann", &"a".repeat(65)] {
            assert_eq!(name(text), "(unknown)");
        }
    }
}
