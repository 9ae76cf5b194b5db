//! The stages' settings, for commands that list none of them in their help.

use std::collections::HashSet;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use crate::chain::ChainSettings;

/// The settings of the chain, hidden from the help of the command.
#[derive(Clone, Debug)]
pub struct UnlistedSettings(pub Box<ChainSettings>);

impl FromArgMatches for UnlistedSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        ChainSettings::from_arg_matches(matches).map(|settings| Self(Box::new(settings)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Args for UnlistedSettings {
    fn augment_args(command: Command) -> Command {
        let listed: HashSet<_> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
        ChainSettings::augment_args(command).mut_args(|argument| {
            let hide = !listed.contains(argument.get_id());
            argument.hide(hide)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
