//! One delivery, from the handler's word to the ack.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::FutureExt;
use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use tokio::sync::Notify;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::bulkheads::{Admission, Bulkheads, Place};
use crate::circuit_breaker::{Change, CircuitBreaker, Evidence, Permit};
use crate::header::{Headers, names};
use crate::message::death_id;
use crate::metrics::{Metrics, NOT_SETTLED, WAITS, error_type};
use crate::topology::{DEAD, DELIVERY_LIMIT, REQUEUE, retry_queue_name};
use crate::{
    Action, Consumer, Delay, Failure, Handler, Message, Outcome, Outgoing, Pause, PublishError, Publisher,
    Reason, StageStatus, decide, trace,
};

const PANICKED: &str = "the handler panicked: a defect of Bilag's";
const TOO_OFTEN: &str = "delivered too often without an end: it likely ends the process that handles it";

/// What all deliveries of a stage share.
pub(crate) struct Handling<H> {
    handler: H,
    stage: &'static str,
    queue: String,
    delays: Vec<Delay>,
    gate: Mutex<CircuitBreaker>,
    bulkheads: Mutex<Bulkheads>,
    gate_changed: Notify,
    pub(crate) status: Arc<StageStatus>,
    metrics: Metrics,
}

impl<H: Handler> Handling<H> {
    pub(crate) fn new(handler: H, consumer: &Consumer) -> Self {
        let (stage, queue) = (consumer.stage().name, consumer.stage().queue());
        Self {
            handler,
            stage,
            metrics: Metrics::of(stage, &queue),
            queue,
            delays: consumer.topology.delays.clone(),
            gate: Mutex::default(),
            bulkheads: Mutex::new(Bulkheads::new(consumer.concurrency.into(), &consumer.topology.delays)),
            gate_changed: Notify::new(),
            status: consumer.status.clone(),
        }
    }

    pub(crate) fn permit(&self, now: Instant) -> Permit {
        self.gate().permit(now)
    }

    /// Returns once the stage has paused.
    pub(crate) async fn gate_changed(&self) {
        self.gate_changed.notified().await;
    }

    /// Handles a delivery; while the stage is paused it only goes to a retry queue. An error means that it
    /// is neither acked nor given back: that is for the end of its channel to do.
    pub(crate) async fn handle(&self, delivery: Delivery, publisher: &Publisher) -> Result<(), PublishError> {
        let paused = self.gate().is_paused();
        self.take(delivery, publisher, paused).await
    }

    /// Handles a delivery even while the stage is paused.
    pub(crate) async fn handle_probe(
        &self,
        delivery: Delivery,
        publisher: &Publisher,
    ) -> Result<(), PublishError> {
        self.take(delivery, publisher, false).await
    }

    async fn take(
        &self,
        mut delivery: Delivery,
        publisher: &Publisher,
        park: bool,
    ) -> Result<(), PublishError> {
        self.status.taken();
        self.metrics.taken();
        let message = Message::of(&mut delivery);
        let id = message.id();
        let span = tracing::info_span!(
            target: "bilag::trace",
            "process",
            otel.name = format!("process {}", self.queue),
            otel.kind = "consumer",
            messaging.system = "rabbitmq",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = trace::destination(&message.exchange, &message.routing_key, &self.queue),
            messaging.rabbitmq.destination.routing_key = message.routing_key,
            messaging.message.id = id,
            error.type = Empty,
            otel.status_code = Empty,
        );
        trace::continue_from(&span, message.header_text(names::TRACEPARENT).as_deref());
        let settled = async {
            if park {
                let action = Action::Retry(self.delays[0], message.attempt());
                return self.send_aside(&message, &id, action, None, publisher).await;
            }
            // One that panics does so again where the message is handled, and is caught there.
            let bulkhead =
                std::panic::catch_unwind(AssertUnwindSafe(|| self.handler.bulkhead(&message))).ok().flatten();
            let _place = match bulkhead.as_deref().map(|bulkhead| self.admit(bulkhead)) {
                Some(Ok(place)) => Some(place),
                Some(Err(delay)) => {
                    let action = Action::Retry(delay, message.attempt());
                    return self.send_aside(&message, &id, action, None, publisher).await;
                }
                None => None,
            };
            self.process(&message, &id, bulkhead.as_deref(), publisher).await
        };
        let settled = settled.instrument(span).await;
        match &settled {
            // An ack that fails means that the channel is gone and the message comes again.
            Ok(()) => drop(delivery.acker.ack(BasicAckOptions::default()).await),
            Err(error) => tracing::debug!(
                stage = self.stage,
                message_id = id,
                error = crate::failure::chain(error),
                "not settled; the broker delivers it again"
            ),
        }
        self.status.finished();
        settled
    }

