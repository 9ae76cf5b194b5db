//! One stage of the chain, as one value: what the command line, the topology, the broker's rights, the
//! doctor, the console and the runtime need to know of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use amqp::{BoxError, Broker, Consumer, Exchange, Handler, Origin, Reason, StartError, WorkQueue};
use events::{About, InvoiceRenderedType, ReceiptSettled, Target};
use omnium::Allowance;
use sync_store::SyncStore;
use tenants::TenantSettings;
use tokio_util::sync::CancellationToken;
use transform::{Entry, Makes, Source};

use crate::event::{Checked, Typed, checked};
use crate::transforms::{StageTransforms, Transformed, TransformsFile, source};
use crate::{Event, EventHandler, Probe, SettingError};

/// Settings of a consumer, and the stage that follows from them.
///
/// Each setting is an environment variable, and also a flag. One that may hold a password has a type that
/// the command line cannot refuse, because its error would repeat the value.
pub trait StageSettings: clap::Args {
    /// The stage with these settings. No client is built for it before the stage is started.
    fn stage(&self, tenants: &TenantSettings) -> Stage;
}

/// A stage of the chain: a queue, a handler for its messages, and what is known of both.
#[derive(Clone)]
pub struct Stage {
    /// Names its queues (`bilag.<name>`, `bilag.<name>.dead` …) and itself on the command line.
    pub name: &'static str,
    /// What it does, for the command line: one line without a full stop.
    pub about: &'static str,
    /// Whom it delivers invoices to.
    pub target: Option<Target>,
    /// The reasons for dead letters of its own, beside [`Reason::COMMON`].
    pub reasons: &'static [Reason],
    /// The types of the events that follow from its messages, with which their routing keys begin: what its
    /// user at the broker may publish.
    pub emits: &'static [&'static str],
    /// Whether it uses the store.
    pub needs_store: bool,
    /// Whether its records are packages: those that are not finished count as its work.
    pub records_packages: bool,
    /// Why it does not take part in a dry run, where it does not.
    pub not_in_a_dry_run: Option<&'static str>,
    /// Why it is not in use with these settings. One that is not in use declares no queue, which nobody
    /// would empty.
    pub disabled_reason: Option<&'static str>,
    bindings: Vec<(Exchange, String)>,
    indexes_dead_letters: bool,
    check: Check,
    check_made: CheckMade,
    unknown_members: fn(&[u8]) -> Vec<String>,
    made_by: &'static [Makes],
    transforms: Option<StageTransforms>,
    accepts: Arc<dyn Fn(&ReceiptSettled) -> Acceptance + Send + Sync>,
    probe: Option<ProbeFactory>,
    background: Vec<BackgroundFactory>,
    handler: Option<HandlerFactory>,
}

type Check = fn(&[u8]) -> Result<Option<About>, BoxError>;
type CheckMade = fn(&Entry, &Source<'_>) -> Result<Checked, BoxError>;
type ProbeFactory = Arc<dyn Fn() -> Result<Probe, SettingError> + Send + Sync>;
type BackgroundFactory = Arc<dyn Fn(&Context) -> Background + Send + Sync>;
type HandlerFactory =
    Arc<dyn Fn(&Context, Option<StageTransforms>) -> Result<Run, SettingError> + Send + Sync>;

/// Consumes with a handler until the token is cancelled.
pub type Run = Box<
    dyn FnOnce(Consumer, CancellationToken) -> Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>>
        + Send,
>;

/// What goes on beside the messages until the process is shut down. It may be dropped at any moment.
pub type Background = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stage that is ready to consume: all its settings are right.
pub struct Ready {
    /// The stage.
    pub stage: Stage,
    /// Consumes.
    pub run: Run,
    /// Goes on beside it.
    pub background: Vec<Background>,
}

/// Whether a target wants the invoice of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It does.
    Yes,
    /// It would, and is disabled: the receipt is recorded as skipped.
    Disabled,
    /// Receipts of this kind are not for it: nothing is recorded.
    Never,
}

