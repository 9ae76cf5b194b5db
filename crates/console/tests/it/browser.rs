//! A browser: it keeps cookies, sends the headers that browsers send, and follows no redirect by itself.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};

use crate::trial::{PASSWORD, Trial};

pub struct Browser {
    http: Client,
    base: String,
    /// What is in the address bar, where it is not the base.
    outside: Option<String>,
    pub cookies: BTreeMap<String, String>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).expect("a redirect").to_str().expect("text")
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\"")).expect("the field");
        rest.split_once('"').expect("it ends").0.to_owned()
    }

    pub fn set_cookies(&self) -> Vec<String> {
        let cookies = self.headers.get_all(SET_COOKIE).iter();
        cookies.map(|cookie| cookie.to_str().expect("text").to_owned()).collect()
    }
}

impl Browser {
    pub fn at(trial: &Trial) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        Self { http, base: trial.url.clone(), outside: None, cookies: BTreeMap::new() }
    }

    /// With a proxy between.
    pub fn through(trial: &Trial, outside: &str) -> Self {
        Self { outside: Some(outside.to_owned()), ..Self::at(trial) }
    }

    pub fn origin(&self) -> String {
        self.outside.clone().unwrap_or_else(|| self.base.clone())
    }

    pub fn get_request(&self, path: &str) -> RequestBuilder {
        self.dressed(self.http.get(format!("{}{path}", self.base)))
    }

    pub fn post_request(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = reqwest::Url::parse_with_params("http://x", fields).expect("fields");
        let request = self.http.post(format!("{}{path}", self.base));
        self.dressed(request)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.query().unwrap_or_default().to_owned())
    }

    fn dressed(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(outside) = &self.outside {
            request = request.header(HOST, outside.trim_start_matches("https://"));
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.get_request(path);
        self.send(request).await
    }

    /// Sends a form, as one of the console's own pages does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.post_request(path, fields).header(ORIGIN, self.origin());
        self.send(request.header("sec-fetch-site", "same-origin")).await
    }

    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let response: Response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer { status, headers, body: response.text().await.expect("a text") }
    }

    /// Fills the login form in.
    pub async fn try_password(&mut self, name: &str, password: &str) -> Answer {
        let csrf = self.get("/login").await.field("csrf");
        self.post("/login", &[("name", name), ("password", password), ("csrf", &csrf)]).await
    }

    pub async fn log_in(&mut self, name: &str) {
        let answer = self.try_password(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }

    /// Whether the first page is shown.
    pub async fn is_in(&mut self) -> bool {
        let answer = self.get("/").await;
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::SEE_OTHER), "{}", answer.body);
        answer.status == StatusCode::OK
    }
}
