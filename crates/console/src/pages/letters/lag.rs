//! Whether the index says what the queues hold. Asked at most every few seconds, however many look.

use std::time::{Duration, Instant};

use amqp::chain;
use maud::{Markup, html};
use operate::letters::{Lag, lag};
use tokio::sync::Mutex;

use crate::parts::{foreign, with_code};
use crate::server::App;

/// Where index and queues differ, or why that is not known.
type Seen = Result<Vec<Lag>, String>;

/// What was seen last, and when.
#[derive(Default)]
pub(crate) struct LagSeen(Mutex<Option<(Instant, Seen)>>);

/// For so long it counts.
const FRESH: Duration = Duration::from_secs(5);

impl LagSeen {
    async fn look(&self, app: &App) -> Seen {
        let mut seen = self.0.lock().await;
        if let Some((when, known)) = &*seen
            && when.elapsed() < FRESH
        {
            return known.clone();
        }
        let known = lag(app.store.as_ref(), &app.broker, &app.stages).await.map_err(|error| chain(&error));
        *seen = Some((Instant::now(), known.clone()));
        known
    }
}

/// Says so where the index lags, or where that is not known.
pub(super) async fn notice(app: &App) -> Markup {
    match app.lag.look(app).await {
        Ok(lags) if lags.is_empty() => html! {},
        Ok(lags) => html! {
            div.notice.warn {
                p { strong { "The index does not say what the queues hold:" } }
                ul { @for lag in lags { li { (with_code(&lag.to_string())) } } }
            }
        },
        Err(why) => html! {
            p.notice.warn {
                "Whether dead letters are missing from this list could not be checked: " (foreign(&why)) "."
            }
        },
    }
}