impl Stage {
    /// A stage that uses the store, takes part in dry runs, and has no bindings yet.
    pub fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            target: None,
            reasons: &[],
            emits: &[],
            needs_store: true,
            records_packages: false,
            not_in_a_dry_run: None,
            disabled_reason: None,
            bindings: Vec::new(),
            indexes_dead_letters: false,
            check: |_| Ok(None),
            check_made: |_, _| Ok((Vec::new(), None)),
            unknown_members: |_| Vec::new(),
            made_by: &[],
            transforms: None,
            accepts: Arc::new(|_| Acceptance::Never),
            probe: None,
            background: Vec::new(),
            handler: None,
        }
    }

    /// Binds its queue to an exchange by this routing key.
    pub fn bind(mut self, exchange: Exchange, key: impl Into<String>) -> Self {
        self.bindings.push((exchange, key.into()));
        self
    }

    /// Binds its queue to the dead letters of every other stage of the chain, each by its name: by `#` its
    /// own dead letters would come back to it.
    pub fn bind_to_dead_letters(self) -> Self {
        Self { indexes_dead_letters: true, ..self }
    }

    /// Delivers rendered invoices to this target: binds its queue to them.
    pub fn target(self, target: Target) -> Self {
        let key = rendered_key(&target);
        Self { target: Some(target), ..self }.bind(Exchange::Events, key)
    }

    /// Which receipts its target wants.
    pub fn accepts(self, accepts: impl Fn(&ReceiptSettled) -> Acceptance + Send + Sync + 'static) -> Self {
        Self { accepts: Arc::new(accepts), ..self }
    }

    /// The reasons for dead letters of its own.
    pub fn reasons(self, reasons: &'static [Reason]) -> Self {
        Self { reasons, ..self }
    }

    /// The types of the events that follow from its messages.
    pub fn emits(self, emits: &'static [&'static str]) -> Self {
        Self { emits, ..self }
    }

    /// It does without the store.
    pub fn without_store(self) -> Self {
        Self { needs_store: false, ..self }
    }

    /// Its records are packages.
    pub fn records_packages(self) -> Self {
        Self { records_packages: true, ..self }
    }

    /// It takes no part in a dry run: what it has others do cannot be tried out.
    pub fn not_in_a_dry_run(self, why: &'static str) -> Self {
        Self { not_in_a_dry_run: Some(why), ..self }
    }

    /// Why it is not in use; `None` where it is.
    pub fn disabled(self, reason: Option<&'static str>) -> Self {
        Self { disabled_reason: reason, ..self }
    }

    /// How to see whether what it works with is there, where that is anything but broker and store.
    pub fn probe(self, probe: impl Fn() -> Result<Probe, SettingError> + Send + Sync + 'static) -> Self {
        Self { probe: Some(Arc::new(probe)), ..self }
    }

    /// What goes on beside the messages, for as long as the process consumes.
    pub fn background<F>(mut self, work: impl Fn(&Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.background.push(Arc::new(move |context| Box::pin(work(context))));
        self
    }

    /// What is done with its events. `make` fails for any setting that is wrong, before the first message is
    /// taken.
    pub fn handler<H: EventHandler>(
        self,
        make: impl Fn(&Context) -> Result<H, SettingError> + Send + Sync + 'static,
    ) -> Self {
        self.reads::<H::Event>().made(move |context, transforms| Ok(Typed::new(make(context)?, transforms)))
    }

    /// The events that it reads: by them a corrected body is checked.
    pub fn reads<E: Event>(self) -> Self {
        Self {
            check: E::check,
            check_made: checked::<E>,
            unknown_members: E::unknown_members,
            made_by: E::MADE_BY,
            ..self
        }
    }

    /// What is done with its messages, where they are no events of one type.
    pub fn message_handler<H: Handler>(
        self,
        make: impl Fn(&Context) -> Result<H, SettingError> + Send + Sync + 'static,
    ) -> Self {
        self.made(move |context, _| make(context))
    }

    fn made<H: Handler>(
        self,
        make: impl Fn(&Context, Option<StageTransforms>) -> Result<H, SettingError> + Send + Sync + 'static,
    ) -> Self {
        let make = move |context: &Context, transforms| -> Result<Run, SettingError> {
            let handler = make(context, transforms)?;
            Ok(Box::new(move |consumer, shutdown| Box::pin(consumer.run(handler, shutdown))))
        };
        Self { handler: Some(Arc::new(make)), ..self }
    }

    /// Other publishers' messages become its events by these transforms, where any of them makes its events.
    pub fn transformed_by(self, file: Option<&TransformsFile>) -> Self {
        let makes = self.made_by;
        let file = file.filter(|_| !makes.is_empty()).cloned();
        Self { transforms: file.map(|file| StageTransforms { file, makes }), ..self }
    }

    /// Whether it could read this body of a message that came so, by the reader of its handler, so that a corrected
    /// one is refused before it is sent. Gives what the body is about, where it says.
    ///
    /// # Errors
    /// What is wrong with the body, never its content.
    pub fn check(&self, body: &[u8], origin: Option<&Origin>) -> Result<Option<About>, BoxError> {
        let message = origin.map(|origin| source(origin, None, body));
        let found = message.and_then(|message| Some((self.transforms.as_ref()?.find(&message)?, message)));
        let Some((found, message)) = found else { return (self.check)(body) };
        match (self.check_made)(found.entry(), &message)? {
            (events, _) if events.is_empty() => {
                Err("the transform makes no event of it: this stage would pass it over".into())
            }
            (_, about) => Ok(about),
        }
    }

    /// The events that a transform makes for this stage, each checked by the reader of its handler.
    ///
    /// # Errors
    /// What is wrong with the message or with an event, never their content.
    pub fn try_transform(&self, entry: &Entry, message: &Source<'_>) -> Result<Vec<Vec<u8>>, BoxError> {
        (self.check_made)(entry, message).map(|(events, _)| events)
    }

    /// The members of an event that its handler does not know: mistyped, or of no use.
    pub fn unknown_members(&self, event: &[u8]) -> Vec<String> {
        (self.unknown_members)(event)
    }

    /// The transforms that make its events.
    pub fn made_by(&self) -> &'static [Makes] {
        self.made_by
    }

    /// What its transforms make of a message now: one that came so, with this id and this body, without content
    /// encoding. `None` where none of them is for it.
    pub fn transformed(&self, origin: Option<&Origin>, id: Option<&str>, body: &[u8]) -> Option<Transformed> {
        self.transforms.as_ref()?.transformed(&source(origin?, id, body))
    }

    /// Whether its target wants the invoice of a receipt.
    pub fn accepted(&self, receipt: &ReceiptSettled) -> Acceptance {
        (self.accepts)(receipt)
    }

    /// A look at what it works with, where there is anything to look at.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn look(&self) -> Result<Option<Probe>, SettingError> {
        self.probe.as_ref().map(|probe| probe()).transpose()
    }

    /// Its work queue with its bindings, in a chain of these stages.
    pub fn work_queue(&self, chain: &[Self]) -> WorkQueue {
        let others = chain.iter().filter(|other| self.indexes_dead_letters && other.name != self.name);
        let dead_letters = others.map(|other| (Exchange::Dead, other.name.to_owned()));
        WorkQueue { stage: self.name, bindings: self.bindings.iter().cloned().chain(dead_letters).collect() }
    }

    /// Makes its handler. Nothing runs before what this gives is awaited.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn start(&self, context: &Context) -> Result<Ready, SettingError> {
        let make = self.handler.as_ref().expect("every stage of the chain has a handler");
        let run = make(context, self.transforms.clone())?;
        let background = self.background.iter().map(|work| work(context)).collect();
        Ok(Ready { stage: self.clone(), run, background })
    }
}

