//! What a consumer tells of itself.

use amqp::{BoxError, Exchange, Handler, Reason};
use events::{About, InvoiceRenderedType, ReceiptSettled, Target};
use tenants::TenantSettings;

use crate::{Cycle, Probe, Shared, WrongSetting};

/// A consumer of the chain: its name, its settings, what it hears, and how it starts.
pub trait Consumer: Handler + Sized {
    /// Names its queue (`bilag.<name>`), its unit, and itself on the command line.
    const NAME: &'static str;
    /// What it does, for the command line: one line without a full stop.
    const ABOUT: &'static str;
    /// Whom it gives invoices to, where it does.
    const TARGET: Option<Target> = None;
    /// The reasons for dead letters of its own.
    const REASONS: &'static [Reason] = &[];
    /// The events that follow from its messages, by their types, which their routing keys begin with: what
    /// it may publish where every consumer has its own user at the broker.
    const EMITS: &'static [&'static str] = &[];
    /// Whether it uses the store.
    const NEEDS_STORE: bool = true;

    /// Whether it runs in a dry run. One that has something made elsewhere, and no way to try it out, does
    /// not.
    const IN_A_DRY_RUN: bool = true;

    /// Its settings: environment variables, each also a flag. One that may hold a password has a
    /// type that the command line cannot refuse, because its error would repeat the value.
    type Settings: clap::Args + Send + Sync + 'static;

    /// Takes in what is each tenant's own, where the installation serves several, and whose clock counts.
    fn know(_settings: &mut Self::Settings, _tenants: &TenantSettings) {}

    /// Exchange and key of each binding of its queue. `others` are the other stages of the chain.
    fn hears(settings: &Self::Settings, others: &[&'static str]) -> Vec<(Exchange, String)>;

    /// Why it is not in use with these settings. One that is not in use declares no queue, which
    /// nobody would empty.
    fn off(_settings: &Self::Settings) -> Option<&'static str> {
        None
    }

    /// Whether its target wants the invoice of a receipt.
    fn wants(_settings: &Self::Settings, _receipt: &ReceiptSettled) -> Wanted {
        Wanted::Never
    }

    /// Whether the stage could read this body, by the same reader as its handler: so that a corrected
    /// one is refused before it is sent. Gives what the body is about, where it says.
    fn check(body: &[u8]) -> Result<Option<About>, BoxError>;

    /// Makes the handler. Everything that can be wrong with the settings is found here, before the
    /// first message is taken.
    fn start(settings: &Self::Settings, shared: &Shared) -> Result<Self, WrongSetting>;

    /// A look at what it works with, where that is anything but broker and store.
    fn probe(_settings: &Self::Settings) -> Result<Option<Probe>, WrongSetting> {
        Ok(None)
    }

    /// What it sends on again from time to time, where it does.
    fn cycle(_settings: &Self::Settings, _shared: &Shared) -> Option<Box<dyn Cycle>> {
        None
    }
}

/// Whether a target wants the invoice of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It does.
    Yes,
    /// It would, and is switched off: the receipt is recorded as skipped.
    SwitchedOff,
    /// Receipts of this kind are not for it: nothing is recorded.
    Never,
}

/// The routing key of the rendered invoices of a target.
pub fn rendered_key(target: &Target) -> String {
    format!("{}.{target}", InvoiceRenderedType::NAME)
}
