//! When a process asks for what, and what it lets through.

use super::*;

const LIMITS: PermitLimits = PermitLimits { concurrent: 20, capacity: 10_900, refill_per_second: 100 };
const LONGEST: Duration = Duration::from_secs(10);

fn answer(permits: u32, share: Option<u32>, drawn: u32) -> PermitAnswer {
    PermitAnswer { permits, share, drawn, next_draw: Duration::ZERO, held: Duration::ZERO }
}

/// So many calls wait, and the store answers.
fn asked(state: &mut State, waiting: u32, answer: &PermitAnswer, now: Instant) -> Question {
    state.longest = LONGEST;
    (0..waiting).for_each(|_| state.begin_to_wait());
    let question = state.question(&LIMITS, now);
    state.answered(&question, answer, now, now);
    question
}

/// How many of so many calls get their turn.
fn take(state: &mut State, calls: u32, now: Instant) -> u32 {
    let taken = (0..calls).filter(|_| state.try_take(LONGEST, now) == Try::Taken).count();
    u32::try_from(taken).expect("few")
}

#[test]
fn asks_at_once_for_a_burst_and_then_only_to_renew() {
    let now = Instant::now();
    let mut state = State::new(now);
    assert_eq!(state.due(now), None, "nobody calls");
    state.begin_to_wait();
    assert_eq!(state.due(now), Some(now));
    let question = asked(&mut state, 15, &answer(16, None, 16), now);
    assert_eq!((question.wants, question.keeps, question.draws), (16, 0, 16));
    (0..16).for_each(|_| state.end_to_wait());
    assert_eq!(take(&mut state, 30, now), 16);
    assert_eq!(state.due(now), Some(now + RENEW));
}

#[test]
fn gives_back_unused_permits_and_falls_silent() {
    let now = Instant::now();
    let mut state = State::new(now);
    asked(&mut state, 3, &answer(3, None, 3), now);
    (0..3).for_each(|_| state.end_to_wait());
    assert_eq!(take(&mut state, 3, now), 3);
    (0..3).for_each(|_| state.end());
    let wants = [1, 2, 3].map(|n| asked(&mut state, 0, &answer(0, None, 0), now + RENEW * n).wants);
    assert_eq!(wants, [3, 0, 0], "what was used since the last question is wanted once more");
    assert_eq!(state.due(now + RENEW * 4), None);
}

#[test]
fn comes_down_to_its_share_as_requests_end() {
    let now = Instant::now();
    let mut state = State::new(now);
    asked(&mut state, 16, &answer(16, None, 50), now);
    (0..16).for_each(|_| state.end_to_wait());
    assert_eq!(take(&mut state, 16, now), 16);
    let request = asked(&mut state, 0, &answer(16, Some(5), 0), now);
    assert_eq!(request.keeps, 16, "it did not know that others lack any");
    assert_eq!(take(&mut state, 1, now), 0);
    (0..4).for_each(|_| state.end());
    assert_eq!(state.due(now), Some(now), "what comes back is given back at once");
    let question = state.question(&LIMITS, now);
    assert_eq!(question.keeps, 12);
    assert_eq!(take(&mut state, 1, now), 0, "not even before the answer");
    state.answered(&question, &answer(12, Some(5), 0), now, now);
    (0..8).for_each(|_| state.end());
    assert_eq!(asked(&mut state, 0, &answer(5, Some(5), 0), now).keeps, 5);
    assert_eq!(take(&mut state, 9, now), 1);
}

#[test]
fn takes_no_permit_for_a_request_that_could_outlive_the_grant() {
    let now = Instant::now();
    let mut state = State::new(now);
    let question = asked(&mut state, 2, &answer(2, None, 2), now);
    assert_eq!(question.ttl, LONGEST + GRACE);
    assert_eq!(take(&mut state, 1, now + TOKEN_TTL / 2), 1);
    asked(&mut state, 0, &answer(2, None, 2), now);
    state.drawn = VecDeque::from([(9, now + GRACE * 2)]);
    assert_eq!(take(&mut state, 1, now + GRACE + Duration::from_millis(1)), 0);
    assert_eq!(take(&mut state, 1, now + GRACE), 1);
}

#[test]
fn tokens_expire_and_shrink_the_next_batch() {
    let now = Instant::now();
    let mut state = State::new(now);
    asked(&mut state, 4, &answer(4, None, 4), now);
    assert_eq!(state.batch, 4);
    assert_eq!(take(&mut state, 1, now), 1);
    assert_eq!(take(&mut state, 1, now + TOKEN_TTL), 0);
    assert_eq!(state.batch, 1, "three too many were drawn");
}

#[test]
fn a_429_drops_tokens_and_is_reported_at_once() {
    let now = Instant::now();
    let mut state = State::new(now);
    asked(&mut state, 4, &answer(4, None, 4), now);
    state.hold(Duration::from_secs(30), now);
    assert_eq!(state.due(now), Some(now));
    assert_eq!(state.try_take(LONGEST, now), Try::Held(Duration::from_secs(30)));
    let question = state.question(&LIMITS, now);
    assert_eq!(question.hold, Some(Duration::from_secs(30)));
    state.unanswered(StoreError::BadUrl { problem: "a failure" }, now);
    assert_eq!(state.question(&LIMITS, now).hold, Some(Duration::from_secs(30)), "not shared yet");
}

#[test]
fn a_store_failure_reaches_waiting_calls_and_keeps_permits() {
    let now = Instant::now();
    let mut state = State::new(now);
    asked(&mut state, 8, &answer(8, None, 8), now);
    let before = state.failures();
    let _ = state.question(&LIMITS, now);
    state.unanswered(StoreError::BadUrl { problem: "a failure" }, now);
    assert!(state.failure_since(before).is_some());
    assert!(state.failure_since(state.failures()).is_none());
    assert!(state.due(now).is_some_and(|due| due >= now + POLL), "not without end");
    assert_eq!(take(&mut state, 8, now), 8);
}

#[test]
fn more_calls_than_the_limit_do_not_ask_without_end() {
    let now = Instant::now();
    let mut state = State::new(now);
    let question = asked(&mut state, 40, &answer(20, None, 20), now);
    assert_eq!(question.wants, LIMITS.concurrent);
    (0..20).for_each(|_| state.end_to_wait());
    assert_eq!(take(&mut state, 20, now), 20);
    state.drawn = VecDeque::from([(9, now + TOKEN_TTL)]);
    assert_eq!(state.due(now), Some(now + RENEW), "twenty wait for those in flight");
}
