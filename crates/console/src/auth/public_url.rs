//! The console's public URL, as browsers see it behind a proxy.

use reqwest::Url;

/// Origin under which browsers reach the console, if not the listening address: `https://bilag.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
}

/// Not an origin: see the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a console URL: expected https://HOST or https://HOST:PORT without a path (http:// for localhost only)"
)]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// # Errors
    /// Not a URL, more than scheme, host and port, or unencrypted beyond this machine.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        if !bare || !nobody || !is_safe(&url) {
            return Err(InvalidPublicUrl);
        }
        let name = url.host_str().ok_or(InvalidPublicUrl)?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { origin: format!("{}://{host}", url.scheme()), host })
    }

    /// Scheme, host and non-default port, as browsers send them.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and non-default port, as browsers send them.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// Encrypted, or within this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || url.scheme() == "http" && local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_https_or_local_origins() {
        for (text, origin) in [
            ("https://Bilag.example", "https://bilag.example"),
            ("https://bilag.example:443/", "https://bilag.example"),
            ("https://bilag.example:8443", "https://bilag.example:8443"),
            ("http://localhost:8096", "http://localhost:8096"),
            ("http://[::1]:8096/", "http://[::1]:8096"),
        ] {
            assert_eq!(PublicUrl::parse(text).expect(text).origin(), origin);
        }
        for text in [
            "",
            "bilag.example",
            "http://bilag.example",
            "http://localhost.evil.example",
            "ftp://localhost",
            "https://me@bilag.example",
            "https://bilag.example/console",
            "https://bilag.example/?a",
        ] {
            assert_eq!(PublicUrl::parse(text), Err(InvalidPublicUrl), "{text}");
        }
    }
}
