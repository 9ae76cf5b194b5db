//! Connecting to the broker, and saying clearly why that failed.

pub(crate) mod alarm;
mod confirms;
pub(crate) mod management;
pub(crate) mod oversized;
pub(crate) mod publisher;
pub(crate) mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::Secret;
use futures_util::future::{BoxFuture, FutureExt};
use lapin::Queue;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::watch;
use tokio::time::timeout;

/// Where the broker is: one address, or those of a cluster's nodes. Its `Display` never shows the
/// password.
#[derive(Clone)]
pub struct Broker {
    urls: Secret,
    /// As they were at the start.
    nodes: Arc<[AMQPUri]>,
    /// Which node was reached last, by all connections of this process.
    at: Arc<AtomicUsize>,
    name: String,
    on_alarm: fn(&Broker, Option<&str>),
}

/// Without heartbeats a peer that vanished is noticed only by TCP, after many minutes.
const HEARTBEAT_SECONDS: u16 = 15;
/// The broker's own default, for connections that consume and those that publish alike: what a publisher's headers
/// fit into, and our own at their longest. lapin keeps buffers of 32 frames each way. Where it knows the size
/// beforehand, it takes memory for them only as they are filled.
pub(crate) const FRAME_BYTES: u32 = 128 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer to the end of a connection or a channel is waited for.
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be read. Says nothing of its content: it may hold a password.
    #[error(
        "the AMQP URL cannot be read: write amqp://user:password@host:5672/vhost (a vhost of / is %2f); of a cluster, one for each node, separated by commas, all with one vhost"
    )]
    BadUrl,
    /// The broker refuses the user or the password.
    #[error(
        "the broker at {broker} refuses the login: check user and password, and whether the user may connect from here"
    )]
    LoginRefused {
        /// Where.
        broker: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// The broker lets the user in, and not into the vhost.
    #[error(
        "the broker at {broker} refuses the vhost: it does not exist, or the user has no rights on it; it is what follows the host in the AMQP URL (a vhost of / is %2f)"
    )]
    VhostRefused {
        /// Where.
        broker: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// The broker is there and takes no connection now: there are as many as it allows, the vhost is down, or it is
    /// being shut down.
    #[error("the broker at {broker} takes no connection now")]
    NotNow {
        /// Where.
        broker: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// The broker cannot be reached.
    #[error("the broker at {broker} cannot be reached")]
    Unreachable {
        /// Where.
        broker: String,
        /// What the network said.
        #[source]
        source: lapin::Error,
    },
    /// It was reached, but TLS does not come about.
    #[error(
        "no TLS with the broker at {broker}: check that this port speaks TLS, and that its certificate is valid for this host and signed by an authority that this machine trusts"
    )]
    Tls {
        /// Where.
        broker: String,
        /// What is wrong with it.
        #[source]
        source: lapin::Error,
    },
    /// The broker does not answer.
    #[error("the broker at {broker} did not answer within 10 seconds")]
    NoAnswer {
        /// Where.
        broker: String,
    },
}

impl ConnectError {
    /// Whether waiting cannot help: someone must change a setting.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::BadUrl | Self::LoginRefused { .. } | Self::VhostRefused { .. })
    }
}

impl std::fmt::Display for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&without_login(&self.node()))
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Broker({self})")
    }
}

impl Broker {
    /// Reads a broker's URL, or those of a cluster's nodes, separated by commas: they are tried in
    /// turn, beginning with the one that was reached last. `name` is what the broker's own pages show
    /// this process as.
    ///
    /// # Errors
    /// [`ConnectError::BadUrl`], also where the nodes do not have one vhost.
    pub fn parse(urls: &str, name: &str) -> Result<Self, ConnectError> {
        Self::new(Secret::new(urls), name)
    }

