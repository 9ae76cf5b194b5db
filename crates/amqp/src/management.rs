//! The broker's management API: it tells what AMQP cannot, such as bindings and policies.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Broker;

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
    /// Not reached, or no JSON.
    #[error("the management API at {url} did not answer: check BILAG_MANAGEMENT_URL")]
    NoAnswer {
        /// Where.
        url: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// It refused.
    #[error(
        "the management API at {url} answered {status}: the broker's user needs the tag \"monitoring\" or \"management\""
    )]
    Refused {
        /// Where.
        url: String,
        /// The status.
        status: u16,
    },
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
        Self {
            client: reqwest::Client::new(),
            url: url.trim_end_matches('/').to_owned(),
            login: (user.to_owned(), password.to_owned()),
            vhost: broker.vhost().replace('%', "%25").replace('/', "%2F"),
        }
    }

    pub(crate) async fn queues(&self) -> Result<Vec<QueueInfo>, ManagementError> {
        self.get("queues").await
    }

    pub(crate) async fn exchanges(&self) -> Result<Vec<ExchangeInfo>, ManagementError> {
        self.get("exchanges").await
    }

    pub(crate) async fn bindings(&self) -> Result<Vec<BindingInfo>, ManagementError> {
        self.get("bindings").await
    }

    async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, ManagementError> {
        let no_answer = |source: reqwest::Error| ManagementError::NoAnswer {
            url: self.url.clone(),
            source: source.without_url(),
        };
        let (user, password) = &self.login;
        let request = self.client.get(format!("{}/api/{what}/{}", self.url, self.vhost));
        let response = request.basic_auth(user, Some(password)).send().await.map_err(no_answer)?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(ManagementError::Refused { url: self.url.clone(), status });
        }
        response.json().await.map_err(no_answer)
    }
}