/// What the stages of one process share.
#[derive(Clone)]
pub struct Context {
    /// The broker.
    pub broker: Broker,
    /// Where receipts, packages and dead letters are remembered; opened where a stage needs it.
    pub store: Option<Arc<dyn SyncStore>>,
    /// Omnium's limits, as all processes with this store share them; where there is a store.
    pub allowance: Option<Arc<dyn Allowance>>,
    /// All stages of the chain, in use or not.
    pub chain: Arc<[Stage]>,
    /// Names the OMS that packages are of (`OMS_ID`).
    pub oms: String,
    /// Whether nothing is sent to any target (`BILAG_DRY_RUN`).
    pub dry_run: bool,
    /// How often stranded receipts and packages are sent on again (`BILAG_RECONCILE_EVERY`).
    pub reconcile_every: Duration,
    /// Longer than all retry queues together: who is untouched for so long waits in none of them.
    pub stranded_after: Duration,
}

impl Context {
    /// The store.
    ///
    /// # Panics
    /// The stage says that it needs none.
    pub fn store(&self) -> Arc<dyn SyncStore> {
        Arc::clone(self.store.as_ref().expect("it is opened for every stage that needs it"))
    }

    /// What lets calls to Omnium through.
    ///
    /// # Panics
    /// The stage says that it needs no store.
    pub fn allowance(&self) -> Arc<dyn Allowance> {
        Arc::clone(self.allowance.as_ref().expect("it comes with the store"))
    }

    /// The stages that deliver invoices to a target, each with its target.
    pub fn targets(&self) -> Vec<(&'static str, Target)> {
        targets(&self.chain)
    }

    /// What each target says to a receipt.
    pub fn accepted<'a>(
        &'a self,
        receipt: &'a ReceiptSettled,
    ) -> impl Iterator<Item = (&'a Target, Acceptance)> {
        self.chain.iter().filter_map(|stage| Some((stage.target.as_ref()?, stage.accepted(receipt))))
    }
}

/// The stages that deliver invoices to a target, each with its target.
pub fn targets(chain: &[Stage]) -> Vec<(&'static str, Target)> {
    chain.iter().filter_map(|stage| Some((stage.name, stage.target.clone()?))).collect()
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Every reason for which dead letters of these stages die, by name.
pub fn reasons(stages: &[Stage]) -> Vec<Reason> {
    let mut reasons: Vec<_> =
        stages.iter().flat_map(|stage| stage.reasons).chain(&Reason::COMMON).copied().collect();
    reasons.sort_unstable_by_key(|reason| reason.as_str());
    reasons.dedup_by_key(|reason| reason.as_str());
    reasons
}

/// What to do about a dead letter that died for this reason, in one line; `docs/reasons.md` says it at length.
pub fn remedy(stages: &[Stage], reason: &str) -> &'static str {
    let known = reasons(stages).into_iter().find(|known| known.as_str() == reason);
    known.map_or("find out from the error", |known| known.remedy())
}

/// The routing key of the rendered invoices of a target.
pub fn rendered_key(target: &Target) -> String {
    format!("{}.{target}", InvoiceRenderedType::NAME)
}
