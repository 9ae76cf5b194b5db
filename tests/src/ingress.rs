//! `bilag ingress` as a process of its own, and vendors who call it.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use crate::{Bilag, World, eventually};

/// Webhooks that are being taken. Ends with the test.
pub struct Ingress {
    /// The process.
    pub process: Bilag,
    /// The address, without a slash at its end.
    pub url: String,
    http: reqwest::Client,
}

impl Ingress {
    /// What Flow's webhooks carry.
    pub const FLOW: &str = "flow-secret-of-tests";
    /// What Akinon's webhooks carry.
    pub const AKINON: &str = "akinon-secret-of-tests";

    /// A request to one of its paths, without a secret.
    pub fn request(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    /// Sends Flow's webhook; gives the status, or none where there is no answer.
    pub async fn flow(&self, event: &Value) -> Option<StatusCode> {
        let request = self.request("/webhooks/flow").bearer_auth(Self::FLOW).json(event);
        Some(request.send().await.ok()?.status())
    }

    /// Sends Akinon's webhook; gives the status, or none where there is no answer.
    pub async fn akinon(&self, event: &Value) -> Option<StatusCode> {
        let request = self.request("/webhooks/akinon").bearer_auth(Self::AKINON).json(event);
        Some(request.send().await.ok()?.status())
    }

    /// Sends Flow's webhook as Flow does: again after 5xx and where no answer came, until it is taken.
    pub async fn flow_until_taken(&self, event: &Value) {
        eventually("the webhook is taken", async || {
            let status = self.flow(event).await?;
            assert!(!status.is_client_error(), "{status}: Flow would not send it again");
            status.is_success().then_some(())
        })
        .await;
    }

    /// The status of `/readyz`; none while nobody listens.
    pub async fn ready(&self) -> Option<u16> {
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Waits until so many webhooks are in flight.
    pub async fn in_flight(&self, count: u64) {
        eventually("webhooks are in flight", async || {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
            let told: Value = answer.json().await.ok()?;
            (told["inHand"] == count).then_some(())
        })
        .await;
    }
}

impl World {
    /// Starts it on a port of its own, and waits until it publishes.
    pub async fn ingress(&mut self) -> Ingress {
        let ingress = self.ingress_on("127.0.0.1:0").await;
        eventually("the ingress is ready", async || (ingress.ready().await? == 200).then_some(())).await;
        ingress
    }

    /// Starts it on this address, and waits until it listens.
    pub async fn ingress_on(&mut self, address: &str) -> Ingress {
        self.set("BILAG_INGRESS_FLOW_SECRET", Ingress::FLOW);
        self.set("BILAG_INGRESS_AKINON_SECRET", Ingress::AKINON);
        self.ingress_as_set(address).await
    }

    /// Starts it on this address with the secrets that are set, and waits until it listens.
    pub async fn ingress_as_set(&self, address: &str) -> Ingress {
        let mut process = self.start(&["ingress", "--ingress-addr", address]);
        let url = eventually("the ingress listens", async || {
            let ended = process.has_ended();
            assert!(ended.is_none(), "the ingress ended ({ended:?}):\n{}", process.log());
            let log = process.log();
            let (_, said) = log.split_once("accepting webhooks at ")?;
            said.split_once(": ").map(|(url, _)| url.to_owned())
        })
        .await;
        Ingress { process, url, http: reqwest::Client::new() }
    }
}
