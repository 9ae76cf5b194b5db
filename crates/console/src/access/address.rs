//! The address that browsers use.

use reqwest::Url;

/// The address that browsers use, where it is not the one listened on: `https://bilag.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    origin: String,
    host: String,
}

/// The text is no address of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no address of a console: write https://HOST or https://HOST:PORT without a path (http:// for localhost alone)"
)]
pub struct BadAddress;

impl Outside {
    /// Reads it. Passwords and sessions do not travel unencrypted, except within this machine.
    ///
    /// # Errors
    /// It is no URL, has more than scheme, host and port, or is http beyond this machine.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let url = Url::parse(text).map_err(|_| BadAddress)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        if !bare || !nobody || !is_safe(&url) {
            return Err(BadAddress);
        }
        let name = url.host_str().ok_or(BadAddress)?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { origin: format!("{}://{host}", url.scheme()), host })
    }

    /// Scheme, host and port, as browsers send them.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as browsers send them.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// Whether nobody can listen on the way there.
pub(crate) fn is_safe(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || url.scheme() == "http" && local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_of_this_machine_and_nothing_more() {
        for (text, origin) in [
            ("https://Bilag.example", "https://bilag.example"),
            ("https://bilag.example:443/", "https://bilag.example"),
            ("https://bilag.example:8443", "https://bilag.example:8443"),
            ("http://localhost:8096", "http://localhost:8096"),
            ("http://[::1]:8096/", "http://[::1]:8096"),
        ] {
            assert_eq!(Outside::parse(text).expect(text).origin(), origin);
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
            assert_eq!(Outside::parse(text), Err(BadAddress), "{text}");
        }
    }
}
