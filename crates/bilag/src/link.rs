//! One consumer of the chain, whatever its type: what the command line, the topology and the start
//! of a process need of it.

use std::collections::HashSet;
use std::sync::Arc;

use amqp::{BoxError, Exchange, Reason};
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};
use consumer::{Consumer, Cycle, Probe, Shared, Wish, WrongSetting};
use events::{About, Target};
use tenants::TenantSettings;

use crate::chain::CHAIN;
use crate::crew::Crew;

/// Exchange and key of each binding of a queue.
type Bindings = Vec<(Exchange, String)>;

/// Puts a consumer to work that has been made.
pub type Start = Box<dyn FnOnce(&mut Crew<'_>)>;

/// A consumer of the chain.
pub struct Link {
    /// Names its queue, its unit, and itself on the command line.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its reasons for dead letters.
    pub reasons: &'static [Reason],
    /// The events that follow from its messages, by their types.
    pub emits: &'static [&'static str],
    /// Whether it uses the store.
    pub needs_store: bool,
    /// Whether it runs in a dry run.
    pub in_a_dry_run: bool,
    check: fn(&[u8]) -> Result<Option<About>, BoxError>,
    target: fn() -> Option<Target>,
    augment: fn(Command) -> Command,
    hears: fn(&ArgMatches, &[&'static str]) -> Bindings,
    off: fn(&ArgMatches) -> Option<&'static str>,
    wish: fn(&ArgMatches) -> Option<Wish>,
    probe: fn(&ArgMatches) -> Result<Option<Probe>, WrongSetting>,
    make: fn(&'static Link, &ArgMatches, &Shared) -> Result<Start, WrongSetting>,
    cycle: fn(&ArgMatches, &Shared) -> Option<Box<dyn Cycle>>,
}

impl Link {
    /// A consumer by its type.
    pub const fn of<C: Consumer>() -> Self {
        Self {
            name: C::NAME,
            about: C::ABOUT,
            reasons: C::REASONS,
            emits: C::EMITS,
            needs_store: C::NEEDS_STORE,
            in_a_dry_run: C::IN_A_DRY_RUN,
            check: C::check,
            target: || C::TARGET,
            augment: C::Settings::augment_args,
            hears: |matches, others| C::hears(&settings::<C>(matches), others),
            off: |matches| C::off(&settings::<C>(matches)),
            wish: wish::<C>,
            probe: |matches| C::probe(&settings::<C>(matches)),
            make: |link, matches, shared| {
                let handler = C::start(&settings::<C>(matches), shared)?;
                Ok(Box::new(move |crew| crew.start(link, handler)))
            },
            cycle: |matches, shared| C::cycle(&settings::<C>(matches), shared),
        }
    }

    /// Exchange and key of what its queue is bound to.
    pub fn hears(&self, settings: &StageSettings) -> Bindings {
        let others = CHAIN.iter().map(|link| link.name).filter(|name| *name != self.name);
        (self.hears)(&settings.0, &others.collect::<Vec<_>>())
    }

    /// Why it is not in use, where it is not.
    pub fn off(&self, settings: &StageSettings) -> Option<&'static str> {
        (self.off)(&settings.0)
    }

    /// Its target with its name, where it serves one.
    pub fn serves(&self) -> Option<(&'static str, Target)> {
        Some((self.name, (self.target)()?))
    }

    /// As operators know it.
    pub fn stage(&self) -> operate::Stage {
        let (name, about, reasons) = (self.name, self.about, self.reasons);
        operate::Stage { name, about, target: (self.target)(), check: self.check, reasons }
    }

    /// What its target wants, where it serves one.
    pub fn wish(&self, settings: &StageSettings) -> Option<Wish> {
        (self.wish)(&settings.0)
    }

    /// A look at what it works with.
    pub fn probe(&self, settings: &StageSettings) -> Result<Option<Probe>, WrongSetting> {
        (self.probe)(&settings.0)
    }

    /// Makes it, and what it sends on again from time to time. Nothing is taken from its queue before
    /// it is started: the settings of another one may be wrong.
    pub fn make(&'static self, settings: &StageSettings, shared: &Shared) -> Result<Start, WrongSetting> {
        let start = (self.make)(self, &settings.0, shared)?;
        let cycle = (self.cycle)(&settings.0, shared).map(|cycle| (cycle, shared.store()));
        Ok(Box::new(|crew| {
            start(crew);
            if let Some((cycle, store)) = cycle {
                crew.start_cycle(cycle, store);
            }
        }))
    }
}

fn settings<C: Consumer>(matches: &ArgMatches) -> C::Settings {
    let mut settings = C::Settings::from_arg_matches(matches).expect("the command line has been checked");
    let tenants = TenantSettings::from_arg_matches(matches).expect("the command line has been checked");
    C::know(&mut settings, &tenants);
    settings
}

fn wish<C: Consumer>(matches: &ArgMatches) -> Option<Wish> {
    let (target, settings) = (C::TARGET?, settings::<C>(matches));
    Some(Wish { target, wants: Arc::new(move |receipt| C::wants(&settings, receipt)) })
}

/// The settings of every consumer of the chain, as the command line and the environment have them.
#[derive(Clone)]
pub struct StageSettings(ArgMatches);

impl StageSettings {
    /// Those of one consumer.
    pub fn of<C: Consumer>(&self) -> C::Settings {
        settings::<C>(&self.0)
    }
}

/// The values may be secrets.
impl std::fmt::Debug for StageSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StageSettings")
    }
}

impl FromArgMatches for StageSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

/// The same, of a command that lists none of them in its help.
#[derive(Clone, Debug)]
pub struct UnlistedSettings(pub StageSettings);

impl FromArgMatches for UnlistedSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        StageSettings::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Args for UnlistedSettings {
    fn augment_args(command: Command) -> Command {
        let listed: HashSet<_> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
        StageSettings::augment_args(command).mut_args(|argument| {
            let hide = !listed.contains(argument.get_id());
            argument.hide(hide)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl Args for StageSettings {
    fn augment_args(command: Command) -> Command {
        let command = TenantSettings::augment_args(command);
        CHAIN.iter().fold(command, |command, link| (link.augment)(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
