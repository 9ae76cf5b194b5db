//! Addresses of pages: what stands in their query, and how it is written.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;

/// What stands in a page's query. A parameter that is empty counts as absent, as forms send it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    /// Of the fields of a form.
    pub(crate) fn of(fields: &[(String, String)]) -> Self {
        Self(fields.iter().cloned().collect())
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The same, as a text of one's own.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// How many of the list come before. One that is no number is none.
    pub(crate) fn offset(&self) -> u32 {
        self.get("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let query = Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        Ok(Self(query.map(|Query(params)| params).unwrap_or_default()))
    }
}

/// The address of a page with these parameters; those without a value stay out.
pub(crate) fn address(path: &str, params: &[(&str, Option<&str>)]) -> String {
    let given = params.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let query: Vec<_> = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// A segment of a path as it was meant: see [`segment`].
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Segment(pub(crate) String);

impl From<String> for Segment {
    fn from(written: String) -> Self {
        Self(written.strip_prefix('~').map(str::to_owned).unwrap_or(written))
    }
}

/// A text as a segment of a path. Browsers take `.` and `..` for ways through the path, encoded or not,
/// so that those stand behind a `~`; what begins with one gets another.
pub(crate) fn segment(text: &str) -> String {
    let mark = if matches!(text, "." | "..") || text.starts_with('~') { "~" } else { "" };
    format!("{mark}{}", encoded(text))
}

/// A text as a parameter's value.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_stands_in_an_address() {
        assert_eq!(address("/letters", &[]), "/letters");
        let hostile = [("text", Some("a b&c=\"<ø>/\u{202e}")), ("stage", None), ("x", Some("1"))];
        assert_eq!(
            address("/letters", &hostile),
            "/letters?text=a%20b%26c%3D%22%3C%C3%B8%3E%2F%E2%80%AE&x=1"
        );
    }

    #[test]
    fn any_text_stands_in_a_path_and_comes_back_from_it() {
        for (text, written) in [
            ("rcpt-1.2", "rcpt-1.2"),
            (".", "~."),
            ("..", "~.."),
            ("...", "..."),
            ("~", "~~"),
            ("~..", "~~.."),
            ("a~", "a~"),
        ] {
            assert_eq!(segment(text), written);
            assert_eq!(Segment::from(written.to_owned()).0, text);
        }
    }
}
