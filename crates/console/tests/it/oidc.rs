//! Logging in at an identity provider: what goes right, and each thing that can be wrong.

use std::sync::Arc;

use chrono::TimeDelta;
use console::{AuthMode, Oidc, OidcSettings, PublicUrl, RoleNames};
use reqwest::StatusCode;
use sandbox::idp::{self, Fault, Idp, Person};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::browser::{Answer, Browser};
use crate::trial::{OUTSIDE, Options, Trial};

const SECRET: &str = "hush-hush";

struct Login {
    trial: Trial,
    idp: Idp,
    browser: Browser,
}

fn kari(roles: Value) -> Value {
    json!({ "sub": "4711", "preferred_username": "kari@shop.example", "roles": roles })
}

impl Login {
    async fn of(claims: Value) -> Self {
        Self::with(claims, "roles").await
    }

    async fn with(claims: Value, roles_claim: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = idp::Options {
            client_id: "bilag".to_owned(),
            client_secret: SECRET.to_owned(),
            redirect_uri: format!("{OUTSIDE}{}", Oidc::CALLBACK),
            people: vec![Person { claims }],
        };
        let idp =
            idp::serve(TcpListener::bind("127.0.0.1:0").await.expect("a port"), options).expect("served");
        let settings = OidcSettings {
            issuer: idp.issuer().to_owned(),
            client_id: "bilag".to_owned(),
            client_secret: Some(config::Secret::new(SECRET)),
            roles_claim: roles_claim.to_owned(),
            roles: RoleNames::default(),
        };
        assert!(!format!("{settings:?}").contains(SECRET));
        let public_url = PublicUrl::parse(OUTSIDE).expect("an address");
        let mode = AuthMode::Oidc(Arc::new(Oidc::new(settings, &public_url).expect("an issuer")));
        let trial = Trial::with(Options { mode, public_url: Some(OUTSIDE), ..Options::default() }).await;
        let browser = Browser::through(&trial, OUTSIDE);
        Self { trial, idp, browser }
    }

    /// To the provider and back to the console's door, as a path.
    async fn way_back(&mut self) -> String {
        let sent = self.browser.get("/login/start?next=%2F%3Fa%3Db").await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        self.ask(sent.location()).await
    }

    async fn ask(&self, url: &str) -> String {
        let http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let answer = http.get(url).send().await.expect("an answer");
        let location = answer.headers().get("location").map(|value| value.to_str().expect("text").to_owned());
        match location {
            Some(location) => location.strip_prefix(OUTSIDE).expect("back to the console").to_owned(),
            None => panic!("{}: {}", answer.status(), answer.text().await.expect("a text")),
        }
    }

    async fn log_in(&mut self) -> Answer {
        let back = self.way_back().await;
        self.browser.get(&back).await
    }

    async fn refused(&mut self, answer: &Answer, told: &str) {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        assert!(answer.body.contains(told), "{}", answer.body);
        assert!(!answer.body.contains(SECRET));
        assert!(!self.browser.cookies.contains_key("__Host-bilag"));
        assert!(self.trial.store.sessions().await.expect("listed").is_empty());
    }
}

#[tokio::test]
async fn who_has_a_role_at_the_provider_is_let_in_with_it() {
    let mut login = Login::of(kari(json!(["bilag-operator", "other"]))).await;
    assert_eq!(login.browser.get("/").await.location(), "/login");
    let page = login.browser.get("/login").await;
    assert!(page.body.contains("href=\"/login/start?next=%2F\""), "{}", page.body);
    let entered = login.log_in().await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/?a=b"), "{}", entered.body);
    let page = login.browser.get("/").await.body;
    assert!(page.contains("kari@shop.example") && page.contains("operator"), "{page}");
    assert!(!login.browser.cookies.contains_key("__Host-bilag-login"), "the login is over");
}

#[tokio::test]
async fn the_audit_log_has_a_name_that_can_be_read_and_the_subject() {
    let long = "x".repeat(101);
    for (username, named) in
        [("kari", "kari"), ("", "k@shop.example"), ("ka\nri", "k@shop.example"), (&*long, "k@shop.example")]
    {
        let claims = json!({ "sub": "4711", "preferred_username": username, "email": "k@shop.example", "roles": "bilag-viewer" });
        let mut login = Login::of(claims).await;
        assert_eq!(login.log_in().await.status, StatusCode::SEE_OTHER);
        let acts = login.trial.store.audit_entries(sync_store::Page::first(10)).await.expect("acts");
        let acts: Vec<_> = acts.iter().map(|act| (&*act.act, &*act.who, &*act.detail)).collect();
        assert_eq!(acts, [("login", named, "sub 4711")]);
    }
}

#[tokio::test]
async fn roles_may_lie_deeper() {
    let claims =
        json!({ "sub": "1", "email": "ola@shop.example", "realm_access": { "roles": ["bilag-editor"] } });
    let mut login = Login::with(claims, "realm_access.roles").await;
    assert_eq!(login.log_in().await.status, StatusCode::SEE_OTHER);
    let page = login.browser.get("/").await.body;
    assert!(page.contains("ola@shop.example") && page.contains("editor"), "{page}");
}

