//! Pauses that an operator has set, and the other order a stage gets from outside: to shut down.

use std::convert::Infallible;
use std::future::pending;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Hold, StageStatus};

/// The orders a stage gets from outside.
pub(crate) struct Orders {
    pub(crate) shutdown: CancellationToken,
    pub(crate) hold: Held,
}

/// Whether the stage is held. What a sender said last stands when it is gone.
pub(crate) struct Held(pub(crate) watch::Receiver<Option<Hold>>);

impl Held {
    /// Shows the hold, and answers whether there is one. Call it only where nothing is taken: then
    /// what is shown is true.
    pub(crate) fn show(&mut self, status: &StageStatus) -> bool {
        let hold = self.0.borrow_and_update().clone();
        let is_held = hold.is_some();
        status.set_hold(hold);
        is_held
    }

    /// Returns once there is a hold.
    pub(crate) async fn begun(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            pending().await
        }
    }

    /// Returns once it is another than [`Held::show`] has shown, or none.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            pending().await
        }
    }

    /// Shows each change, as long as nothing is taken.
    pub(crate) async fn follow(&mut self, status: &StageStatus) -> Infallible {
        loop {
            self.show(status);
            self.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use futures_util::FutureExt;

    use super::*;

    fn hold(who: &str) -> Hold {
        Hold { since: Utc::now(), who: who.to_owned(), why: String::new() }
    }

    #[test]
    fn shows_every_change_of_a_hold() {
        let (tell, receiver) = watch::channel(None);
        let (mut held, status) = (Held(receiver), StageStatus::new("upload"));
        assert!(!held.show(&status));
        assert!(held.begun().now_or_never().is_none());
        let (kari, ola) = (hold("kari"), hold("ola"));
        for hold in [&kari, &ola] {
            tell.send_replace(Some(hold.clone()));
            assert!(held.changed().now_or_never().is_some());
            assert!(held.begun().now_or_never().is_some());
            assert!(held.show(&status));
            assert_eq!(status.hold().as_ref(), Some(hold));
        }
        tell.send_replace(None);
        assert!(held.follow(&status).now_or_never().is_none());
        assert_eq!(status.hold(), None);
    }

    #[test]
    fn a_closed_sender_changes_nothing() {
        for last in [None, Some(hold("kari"))] {
            let (tell, receiver) = watch::channel(last.clone());
            drop(tell);
            let (mut held, status) = (Held(receiver), StageStatus::new("upload"));
            assert_eq!(held.show(&status), last.is_some());
            assert!(held.changed().now_or_never().is_none());
            assert_eq!(held.begun().now_or_never().is_some(), last.is_some());
            assert_eq!(status.hold(), last);
        }
    }
}
