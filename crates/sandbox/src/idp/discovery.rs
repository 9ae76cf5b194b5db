//! What the provider publishes of itself.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::idp::Shared;

pub(super) async fn document(State(known): State<Shared>) -> Json<Value> {
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

pub(super) async fn keys(State(known): State<Shared>) -> Json<Value> {
    Json(json!({ "keys": [known.key.public()] }))
}
