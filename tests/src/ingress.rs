//! `bilag ingress` as a process, and vendors that call it.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use crate::{Bilag, TestEnv, eventually};

/// A running ingress. Ends with the test.
pub struct Ingress {
    /// The process.
    pub process: Bilag,
    /// The base URL, without a trailing slash.
    pub url: String,
    http: reqwest::Client,
}

impl Ingress {
    /// Flow's secret.
    pub const FLOW: &str = "flow-secret-of-tests";
    /// Akinon's secret.
    pub const AKINON: &str = "akinon-secret-of-tests";

    /// A request to one of its paths, without a secret.
    pub fn request(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    /// Sends Flow's webhook; returns the status, or `None` without an answer.
    pub async fn flow(&self, event: &Value) -> Option<StatusCode> {
        let request = self.request("/webhooks/flow").bearer_auth(Self::FLOW).json(event);
        Some(request.send().await.ok()?.status())
    }

    /// Sends Akinon's webhook; returns the status, or `None` without an answer.
    pub async fn akinon(&self, event: &Value) -> Option<StatusCode> {
        let request = self.request("/webhooks/akinon").bearer_auth(Self::AKINON).json(event);
        Some(request.send().await.ok()?.status())
    }

    /// Sends Flow's webhook as Flow does: retries after 5xx and without an answer, until it is accepted.
    pub async fn flow_until_accepted(&self, event: &Value) {
        eventually("the webhook is accepted", async || {
            let status = self.flow(event).await?;
            assert!(!status.is_client_error(), "{status}: Flow would not retry");
            status.is_success().then_some(())
        })
        .await;
    }

    /// The status of `/readyz`; `None` without a listener.
    pub async fn ready(&self) -> Option<u16> {
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Waits until so many webhooks are in flight.
    pub async fn in_flight(&self, count: u64) {
        eventually("webhooks are in flight", async || {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
            let reported: Value = answer.json().await.ok()?;
            (reported["inHand"] == count).then_some(())
        })
        .await;
    }
}

impl TestEnv {
    /// Starts it on a free port, and waits until it is ready.
    pub async fn ingress(&mut self) -> Ingress {
        let ingress = self.ingress_on("127.0.0.1:0").await;
        eventually("the ingress is ready", async || (ingress.ready().await? == 200).then_some(())).await;
        ingress
    }

    /// Starts it on this address, and waits until it listens.
    pub async fn ingress_on(&mut self, address: &str) -> Ingress {
        self.set("BILAG_INGRESS_FLOW_SECRET", Ingress::FLOW);
        self.set("BILAG_INGRESS_AKINON_SECRET", Ingress::AKINON);
        self.ingress_with_settings(address).await
    }

    /// Starts it on this address with the secrets that are set, and waits until it listens.
    pub async fn ingress_with_settings(&self, address: &str) -> Ingress {
        let mut process = self.start(&["ingress", "--ingress-addr", address]);
        let url = eventually("the ingress listens", async || {
            let ended = process.has_ended();
            assert!(ended.is_none(), "the ingress ended ({ended:?}):\n{}", process.log());
            let log = process.log();
            let (_, output) = log.split_once("accepting webhooks at ")?;
            output.split_once(": ").map(|(url, _)| url.to_owned())
        })
        .await;
        Ingress { process, url, http: reqwest::Client::new() }
    }
}
