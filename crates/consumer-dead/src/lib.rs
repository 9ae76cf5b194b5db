//! The dead consumer: consumes a copy of every dead letter, writes it into the index, and closes its
//! receipt's record as dead. The message itself stays in its dead-letter queue.

mod backlog;

use std::sync::Arc;

use amqp::{
    Failure, Handler, Message, Outcome, Reason, Subject, count_dead_by_broker, dead_letter_id, header_names,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clap::Args;
use consumer::{
    Context, Probe, Seen, SettingError, Stage, StageSettings, of_store, package_subject, plain_body,
    receipt_subject, targets,
};
use events::Target;
use futures_util::future::join_all;
use notify::{NotifySettings, Recipient, Senders};
use sync_store::{Closes, DeadLetter, DeadLetterStore, Key, NewDeadLetter, PackageKey};
use tenants::TenantSettings;

/// It needs nothing to be set.
#[derive(Clone, Debug, Args)]
pub struct DeadSettings {
    #[command(flatten)]
    notify: NotifySettings,
}

impl StageSettings for DeadSettings {
    fn stage(&self, tenants: &TenantSettings) -> Stage {
        let whom = Whom { settings: self.notify.clone(), tenants: tenants.clone() };
        let (notified, probed) = (whom.clone(), whom.clone());
        let is_set = !matches!(whom.recipients(), Ok(none) if none.is_empty());
        let stage = Stage::new("dead", "Indexes dead letters")
            .bind_to_dead_letters()
            .background(|context| fill_causes(context.store()))
            .background(backlog::measure)
            .background(move |context| notifications(context, &notified))
            .message_handler(move |context| {
                whom.recipients()?;
                Ok(Index::new(context.store(), &context.chain, &context.oms))
            });
        if is_set { stage.probe(move || probe(&probed)) } else { stage }
    }
}

/// Whom to notify.
#[derive(Clone)]
struct Whom {
    settings: NotifySettings,
    tenants: TenantSettings,
}

impl Whom {
    fn recipients(&self) -> Result<Vec<Recipient>, SettingError> {
        self.settings.recipients(self.tenants.tenants.as_ref())
    }
}

/// Notes and sends notifications, where there is somebody to notify.
fn notifications(context: &Context, whom: &Whom) -> impl Future<Output = ()> + use<> {
    // What is wrong with a setting was said when the handler was made.
    let recipients = whom.recipients().unwrap_or_default();
    let watch = (!recipients.is_empty())
        .then(|| notify::watch(context, whom.settings.clone(), &whom.tenants.zones(), &recipients));
    let store = context.store();
    let senders = Senders::by_server(recipients);
    let send = join_all(senders.into_iter().map(move |senders| notify::send(store.clone(), senders)));
    async move {
        if let Some(watch) = watch {
            tokio::join!(watch, send);
        }
    }
}

fn probe(whom: &Whom) -> Result<Probe, SettingError> {
    let recipients = whom.recipients()?;
    Ok(Probe::new("notifications", async move {
        let senders = Senders::by_server(recipients);
        let looks = join_all(senders.iter().map(Senders::reach)).await;
        let (found, wrong): (Vec<_>, Vec<_>) = looks.into_iter().partition(Result::is_ok);
        match wrong.into_iter().filter_map(Result::err).collect::<Vec<_>>() {
            none if none.is_empty() => {
                let found: Vec<_> = found.into_iter().flatten().collect();
                Ok(Seen::well(format!("{}; `bilag notify --test` sends a message", found.join(", "))))
            }
            wrong => Err(wrong.join("; ").into()),
        }
    }))
}

/// Dead letters that an earlier version noted get their cause, so that they are grouped with the others.
async fn fill_causes(store: Arc<dyn DeadLetterStore>) {
    const AT_ONCE: u32 = 500;
    loop {
        match store.fill_causes(AT_ONCE).await {
            Ok(filled) if filled == u64::from(AT_ONCE) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "dead letters of an earlier version have no cause yet: the next start, or `bilag dead reindex`, goes on");
                return;
            }
        }
    }
}

