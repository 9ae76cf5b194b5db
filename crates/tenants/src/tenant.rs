//! Tenants: what is each one's own, where its secrets are, and its time zone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{At, FileProblem, Secret};
use events::Text;
use events::store_clock::Zone;
use invoice::{Extra, PropertyName};

use crate::Facts;

/// The table of the tenants that have none of their own.
pub(crate) const DEFAULT: &str = "[default]";

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
    /// Names its Omnium tenant, whose API users share a limit. Where it is given, so are the credentials.
    pub omnium_tenant: Option<String>,
    /// Whether its receipts are sent to Omnium.
    pub send: Option<bool>,
    /// What the keys of invoice properties begin with.
    pub prefix: Option<String>,
    /// What invoices in Omnium say beyond Flow's page.
    pub invoice_extras: Option<BTreeSet<Extra>>,
    /// What Omnium calls means of payment, by their code.
    pub payment_methods: BTreeMap<String, Text>,
    /// What Omnium calls businesses.
    pub business: Option<Text>,
    /// What Omnium calls other customers.
    pub private: Option<Text>,
    /// Whole keys of invoice properties.
    pub property_keys: BTreeMap<PropertyName, Text>,
    /// A built-in template by its name, or a file beside the tenants' file.
    pub template: Option<At<String>>,
    /// The language of its documents, by ISO 639-1 code.
    pub language: Option<At<String>>,
    /// The stores' time zone.
    pub time_zone: Option<Zone>,
    /// Which receipts get an e-invoice by EN 16931: `off`, `when-possible` or `required`.
    pub en16931: Option<At<String>>,
    /// What documents have to say of who issues them.
    pub facts: Facts,
    /// Requests to Omnium in flight at once, per process.
    pub max_concurrent_requests: Option<u16>,
    /// Who is notified of what is its own.
    pub notify: Notified,
}

/// Who is notified beside those of the installation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notified {
    /// URL of a webhook.
    pub webhook_url: Option<At<SecretFrom>>,
    /// Form of the webhook's body.
    pub webhook_form: Option<At<String>>,
    /// Addresses that get e-mail.
    pub email_to: Vec<At<String>>,
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

    /// The uid of each tenant with a table of its own.
    pub fn uids(&self) -> impl Iterator<Item = &str> {
        self.0.by_uid.keys().map(|uid| &**uid)
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

/// A value of the file that is of no use where it is needed. Never repeats a secret.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{line}: `{member}` of {} is of no use", Whose(tenant))]
pub struct WrongTenant {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) tenant: String,
    pub(crate) member: &'static str,
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// How messages call a tenant.
pub(crate) struct Whose<'a>(pub(crate) &'a str);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DEFAULT => f.write_str(DEFAULT),
            uid => write!(f, "tenant {uid}"),
        }
    }
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// In this environment variable.
    Env(String),
    /// In this file, which is read again when it changes.
    File(PathBuf),
}

/// Why there is no secret. Never repeats it.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// Not set, or empty.
    #[error("the environment variable {0} is not set, or empty")]
    NotSet(String),
    /// The file is missing, or holds no credential.
    #[error(transparent)]
    File(#[from] FileProblem),
}

impl SecretFrom {
    /// The secret.
    ///
    /// # Errors
    /// See [`NoSecret`].
    pub fn read(&self) -> Result<Secret, NoSecret> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
                _ => Err(NoSecret::NotSet(name.clone())),
            },
            Self::File(path) => Ok(Secret::file(path)?),
        }
    }
}

/// The time zones that were set: the installation's, and those of tenants that have their own.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    installation: Option<Zone>,
    tenants: Option<Tenants>,
}

impl Zones {
    /// The installation's, and the tenants with theirs.
    pub fn new(installation: Option<Zone>, tenants: Option<Tenants>) -> Self {
        Self { installation, tenants }
    }

    /// The installation's.
    pub fn installation(&self) -> Option<Zone> {
        self.installation
    }

    /// The one that is set for a tenant: its own, else the installation's.
    pub fn of(&self, tenant: &str) -> Option<Zone> {
        let own = self.tenants.as_ref().and_then(|tenants| tenants.find(tenant)?.time_zone);
        own.or(self.installation)
    }
}