#[tokio::test]
async fn who_has_no_role_is_told_which_claim_was_looked_at() {
    for roles in [json!([]), json!(["editor"]), Value::Null] {
        let mut login = Login::of(kari(roles)).await;
        let answer = login.log_in().await;
        login.refused(&answer, "the claim &quot;roles&quot; of your ID token").await;
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_lets_nobody_in() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    for fault in
        [Fault::Issuer, Fault::Audience, Fault::Expired, Fault::Nonce, Fault::Signature, Fault::Unsigned]
    {
        login.idp.set_fault(Some(fault));
        let answer = login.log_in().await;
        assert!(answer.body.contains("is invalid"), "{fault:?}: {}", answer.body);
        login.refused(&answer, "is invalid").await;
    }
    login.idp.set_fault(Some(Fault::Missing));
    let answer = login.log_in().await;
    login.refused(&answer, "sent no ID token").await;
    login.idp.set_fault(None);
    assert_eq!(login.log_in().await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_state_that_is_not_the_browsers_lets_nobody_in() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    let back = login.way_back().await;
    let (code, _) = back.split_once("&state=").expect("a state");
    for wrong in [format!("{code}&state=guessed"), code.to_owned()] {
        let answer = login.browser.get(&wrong).await;
        login.refused(&answer, "not started in this browser").await;
    }
    assert_eq!(login.idp.tokens_given(), 0, "no code was exchanged");
    let entered = login.browser.get(&back).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "a link to the way back ends nobody's login");
}

#[tokio::test]
async fn a_login_that_another_browser_began_lets_nobody_in() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    let back = login.way_back().await;
    let mut other = Browser::through(&login.trial, OUTSIDE);
    let answer = other.get(&back).await;
    login.refused(&answer, "not started in this browser").await;
    other.get("/login/start").await;
    let answer = other.get(&back).await;
    login.refused(&answer, "not started in this browser").await;
    assert_eq!(login.browser.get(&back).await.status, StatusCode::SEE_OTHER, "its own may go on");
}

#[tokio::test]
async fn a_way_back_is_gone_once() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    let back = login.way_back().await;
    let cookies = login.browser.cookies.clone();
    assert_eq!(login.browser.get(&back).await.status, StatusCode::SEE_OTHER);
    login.browser.cookies = cookies;
    let answer = login.browser.get(&back).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    assert_eq!(login.idp.tokens_given(), 1);
}

#[tokio::test]
async fn a_code_of_another_login_is_not_taken() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    let first = login.way_back().await;
    let second = login.way_back().await;
    let code = |back: &str| back.split_once("&state=").expect("a state").0.to_owned();
    let (_, state) = second.split_once("&state=").expect("a state");
    let mixed = format!("{}&state={state}", code(&first));
    let answer = login.browser.get(&mixed).await;
    // The verifier is that of the second login.
    login.refused(&answer, "rejected the code").await;
    assert_eq!(login.idp.tokens_given(), 0);
}

#[tokio::test]
async fn after_ten_minutes_a_login_begins_anew() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    let back = login.way_back().await;
    login.trial.wait(TimeDelta::seconds(601));
    let answer = login.browser.get(&back).await;
    login.refused(&answer, "not started in this browser").await;
}

#[tokio::test]
async fn what_the_provider_says_is_told_where_the_standard_knows_it_and_never_repeated() {
    for (code, told) in [
        ("access_denied", "answered: access_denied"),
        ("%3Cscript%3E", "a non-standard error"),
        ("kari%40shop.example%0AFORGED", "a non-standard error"),
    ] {
        let mut login = Login::of(kari(json!("bilag-editor"))).await;
        let back = login.way_back().await;
        let (_, state) = back.split_once("&state=").expect("a state");
        let answer = login.browser.get(&format!("{}?error={code}&state={state}", Oidc::CALLBACK)).await;
        assert!(!answer.body.contains("script&gt;") && !answer.body.contains("kari@shop"), "{}", answer.body);
        login.refused(&answer, told).await;
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_and_nothing_else_happens() {
    let mut login = Login::of(kari(json!("bilag-editor"))).await;
    let issuer = login.idp.issuer().to_owned();
    let (trial, browser) = (login.trial, login.browser);
    drop(login.idp);
    assert!(issuer.starts_with("http://127.0.0.1"));
    login = Login { trial, browser, idp: Login::of(kari(json!([]))).await.idp };
    let answer = login.browser.get("/login/start").await;
    login.refused(&answer, "discovery document cannot be read").await;
}

#[tokio::test]
async fn an_issuer_that_is_not_encrypted_is_refused() {
    let public_url = PublicUrl::parse(OUTSIDE).expect("an address");
    for issuer in ["http://id.example", "id.example", "", "ftp://127.0.0.1"] {
        let settings = OidcSettings {
            issuer: issuer.to_owned(),
            client_id: "bilag".to_owned(),
            client_secret: None,
            roles_claim: "roles".to_owned(),
            roles: RoleNames::default(),
        };
        assert!(Oidc::new(settings, &public_url).is_err(), "{issuer}");
    }
}
