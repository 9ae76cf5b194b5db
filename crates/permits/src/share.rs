//! This process's part of one API user's limits: calls take permits from it, a task of its own asks
//! the store.

use std::sync::Arc;
use std::time::Duration;

use omnium::{Allowed, NotAllowed, RateLimitError, WaitTime};
use parking_lot::Mutex;
use sync_store::StoreError;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::Source;
use crate::state::{State, Try};

/// The least that a message waits whose call did not get a permit.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long shutdown waits for the store.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// This process's part of one API user's limits.
#[derive(Debug)]
pub(crate) struct Share {
    source: Source,
    /// See [`omnium::ApiUser::as_str`].
    user: String,
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
    pub(crate) fn start(source: Source, user: String) -> Self {
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
        self.0.state.lock().end();
        self.0.changed.notify_waiters();
        self.0.look.notify_one();
    }
}

/// A call that waits for its turn, until it is dropped.
struct Waiting<'a>(&'a Share);

impl<'a> Waiting<'a> {
    fn begin(share: &'a Share) -> Self {
        share.state.lock().begin_to_wait();
        Self(share)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state.lock().end_to_wait();
    }
}

impl Share {
    /// Waits until a request may be made that takes no longer than `longest`.
    pub(crate) async fn take(
        self: Arc<Self>,
        longest: Duration,
        wait_time: &mut WaitTime,
    ) -> Result<Allowed<'static>, NotAllowed> {
        let failures = self.state.lock().failures();
        let mut waiting = None;
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // From now on, every change is noticed.
            changed.as_mut().enable();
            let tried = self.state.lock().try_take(longest, Instant::now());
            match tried {
                Try::Taken => return Ok(Allowed::new(InFlight(Arc::clone(&self)))),
                Try::Held(held) => {
                    if !wait_time.spend(held) {
                        return Err(NotAllowed::RateLimit(RateLimitError::Throttled { retry_after: held }));
                    }
                    sleep(held).await;
                }
                Try::Lacks { retry_after } => {
                    if let Some(error) = self.state.lock().failure_since(failures) {
                        return Err(NotAllowed::Unknown(Box::new(error)));
                    }
                    waiting.get_or_insert_with(|| Waiting::begin(&self));
                    // Each time: an answer may have been to fewer calls than wait by now.
                    self.look.notify_one();
                    if wait_time.wait_for(changed).await.is_none() {
                        let retry_after = retry_after.max(MIN_RETRY_AFTER);
                        return Err(NotAllowed::RateLimit(RateLimitError::Throttled { retry_after }));
                    }
                }
            }
        }
    }

    /// Nothing is sent for so long, here at once and elsewhere as soon as they hear of it.
    pub(crate) fn hold(&self, retry_after: Duration) {
        self.state.lock().hold(retry_after, Instant::now());
        self.look.notify_one();
    }

    /// Gives back what is not in use.
    pub(crate) async fn give_back(&self) {
        let is_known = {
            let mut state = self.state.lock();
            state.close();
            state.is_known()
        };
        if is_known && timeout(SHUTDOWN_TIMEOUT, self.ask()).await.is_err() {
            tracing::debug!("the permits for Omnium are left to run out: the store did not answer in time");
        }
    }

    async fn go_on(self: Arc<Self>) {
        loop {
            let now = Instant::now();
            let due = self.state.lock().due(now);
            if due.is_some_and(|due| due <= now) {
                self.ask().await;
                continue;
            }
            tokio::select! {
                () = self.look.notified() => {}
                () = sleep_until(due.unwrap_or(now)), if due.is_some() => {}
            }
        }
    }

    async fn ask(&self) {
        let _one_at_a_time = self.asking.lock().await;
        let (began, Source { store, limits, owner }) = (Instant::now(), &self.source);
        let question = self.state.lock().question(limits, began);
        let answer = store.request_permits(&self.user, limits, &question.ask(owner)).await;
        match answer {
            Ok(answer) => {
                tracing::trace!(?question, ?answer, "permits");
                self.state.lock().answered(&question, &answer, began, Instant::now());
            }
            Err(error) => {
                self.tell(&error);
                self.state.lock().unanswered(error, Instant::now());
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
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use sync_store::{PermitAnswer, PermitLimits, PermitRequest, PermitStore};
    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

    use super::*;

    /// Grants whatever is asked, each time once a permit of `answers` lets it.
    struct Granting {
        questions: AtomicU32,
        answers: Semaphore,
    }

    #[async_trait]
    impl PermitStore for Granting {
        async fn request_permits(
            &self,
            _: &str,
            _: &PermitLimits,
            ask: &PermitRequest<'_>,
        ) -> Result<PermitAnswer, StoreError> {
            self.questions.fetch_add(1, Ordering::Relaxed);
            self.answers.acquire().await.expect("it is open").forget();
            let (permits, drawn) = (ask.wants, ask.draws);
            Ok(PermitAnswer { permits, share: None, drawn, next_draw: Duration::ZERO, held: Duration::ZERO })
        }
    }

    /// Lets every task run until all wait for something. No timer of the share is that short.
    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn batches_calls_that_come_during_a_request() {
        let store = Arc::new(Granting { questions: AtomicU32::new(0), answers: Semaphore::new(0) });
        let limits = PermitLimits { concurrent: 20, capacity: 10_900, refill_per_second: 100 };
        let source = Source { store: store.clone(), limits, owner: "a".into() };
        let asker = Asker::start(source, "a-user".to_owned());
        let mut calls = Vec::new();
        let mut call = |count: usize| {
            for _ in 0..count {
                let share = Arc::clone(&asker.share);
                calls.push(tokio::spawn(async move {
                    let taken = share.take(Duration::from_secs(10), &mut WaitTime::new(Instant::now())).await;
                    std::mem::forget(taken.map_err(drop).expect("a permit"));
                }));
            }
        };
        call(5);
        settle().await;
        call(11);
        settle().await;
        assert_eq!(store.questions.load(Ordering::Relaxed), 1);
        store.answers.add_permits(2);
        settle().await;
        assert_eq!(store.questions.load(Ordering::Relaxed), 2);
        assert!(calls.iter().all(JoinHandle::is_finished), "all have their permit");
    }
}
