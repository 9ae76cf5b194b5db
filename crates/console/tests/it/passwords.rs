//! Logging in with name and password.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chrono::TimeDelta;
use console::{UsersFile, UsersFileError};
use reqwest::StatusCode;

use crate::browser::Browser;
use crate::trial::{OUTSIDE, PASSWORD, Trial, users, write};

#[tokio::test]
async fn who_is_not_logged_in_is_led_to_the_login_and_back() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    assert_eq!(browser.get("/").await.location(), "/login");
    let led = browser.get("/letters?stage=upload&text=%22%3E%3Cb%3E").await;
    assert!(led.location().starts_with("/login?next=%2Fletters"), "{}", led.location());
    let form = browser.get("/login?next=%2F%3Fa%3D%22%3E%3Cscript%3E").await;
    assert!(!form.body.contains("<script>"), "{}", form.body);
    let (csrf, next) = (form.field("csrf"), "/?a=b");
    let fields = [("name", "kari"), ("password", PASSWORD), ("csrf", &csrf), ("next", next)];
    assert_eq!(browser.post("/login", &fields).await.location(), next);
}

#[tokio::test]
async fn the_login_leads_nowhere_else() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    for next in ["https://evil.example/", "//evil.example/", "/\\evil.example"] {
        let csrf = browser.get("/login").await.field("csrf");
        let fields = [("name", "kari"), ("password", PASSWORD), ("csrf", &csrf), ("next", next)];
        assert_eq!(browser.post("/login", &fields).await.location(), "/", "{next}");
    }
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_look_alike() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    let masked = |body: &str, csrf: &str| body.replace(csrf, "");
    let mut pages = Vec::new();
    for (name, password) in [("kari", "wrong password"), ("nobody", PASSWORD), ("", "")] {
        let csrf = browser.get("/login").await.field("csrf");
        let fields = [("name", name), ("password", password), ("csrf", csrf.as_str())];
        let answer = browser.post("/login", &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(!browser.cookies.contains_key("bilag"));
        pages.push(masked(&answer.body, &csrf));
    }
    assert!(pages.iter().all(|page| page == &pages[0]));
}

#[tokio::test]
async fn after_five_wrong_ones_even_the_right_password_waits() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    for _ in 0..5 {
        assert_eq!(browser.try_password("kari", "wrong").await.status, StatusCode::FORBIDDEN);
    }
    let answer = browser.try_password("kari", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        answer.body.contains("Too many failed logins") && answer.body.contains("31 seconds"),
        "{}",
        answer.body
    );
    assert_eq!(answer.headers["retry-after"], "31");
    assert_eq!(browser.try_password("ola", PASSWORD).await.status, StatusCode::SEE_OTHER, "others need not");
    trial.wait(TimeDelta::seconds(31));
    assert_eq!(browser.try_password("kari", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn behind_a_proxy_each_address_is_counted_for_itself() {
    let trial = Trial::by_https().await;
    let mut browser = Browser::through(&trial, OUTSIDE);
    let csrf = browser.get("/login").await.field("csrf");
    let origin = browser.origin();
    let attempt = |browser: &Browser, name: &str, from: &str| {
        let fields = [("name", name), ("password", "wrong"), ("csrf", csrf.as_str())];
        browser.post_request("/login", &fields).header("origin", &origin).header("x-forwarded-for", from)
    };
    for i in 0..20 {
        let request = attempt(&browser, &format!("guess-{i}"), &format!("203.0.113.{i}, 10.0.0.7"));
        assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN, "{i}");
    }
    let request = attempt(&browser, "guess", "10.0.0.8, 10.0.0.7");
    assert_eq!(
        browser.send(request).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "what comes before is made up"
    );
    let request = attempt(&browser, "guess", "10.0.0.8");
    assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_users_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("users.toml");
    write(&path, &users(&[("kari", "operator")]));
    for (mode, taken) in
        [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false), (0o604, false)]
    {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let opened = UsersFile::open(&path);
        assert_eq!(opened.is_ok(), taken, "{mode:o}");
        let too_open = matches!(opened, Err(UsersFileError::TooOpen { .. }));
        assert_eq!(too_open, !taken, "{mode:o}");
    }
    assert!(matches!(UsersFile::open(folder.path().join("none")), Err(UsersFileError::Unreadable { .. })));
}

#[tokio::test]
async fn a_name_is_text_wherever_it_is_shown() {
    let trial = Trial::with_users().await;
    let name = "<img src=x onerror=alert(1)>";
    trial.set_users(&[(name, "viewer")]);
    let mut browser = Browser::at(&trial);
    browser.log_in(name).await;
    let page = browser.get("/").await.body;
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"), "{page}");
}
