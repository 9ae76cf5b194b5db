//! Every HTTP listener closes connections of clients that send nothing or half a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bilag_tests::{Health, Ingress, TIMEOUT, TestEnv, eventually};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Maximum open connections per address.
const PER_ADDRESS: usize = 256;

/// A loopback address for a client.
const fn client(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))
}

async fn connected(listener: SocketAddr, number: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(client(number), 0)).expect("an address of this machine");
    socket.connect(listener).await.expect("it listens")
}

/// Waits until the server has closed a connection.
async fn closed(stream: &mut TcpStream) {
    // A reset is a close as well.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn status(listener: SocketAddr, path: &str, number: u8) -> StatusCode {
    let http = reqwest::Client::builder().local_address(client(number)).build().expect("a client");
    let answer = http.get(format!("http://{listener}{path}")).timeout(TIMEOUT).send().await;
    answer.expect("an answer").status()
}

async fn withstands(listener: SocketAddr, path: &str) {
    let ended = async |output: &[u8]| {
        let mut stream = connected(listener, 2).await;
        stream.write_all(output).await.expect("it reads");
        timeout(TIMEOUT, closed(&mut stream)).await.expect("it is closed in time");
    };
    let half_a_form = format!(
        "POST /login HTTP/1.1\r\nhost: {listener}\r\norigin: http://{listener}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\nname="
    );
    tokio::join!(ended(b""), ended(b"GET / HTTP/1.1\r\nhost: a"), ended(half_a_form.as_bytes()));

    let mut silent = Vec::new();
    for _ in 0..PER_ADDRESS {
        silent.push(connected(listener, 2).await);
    }
    let mut further = connected(listener, 2).await;
    tokio::select! {
        biased;
        () = closed(&mut further) => {}
        () = closed(&mut silent[0]) => panic!("below the limit per address, only the header timeout applies"),
    }
    assert_eq!(status(listener, path, 3).await, StatusCode::OK, "another address is answered");

    for _ in 0..PER_ADDRESS {
        silent.push(connected(listener, 4).await);
    }
    assert_eq!(status(listener, path, 3).await, StatusCode::OK, "also at the total limit");
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn console_closes_silent_connections() {
    let env = TestEnv::new().await;
    let console = env.console(&[]).await;
    withstands(address(&console.url), "/").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_closes_silent_connections() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let _all = env.consume(&["all"]).await;
    withstands(health.address, "/livez").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ingress_closes_silent_connections() {
    let mut env = TestEnv::new().await;
    let ingress: Ingress = env.ingress_on("127.0.0.1:0").await;
    eventually("it listens", async || ingress.ready().await).await;
    withstands(address(&ingress.url), "/livez").await;
}
