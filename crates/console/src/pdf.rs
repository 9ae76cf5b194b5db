//! A PDF as an answer: shown by the browser's own viewer, which may run nothing of it.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::parts::encoded;

/// The browser's own viewer needs nothing of it; nothing may be loaded or run.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'self'");

/// The answer.
pub(crate) fn answer(name: &str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    // RFC 6266, in the form that takes any name.
    let disposition = format!("inline; filename*=UTF-8''{}", encoded(name));
    let disposition = HeaderValue::from_str(&disposition).expect("a segment is ASCII");
    headers.insert(CONTENT_DISPOSITION, disposition);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_a_file_is_a_header() {
        let answer = answer("Ø \"1\"\r\nx: y.pdf", vec![1]);
        assert_eq!(
            answer.headers()[CONTENT_DISPOSITION],
            "inline; filename*=UTF-8''%C3%98%20%221%22%0D%0Ax%3A%20y.pdf"
        );
    }
}
