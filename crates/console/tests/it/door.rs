//! The door: names, proxies, and forms of other sites.

use reqwest::StatusCode;
use reqwest::header::{HOST, ORIGIN};

use crate::browser::Browser;
use crate::trial::{OUTSIDE, Trial};

#[tokio::test]
async fn without_a_login_it_answers_under_the_names_of_this_machine_alone() {
    let trial = Trial::anonymous().await;
    let mut browser = Browser::at(&trial);
    let port = trial.url.rsplit(':').next().expect("a port").to_owned();
    for name in ["localhost", "127.0.0.1", "LocalHost", "[::1]"] {
        let request = browser.get_request("/").header(HOST, format!("{name}:{port}"));
        assert_eq!(browser.send(request).await.status, StatusCode::OK, "{name}");
    }
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "localhost".to_owned(),
        "localhost:1".to_owned(),
        format!("localhost.evil.example:{port}"),
        String::new(),
    ] {
        let request = browser.get_request("/").header(HOST, &host);
        let answer = browser.send(request).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert!(answer.body.contains(&format!("http://localhost:{port}")), "{}", answer.body);
    }
}

#[tokio::test]
async fn assets_are_behind_the_door_too() {
    let trial = Trial::anonymous().await;
    let mut browser = Browser::at(&trial);
    let page = browser.get("/").await.body;
    let (_, rest) = page.split_once("href=\"/assets/").expect("an asset");
    let path = format!("/assets/{}", rest.split_once('"').expect("it ends").0);
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
    let request = browser.get_request(&path).header(HOST, "evil.example");
    assert_eq!(browser.send(request).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn without_a_login_what_came_through_a_proxy_is_refused() {
    let trial = Trial::anonymous().await;
    let mut browser = Browser::at(&trial);
    for header in
        ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"]
    {
        let request = browser.get_request("/").header(header, "10.0.0.7");
        let answer = browser.send(request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header}");
        assert!(answer.body.contains("BILAG_CONSOLE_URL"), "it says what to do: {}", answer.body);
    }
}

#[tokio::test]
async fn behind_a_proxy_it_answers_under_its_outer_name_alone() {
    let trial = Trial::by_https().await;
    let mut outside = Browser::through(&trial, OUTSIDE);
    let request =
        outside.get_request("/login").header("x-forwarded-for", "10.0.0.7").header("via", "1.1 proxy");
    assert_eq!(outside.send(request).await.status, StatusCode::OK);
    let answer = Browser::at(&trial).get("/login").await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(answer.body.contains(OUTSIDE), "{}", answer.body);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_even_with_the_right_token() {
    let trial = Trial::with_users().await;
    let mut browser = Browser::at(&trial);
    browser.log_in("kari").await;
    let csrf = browser.get("/").await.field("csrf");
    let ours = browser.origin();
    let origins: [(Option<&str>, Option<&str>); 6] = [
        (Some("https://evil.example"), None),
        (Some("null"), None),
        (Some("http://localhost:1"), None),
        (Some(&ours), Some("cross-site")),
        (None, Some("same-site")),
        (None, None),
    ];
    for (origin, site) in origins {
        let mut request = browser.post_request("/logout", &[("csrf", &csrf)]);
        request = origin.iter().fold(request, |request, origin| request.header(ORIGIN, *origin));
        request = site.iter().fold(request, |request, site| request.header("sec-fetch-site", *site));
        let answer = browser.send(request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?} {site:?}");
    }
    assert!(browser.is_in().await, "nothing was done");
}