    /// Ok once what follows from the message is confirmed.
    async fn process(
        &self,
        message: &Message,
        id: &str,
        bulkhead: Option<&str>,
        publisher: &Publisher,
    ) -> Result<(), PublishError> {
        let began = Instant::now();
        let mut result = self.ask(message).await;
        if matches!(result, Ok(Outcome::PassedOver)) {
            self.status.one_passed_over();
        }
        if let Ok(Outcome::Done(events)) = &result {
            match self.emit(events, message, publisher).await {
                Ok(()) => {}
                Err(lost @ PublishError::Lost(_)) => {
                    self.measure(began, Some(NOT_SETTLED));
                    return Err(lost);
                }
                Err(error) => result = Err(Failure::unreached(error)),
            }
        }
        self.measure(began, result.as_ref().err().map(error_type));
        let paused = self.note(&result, id, bulkhead);
        let Err(failure) = result else { return Ok(()) };
        let action = decide(&self.delays, message.attempt(), paused, &failure);
        self.tell(id, message, &failure, action, paused);
        self.send_aside(message, id, action, Some(&failure), publisher).await
    }

    fn measure(&self, began: Instant, error: Option<&'static str>) {
        self.metrics.processed(began.elapsed(), error);
        if let Some(error) = error {
            let span = Span::current();
            span.record("error.type", error);
            if error != WAITS {
                span.record("otel.status_code", "ERROR");
            }
        }
    }

    /// What the handler says; where it cannot say, what that means.
    async fn ask(&self, message: &Message) -> Result<Outcome, Failure> {
        if message.in_vain > DELIVERY_LIMIT.into() {
            return Err(Failure::reject(Reason::DELIVERY_LIMIT, TOO_OFTEN));
        }
        let handled = AssertUnwindSafe(self.handler.handle(message)).catch_unwind().await;
        handled.unwrap_or_else(|_| Err(Failure::reject(Reason::HANDLER_PANICKED, PANICKED)))
    }

    async fn emit(
        &self,
        events: &[Outgoing],
        message: &Message,
        publisher: &Publisher,
    ) -> Result<(), PublishError> {
        let incoming = message.header_text(names::TRACEPARENT);
        let publishing = events.iter().map(|event| {
            let mut headers = Headers::default();
            trace::inject(&mut headers, incoming.as_deref());
            publisher.publish_outgoing(event, headers)
        });
        join_all(publishing).await.into_iter().collect()
    }

    /// A place in a bulkhead, or the retry queue that the message waits in.
    fn admit<'a>(&'a self, bulkhead: &'a str) -> Result<Placed<'a>, Delay> {
        match self.bulkheads().admit(bulkhead, Instant::now()) {
            Admission::Enter(place) => Ok(Placed { bulkheads: &self.bulkheads, bulkhead, place }),
            Admission::Park(delay) => Err(delay),
        }
    }

    /// Takes the result in as evidence; answers whether that is paused which the message failed at.
    fn note(&self, result: &Result<Outcome, Failure>, id: &str, bulkhead: Option<&str>) -> bool {
        let Some(bulkhead) = bulkhead else { return self.note_stage(Evidence::of_any(result), result, id) };
        let (of_bulkhead, of_stage) = Evidence::of(result);
        let stage_paused = self.note_stage(of_stage, result, id);
        self.note_bulkhead(bulkhead, of_bulkhead, result, id) || stage_paused
    }

    fn note_stage(&self, evidence: Evidence, result: &Result<Outcome, Failure>, id: &str) -> bool {
        let (change, next_probe) = {
            let mut gate = self.gate();
            (gate.note(evidence, id, Instant::now()), gate.next_probe())
        };
        match (paused_by(change, result, next_probe), change) {
            (Some(pause), _) => {
                let why = &pause.why;
                tracing::warn!(stage = self.stage, why, "paused: different messages fail in a row; probing");
                self.status.set_pause(Some(pause));
                self.gate_changed.notify_one();
            }
            (None, Change::Resumed) => {
                tracing::info!(stage = self.stage, "resumed: a probe succeeded");
                self.status.set_pause(None);
            }
            (None, _) => {
                if let Some(at) = next_probe {
                    self.status.set_next_probe(to_utc(at));
                }
            }
        }
        next_probe.is_some()
    }

