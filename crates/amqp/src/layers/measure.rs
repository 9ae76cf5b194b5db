//! How long a message takes from the handler to the confirm of what follows from it, and how that ends.

use std::time::Instant;

use tracing::Span;

use super::Settled;
use crate::metrics::{Metrics, NOT_SETTLED, WAITS, error_type};
use crate::{Failure, Outcome, StageStatus};

/// Records duration and error type, in the metric and in the span of the message.
pub(super) async fn layer(
    metrics: &Metrics,
    status: &StageStatus,
    handled: impl Future<Output = Settled<Result<Outcome, Failure>>>,
) -> Settled<Result<Outcome, Failure>> {
    let began = Instant::now();
    let handled = handled.await;
    if matches!(handled, Ok(Ok(Outcome::PassedOver))) {
        status.one_passed_over();
    }
    let error = match &handled {
        Ok(Ok(_)) => None,
        Ok(Err(failure)) => Some(error_type(failure)),
        Err(_) => Some(NOT_SETTLED),
    };
    metrics.processed(began.elapsed(), error);
    if let Some(error) = error {
        let span = Span::current();
        span.record("error.type", error);
        if error != WAITS {
            span.record("otel.status_code", "ERROR");
        }
    }
    handled
}
