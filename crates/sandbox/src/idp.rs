//! A stand-in for an identity provider: OpenID Connect with authorization code and PKCE, as strict as
//! the standard allows. Whoever comes is logged in as one of the people it knows; nobody has a password.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::{fmt, io};

use axum::extract::{Form, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

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
    state: Mutex<Held>,
}

/// Keys stay out.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Held {
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
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/keys", get(keys))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
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
        self.shared.state.lock().fault = fault;
    }

    /// How many codes were exchanged for tokens.
    pub fn tokens_given(&self) -> usize {
        self.shared.state.lock().tokens_given
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn discovery(State(known): State<Shared>) -> Json<Value> {
    let issuer = &known.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn keys(State(known): State<Shared>) -> Json<Value> {
    Json(json!({ "keys": [known.key.public()] }))
}

/// The request's parameters; `person` is the provider's own, with which its page says who was chosen.
type Asked = BTreeMap<String, String>;

async fn authorize(State(known): State<Shared>, Query(asked): Query<Asked>) -> Response {
    if let Err(problem) = check(&known, &asked) {
        return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response();
    }
    let people = &known.options.people;
    let chosen = match (asked.get("person"), people.as_slice()) {
        (Some(number), _) => number.parse().ok().and_then(|number: usize| people.get(number)),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(person) = chosen else { return choice(people, &asked).into_response() };
    let code = Uuid::new_v4().to_string();
    let granted = Granted {
        person: person.clone(),
        nonce: asked["nonce"].clone(),
        challenge: asked["code_challenge"].clone(),
    };
    known.state.lock().codes.insert(code.clone(), granted);
    Redirect::to(&format!("{}?code={code}&state={}", asked["redirect_uri"], asked["state"])).into_response()
}

fn check(known: &Shared, asked: &Asked) -> Result<(), String> {
    let is = |name: &str, value: &str| match asked.get(name) {
        Some(given) if given == value => Ok(()),
        given => Err(format!("{name} is {given:?}, should be {value:?}")),
    };
    let is_there = |name: &str| match asked.get(name).is_some_and(|value| value.len() >= 16) {
        true => Ok(()),
        false => Err(format!("{name} is missing, or can be guessed")),
    };
    is("response_type", "code")?;
    is("client_id", &known.options.client_id)?;
    is("redirect_uri", &known.options.redirect_uri)?;
    is("code_challenge_method", "S256")?;
    ["code_challenge", "state", "nonce"].into_iter().try_for_each(is_there)?;
    let scopes = asked.get("scope").map(String::as_str).unwrap_or_default();
    if scopes.split(' ').any(|scope| scope == "openid") {
        Ok(())
    } else {
        Err("scope has no openid".to_owned())
    }
}

/// A page with a link for each person.
fn choice(people: &[Person], asked: &Asked) -> Html<String> {
    let query: String =
        asked.iter().map(|(name, value)| format!("{}={}&amp;", name, escaped(value))).collect();
    let link = |(number, person): (usize, &Person)| {
        let name = person.claims["preferred_username"].as_str().unwrap_or("somebody");
        format!("<li><a href=\"/authorize?{query}person={number}\">{}</a></li>", escaped(name))
    };
    let links: String = people.iter().enumerate().map(link).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>Who are you?</title><h1>Who are you?</h1><ul>{links}</ul>"
    ))
}

/// Percent-encodes everything but letters, digits and `-._~`, which suits a query and HTML alike.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// How long a token holds, in seconds.
const LIFETIME: i64 = 300;

/// A key of ES256.
struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    fn random() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pair = EcdsaKeyPair::generate_pkcs8(kind, &random)
            .map_err(|_| "no key")
            .and_then(|pkcs8| EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).map_err(|_| "no key"));
        Self(pair.expect("the machine has random numbers, and what was just made can be read"))
    }

    /// As a JSON Web Key.
    fn public(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let [x, y] = [x, y].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": x, "y": y })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.expect("the machine has random numbers");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

type Refusal = (StatusCode, Json<Value>);

async fn token(
    State(known): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    let refused = |status, error: &str| (status, Json(json!({ "error": error })));
    let bad = |error| refused(StatusCode::BAD_REQUEST, error);
    if !is_client(&known, &headers) {
        return Err(refused(StatusCode::UNAUTHORIZED, "invalid_client"));
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "authorization_code" {
        return Err(bad("unsupported_grant_type"));
    }
    let mut state = known.state.lock();
    // A code that was presented is used up, whatever comes of it.
    let granted = state.codes.remove(field("code")).ok_or_else(|| bad("invalid_grant"))?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    if challenge != granted.challenge || field("redirect_uri") != known.options.redirect_uri {
        return Err(bad("invalid_grant"));
    }
    state.tokens_given += 1;
    let mut answer = json!({ "access_token": "of no use", "token_type": "Bearer", "expires_in": LIFETIME });
    if state.fault != Some(Fault::Missing) {
        answer["id_token"] = id_token(&known, &granted, state.fault).into();
    }
    Ok(Json(answer))
}

/// The standard has both percent-encoded before they are joined, which changes neither here.
fn is_client(known: &Known, headers: &HeaderMap) -> bool {
    let login = format!("{}:{}", known.options.client_id, known.options.client_secret);
    let expected = format!("Basic {}", BASE64_STANDARD.encode(login));
    headers.get(AUTHORIZATION).is_some_and(|given| given.as_bytes() == expected.as_bytes())
}

fn id_token(known: &Known, granted: &Granted, fault: Option<Fault>) -> String {
    let now = Utc::now().timestamp();
    let is = |this: Fault| fault == Some(this);
    let mut claims = granted.person.claims.clone();
    claims["iss"] = if is(Fault::Issuer) { "http://127.0.0.1:1".into() } else { known.issuer.clone().into() };
    let audience = if is(Fault::Audience) { "another" } else { known.options.client_id.as_str() };
    claims["aud"] = audience.into();
    claims["iat"] = (now - if is(Fault::Expired) { 2 * LIFETIME } else { 0 }).into();
    claims["exp"] = (now + if is(Fault::Expired) { -LIFETIME } else { LIFETIME }).into();
    claims["nonce"] = if is(Fault::Nonce) { "another".into() } else { granted.nonce.clone().into() };
    let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "1" });
    match fault {
        Some(Fault::Signature) => SigningKey::random().sign(&header, &claims),
        Some(Fault::Unsigned) => {
            let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
            format!("{}.{}.", encode(&json!({ "alg": "none" })), encode(&claims))
        }
        _ => known.key.sign(&header, &claims),
    }
}