    fn note_bulkhead(
        &self,
        bulkhead: &str,
        evidence: Evidence,
        result: &Result<Outcome, Failure>,
        id: &str,
    ) -> bool {
        let (stage, status) = (self.stage, &self.status);
        let (change, next_probe) = self.bulkheads().note(bulkhead, evidence, id, Instant::now());
        match (paused_by(change, result, next_probe), change) {
            (Some(pause), _) => {
                let why = &pause.why;
                tracing::warn!(
                    stage,
                    bulkhead,
                    why,
                    "bulkhead paused: different messages of it fail in a row; probing"
                );
                status.set_bulkhead_pause(bulkhead, Some(pause));
            }
            (None, Change::Resumed) => {
                tracing::info!(stage, bulkhead, "bulkhead resumed: a probe succeeded");
                status.set_bulkhead_pause(bulkhead, None);
            }
            (None, _) => {
                if let Some(at) = next_probe {
                    status.set_bulkhead_next_probe(bulkhead, to_utc(at));
                }
            }
        }
        next_probe.is_some()
    }

    /// One line per failure, here where it is handled.
    fn tell(&self, id: &str, message: &Message, failure: &Failure, action: Action, paused: bool) {
        let stage = self.stage;
        let about = message.subject().or_else(|| self.handler.subject(message));
        let about = about.map(|subject| subject.to_string());
        let (message_id, error) = (id, failure.chain());
        match action {
            Action::DeadLetter(reason) => {
                tracing::error!(stage, message_id, about, %reason, error, "dead letter");
            }
            Action::Retry(delay, attempt) if paused || matches!(failure, Failure::Wait { .. }) => {
                tracing::debug!(stage, message_id, about, %delay, attempt, error, "waits");
            }
            Action::Retry(delay, attempt) => {
                tracing::warn!(stage, message_id, about, %delay, attempt, error, "failed; tried again later");
            }
        }
    }

    /// Publishes a message to a retry queue or to the dead letters: the body as it came, the properties
    /// made anew from what may be kept.
    async fn send_aside(
        &self,
        message: &Message,
        id: &str,
        action: Action,
        failure: Option<&Failure>,
        publisher: &Publisher,
    ) -> Result<(), PublishError> {
        let mut headers = message.kept_headers();
        let spends = !matches!(action, Action::Retry(_, attempt) if attempt == message.attempt());
        if let Some(failure) = failure.filter(|_| spends) {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            headers.set_text(names::STAGE, self.stage);
            headers.set_text(names::ERROR, failure.chain_with_answers());
            headers.set_text(names::LAST_FAILED_AT, &*now);
            if !headers.contains(names::FIRST_FAILED_AT) {
                headers.set_text(names::FIRST_FAILED_AT, &*now);
            }
        }
        if message.subject().is_none()
            && let Some(subject) = self.handler.subject(message)
        {
            subject.headers().into_iter().for_each(|(name, value)| headers.set_text(name, value));
        }
        let (exchange, key) = match action {
            Action::Retry(delay, attempt) => {
                headers.set_number(names::ATTEMPT, attempt.into());
                if let in_vain @ 1.. = message.in_vain {
                    headers.set_number(names::DELIVERED_IN_VAIN, in_vain.try_into().unwrap_or(i64::MAX));
                }
                (REQUEUE, retry_queue_name(&self.queue, delay))
            }
            Action::DeadLetter(reason) => {
                headers.set_number(names::ATTEMPT, message.attempt().into());
                headers.set_text(names::REASON, reason.as_str());
                headers.set_text(names::DEATH, death_id());
                (DEAD, self.stage.to_owned())
            }
        };
        let properties = message.kept_properties(id).with_headers(headers.to_table());
        let sent = publisher.publish_raw(exchange, &key, &message.body, properties).await;
        match &sent {
            Ok(()) => self.metrics.put_aside(action, failure, spends),
            Err(error) => {
                let error = crate::failure::chain(error);
                tracing::error!(stage = self.stage, message_id = id, error, "could not be put aside");
            }
        }
        sent
    }

    fn gate(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bulkheads(&self) -> MutexGuard<'_, Bulkheads> {
        self.bulkheads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message's place in its bulkhead, until it is dropped: also where its handling is cut short.
struct Placed<'a> {
    bulkheads: &'a Mutex<Bulkheads>,
    bulkhead: &'a str,
    place: Place,
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        self.bulkheads.lock().unwrap_or_else(PoisonError::into_inner).leave(self.bulkhead, self.place);
    }
}

/// The pause that has begun with a failure, where one has.
fn paused_by(
    change: Change,
    result: &Result<Outcome, Failure>,
    next_probe: Option<Instant>,
) -> Option<Pause> {
    match (change, result) {
        (Change::Paused, Err(failure)) => {
            let since = Utc::now();
            let next_probe_at = next_probe.map_or(since, to_utc);
            Some(Pause { since, why: failure.chain(), next_probe_at })
        }
        _ => None,
    }
}

/// A time to come, as people know it.
fn to_utc(instant: Instant) -> DateTime<Utc> {
    Utc::now() + instant.saturating_duration_since(Instant::now())
}
