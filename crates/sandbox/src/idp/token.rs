//! The token endpoint: a code, once, for an ID token.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Form, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::idp::{Fault, Granted, Known, Shared};
use crate::lock;

/// How long a token holds, in seconds.
const LIFETIME: i64 = 300;

/// A key of ES256.
pub(super) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    pub(super) fn random() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pair = EcdsaKeyPair::generate_pkcs8(kind, &random)
            .map_err(|_| "no key")
            .and_then(|pkcs8| EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).map_err(|_| "no key"));
        Self(pair.expect("the machine has random numbers, and what was just made can be read"))
    }

    /// As a JSON Web Key.
    pub(super) fn public(&self) -> Value {
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

pub(super) async fn token(
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
    let mut state = lock(&known.state);
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
