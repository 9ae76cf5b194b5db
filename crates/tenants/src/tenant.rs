//! The tenants as the file has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_clock::Zone;

use crate::error::Whose;
use crate::{SecretFrom, WrongTenant};

/// The tenants of an installation. Clones are the same ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenants(pub(crate) Arc<File>);

#[derive(Debug, PartialEq)]
pub(crate) struct File {
    pub path: Arc<Path>,
    pub by_uid: BTreeMap<String, Tenant>,
    pub rest: Option<Tenant>,
}

/// What is a tenant's own. What is `None` comes from the settings of the installation.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    pub(crate) name: String,
    pub(crate) path: Arc<Path>,
    /// Omnium's API for this tenant. Where it is given, so are the credentials.
    pub base_url: Option<At<String>>,
    /// Id and secret of the tenant's API user.
    pub credentials: Option<(At<SecretFrom>, At<SecretFrom>)>,
    /// Whether its receipts are sent to Omnium.
    pub send: Option<bool>,
    /// What the keys of invoice properties begin with.
    pub prefix: Option<String>,
    /// A built-in template by its name, or a file beside the tenants' file.
    pub template: Option<At<String>>,
    /// The language of its documents, by ISO 639-1 code.
    pub language: Option<At<String>>,
    /// The stores' time zone.
    pub time_zone: Option<Zone>,
    /// Requests to Omnium in flight at once, per process.
    pub max_concurrent_requests: Option<u16>,
}

/// A value and the line it stands on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its line.
    pub line: usize,
}

impl Tenants {
    /// What is said of a tenant: by name, else by `[default]`; `None` where neither is there.
    pub fn find(&self, uid: &str) -> Option<&Tenant> {
        self.0.by_uid.get(uid).or(self.0.rest.as_ref())
    }

    /// Each table of the file, `[default]` last.
    pub fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.0.by_uid.values().chain(&self.0.rest)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Tenant {
    /// Its uid, or `[default]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose settings are meant, and where they are: `tenant 7, by /etc/bilag/tenants.toml`.
    pub fn described(&self) -> String {
        format!("{}, by {}", Whose(&self.name), self.path.display())
    }

    /// A file that the tenants' file names: relative to its folder.
    pub fn beside(&self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }

    /// Whether it reaches Omnium as the installation does: by the same user, at the same pace.
    pub fn shares_omnium(&self) -> bool {
        self.credentials.is_none() && self.max_concurrent_requests.is_none()
    }

    /// A value of the file that turned out to be of no use; the problem never repeats a secret.
    pub fn wrong(&self, member: &'static str, line: usize, problem: impl Into<WrongCause>) -> WrongTenant {
        let (path, tenant) = (self.path.display().to_string(), self.name.clone());
        WrongTenant { path, line, tenant, member, source: problem.into() }
    }
}

type WrongCause = Box<dyn std::error::Error + Send + Sync>;
