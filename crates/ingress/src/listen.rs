//! Connections, with what keeps those that say nothing from using them all up.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at once; a further one waits to be accepted.
const MOST_CONNECTIONS: usize = 512;

/// How long the head of a request may take to come.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long accepting pauses after it failed: most often there are too many open files, and it would
/// fail again at once.
const AFTER_A_FAILURE: Duration = Duration::from_secs(1);

/// Accepts connections until `stopped` is ready; then answers what is in hand, which takes `longest`.
pub(crate) async fn listen(
    listener: TcpListener,
    routes: Router,
    longest: Duration,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let (ending, end) = watch::channel(false);
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped);
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&room).acquire_owned();
        let accepted = async {
            let place = place.await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await, place))
        };
        tokio::select! {
            () = &mut stopped => break,
            accepted = accepted => match accepted? {
                (Ok((stream, _)), place) => {
                    let (routes, end) = (routes.clone(), end.clone());
                    connections.spawn(async move {
                        serve(stream, routes, end).await;
                        drop(place);
                    });
                }
                (Err(error), _) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    sleep(AFTER_A_FAILURE).await;
                }
            },
        }
    }
    drop(listener);
    ending.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(longest + HEAD_WITHIN, all).await.is_err() {
        tracing::warn!("stopped with webhooks in hand; the vendor sends them again");
    }
    Ok(())
}

/// Answers the requests of one connection; at the end, the one in hand.
async fn serve(stream: TcpStream, routes: Router, mut end: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    // That the sender is gone is an end as well.
    let ending = async { drop(end.wait_for(|ending| *ending).await) };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = ending => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
