//! The layer of what the downstream forbids: where it forbids several messages of one scope (a store, say), the
//! others of that scope wait, and those of other scopes go on.
//!
//! Scopes that nothing is held against are not known here, so that healthy messages cost nothing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::bulkhead::{Admission, Bulkheads, Placed};
use super::circuit_breaker::Evidence;
use super::{Handled, Settled};
use crate::{BulkheadLimits, Delay, Failure, Message, Outcome, Part, StageStatus};

/// An answer that forbids comes at once, so no scope is slow. What waits comes back as a tenant's messages do.
const LIMITS: BulkheadLimits = BulkheadLimits { slow_after: Duration::MAX, returns_per_second: 20.0 };

/// One circuit breaker for each scope of which a message was forbidden.
pub(super) struct ScopeLayer {
    scopes: Mutex<Bulkheads>,
    status: Arc<StageStatus>,
}

impl ScopeLayer {
    pub(super) fn new(concurrency: usize, delays: &[Delay], status: Arc<StageStatus>) -> Self {
        Self { scopes: Mutex::new(Bulkheads::new(LIMITS, concurrency, delays)), status }
    }

    /// Turns away what is held for its scope, but for probes; takes in what the others showed.
    pub(super) async fn layer(
        &self,
        message: &Message,
        scope: impl Fn() -> Option<String>,
        handled: impl Future<Output = Settled<Result<Outcome, Failure>>>,
    ) -> Settled<Handled> {
        // A body that makes this panic does so again where it is handled, and is caught there.
        let scope = || std::panic::catch_unwind(AssertUnwindSafe(&scope)).ok().flatten();
        let suspected = !self.scopes.lock().is_empty();
        let mut name = suspected.then(scope).flatten();
        let _place = match &name {
            None => None,
            Some(name) => match { self.scopes.lock() }.admit(name, Instant::now()) {
                Admission::Park(delay) => return Ok(Handled::Parked(delay)),
                Admission::Enter(place) => {
                    Some(Placed { bulkheads: &self.scopes, name: name.clone(), place })
                }
            },
        };
        let result = handled.await?;
        let of_scope = Evidence::of_scope(&result);
        if let Evidence::Fails(_) = of_scope {
            name = name.or_else(scope);
        }
        let evidence = Evidence::of_any(&result);
        let Some(scope) = name else {
            return Ok(Handled::Ended { result, evidence, paused: false, scope: None });
        };
        let (change, next_probe) = {
            let mut scopes = self.scopes.lock();
            let noted = scopes.note(&scope, of_scope, &message.id(), Instant::now());
            scopes.forget_healthy(&scope);
            noted
        };
        change.show(&self.status, &Part::Scope(scope.clone()), &result, next_probe);
        let paused = next_probe.is_some();
        // What a scope is held for says nothing more about others.
        let evidence = if paused { Evidence::None } else { evidence };
        Ok(Handled::Ended { result, evidence, paused, scope: Some(scope) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extent, Reached, Reason};

    fn forbidden() -> Result<Outcome, Failure> {
        let (extent, reached) = (Extent::Bulkhead, Reached::Forbidden);
        Err(Failure::Unavailable { extent, reached, reason: Reason::RETRIES_EXHAUSTED, error: "403".into() })
    }

    fn done() -> Result<Outcome, Failure> {
        Ok(Outcome::Done(Vec::new()))
    }

    fn layer() -> ScopeLayer {
        let delays = ["5s".parse().expect("a delay")];
        ScopeLayer::new(8, &delays, Arc::new(StageStatus::new("upload")))
    }

    /// What a message of this scope came to: turned away, or handled with this evidence for the stage.
    async fn handle(
        layer: &ScopeLayer,
        body: &'static str,
        scope: &str,
        result: Result<Outcome, Failure>,
    ) -> Option<(Evidence, bool)> {
        let name = || Some(scope.to_owned());
        match layer.layer(&Message::plain(body), name, async { Ok(result) }).await {
            Ok(Handled::Ended { evidence, paused, .. }) => Some((evidence, paused)),
            _ => None,
        }
    }

    #[tokio::test]
    async fn holds_a_forbidden_scope_alone() {
        let (layer, forbids) = (layer(), Evidence::Fails(Reached::Forbidden));
        for body in ["a", "b", "c", "d"] {
            assert_eq!(handle(&layer, body, "70", forbidden()).await, Some((forbids, false)));
            assert_eq!(handle(&layer, "x", "71", done()).await, Some((Evidence::Works, false)));
        }
        assert_eq!(handle(&layer, "e", "70", forbidden()).await, Some((Evidence::None, true)));
        assert_eq!(handle(&layer, "f", "70", forbidden()).await, None, "it waits");
        assert_eq!(handle(&layer, "y", "71", done()).await, Some((Evidence::Works, false)));
        let held = layer.status.paused_scopes();
        assert_eq!(
            held.into_iter().map(|(scope, pause)| (scope, pause.why)).collect::<Vec<_>>(),
            [("70".to_owned(), "403".to_owned())]
        );
    }

    #[tokio::test]
    async fn a_success_ends_suspicion() {
        let layer = layer();
        for _ in 0..3 {
            for body in ["a", "b", "c"] {
                handle(&layer, body, "70", forbidden()).await;
            }
            assert!(!layer.scopes.lock().is_empty());
            handle(&layer, "d", "70", done()).await;
            assert!(layer.scopes.lock().is_empty());
        }
        assert!(layer.status.paused_scopes().is_empty());
    }

    #[tokio::test]
    async fn other_failures_are_no_matter_of_the_scope() {
        let layer = layer();
        for body in ["a", "b", "c", "d", "e", "f"] {
            let handled = handle(&layer, body, "70", Err(Failure::unreached("refused"))).await;
            assert_eq!(handled, Some((Evidence::Fails(Reached::Never), false)));
        }
        assert!(layer.scopes.lock().is_empty());
    }
}
