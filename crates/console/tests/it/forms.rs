//! Forms carry the token of their session.

use reqwest::StatusCode;

use crate::browser::Browser;
use crate::trial::Trial;

#[tokio::test]
async fn a_form_without_the_token_of_its_session_does_nothing() {
    let trial = Trial::with_users().await;
    let (mut kari, mut ola) = (Browser::at(&trial), Browser::at(&trial));
    kari.log_in("kari").await;
    ola.log_in("ola").await;
    let of_ola = ola.get("/").await.field("csrf");
    for fields in [&[][..], &[("csrf", "")], &[("csrf", "guessed")], &[("csrf", of_ola.as_str())]] {
        let answer = kari.post("/logout", fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{fields:?}");
        assert!(answer.body.contains("Nothing was changed"), "{}", answer.body);
    }
    assert!(kari.is_in().await, "nothing was done");
    let csrf = kari.get("/").await.field("csrf");
    assert_eq!(kari.post("/logout", &[("csrf", &csrf)]).await.status, StatusCode::OK);
    assert!(!kari.is_in().await);
}

#[tokio::test]
async fn a_token_is_of_one_session_and_not_of_one_person() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    browser.log_in("kari").await;
    let before = browser.get("/").await.field("csrf");
    browser.log_in("kari").await;
    assert_ne!(browser.get("/").await.field("csrf"), before);
    assert_eq!(browser.post("/logout", &[("csrf", &before)]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_login_form_is_taken_from_the_browser_it_was_shown_in_alone() {
    let trial = Trial::with_users().await;
    let (mut one, mut other) = (Browser::at(&trial), Browser::at(&trial));
    let csrf = one.get("/login").await.field("csrf");
    let fields = [("name", "kari"), ("password", crate::trial::PASSWORD), ("csrf", csrf.as_str())];
    assert_eq!(other.post("/login", &fields).await.status, StatusCode::FORBIDDEN, "it has no cookie");
    other.get("/login").await;
    assert_eq!(other.post("/login", &fields).await.status, StatusCode::FORBIDDEN, "it has another");
    assert_eq!(one.post("/login", &fields).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_is_not_logged_in_sends_no_forms() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    assert_eq!(browser.post("/logout", &[("csrf", "")]).await.status, StatusCode::UNAUTHORIZED);
}
