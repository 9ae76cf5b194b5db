//! The HTTP/1.1 server of every listener. Its limits keep idle and slow clients from using up all connections.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use std::time::Duration;
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let routes = axum::Router::new().route("/livez", axum::routing::get(|| async { "ok" }));
//! let shutdown = tokio_util::sync::CancellationToken::new();
//! http_server::serve(listener, routes, Duration::from_secs(10), shutdown).await
//! # }
//! ```

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use futures_util::stream::{self, StreamExt};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Maximum open connections of one listener; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// Maximum open connections of one address; further ones are closed. Half of all, because the address may be
/// that of a proxy.
const MAX_CONNECTIONS_PER_ADDRESS: usize = MAX_CONNECTIONS / 2;

/// For the head of a request to arrive, from the opening of the connection or the last response.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// For the body of a request to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// For a client to read any of its response.
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });

/// Pause after `accept` failed: usually there are too many open files, and it would fail again at once.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is cancelled, then finishes requests in flight within `grace`. Connections that are
/// open after that, or when the future is dropped, are closed. Handlers get the client's address as
/// [`ConnectInfo`].
///
/// # Errors
/// The listener can no longer be used.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    grace: Duration,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut addresses = HashMap::<IpAddr, Arc<()>>::new();
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let _abort_on_drop = abort.clone().drop_guard();
    loop {
        let place = Arc::clone(&room).acquire_owned();
        let accepted = async {
            let place = place.await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await, place))
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => match accepted? {
                (Ok((stream, peer)), place) => {
                    addresses.retain(|_, connection| Arc::strong_count(connection) > 1);
                    let connection = Arc::clone(addresses.entry(client_network(peer.ip())).or_default());
                    // Beside those of connections, the map and this one have it.
                    if Arc::strong_count(&connection) > MAX_CONNECTIONS_PER_ADDRESS + 1 {
                        tracing::debug!(address = %peer.ip(), "closed a connection: the address has too many");
                        continue;
                    }
                    let serving = serve_connection(stream, peer, routes.clone(), shutdown.clone());
                    let abort = abort.clone();
                    connections.spawn(async move {
                        abort.run_until_cancelled(serving).await;
                        drop((connection, place));
                    });
                }
                (Err(error), _) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    sleep(ACCEPT_BACKOFF).await;
                }
            },
        }
    }
    drop(listener);
    connections.close();
    if timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!("stopped with requests in flight; their clients get no response");
    }
    Ok(())
}

/// Serves the requests of one connection; at shutdown, finishes the one in flight.
async fn serve_connection(stream: TcpStream, peer: SocketAddr, routes: Router, shutdown: CancellationToken) {
    // The kernel closes a connection whose peer acknowledges nothing, or keeps its window closed.
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT)) {
        tracing::debug!(%error, "a connection has no limit for unread responses");
    }
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(in_time);
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// A body that fails unless it arrives in time.
fn in_time(body: Incoming) -> Body {
    let deadline = Instant::now() + BODY_TIMEOUT;
    let chunks = stream::unfold(Some(Body::new(body).into_data_stream()), move |chunks| async move {
        let mut chunks = chunks?;
        match timeout_at(deadline, chunks.next()).await {
            Ok(chunk) => Some((chunk?, Some(chunks))),
            Err(late) => Some((Err(axum::Error::new(late)), None)),
        }
    });
    Body::from_stream(chunks)
}

/// What to count a client by: an IPv4 address, or the /64 network that an IPv6 client has to itself.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn disconnects_clients_that_do_not_read() {
        const GRACE: Duration = Duration::from_secs(60);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new().route("/", get(|| async { vec![0_u8; 64 << 20] }));
        let client = TcpStream::connect(address).await.expect("a connection");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        client.writable().await.expect("it is open");
        assert_eq!(client.try_write(request).expect("sent"), request.len());
        let shutdown = CancellationToken::new();
        let stop = async {
            client.readable().await.expect("the response begins");
            shutdown.cancel();
        };
        let serving = serve(listener, routes, GRACE, shutdown.clone());
        let (served, ()) = tokio::join!(timeout(GRACE / 2, serving), stop);
        served.expect("the connection ends before the grace").expect("the listener works");
    }

    #[test]
    fn counts_ipv4_addresses_and_ipv6_networks() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            let parsed = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(client_network(parsed(address)), parsed(expected), "{address}");
        }
    }
}
