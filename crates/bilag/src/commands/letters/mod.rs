//! `bilag dead redrive | discard | restore`: moving dead letters.

mod reindex;
mod selection;
mod settling;
mod shift;

use std::time::Duration;

use amqp::{Destination, Shelf};
use sync_store::{Place, SyncStore};
use tokio::sync::watch;
use uuid::Uuid;

use crate::cli::{LettersArgs, RedriveArgs};
use crate::output::{Failed, say};
pub use reindex::{export, reindex};
use shift::Shift;

/// What is done with letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Back to the queue each came from.
    Redrive,
    /// Into the archive.
    Discard,
    /// Back among the dead letters.
    Restore,
}

impl Deed {
    /// As the audit log has it.
    fn name(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
            Self::Restore => "restore",
        }
    }

    /// As it is told once it is done.
    fn done(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Discard => "discarded",
            Self::Restore => "restored",
        }
    }

    fn from(self) -> (Shelf, Place) {
        match self {
            Self::Redrive | Self::Discard => (Shelf::Dead, Place::Dead),
            Self::Restore => (Shelf::Discarded, Place::Discarded),
        }
    }

    fn to(self) -> (Destination, Place) {
        match self {
            Self::Redrive => (Destination::Work, Place::Redriven),
            Self::Discard => (Destination::Discarded, Place::Discarded),
            Self::Restore => (Destination::Dead, Place::Dead),
        }
    }
}

/// `bilag dead redrive`.
pub async fn redrive(args: RedriveArgs) -> Result<(), Failed> {
    let pause = args.rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / u32::from(rate));
    shift(Deed::Redrive, &args.letters, pause).await
}

/// `bilag dead discard`.
pub async fn discard(args: LettersArgs) -> Result<(), Failed> {
    shift(Deed::Discard, &args, Duration::ZERO).await
}

/// `bilag dead restore`.
pub async fn restore(args: LettersArgs) -> Result<(), Failed> {
    shift(Deed::Restore, &args, Duration::ZERO).await
}

/// Moves the chosen letters, stage by stage.
async fn shift(deed: Deed, args: &LettersArgs, pause: Duration) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let broker = args.broker.broker("dead letters")?;
    let who = who(args.who.as_deref());
    let stages = selection::chosen(store.as_ref(), args, deed.from().1).await?;
    if stages.is_empty() {
        say("no letter is chosen: nothing to do");
        return Ok(());
    }
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        // Without signals it goes on to its end, as if nobody had asked.
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(true);
        }
        // The sender must live as long as somebody may look at it.
        std::future::pending::<()>().await;
    });
    for (stage, letters) in stages {
        let owner = format!("{who} {}", Uuid::new_v4());
        let lease = Lease { store: store.as_ref(), name: format!("dead:{stage}"), owner };
        lease.take(&stage).await?;
        let shift = Shift {
            deed,
            stage: &stage,
            who: &who,
            store: store.as_ref(),
            broker: &broker,
            lease: &lease,
            pause,
            delays: &args.broker.retry_delays,
            stopped: stopped.clone(),
        };
        let ended = shift.run(letters).await;
        lease.give_back().await;
        ended?;
    }
    Ok(())
}

/// Who acts: as told, else the user of this machine.
pub fn who(told: Option<&str>) -> String {
    if let Some(who) = told {
        return who.to_owned();
    }
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", user.as_deref().unwrap_or("somebody"), host.trim())
}

/// One operator at a time moves the letters of a stage.
struct Lease<'a> {
    store: &'a dyn SyncStore,
    name: String,
    owner: String,
}

/// How long a tool that was killed keeps others away.
const LEASE: Duration = Duration::from_secs(60);

impl Lease<'_> {
    async fn take(&self, stage: &str) -> Result<(), Failed> {
        if self.store.named_lease(&self.name, &self.owner, LEASE).await.map_err(Failed::plainly)? {
            return Ok(());
        }
        let holder = self.store.named_lease_holder(&self.name).await.map_err(Failed::plainly)?;
        let (who, until) = holder.map_or_else(
            || ("somebody else".to_owned(), "a moment".to_owned()),
            |holder| {
                let who = holder.owner.split(' ').next().unwrap_or_default().to_owned();
                (who, holder.until.format("%H:%M:%S UTC").to_string())
            },
        );
        Err(Failed::plainly(format!(
            "{who} is moving dead letters of {stage} now, and nothing was moved by you; try again when they are done, or after {until} should their tool have been killed"
        )))
    }

    async fn keep(&self) -> Result<bool, Failed> {
        self.store.named_lease(&self.name, &self.owner, LEASE).await.map_err(Failed::plainly)
    }

    async fn give_back(&self) {
        // Where this fails, it runs out by itself.
        let _ = self.store.named_lease(&self.name, &self.owner, Duration::ZERO).await;
    }
}
