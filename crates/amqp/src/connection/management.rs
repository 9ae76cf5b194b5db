//! The broker's management API: it tells what AMQP cannot, such as bindings and policies.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Broker, QueueDepth};

/// The management API of a broker, used with the AMQP login. Its `Debug` shows no password.
#[derive(Clone)]
pub struct Management {
    client: reqwest::Client,
    url: String,
    login: (String, String),
    vhost: String,
}

/// Why the management API did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// Not reached, or not in time.
    #[error("the management API at {url} did not answer: check BILAG_MANAGEMENT_URL")]
    NoAnswer {
        /// Where.
        url: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// What answers is something else.
    #[error("what answers {status} at {url} is not RabbitMQ's management API: check BILAG_MANAGEMENT_URL")]
    SomethingElse {
        /// Where.
        url: String,
        /// The status.
        status: u16,
    },
    /// It does not take the login, or the user may not ask it.
    #[error(
        "the management API at {url} answered {status}: it takes the AMQP URL's user and password, and the user needs the tag \"monitoring\" or \"management\" and rights on the vhost"
    )]
    Refused {
        /// Where.
        url: String,
        /// The status.
        status: u16,
    },
    /// It has no such vhost: it is the API of another broker.
    #[error(
        "the management API at {url} has no vhost {vhost}: BILAG_MANAGEMENT_URL and BILAG_AMQP_URL are of different brokers"
    )]
    NoVhost {
        /// Where.
        url: String,
        /// The vhost of the AMQP URL.
        vhost: String,
    },
    /// It failed.
    #[error("the management API at {url} answered {status}; see the broker's log")]
    Failed {
        /// Where.
        url: String,
        /// The status.
        status: u16,
    },
}

/// How long an answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// How long the numbers of queues may take: somebody waits for them.
const NUMBERS_WITHIN: Duration = Duration::from_secs(2);

/// The numbers of a queue. A queue that was just declared has none yet.
#[derive(Clone, Debug, Deserialize)]
struct QueueNumbers {
    name: String,
    #[serde(default)]
    messages_ready: u64,
    #[serde(default)]
    messages_unacknowledged: u64,
    #[serde(default)]
    consumers: u64,
}

/// A queue as the management API shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct QueueInfo {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) arguments: Map<String, Value>,
    #[serde(default)]
    pub(crate) policy: Option<String>,
    #[serde(default)]
    pub(crate) effective_policy_definition: Option<Value>,
}

/// An exchange as the management API shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExchangeInfo {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) durable: bool,
}

/// A binding as the management API shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct BindingInfo {
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) routing_key: String,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Management({})", self.url)
    }
}

impl Management {
    /// The API at `url` (`http://host:15672`), for the vhost and with the login of `broker`.
    pub fn new(url: &str, broker: &Broker) -> Self {
        let (user, password) = broker.login();
        // A login in the URL is not used, and must not be shown either.
        let url = match url.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                format!("{scheme}://{host}/{path}")
            }
            None => url.to_owned(),
        };
        Self {
            client: reqwest::Client::new(),
            url: url.trim_end_matches('/').to_owned(),
            login: (user, password),
            vhost: broker.vhost().replace('%', "%25").replace('/', "%2F"),
        }
    }

    /// How full the queues of the vhost are. The broker counts every five seconds by default.
    ///
    /// # Errors
    /// See [`ManagementError`].
    pub async fn depths(&self) -> Result<Vec<QueueDepth>, ManagementError> {
        const COLUMNS: &str = "?columns=name,messages_ready,messages_unacknowledged,consumers";
        let numbers: Vec<QueueNumbers> = self.get("queues", COLUMNS, NUMBERS_WITHIN).await?;
        let depth = |queue: QueueNumbers| QueueDepth {
            name: queue.name,
            ready: queue.messages_ready,
            in_flight: Some(queue.messages_unacknowledged),
            consumers: queue.consumers,
        };
        Ok(numbers.into_iter().map(depth).collect())
    }

    pub(crate) async fn queues(&self) -> Result<Vec<QueueInfo>, ManagementError> {
        self.get("queues", "", ANSWERS_WITHIN).await
    }

    pub(crate) async fn exchanges(&self) -> Result<Vec<ExchangeInfo>, ManagementError> {
        self.get("exchanges", "", ANSWERS_WITHIN).await
    }

    pub(crate) async fn bindings(&self) -> Result<Vec<BindingInfo>, ManagementError> {
        self.get("bindings", "", ANSWERS_WITHIN).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &str,
        within: Duration,
    ) -> Result<T, ManagementError> {
        let no_answer = |source: reqwest::Error| ManagementError::NoAnswer {
            url: self.url.clone(),
            source: source.without_url(),
        };
        let (user, password) = &self.login;
        let request =
            self.client.get(format!("{}/api/{what}/{}{query}", self.url, self.vhost)).timeout(within);
        let response = request.basic_auth(user, Some(password)).send().await.map_err(no_answer)?;
        let (url, status) = (self.url.clone(), response.status().as_u16());
        let body = response.bytes().await.map_err(no_answer)?;
        match status {
            200 => serde_json::from_slice(&body).map_err(|_| ManagementError::SomethingElse { url, status }),
            401 | 403 => Err(ManagementError::Refused { url, status }),
            500.. => Err(ManagementError::Failed { url, status }),
            // The API tells its errors as JSON.
            404 if serde_json::from_slice::<Map<String, Value>>(&body).is_ok() => {
                Err(ManagementError::NoVhost { url, vhost: self.vhost.clone() })
            }
            _ => Err(ManagementError::SomethingElse { url, status }),
        }
    }
}
