//! Which of Omnium's environments a URL leads to, by its host.

use http_client::Url;
use strum::IntoStaticStr;

/// One of Omnium's environments other than production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Environment {
    /// `apitest.omnium.no`.
    Test,
    /// `apidev.omnium.no`, which shares its data with the test environment.
    Dev,
}

impl Environment {
    /// The environment of a base URL; `None` of production, and of a host that is not Omnium's: a gateway, a
    /// stand-in.
    pub fn of(base_url: &str) -> Option<Self> {
        match base_url.parse::<Url>().ok()?.host_str()? {
            "apitest.omnium.no" => Some(Self::Test),
            "apidev.omnium.no" => Some(Self::Dev),
            _ => None,
        }
    }

    /// `TEST` or `DEV`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_is_told_by_its_host() {
        for (url, environment) in [
            ("https://api.omnium.no", None),
            ("https://apitest.omnium.no", Some("TEST")),
            ("https://APITEST.omnium.no:443/v1/", Some("TEST")),
            ("http://apidev.omnium.no/", Some("DEV")),
            ("https://apitest.omnium.no.example", None),
            ("https://gateway.example/apitest.omnium.no", None),
            ("apitest.omnium.no", None),
        ] {
            assert_eq!(Environment::of(url).map(Environment::name), environment, "{url}");
        }
    }
}