/// Writes dead letters into the index.
pub struct Index {
    store: Arc<dyn DeadLetterStore>,
    stages: Vec<&'static str>,
    /// The stages that serve a target, each with its target.
    targets: Vec<(&'static str, Target)>,
    oms: String,
}

impl Index {
    /// The index in this store, of the stages of this chain and the packages of this OMS.
    pub fn new(store: Arc<dyn DeadLetterStore>, chain: &[Stage], oms: &str) -> Self {
        let stages = chain.iter().map(|stage| stage.name).collect();
        Self { store, stages, targets: targets(chain), oms: oms.to_owned() }
    }
}

#[async_trait]
impl Handler for Index {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let letter = self.letter(message);
        // Of what the broker has dead-lettered, only the message itself says how it came.
        let origin = message.origin();
        let origin =
            origin.iter().flat_map(|origin| origin.headers()).map(|(name, value)| (name.to_owned(), value));
        let headers = message.headers_for_people().into_iter().chain(origin);
        let headers: serde_json::Map<_, _> = headers.map(|(name, value)| (name, value.into())).collect();
        let new = NewDeadLetter {
            letter: &letter,
            headers: &serde_json::Value::from(headers).to_string(),
            body: &message.body,
            closes: self.closes(&letter.stage),
        };
        self.store.note_dead(&new).await.map_err(of_store)?;
        if is_of_the_brokers_making(message) {
            // What we dead-letter is logged and counted where it is decided; what the broker does, only
            // here.
            let (stage, reason, id) = (letter.stage, letter.reason, letter.id);
            self.count(&stage, &reason);
            tracing::error!(stage, reason, id, "dead letter of the broker's own making");
        }
        Ok(Outcome::Done(Vec::new()))
    }
}

fn is_of_the_brokers_making(message: &Message) -> bool {
    message.header_text(header_names::REASON).is_none()
}

impl Index {
    fn count(&self, stage: &str, reason: &str) {
        let stage = self.stages.iter().find(|known| **known == stage);
        let reason = Reason::COMMON.iter().map(|known| known.as_str()).find(|known| *known == reason);
        count_dead_by_broker(stage.unwrap_or(&backlog::OTHER), reason.unwrap_or(backlog::OTHER));
    }

    /// The records that a dead letter of this stage closes: its target's, where it serves one, else all of
    /// the receipt's. A receipt that died before any target had a record of it is recorded as dead at the
    /// first target of the chain.
    fn closes(&self, stage: &str) -> Closes<'_> {
        let serves = self.targets.iter().find(|(name, _)| *name == stage);
        let first = || self.targets.first().map_or("", |(_, target)| target.as_str());
        serves.map_or_else(
            || Closes::Every { at_least: first() },
            |(_, target)| Closes::Target(target.as_str()),
        )
    }

    fn letter(&self, message: &Message) -> DeadLetter {
        let death = message.letter();
        let subject = self.about(message);
        DeadLetter {
            id: dead_letter_id(message),
            stage: death.stage,
            reason: if death.reason.is_empty() { "unknown".to_owned() } else { death.reason },
            error: death.error,
            key: subject
                .as_ref()
                .and_then(|subject| subject.named([header_names::TENANT, header_names::RECEIPT]))
                .map(|(tenant, receipt)| Key::new(tenant, receipt)),
            package: subject
                .as_ref()
                .and_then(|subject| subject.named([header_names::OMS, header_names::PACKAGE]))
                .and_then(|(oms, id)| Some(PackageKey { oms: oms.to_owned(), package_id: id.parse().ok()? })),
            message_id: Some(message.id()),
            attempts: message.attempt(),
            first_failed_at: time(death.first_failed_at),
            last_failed_at: time(death.last_failed_at),
            redriven: message
                .header_number(header_names::REDRIVEN)
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0),
        }
    }

    /// What it is about. Straight from the bus it has no headers of ours.
    fn about(&self, message: &Message) -> Option<Subject> {
        let named = message.subject();
        if named.is_some() || !is_of_the_brokers_making(message) {
            return named;
        }
        let body = plain_body(message).ok()?;
        let receipt = events::receipt_uid(&body);
        let receipt = receipt.map(|(tenant, receipt)| receipt_subject(&tenant, &receipt));
        receipt.or_else(|| Some(package_subject(&self.oms, events::package_id(&body)?)))
    }
}

fn time(text: Option<String>) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(&text?).ok()?;
    Some(time.with_timezone(&Utc))
}
