//! The chain: one line for each stage, from which every queue, setting, name and remedy derives.

use std::fmt;
use std::sync::{Arc, LazyLock};

use amqp::{Delay, Topology};
use clap::builder::Resettable;
use clap::{Args, Command, FromArgMatches};
use consumer::{Stage, StageSettings, TransformSettings};
use tenants::TenantSettings;

/// Names every stage that is in use.
pub const ALL: &str = "all";

macro_rules! chain {
    ($($name:ident: $settings:ty),+ $(,)?) => {
        /// The settings of every stage of the chain.
        #[derive(Clone, Args)]
        pub struct ChainSettings {
            #[command(flatten)]
            pub tenants: TenantSettings,
            #[command(flatten)]
            pub transforms: TransformSettings,
            $(#[command(flatten)] pub $name: $settings,)+
        }

        impl ChainSettings {
            /// Every stage, in the order in which a receipt meets them.
            pub fn chain(&self) -> Arc<[Stage]> {
                let transforms = self.transforms.transforms.as_ref();
                [$(self.$name.stage(&self.tenants).transformed_by(transforms)),+].into()
            }
        }
    };
}

chain! {
    hydrate: consumer_hydrate::HydrateSettings,
    packed: consumer_packed::PackedSettings,
    receipt: consumer_receipt::ReceiptSettings,
    render: consumer_render::RenderSettings,
    upload: consumer_upload::OmniumSettings,
    writeback: consumer_writeback::OmsSettings,
    erp: consumer_erp::ErpSettings,
    dead: consumer_dead::DeadSettings,
}

/// The values may be secrets.
impl fmt::Debug for ChainSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainSettings")
    }
}

/// Every stage as it is where nothing is set: for what does not depend on settings, whose values may then be
/// wrong.
pub fn stages() -> &'static [Stage] {
    static STAGES: LazyLock<Arc<[Stage]>> = LazyLock::new(|| {
        let command = ChainSettings::augment_args(Command::new("chain"));
        let unset = command.mut_args(|argument| argument.env(Resettable::Reset));
        let settings = ChainSettings::from_arg_matches(&unset.get_matches_from(["chain"]));
        settings.expect("no setting is required").chain()
    });
    &STAGES
}

/// The stages that are named; `all` names those that are in use.
pub fn named<'a>(names: &[String], chain: &'a [Stage]) -> Vec<&'a Stage> {
    let is_wanted =
        |stage: &&Stage| is_named(names, stage.name) || (is_all(names) && stage.disabled_reason.is_none());
    chain.iter().filter(is_wanted).collect()
}

/// The stages that are named, in use or not.
pub fn named_in_any_case<'a>(names: &[String], chain: &'a [Stage]) -> Vec<&'a Stage> {
    chain.iter().filter(|stage| is_all(names) || is_named(names, stage.name)).collect()
}

fn is_named(names: &[String], name: &str) -> bool {
    names.iter().any(|named| named == name)
}

fn is_all(names: &[String]) -> bool {
    is_named(names, ALL)
}

/// The topology of some stages of a chain.
pub fn topology<'a>(
    bus: &str,
    delays: &[Delay],
    stages: impl IntoIterator<Item = &'a Stage>,
    chain: &[Stage],
) -> Topology {
    let work_queues = stages.into_iter().map(|stage| stage.work_queue(chain)).collect();
    Topology { bus: bus.to_owned(), work_queues, delays: delays.to_vec() }
}
