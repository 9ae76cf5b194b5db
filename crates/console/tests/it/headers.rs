//! What every answer carries.

use reqwest::StatusCode;
use reqwest::header::HOST;

use crate::browser::{Answer, Browser};
use crate::trial::{OUTSIDE, Trial};

fn check(what: &str, answer: &Answer) {
    let header =
        |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ] {
        assert!(policy.split("; ").any(|is| is == part), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert!(!header("cache-control").is_empty(), "{what}");
    assert!(!answer.body.contains("<script>") && !answer.body.contains(" style="), "{what}: inline");
    assert!(!answer.body.contains(" onclick"), "{what}: inline");
}

#[tokio::test]
async fn every_answer_carries_the_policy_errors_included() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    check("a redirect", &browser.get("/").await);
    check("the login", &browser.get("/login").await);
    check("a wrong password", &browser.try_password("kari", "wrong").await);
    check("nothing", &browser.get("/nothing").await);
    check("a wrong query", &browser.get("/login/back?code=%FF").await);
    check("a form without its fields", &browser.post("/login", &[]).await);
    check("a method that is not there", &browser.post("/", &[("csrf", "x")]).await);
    let evil = browser.get_request("/").header(HOST, "evil.example");
    check("the request check", &browser.send(evil).await);
    browser.log_in("kari").await;
    let page = browser.get("/").await;
    check("the chain", &page);
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(!page.headers.contains_key("strict-transport-security"), "it is not behind https");
    for part in page.body.split("=\"/assets/").skip(1) {
        let path = format!("/assets/{}", part.split_once('"').expect("it ends").0);
        let asset = browser.get(&path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert_eq!(asset.headers["x-content-type-options"], "nosniff");
        assert!(asset.headers["cache-control"].to_str().expect("text").contains("immutable"));
    }
    check("an asset of another version", &browser.get("/assets/0000000000000000/style.css").await);
}

#[tokio::test]
async fn behind_https_browsers_are_told_to_stay_there() {
    let trial = Trial::by_https().await;
    let answer = Browser::through(&trial, OUTSIDE).get("/login").await;
    assert!(answer.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn an_error_page_says_what_to_do_to_whoever_looks() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    browser.log_in("kari").await;
    let answer = browser.get("/nothing").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("Not found") && answer.body.contains("To the chain"), "{}", answer.body);
}
