//! The command line of the stages: what they do, and pausing them by hand.

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser};

use crate::chain::stages;
use crate::settings::StoreSettings;

/// The stages by their names. All at once is nothing that anybody should do by mistake.
fn single_stages() -> PossibleValuesParser {
    let stages = stages().iter().map(|stage| PossibleValue::new(stage.name).help(stage.about));
    PossibleValuesParser::new(stages)
}

#[derive(Debug, Args)]
pub struct StagesArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A paused stage finishes messages in flight. Its other messages wait in the queue until \
                        `bilag resume`, also across restarts."
)]
pub struct PauseArgs {
    /// Which stages
    #[arg(required = true, value_name = "STAGE", value_parser = single_stages())]
    pub stages: Vec<String>,
    /// Reason, shown to other operators
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub why: String,
    #[command(flatten)]
    pub actor: Actor,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
#[command(after_help = "Automatic pauses end by themselves once the downstream service is back.")]
pub struct ResumeArgs {
    /// Which stages
    #[arg(required = true, value_name = "STAGE", value_parser = single_stages())]
    pub stages: Vec<String>,
    #[command(flatten)]
    pub actor: Actor,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// Who acts.
#[derive(Debug, Args)]
pub struct Actor {
    /// Your name in the audit log [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub who: Option<String>,
}
