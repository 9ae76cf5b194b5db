//! Cookies: their names, how they are set, and how they are found.

use axum::http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::access::{Access, Token};

/// The two cookies of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Who is logged in.
    Session,
    /// Which browser began to log in.
    Login,
}

/// How long somebody may take to log in.
pub(crate) const LOGIN_SECONDS: i64 = 600;

impl Cookie {
    /// Browsers take a name with `__Host-` only over https, for this host alone.
    pub(crate) fn name(self, access: &Access) -> String {
        let name = match self {
            Self::Session => "bilag",
            Self::Login => "bilag-login",
        };
        if access.is_https() { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// What the browser sent.
    pub(crate) fn find(self, access: &Access, headers: &HeaderMap) -> Option<Token> {
        let name = self.name(access);
        let sent = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
        let mut pairs =
            sent.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| Token::known(value))
    }

    /// Has the browser keep a token.
    pub(crate) fn set(self, access: &Access, token: &Token) -> HeaderValue {
        let lives = match self {
            Self::Session => String::new(),
            Self::Login => format!("; Max-Age={LOGIN_SECONDS}"),
        };
        self.header(access, token.expose(), &lives)
    }

    /// Has the browser forget it.
    pub(crate) fn clear(self, access: &Access) -> HeaderValue {
        self.header(access, "", "; Max-Age=0")
    }

    fn header(self, access: &Access, value: &str, lives: &str) -> HeaderValue {
        // Lax, so that the way back from the identity provider and links in mails find the session.
        let secure = if access.is_https() { "; Secure" } else { "" };
        let name = self.name(access);
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lives}");
        HeaderValue::from_str(&cookie).expect("names and tokens are plain ASCII")
    }
}
