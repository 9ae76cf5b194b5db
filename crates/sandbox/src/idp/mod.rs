//! A stand-in for an identity provider: OpenID Connect with authorization code and PKCE, as strict as
//! the standard allows. Whoever comes is logged in as one of the people it knows; nobody has a password.

mod authorize;
mod discovery;
mod token;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::idp::token::SigningKey;
use crate::lock;

/// What the provider knows.
#[derive(Clone, Debug)]
pub struct Options {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The only address that browsers are sent back to.
    pub redirect_uri: String,
    /// Who may log in. Where there is one, nobody is asked who they are.
    pub people: Vec<Person>,
}

/// Somebody the provider knows.
#[derive(Clone, Debug)]
pub struct Person {
    /// The claims of their ID token, beside those that every token has: `sub`,
    /// `preferred_username`, `roles`.
    pub claims: Value,
}

/// A mistake in every token from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another issuer.
    Issuer,
    /// For another client.
    Audience,
    /// Its time is over.
    Expired,
    /// Of another login.
    Nonce,
    /// Signed with a key that is not among the published ones.
    Signature,
    /// Not signed at all.
    Unsigned,
    /// No ID token in the answer.
    Missing,
}

/// A provider that is being served. Dropping this ends it.
#[derive(Debug)]
pub struct Idp {
    shared: Shared,
    address: SocketAddr,
    task: JoinHandle<()>,
}

type Shared = Arc<Known>;

struct Known {
    options: Options,
    issuer: String,
    key: SigningKey,
    state: Mutex<State>,
}

/// Keys stay out.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    codes: HashMap<String, Granted>,
    fault: Option<Fault>,
    tokens_given: usize,
}

/// What a code stands for.
struct Granted {
    person: Person,
    nonce: String,
    challenge: String,
}

/// Serves the provider on a listener, in the background of the current runtime.
///
/// # Errors
/// The listener has no address.
pub fn serve(listener: TcpListener, options: Options) -> io::Result<Idp> {
    let address = listener.local_addr()?;
    let shared = Arc::new(Known {
        options,
        issuer: format!("http://{address}"),
        key: SigningKey::random(),
        state: Mutex::default(),
    });
    let app = Router::new()
        .route("/.well-known/openid-configuration", get(discovery::document))
        .route("/keys", get(discovery::keys))
        .route("/authorize", get(authorize::authorize))
        .route("/token", post(token::token))
        .with_state(shared.clone());
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the identity provider ended");
        }
    });
    Ok(Idp { shared, address, task })
}

impl Idp {
    /// The issuer, as its discovery document and its tokens have it.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on every token has this mistake, or none.
    pub fn set_fault(&self, fault: Option<Fault>) {
        lock(&self.shared.state).fault = fault;
    }

    /// How many codes were exchanged for tokens.
    pub fn tokens_given(&self) -> usize {
        lock(&self.shared.state).tokens_given
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.task.abort();
    }
}
