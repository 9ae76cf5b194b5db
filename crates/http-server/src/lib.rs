//! The HTTP/1.1 server of every listener, with limits that keep clients that send nothing, or send it
//! slowly, or do not read, from using up all connections.

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
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Open connections of one listener; a further one waits to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// Open connections of one address; a further one is closed. Half of all, because one address may be a
/// proxy in front of every client.
const MAX_CONNECTIONS_PER_ADDRESS: usize = MAX_CONNECTIONS / 2;

/// How long the head of a request may take to arrive, from the opening of the connection or the last
/// answer.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the body of a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may read nothing of its answer.
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });

/// The pause after `accept` failed: most often there are too many open files, and it would fail again
/// at once.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is ready, and then for at most `grace` until requests in flight are answered.
/// Handlers find the client's address as [`ConnectInfo`].
///
/// # Errors
/// The listener can no longer be used.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (shut_down, shutting_down) = watch::channel(false);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut addresses = HashMap::<IpAddr, Arc<()>>::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&room).acquire_owned();
        let accepted = async {
            let place = place.await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await, place))
        };
        tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => match accepted? {
                (Ok((stream, peer)), place) => {
                    addresses.retain(|_, connection| Arc::strong_count(connection) > 1);
                    let connection = Arc::clone(addresses.entry(client(peer.ip())).or_default());
                    // Beside those of connections, the map and this one have it.
                    if Arc::strong_count(&connection) > MAX_CONNECTIONS_PER_ADDRESS + 1 {
                        tracing::debug!(address = %peer.ip(), "closed a connection: the address has too many");
                        continue;
                    }
                    let (routes, shutting_down) = (routes.clone(), shutting_down.clone());
                    connections.spawn(async move {
                        serve_connection(stream, peer, routes, shutting_down).await;
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
    shut_down.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_err() {
        tracing::warn!("stopped with requests in flight; their clients get no answer");
    }
    Ok(())
}

/// Answers the requests of one connection; at the shutdown, the one in flight.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    mut shutting_down: watch::Receiver<bool>,
) {
    // The kernel ends a connection whose peer acknowledges nothing, or keeps its window closed.
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT)) {
        tracing::debug!(%error, "a connection has no limit for answers that are not read");
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
    // That the sender is gone is a shutdown as well.
    let shutdown = async { drop(shutting_down.wait_for(|shutting_down| *shutting_down).await) };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// A body that is an error where it does not arrive in time.
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

/// Whom connections are counted for: an IPv4 address, or the /64 network that an IPv6 client has to itself.
fn client(address: IpAddr) -> IpAddr {
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
    async fn a_client_that_does_not_read_its_answer_is_disconnected() {
        const GRACE: Duration = Duration::from_secs(60);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new().route("/", get(|| async { vec![0_u8; 64 << 20] }));
        let client = TcpStream::connect(address).await.expect("a connection");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        client.writable().await.expect("it is open");
        assert_eq!(client.try_write(request).expect("sent"), request.len());
        let shutdown = async { client.readable().await.expect("the answer begins") };
        let served = timeout(GRACE / 2, serve(listener, routes, GRACE, shutdown)).await;
        served.expect("the connection ends before the grace").expect("the listener works");
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            let parsed = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(client(parsed(address)), parsed(expected), "{address}");
        }
    }
}
