//! The names of a service in messages for operators.

/// What people call a service, and where they look when it fails.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, as the subject of a sentence: `the invoice service`.
    pub name: &'static str,
    /// The setting that holds its URL.
    pub url_setting: &'static str,
    /// The setting of its credentials, or both: `ERP_USER and ERP_PASSWORD`.
    pub credentials_setting: &'static str,
    /// What to look at where it does not answer: `whether it runs`.
    pub status: &'static str,
    /// What to check where it forbids a call. `None`: the rights that go with the credentials.
    pub rights: Option<&'static str>,
}

impl Service {
    /// A service without advice of its own.
    pub const fn new(
        name: &'static str,
        url_setting: &'static str,
        credentials_setting: &'static str,
    ) -> Self {
        Self { name, url_setting, credentials_setting, status: "whether it runs", rights: None }
    }

    pub(crate) fn rights(&self) -> String {
        let credentials = self.credentials_setting;
        self.rights.map_or_else(|| format!("the rights that go with {credentials}"), str::to_owned)
    }
}
