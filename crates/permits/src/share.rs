//! This process's part of one API user's limits: calls take permits from it, a task of its own asks
//! the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use omnium::{Allowed, ApiUser, NotAllowed, RateLimitError, WaitTime};
use sync_store::StoreError;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::Source;
use crate::state::{State, Try};

/// What a message waits at least whose call did not get its turn.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// How long the end of a process waits for the store.
const GOODBYE: Duration = Duration::from_secs(2);

/// This process's part of one API user's limits.
#[derive(Debug)]
pub(crate) struct Share {
    source: Source,
    user: ApiUser,
    state: Mutex<State>,
    /// The state has changed such that calls may go on.
    changed: Notify,
    /// The state has changed such that the store may have to be asked.
    look: Notify,
    /// One question at a time: an answer replaces the one before.
    asking: tokio::sync::Mutex<()>,
}

/// A share with the task that asks for it; the task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) share: Arc<Share>,
    task: JoinHandle<()>,
}

impl Asker {
    /// Asks for nothing until somebody calls.
    pub(crate) fn start(source: Source, user: ApiUser) -> Self {
        let share = Arc::new(Share {
            source,
            user,
            state: Mutex::new(State::new(Instant::now())),
            changed: Notify::new(),
            look: Notify::new(),
            asking: tokio::sync::Mutex::default(),
        });
        let task = tokio::spawn(Arc::clone(&share).go_on());
        Self { share, task }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request in flight, until it is dropped.
struct InFlight(Arc<Share>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().end();
        self.0.changed.notify_waiters();
        self.0.look.notify_one();
    }
}

/// A call that waits for its turn, until it is dropped.
struct Waiting<'a>(&'a Share);

impl<'a> Waiting<'a> {
    fn begin(share: &'a Share) -> Self {
        share.lock().begin_to_wait();
        share.look.notify_one();
        Self(share)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().end_to_wait();
    }
}

impl Share {
    /// Waits until a request may be made that takes no longer than `longest`.
    pub(crate) async fn take(
        self: Arc<Self>,
        longest: Duration,
        patience: &mut WaitTime,
    ) -> Result<Allowed<'static>, NotAllowed> {
        let failures = self.lock().failures();
        let mut waiting = None;
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // From now on, whatever changes is heard.
            changed.as_mut().enable();
            let tried = self.lock().try_take(longest, Instant::now());
            match tried {
                Try::Taken => return Ok(Allowed::new(InFlight(Arc::clone(&self)))),
                Try::Held(held) => {
                    if !patience.spend(held) {
                        return Err(NotAllowed::RateLimit(RateLimitError::Throttled { retry_after: held }));
                    }
                    sleep(held).await;
                }
                Try::Lacks { retry_after } => {
                    if let Some(error) = self.lock().failure_since(failures) {
                        return Err(NotAllowed::Unknown(Box::new(error)));
                    }
                    waiting.get_or_insert_with(|| Waiting::begin(&self));
                    if patience.wait_for(changed).await.is_none() {
                        let retry_after = retry_after.max(COME_AGAIN);
                        return Err(NotAllowed::RateLimit(RateLimitError::Throttled { retry_after }));
                    }
                }
            }
        }
    }

    /// Nothing is sent for so long, here at once and elsewhere as soon as they hear of it.
    pub(crate) fn hold(&self, retry_after: Duration) {
        self.lock().hold(retry_after, Instant::now());
        self.look.notify_one();
    }

    /// Gives back what is not in use.
    pub(crate) async fn give_back(&self) {
        let is_known = {
            let mut state = self.lock();
            state.close();
            state.is_known()
        };
        if is_known && timeout(GOODBYE, self.ask()).await.is_err() {
            tracing::debug!("the permits for Omnium are left to run out: the store did not answer in time");
        }
    }

    async fn go_on(self: Arc<Self>) {
        loop {
            let due = self.lock().due(Instant::now());
            tokio::select! {
                () = self.look.notified() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.ask().await,
            }
        }
    }

    async fn ask(&self) {
        let _one_at_a_time = self.asking.lock().await;
        let (began, Source { store, limits, owner }) = (Instant::now(), &self.source);
        let question = self.lock().question(limits, began);
        let answer = store.ask_permits(self.user.as_str(), limits, &question.ask(owner)).await;
        match answer {
            Ok(answer) => {
                tracing::trace!(?question, ?answer, "permits");
                self.lock().answered(&question, &answer, began, Instant::now());
            }
            Err(error) => {
                self.tell(&error);
                self.lock().unanswered(error, Instant::now());
            }
        }
        self.changed.notify_waiters();
    }

    /// The calls that wait say it themselves.
    fn tell(&self, error: &StoreError) {
        tracing::debug!(
            error = error as &dyn std::error::Error,
            "the store was not there to be asked for permits"
        );
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each critical section leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
