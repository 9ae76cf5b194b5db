//! Addresses of pages: paths, query parameters, links.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use sync_store::{Key, PackageKey};

/// Query parameters. Empty ones count as absent, as forms send them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    pub(crate) fn of(fields: &[(String, String)]) -> Self {
        Self(fields.iter().cloned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// Of a list; 0 if not a number.
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

/// A path with query parameters; those without a value are omitted.
pub(crate) fn address(path: &str, params: &[(&str, Option<&str>)]) -> String {
    let given = params.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let query: Vec<_> = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// A decoded path segment: see [`segment`].
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Segment(pub(crate) String);

impl From<String> for Segment {
    fn from(encoded: String) -> Self {
        Self(encoded.strip_prefix('~').map(str::to_owned).unwrap_or(encoded))
    }
}

/// A text as a path segment. Browsers resolve `.` and `..`, even encoded: they get a `~` as prefix, and so does
/// what begins with one.
pub(crate) fn segment(text: &str) -> String {
    let prefix = if matches!(text, "." | "..") || text.starts_with('~') { "~" } else { "" };
    format!("{prefix}{}", encoded(text))
}

/// Percent-encoding.
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

/// Path of a dead letter's page.
pub(crate) fn dead_letter_path(id: &str) -> String {
    format!("/letters/{}", segment(id))
}

/// Path of a receipt's page.
pub(crate) fn receipt_path(key: &Key) -> String {
    format!("/receipts/{}/{}", segment(&key.tenant_uid), segment(&key.receipt_uid))
}

/// Path of a package's page.
pub(crate) fn package_path(key: &PackageKey) -> String {
    format!("/packages/{}/{}", segment(&key.oms), key.package_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_query_parameters() {
        assert_eq!(address("/letters", &[]), "/letters");
        let hostile = [("text", Some("a b&c=\"<ø>/\u{202e}")), ("stage", None), ("x", Some("1"))];
        assert_eq!(
            address("/letters", &hostile),
            "/letters?text=a%20b%26c%3D%22%3C%C3%B8%3E%2F%E2%80%AE&x=1"
        );
    }

    #[test]
    fn path_segments_round_trip() {
        for (text, encoded) in [
            ("rcpt-1.2", "rcpt-1.2"),
            (".", "~."),
            ("..", "~.."),
            ("...", "..."),
            ("~", "~~"),
            ("~..", "~~.."),
            ("a~", "a~"),
        ] {
            assert_eq!(segment(text), encoded);
            assert_eq!(Segment::from(encoded.to_owned()).0, text);
        }
    }
}
