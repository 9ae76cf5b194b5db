//! Never more at once than allowed, and obedient to 429.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_client::{CallError, ServiceClient};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{SERVICE, ask, client, config, error};
use crate::server::Server;

/// A 429 to the first request, and a success to any other.
async fn throttling_once(retry_after: &'static str) -> Server {
    Server::answering(move |before, _| async move {
        match before {
            0 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after)]).into_response(),
            _ => StatusCode::OK.into_response(),
        }
    })
    .await
}

#[tokio::test]
async fn waits_for_a_short_429() {
    let server = throttling_once("1").await;
    ask(&client(&server.url), "").await.expect("a success");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn long_429_holds_all_clones() {
    let server = throttling_once("60").await;
    let client = client(&server.url);
    for client in [client.clone(), client.clone(), client] {
        let error = error(&client, "").await;
        let CallError::Throttled { retry_after, .. } = error else { panic!("{error:?}") };
        assert!((30..=60).contains(&retry_after.as_secs()), "{retry_after:?}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn bounds_requests_in_flight() {
    let (in_flight, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let released = Arc::new(Semaphore::new(0));
    let server = {
        let (in_flight, most, released) = (in_flight.clone(), most.clone(), released.clone());
        Server::answering(move |_, _| {
            let (in_flight, most, released) = (in_flight.clone(), most.clone(), released.clone());
            async move { counted(&in_flight, &most, &released).await }
        })
        .await
    };
    let mut four = config(&server.url);
    four.max_concurrent = 4;
    let four = ServiceClient::new(SERVICE, four).expect("a client");

    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let four = four.clone();
        calls.spawn(async move { ask(&four, "").await.map(drop) });
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while in_flight.load(Ordering::SeqCst) < 4 {
        assert!(Instant::now() < deadline, "four requests were never in flight");
        sleep(Duration::from_millis(1)).await;
    }
    released.add_permits(40);
    for result in calls.join_all().await {
        result.expect("a success");
    }
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

async fn counted(in_flight: &AtomicUsize, most: &AtomicUsize, released: &Semaphore) -> Response {
    most.fetch_max(in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    released.acquire().await.expect("never closed").forget();
    in_flight.fetch_sub(1, Ordering::SeqCst);
    StatusCode::OK.into_response()
}
