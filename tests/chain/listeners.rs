//! What every HTTP listener does about clients that send nothing, or half of a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bilag_tests::{Health, Ingress, TIMEOUT, World, eventually};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Connections that one address may have open at a listener.
const PER_ADDRESS: usize = 256;

/// A client's own address, of those of this machine.
const fn client(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))
}

async fn connected(listener: SocketAddr, number: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(client(number), 0)).expect("an address of this machine");
    socket.connect(listener).await.expect("it listens")
}

/// Waits until the other end has closed a connection.
async fn closed(stream: &mut TcpStream) {
    // That it is reset is an end as well.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn status(listener: SocketAddr, path: &str, number: u8) -> StatusCode {
    let http = reqwest::Client::builder().local_address(client(number)).build().expect("a client");
    let answer = http.get(format!("http://{listener}{path}")).timeout(TIMEOUT).send().await;
    answer.expect("an answer").status()
}

async fn withstands(listener: SocketAddr, path: &str) {
    let ended = async |said: &[u8]| {
        let mut stream = connected(listener, 2).await;
        stream.write_all(said).await.expect("it reads");
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
        () = closed(&mut silent[0]) => panic!("no limit for one address, only for the time of a head"),
    }
    assert_eq!(status(listener, path, 3).await, StatusCode::OK, "another address is answered");

    for _ in 0..PER_ADDRESS {
        silent.push(connected(listener, 4).await);
    }
    assert_eq!(status(listener, path, 3).await, StatusCode::OK, "also where addresses use up all together");
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn console_closes_silent_connections() {
    let world = World::new().await;
    let console = world.console(&[]).await;
    withstands(address(&console.url), "/").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_closes_silent_connections() {
    let mut world = World::new().await;
    let health = Health::of(&mut world);
    let _all = world.consume(&["all"]).await;
    withstands(health.address, "/livez").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ingress_closes_silent_connections() {
    let mut world = World::new().await;
    let ingress: Ingress = world.ingress_on("127.0.0.1:0").await;
    eventually("it listens", async || ingress.ready().await).await;
    withstands(address(&ingress.url), "/livez").await;
}
