//! DeadLetters that are read whole from their queues: one at a time, and kept for a moment, so that the page
//! and the document in it are one walk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use operate::letters::whole;
use sync_store::NotedDeadLetter;
use tokio::sync::Semaphore;

use crate::access::Viewer;
use crate::server::App;

/// So long a dead letter is looked for: whoever moves dead letters of the stage is kept waiting meanwhile.
const WITHIN: Duration = Duration::from_secs(20);

/// So long the last one is kept.
const KEPT: Duration = Duration::from_secs(60);

/// The dead letter that was read last.
pub(crate) struct WholeDeadLetters {
    one: Arc<Semaphore>,
    last: Mutex<Option<Last>>,
}

struct Last {
    id: String,
    body: Arc<[u8]>,
    read: Instant,
}

impl Default for WholeDeadLetters {
    fn default() -> Self {
        Self { one: Arc::new(Semaphore::new(1)), last: Mutex::default() }
    }
}

impl WholeDeadLetters {
    /// The body of a dead letter, or why it cannot be read, in words.
    pub(super) async fn read(
        app: &App,
        viewer: &Viewer,
        noted: &NotedDeadLetter,
    ) -> Result<Arc<[u8]>, String> {
        if let Some(body) = app.whole.kept(&noted.letter.id) {
            return Ok(body);
        }
        let Ok(turn) = Arc::clone(&app.whole.one).try_acquire_owned() else {
            return Err("another dead letter is being read from its queue; try again in a moment".to_owned());
        };
        let (of, who, noted) = (app.clone(), viewer.name().to_owned(), noted.clone());
        // It gives back what it has in flight also where the browser does not wait for it.
        let reading = tokio::spawn(async move {
            let _turn = turn;
            let read = whole(of.store.as_ref(), &of.broker, &who, &noted, WITHIN).await;
            match read {
                Ok(Some(message)) => Ok(of.whole.keep(noted.letter.id, &message.body)),
                Ok(None) => Err("the dead letter is not in its queue any more".to_owned()),
                Err(error) => Err(amqp::chain(&error)),
            }
        });
        reading.await.unwrap_or_else(|_| Err("reading it came to nothing; try again".to_owned()))
    }

    fn kept(&self, id: &str) -> Option<Arc<[u8]>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|last| last.read.elapsed() > KEPT) {
            *last = None;
        }
        last.as_ref().filter(|last| last.id == id).map(|last| Arc::clone(&last.body))
    }

    fn keep(&self, id: String, body: &[u8]) -> Arc<[u8]> {
        let body = Arc::<[u8]>::from(body);
        let last = Last { id, body: Arc::clone(&body), read: Instant::now() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        body
    }
}
