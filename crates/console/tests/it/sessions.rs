//! Sessions: how they begin and all the ways they end.

use chrono::TimeDelta;
use reqwest::StatusCode;

use crate::browser::Browser;
use crate::trial::{Trial, write};

async fn logged_in() -> (Trial, Browser) {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    browser.log_in("kari").await;
    assert!(browser.is_in().await);
    (trial, browser)
}

#[tokio::test]
async fn a_token_that_was_there_before_is_not_the_sessions() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    browser.cookies.insert("bilag".to_owned(), "planted".to_owned());
    browser.log_in("kari").await;
    assert_ne!(browser.cookies["bilag"], "planted");
    let before = browser.cookies["bilag"].clone();
    browser.log_in("kari").await;
    assert_ne!(browser.cookies["bilag"], before, "each login has a token of its own");
    browser.cookies.insert("bilag".to_owned(), before);
    assert!(!browser.is_in().await, "the session before has ended");
}

#[tokio::test]
async fn an_hour_without_use_ends_it() {
    let (trial, mut browser) = logged_in().await;
    trial.wait(TimeDelta::minutes(59));
    assert!(browser.is_in().await);
    trial.wait(TimeDelta::minutes(59));
    assert!(browser.is_in().await, "it was used meanwhile");
    trial.wait(TimeDelta::minutes(61));
    assert!(!browser.is_in().await);
    assert!(trial.store.sessions().await.expect("listed").is_empty(), "nothing is left of it");
}

#[tokio::test]
async fn a_page_that_renews_itself_is_no_use() {
    let (trial, mut browser) = logged_in().await;
    for _ in 0..2 {
        trial.wait(TimeDelta::minutes(29));
        let request = browser.get_request("/").header("x-renew", "1");
        assert_eq!(browser.send(request).await.status, StatusCode::OK);
    }
    trial.wait(TimeDelta::minutes(3));
    assert!(!browser.is_in().await, "nobody was there for an hour");
    let script = include_str!("../../assets/console.js");
    assert!(script.contains("\"X-Renew\": \"1\""), "pages say so when they renew themselves");
}

#[tokio::test]
async fn twelve_hours_end_it_in_any_case() {
    let (trial, mut browser) = logged_in().await;
    for _ in 0..23 {
        trial.wait(TimeDelta::minutes(31));
        assert!(browser.is_in().await);
    }
    trial.wait(TimeDelta::minutes(31));
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn a_session_that_is_revoked_has_ended() {
    let (trial, mut kari) = logged_in().await;
    let mut ola = Browser::at(&trial);
    ola.log_in("ola").await;
    assert_eq!(trial.store.close_sessions(Some("kari")).await.expect("ended"), 1);
    assert!(!kari.is_in().await);
    assert!(ola.is_in().await, "others stay");
}

#[tokio::test]
async fn logging_out_ends_it_for_whoever_has_its_token() {
    let (_trial, mut browser) = logged_in().await;
    let token = browser.cookies["bilag"].clone();
    let csrf = browser.get("/").await.field("csrf");
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status, StatusCode::OK);
    assert!(!browser.cookies.contains_key("bilag"));
    browser.cookies.insert("bilag".to_owned(), token);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn who_is_taken_out_of_the_file_is_out() {
    let (trial, mut kari) = logged_in().await;
    trial.set_users(&[("ola", "viewer")]);
    assert!(!kari.is_in().await);
    trial.set_users(&[("kari", "operator"), ("ola", "viewer")]);
    assert!(!kari.is_in().await, "the session does not come back");
    kari.log_in("kari").await;
}

#[tokio::test]
async fn another_role_counts_at_once() {
    let (trial, mut kari) = logged_in().await;
    assert!(kari.get("/").await.body.contains("<span class=\"role\">operator</span>"));
    trial.set_users(&[("kari", "viewer")]);
    assert!(kari.get("/").await.body.contains("<span class=\"role\">viewer</span>"));
}

#[tokio::test]
async fn another_password_ends_what_the_old_one_opened() {
    let (trial, mut kari) = logged_in().await;
    let hash = console::hash_password("another long password").expect("hashed");
    let user = format!("[[user]]\nname = \"kari\"\nrole = \"operator\"\npassword = \"{hash}\"\n");
    write(&trial.users_path(), &user);
    assert!(!kari.is_in().await);
}

#[tokio::test]
async fn while_the_users_file_is_broken_nobody_is_let_in() {
    let (trial, mut kari) = logged_in().await;
    write(&trial.users_path(), "[[user]]\nname = ");
    let answer = kari.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    trial.set_users(&[("kari", "operator")]);
    assert!(kari.is_in().await, "once it is mended the session goes on");
}

#[tokio::test]
async fn who_came_and_went_is_in_the_audit_log() {
    let (trial, mut kari) = logged_in().await;
    let csrf = kari.get("/").await.field("csrf");
    kari.post("/logout", &[("csrf", &csrf)]).await;
    let acts = trial.store.audit_entries(sync_store::Page::first(10)).await.expect("listed");
    let acts: Vec<_> = acts.iter().map(|act| (act.who.as_str(), act.act.as_str())).collect();
    assert_eq!(acts, [("kari", "logout"), ("kari", "login")]);
}

#[tokio::test]
async fn it_outlives_the_end_of_the_server_but_not_its_own() {
    let (trial, browser) = logged_in().await;
    let store = trial.store.clone();
    let _folder = trial.stop().await;
    drop(browser);
    assert_eq!(store.sessions().await.expect("listed").len(), 1);
}
