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
    after_help = "A paused stage finishes what is in flight, and its messages wait in its queue, however \
                        often it is restarted, until `bilag resume`."
)]
pub struct PauseArgs {
    /// Which stages
    #[arg(required = true, value_name = "STAGE", value_parser = single_stages())]
    pub stages: Vec<String>,
    /// Why, for those who wonder later
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub why: String,
    #[command(flatten)]
    pub actor: Actor,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A pause that a process has begun by itself ends by itself, once what lies downstream is \
                        back."
)]
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
    /// Who acts, for the audit log [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub who: Option<String>,
}
