//! What the console remembers for seconds, so that many viewers cost as much as one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::chain;
use operate::dead_letters::{DeadLetterService, Lag};
use report::{Query, Report};
use sync_store::{NotedDeadLetter, StoreError, SyncStore};
use tokio::sync::{Mutex, Semaphore};

/// A value with a maximum age. One caller computes it while others wait.
pub(crate) struct Cached<V> {
    max_age: Duration,
    last: Mutex<Option<(Instant, V)>>,
}

impl<V: Clone> Cached<V> {
    pub(crate) fn new(max_age: Duration) -> Self {
        Self { max_age, last: Mutex::default() }
    }

    /// The last value, unless it is too old or not the wanted one; computed otherwise. Errors are not kept.
    pub(crate) async fn get<E>(
        &self,
        is_wanted: impl FnOnce(&V) -> bool,
        compute: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let mut last = self.last.lock().await;
        if let Some((since, value)) = &*last
            && since.elapsed() < self.max_age
            && is_wanted(value)
        {
            return Ok(value.clone());
        }
        // Freed before the next one is computed: reports are large.
        *last = None;
        let value = compute().await?;
        *last = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

/// Whether the index of dead letters lags behind the queues.
pub(crate) struct IndexLag(Cached<Result<Vec<Lag>, String>>);

impl Default for IndexLag {
    fn default() -> Self {
        Self(Cached::new(Duration::from_secs(5)))
    }
}

impl IndexLag {
    pub(crate) async fn get(&self, dead_letters: &DeadLetterService) -> Result<Vec<Lag>, String> {
        let lag = async || Ok::<_, String>(dead_letters.lag().await.map_err(|error| chain(&error)));
        self.0.get(|_| true, lag).await?
    }
}

/// The last report. One is computed at a time, as each holds all receipts of its period.
pub(crate) struct Reports(Cached<Arc<Report>>);

impl Default for Reports {
    fn default() -> Self {
        Self(Cached::new(Duration::from_secs(10)))
    }
}

impl Reports {
    pub(crate) async fn get(&self, store: &dyn SyncStore, query: &Query) -> Result<Arc<Report>, StoreError> {
        let report = async || report::report(store, query).await.map(Arc::new);
        self.0.get(|last| last.query == *query, report).await
    }
}

/// Maximum time to search a queue for a dead letter: moving dead letters of the stage is blocked meanwhile.
const SEARCH_LIMIT: Duration = Duration::from_secs(20);

/// How long the last body is kept: the page and the document in it are one search.
const BODY_MAX_AGE: Duration = Duration::from_secs(60);

/// Bodies that the index does not have whole, read from their queues one at a time. Only the last is kept.
#[derive(Clone)]
pub(crate) struct Bodies {
    reading: Arc<Semaphore>,
    last: Arc<parking_lot::Mutex<Option<Body>>>,
}

struct Body {
    id: String,
    bytes: Arc<[u8]>,
    read_at: Instant,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { reading: Arc::new(Semaphore::new(1)), last: Arc::default() }
    }
}

impl Bodies {
    /// # Errors
    /// In words, for the page.
    pub(crate) async fn read(
        &self,
        dead_letters: Arc<DeadLetterService>,
        who: &str,
        noted: &NotedDeadLetter,
    ) -> Result<Arc<[u8]>, String> {
        if let Some(bytes) = self.cached(&noted.letter.id) {
            return Ok(bytes);
        }
        let Ok(permit) = Arc::clone(&self.reading).try_acquire_owned() else {
            return Err("another dead letter is being read from its queue; try again in a moment".to_owned());
        };
        let (bodies, who, noted) = (self.clone(), who.to_owned(), noted.clone());
        // A task of its own: it returns its deliveries even if the browser disconnects.
        let reading = tokio::spawn(async move {
            let _permit = permit;
            match dead_letters.read_whole(&who, &noted, SEARCH_LIMIT).await {
                Ok(Some(message)) => Ok(bodies.keep(noted.letter.id, &message.body)),
                Ok(None) => Err("the dead letter is no longer in its queue".to_owned()),
                Err(error) => Err(chain(&error)),
            }
        });
        reading.await.unwrap_or_else(|_| Err("reading it failed; try again".to_owned()))
    }

    fn cached(&self, id: &str) -> Option<Arc<[u8]>> {
        let mut last = self.last.lock();
        if last.as_ref().is_some_and(|last| last.read_at.elapsed() > BODY_MAX_AGE) {
            *last = None;
        }
        last.as_ref().filter(|last| last.id == id).map(|last| Arc::clone(&last.bytes))
    }

    fn keep(&self, id: String, body: &[u8]) -> Arc<[u8]> {
        let bytes = Arc::<[u8]>::from(body);
        *self.last.lock() = Some(Body { id, bytes: Arc::clone(&bytes), read_at: Instant::now() });
        bytes
    }
}