    /// The same, by URLs that may change: each new connection is made by what they are then.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn new(urls: Secret, name: &str) -> Result<Self, ConnectError> {
        let nodes = read(&urls.expose())?;
        Ok(Self { urls, nodes, at: Arc::default(), name: name.to_owned(), on_alarm: alarm::log })
    }

    /// Tells of alarms that hold up what is published, and of their ends (`None`), by this instead of the log.
    #[must_use]
    pub fn on_alarm(self, tell: fn(&Self, Option<&str>)) -> Self {
        Self { on_alarm: tell, ..self }
    }

    /// The vhost.
    pub fn vhost(&self) -> String {
        self.node().vhost
    }

    /// The host that was reached last, or is tried first.
    pub fn host(&self) -> String {
        self.node().authority.host
    }

    /// User and password.
    pub(crate) fn login(&self) -> (String, String) {
        let login = self.node().authority.userinfo;
        (login.username, login.password)
    }

    fn nodes(&self) -> Arc<[AMQPUri]> {
        if !self.urls.may_change() {
            return Arc::clone(&self.nodes);
        }
        read(&self.urls.expose()).unwrap_or_else(|_| {
            tracing::warn!("the AMQP URL has changed and cannot be read; the one of the start goes on");
            Arc::clone(&self.nodes)
        })
    }

    fn node(&self) -> AMQPUri {
        let nodes = self.nodes();
        nodes[self.at.load(Ordering::Relaxed) % nodes.len()].clone()
    }

    /// Opens a connection for one purpose, which the broker's own pages show. Tries the nodes in turn. That a
    /// login is refused is believed where no node takes it: one that is starting, or short of something,
    /// refuses as well.
    pub(crate) fn connect<'a>(&'a self, purpose: &'a str) -> BoxFuture<'a, Result<Link, ConnectError>> {
        self.connect_in_turn(purpose).boxed()
    }

    async fn connect_in_turn(&self, purpose: &str) -> Result<Link, ConnectError> {
        let (nodes, first) = (self.nodes(), self.at.load(Ordering::Relaxed));
        let mut failed = None;
        for tried in 0..nodes.len() {
            let node = (first + tried) % nodes.len();
            match self.open_at(&nodes[node], purpose).await {
                Ok(link) => {
                    self.at.store(node, Ordering::Relaxed);
                    return Ok(link);
                }
                Err(error) if failed.as_ref().is_none_or(ConnectError::is_configuration) => {
                    failed = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(failed.expect("there is a node at least"))
    }

    async fn open_at(&self, node: &AMQPUri, purpose: &str) -> Result<Link, ConnectError> {
        let (broker, uri) = (without_login(node), node.clone());
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("bilag {} {purpose}", self.name).into());
        let connecting = wire::connect(uri, properties);
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Err(_) => Err(ConnectError::NoAnswer { broker }),
            Ok(Ok(connection)) => Ok(Link { alarm: alarm::follow(&connection), connection }),
            Ok(Err(source)) => Err(match reply_code(&source) {
                Some(403) => ConnectError::LoginRefused { broker, source },
                // Neither may a limit of connections let anybody in.
                Some(530) if !source.to_string().contains("limit") => {
                    ConnectError::VhostRefused { broker, source }
                }
                Some(_) => ConnectError::NotNow { broker, source },
                None if is_of_tls(&source) => ConnectError::Tls { broker, source },
                None => ConnectError::Unreachable { broker, source },
            }),
        }
    }
}

fn read(urls: &str) -> Result<Arc<[AMQPUri]>, ConnectError> {
    let mut nodes = Vec::new();
    for url in urls.split(',') {
        let mut uri: AMQPUri = url.trim().parse().map_err(|_| ConnectError::BadUrl)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        uri.query.frame_max.get_or_insert(FRAME_BYTES);
        nodes.push(uri);
    }
    match nodes.iter().all(|node| node.vhost == nodes[0].vhost) {
        true => Ok(nodes.into()),
        false => Err(ConnectError::BadUrl),
    }
}

/// A node's host, port and vhost.
fn without_login(node: &AMQPUri) -> String {
    format!("{}:{} vhost {}", node.authority.host, node.authority.port, node.vhost)
}

/// rustls reports its errors as I/O errors of kind `InvalidData`.
fn is_of_tls(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::InvalidData)
}

/// An open connection. The broker blocks it when it is out of memory or disk: then publishes and
/// acks hang until it is unblocked, and still happen afterwards.
pub(crate) struct Link {
    pub(crate) connection: Connection,
    /// Why it is blocked.
    pub(crate) alarm: watch::Receiver<Option<String>>,
}

impl Link {
    pub(crate) fn is_blocked(&self) -> bool {
        self.is_connected() && self.alarm.borrow().is_some()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// The messages that are ready in a queue; `None` where it is not there, or may not be asked about.
    pub(crate) async fn ready(&self, queue: &str) -> Result<Option<u32>, lapin::Error> {
        Ok(self.looked_at(queue).await?.map(|queue| queue.message_count()))
    }

    /// Those who receive messages of a queue; `None` where it is not there, or may not be asked about.
    pub(crate) async fn consumers(&self, queue: &str) -> Result<Option<u32>, lapin::Error> {
        Ok(self.looked_at(queue).await?.map(|queue| queue.consumer_count()))
    }

    async fn looked_at(&self, queue: &str) -> Result<Option<Queue>, lapin::Error> {
        let mut queues = self.queues();
        let found = queues.find(queue).await?;
        queues.close().await;
        Ok(found)
    }

    pub(crate) fn queues(&self) -> Queues<'_> {
        Queues { link: self, channel: None }
    }

    /// Says goodbye, but does not wait long for an answer.
    pub(crate) async fn close(&self) {
        let goodbye = self.connection.close(200, "done".into());
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

/// Asks about queues, over one channel until the broker closes it: it does where a queue is not there.
pub(crate) struct Queues<'a> {
    link: &'a Link,
    channel: Option<Channel>,
}

impl Queues<'_> {
    /// A queue's messages and consumers; `None` where it is not there, or may not be asked about.
    pub(crate) async fn find(&mut self, queue: &str) -> Result<Option<Queue>, lapin::Error> {
        let channel = match self.channel.take() {
            Some(channel) => channel,
            None => self.link.connection.create_channel().await?,
        };
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
            Ok(found) => {
                self.channel = Some(channel);
                Ok(Some(found))
            }
            Err(error) if is_out_of_sight(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn close(self) {
        if let Some(channel) = self.channel {
            // It ends with the connection, should this fail.
            let _ = channel.close(200, "asked".into()).await;
        }
    }
}

/// Whether a queue is not there, or may not be asked about: from RabbitMQ 4.2.6 on that takes a right on it.
pub(crate) fn is_out_of_sight(error: &lapin::Error) -> bool {
    matches!(reply_code(error), Some(403 | 404))
}

pub(crate) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(amqp) => Some(amqp.get_id()),
        _ => None,
    }
}
