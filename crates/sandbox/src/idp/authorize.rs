//! The authorization endpoint: who the browser's user is, and back with a code.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use uuid::Uuid;

use crate::idp::{Granted, Person, Shared};
use crate::lock;

/// The request's parameters; `person` is the provider's own, with which its page says who was chosen.
type Asked = BTreeMap<String, String>;

pub(super) async fn authorize(State(known): State<Shared>, Query(asked): Query<Asked>) -> Response {
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
    lock(&known.state).codes.insert(code.clone(), granted);
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

/// Everything but dead letters, digits and a few signs as `%XX`, which suits a query and HTML alike.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
