//! How cookies are set.

use reqwest::StatusCode;

use crate::browser::Browser;
use crate::trial::{OUTSIDE, Trial};

#[tokio::test]
async fn by_https_cookies_are_secure_and_of_this_host_alone() {
    let trial = Trial::by_https().await;
    let mut browser = Browser::through(&trial, OUTSIDE);
    let form = browser.get("/login").await;
    let csrf = form.field("csrf");
    let fields = [("name", "kari"), ("password", crate::trial::PASSWORD), ("csrf", csrf.as_str())];
    let entered = browser.post("/login", &fields).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.body);
    let cookies = [form.set_cookies(), entered.set_cookies()].concat();
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    for cookie in &cookies {
        assert!(cookie.starts_with("__Host-bilag"), "{cookie}");
        for flag in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(flag), "{cookie} has no {flag}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test]
async fn on_this_machine_cookies_are_hidden_from_scripts_as_well() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    let answer = browser.try_password("kari", crate::trial::PASSWORD).await;
    let cookies = answer.set_cookies();
    let session = cookies.iter().find(|cookie| cookie.starts_with("bilag=")).expect("a session");
    assert!(session.contains("; HttpOnly; SameSite=Lax") && !session.contains("Secure"), "{session}");
}

#[tokio::test]
async fn the_store_does_not_have_the_token() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    browser.log_in("kari").await;
    let token = &browser.cookies["bilag"];
    let sessions = trial.store.sessions().await.expect("listed");
    assert_eq!(sessions.len(), 1);
    assert!(token.len() >= 43 && sessions[0].id != *token && sessions[0].csrf != *token);
    let stolen = sessions[0].id.clone();
    browser.cookies.insert("bilag".to_owned(), stolen);
    assert!(!browser.is_in().await, "what is in the store lets nobody in");
}
