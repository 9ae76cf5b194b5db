//! Notes in the store what is so: what is new becomes a notification there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use consumer::{Context, Stage, is_scope_of, remedy};
use events::store_clock::{Zone, local};
use sync_store::{
    DeadLetterFilter, NewNotification, Page, SeenReport, StageHold, State, StoreError, SyncStore,
};
use tenants::Zones;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Message, NotifySettings, Recipient};

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

/// Looks for as long as the process runs. Days begin in the zones, else in UTC.
pub fn watch(
    context: &Context,
    settings: NotifySettings,
    zones: &Zones,
    recipients: &[Recipient],
) -> impl Future<Output = ()> + use<> {
    let mut channels: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for recipient in recipients {
        channels.entry(recipient.tenant.clone()).or_default().push(recipient.name());
    }
    let audiences = channels.into_iter().map(|(tenant, channels)| {
        let zone = tenant.as_deref().map_or_else(|| zones.installation(), |tenant| zones.of(tenant));
        Audience { tenant, channels, zone, summed_up: None }
    });
    let mut audiences: Vec<_> = audiences.collect();
    let (store, chain) = (context.store(), context.chain.clone());
    let watch = Watch { store, chain, settings, owner: Uuid::new_v4().to_string() };
    async move {
        loop {
            if let Err(error) = watch.look(&mut audiences).await {
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
    owner: String,
}

/// Those who are told the same.
struct Audience {
    /// The tenant whose they are; all tenants where it is `None`.
    tenant: Option<String>,
    /// Their names in the store.
    channels: Vec<String>,
    /// Where its days begin.
    zone: Option<Zone>,
    /// The day whose summary is noted already.
    summed_up: Option<NaiveDate>,
}

/// What is paused, by whom it may be.
struct Paused {
    holds: Vec<StageHold>,
    reports: Vec<SeenReport>,
}

impl Audience {
    /// A command that is limited to what is its own.
    fn command(&self, command: &str) -> String {
        self.tenant
            .as_ref()
            .map_or_else(|| command.to_owned(), |tenant| format!("{command} --tenant {}", shell_word(tenant)))
    }
}

impl Watch {
    async fn look(&self, audiences: &mut [Audience]) -> Result<(), StoreError> {
        if !self.store.named_lease("notify", &self.owner, LEASE).await? {
            return Ok(());
        }
        let now = self.store.now().await?;
        let paused =
            Paused { holds: self.store.holds().await?, reports: self.store.reports(RUNS_WITHIN).await? };
        for audience in &mut *audiences {
            self.look_for(audience, &paused, now).await?;
            // Of many audiences, a look takes long.
            if !self.store.named_lease("notify", &self.owner, LEASE).await? {
                return Ok(());
            }
        }
        let channels = audiences.iter().flat_map(|audience| audience.channels.clone());
        self.store.keep_channels(&channels.collect::<Vec<_>>()).await
    }

    async fn look_for(
        &self,
        audience: &mut Audience,
        paused: &Paused,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.sum_up(audience, now).await?;
        self.note(audience, "dead", self.causes(audience).await?).await?;
        self.note(audience, "file", self.missing_files(audience).await?).await?;
        self.note(audience, "pause", self.pauses(audience, paused, now)).await
    }

    async fn note(
        &self,
        audience: &Audience,
        kind: &str,
        standing: Vec<(String, Message)>,
    ) -> Result<(), StoreError> {
        for channel in &audience.channels {
            let standing = standing.iter().map(|(subject, message)| NewNotification {
                id: Uuid::new_v4().to_string(),
                subject: subject.clone(),
                message: serde_json::to_string(message).expect("texts are JSON"),
            });
            self.store.note_standing(channel, kind, &standing.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// The causes of dead letters, each by its group's id. The error is left out: it may name people.
    async fn causes(&self, audience: &Audience) -> Result<Vec<(String, Message)>, StoreError> {
        let filter = DeadLetterFilter { tenant: audience.tenant.clone(), ..Default::default() };
        let causes = self.store.dead_causes(&filter, Page::first(CAUSES)).await?;
        let told = causes.iter().map(|cause| {
            let (stage, reason) = (name(&cause.stage), name(&cause.reason));
            let title = format!("New cause of dead letters in {stage}: {reason}");
            let command = match self.chain.iter().any(|known| known.name == stage) {
                true => format!("bilag dead list {stage} --group"),
                false => "bilag dead list --group".to_owned(),
            };
            let message = Message::new("dead", title, audience.command(&command))
                .fact("Dead letters", cause.count)
                .fact("Since", time(cause.oldest))
                .fact("Group", cause.id())
                .fact("To do", remedy(&self.chain, reason));
            (cause.id(), message)
        });
        Ok(told.collect())
    }

    /// Stages, and tenants in them, that have been paused for longer than the limit. Who paused and why are left
    /// out: they name people. A tenant's audience is not told of other tenants' pauses.
    fn pauses(&self, audience: &Audience, paused: &Paused, now: DateTime<Utc>) -> Vec<(String, Message)> {
        let concerns = |tenant: &str| audience.tenant.as_deref().is_none_or(|own| own == tenant);
        let mut pauses: BTreeMap<String, (String, DateTime<Utc>)> = BTreeMap::new();
        let mut add = |subject: String, title: String, since: DateTime<Utc>| {
            let pause = pauses.entry(subject).or_insert((title, since));
            pause.1 = pause.1.min(since);
        };
        for hold in &paused.holds {
            let title = format!("Stage {} is paused by an operator", name(&hold.stage));
            add(format!("{} by hand", hold.stage), title, hold.since);
        }
        for seen in &paused.reports {
            let stage = &seen.report.stage;
            if let Some(pause) = &seen.report.pause {
                let title = format!("Stage {} is paused: what it calls is unavailable", name(stage));
                add(stage.clone(), title, pause.since);
            }
            for bulkhead in seen.report.bulkheads.iter().filter(|of| concerns(&of.bulkhead)) {
                let tenant = name(&bulkhead.bulkhead);
                let title = format!("Stage {} is paused for the tenant {tenant}", name(stage));
                add(format!("{stage} of {}", bulkhead.bulkhead), title, bulkhead.pause.since);
            }
            let is_own = |scope: &str| audience.tenant.as_deref().is_none_or(|own| is_scope_of(scope, own));
            for scope in seen.report.scopes.iter().filter(|of| is_own(&of.bulkhead)) {
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
        told.collect()
    }

    async fn missing_files(&self, audience: &Audience) -> Result<Vec<(String, Message)>, StoreError> {
        let limit = self.settings.notify_after.duration();
        let missing = self.store.invoices_without_file(limit, audience.tenant.as_deref()).await?;
        let told = missing.into_iter().map(|missing| {
            let title = format!("Invoices without their file in {}", name(&missing.target));
            let command = audience.command("bilag dead list upload --text WITHOUT");
            let message = Message::new("file", title, command)
                .fact("Invoices", missing.count)
                .fact("Untouched since", time(missing.oldest));
            (missing.target, message)
        });
        Ok(told.collect())
    }

    /// The latest day whose time of the summary has come stands until the next day's comes.
    async fn sum_up(&self, audience: &mut Audience, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(at) = self.settings.notify_summary_at else { return Ok(()) };
        let local = local(now.fixed_offset(), audience.zone, None).naive_local();
        let day = (local - at.signed_duration_since(NaiveTime::MIN)).date();
        if audience.summed_up == Some(day) {
            return Ok(());
        }
        let summary = self.summary(audience, day - TimeDelta::days(1)).await?;
        self.note(audience, "summary", vec![(day.to_string(), summary)]).await?;
        self.store.remove_old_notifications(KEPT).await?;
        audience.summed_up = Some(day);
        Ok(())
    }

    /// Of the receipts of a day at the first target, and of what waits now.
    async fn summary(&self, audience: &Audience, day: NaiveDate) -> Result<Message, StoreError> {
        let tenant = audience.tenant.as_deref();
        let (mut received, mut complete, mut dead) = (0, 0, 0);
        let target = consumer::targets(&self.chain).into_iter().next();
        if let Some((_, target)) = target {
            for counted in self.store.receipt_counts(day, target.as_str(), tenant).await? {
                received += counted.count;
                match counted.state {
                    Some(State::Complete | State::Skipped) => complete += counted.count,
                    Some(State::Dead) => dead += counted.count,
                    _ => {}
                }
            }
        }
        let filter = DeadLetterFilter { tenant: audience.tenant.clone(), ..Default::default() };
        let causes = self.store.dead_causes(&filter, Page::first(CAUSES)).await?;
        let letters: u64 = causes.iter().map(|cause| cause.count).sum();
        let limit = self.settings.notify_after.duration();
        let missing = self.store.invoices_without_file(limit, tenant).await?;
        let without_file: u64 = missing.iter().map(|of| of.count).sum();
        let command = audience.command(&format!("bilag report --from {day} --to {day}"));
        let summary = Message::new("summary", format!("Receipts of {day}"), command)
            .fact("Received", received)
            .fact("Complete or skipped", complete)
            .fact("On their way", received - complete - dead)
            .fact("Dead", dead)
            .fact("Dead letters waiting now", letters)
            .fact("Invoices without their file now", without_file);
        if tenant.is_some() {
            return Ok(summary);
        }
        let (_, given_up) = self.store.unsent_notifications().await?;
        Ok(summary.fact("Notifications given up", given_up))
    }
}

/// A uid from the tenants' file, as a shell takes it.
fn shell_word(text: &str) -> String {
    if name(text) == text { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
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
    use super::{name, shell_word};

    #[test]
    fn uids_are_words_of_a_shell() {
        assert_eq!(
            ["31", "9/b", "Kari's", "$(id)"].map(shell_word),
            ["31", "'9/b'", r"'Kari'\''s'", "'$(id)'"]
        );
    }

    #[test]
    fn shows_names_only() {
        assert_eq!(["upload", "omnium_rejected", "31"].map(name), ["upload", "omnium_rejected", "31"]);
        for text in ["", "<!channel>", "[click](https://evil.example)", "kari nordmann", &"a".repeat(65)] {
            assert_eq!(name(text), "(unknown)");
        }
    }
}
