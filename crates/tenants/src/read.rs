//! From TOML to tenants, or to all mistakes of the file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use config::{At, Mistake, Report, TomlReader, read_toml};
use events::Uid;
use toml::de::{DeTable, DeValue};

use crate::tenant::{DEFAULT, File, Whose};
use crate::{SecretFrom, Tenant, Tenants};

const REFERENCE: &str = "not written here: say where it is, as in { env = \"NAME\" } or { file = \"/path\" }";

/// In bytes: tens of thousands of tenants.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

impl Tenants {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TenantsError> {
        let path = path.as_ref();
        let source = config::read_text(path, MAX_SIZE);
        let source =
            source.map_err(|source| TenantsError::Unreadable { path: path.display().to_string(), source })?;
        Self::read(&source, path)
    }

    /// Reads its text; `path` is where it stands.
    ///
    /// # Errors
    /// It has mistakes: all of them.
    pub fn read(source: &str, path: &Path) -> Result<Self, TenantsError> {
        match read_toml(source, |report, document| file(report, document, path)) {
            Ok(file) => Ok(Self(Arc::new(file))),
            Err(mistakes) => Err(TenantsError::Mistakes { path: path.display().to_string(), mistakes }),
        }
    }
}

/// Why there are no tenants.
#[derive(Debug, thiserror::Error)]
pub enum TenantsError {
    /// It is not there, or may not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It has mistakes.
    #[error("{}", all(path, mistakes))]
    Mistakes {
        /// Where it is.
        path: String,
        /// Each of them, by line.
        mistakes: Vec<Mistake>,
    },
}

fn all(path: &str, mistakes: &[Mistake]) -> String {
    let lines = mistakes.iter().map(|Mistake { line, message }| format!("{path}:{line}: {message}"));
    lines.collect::<Vec<_>>().join("; ")
}

fn file(report: &Report<'_>, document: &DeTable<'_>, path: &Path) -> File {
    let path: Arc<Path> = path.into();
    let root = TomlReader::new(report, document, 1, "the file");
    let mut by_uid = BTreeMap::new();
    match root.value("tenant") {
        None => {}
        Some(At { value: DeValue::Table(tenants), .. }) => {
            for (uid, value) in tenants {
                let (line, uid) = (report.line(uid.span()), uid.get_ref().as_ref());
                if Uid::new(uid).is_none() {
                    report.add(line, "this is no tenant uid: 1 to 200 characters, no control characters");
                }
                if let Some(tenant) = tenant(report, value.get_ref(), line, uid, &path) {
                    by_uid.insert(uid.to_owned(), tenant);
                }
            }
        }
        Some(At { line, .. }) => {
            root.refuse("tenant", line, "a table for each tenant, as in [tenant.7]").unwrap_or_default()
        }
    }
    let rest = root.value("default");
    let rest = rest.and_then(|At { value, line }| tenant(report, value, line, DEFAULT, &path));
    if by_uid.is_empty() && rest.is_none() && report.is_clean() {
        root.complain("names no tenant: it needs at least one table, as in [tenant.7]");
    }
    root.finish();
    File { path, by_uid, rest }
}

fn tenant(
    report: &Report<'_>,
    value: &DeValue<'_>,
    line: usize,
    name: &str,
    path: &Arc<Path>,
) -> Option<Tenant> {
    let what = Whose(name).to_string();
    let DeValue::Table(table) = value else {
        report.add(line, format!("{what} is a table, as in [tenant.7]"));
        return None;
    };
    let table = TomlReader::new(report, table, line, what);
    let folder = path.parent().unwrap_or(Path::new(""));
    let (id, secret) = (secret(&table, "client-id", folder), secret(&table, "client-secret", folder));
    let has = |key| table.value(key).is_some();
    if has("client-id") != has("client-secret") {
        table.complain("needs both client-id and client-secret, or neither");
    }
    if has("base-url") && !has("client-id") {
        table.complain("has a base-url and no credentials: those of the installation are not sent elsewhere");
    }
    let tenant = Tenant {
        name: name.to_owned(),
        path: path.clone(),
        base_url: text(&table, "base-url"),
        credentials: id.zip(secret),
        send: table.flag("send"),
        prefix: text(&table, "prefix").map(|prefix| prefix.value),
        template: text(&table, "template"),
        language: text(&table, "language"),
        time_zone: text(&table, "time-zone").and_then(|zone| {
            let wanted = "named as in the IANA database, as in \"Europe/Oslo\"";
            zone.value.parse().ok().or_else(|| table.refuse("time-zone", zone.line, wanted))
        }),
        max_concurrent_requests: table.integer("max-concurrent-requests", 1..=1000),
    };
    table.finish();
    Some(tenant)
}

fn text(table: &TomlReader<'_, '_>, key: &'static str) -> Option<At<String>> {
    let text = table.text(key)?;
    if text.value.is_empty() {
        return table.refuse(key, text.line, "a text in quotes, and not empty");
    }
    Some(text.owned())
}

/// Where a secret is. What stands there is never repeated: it may be the secret itself.
fn secret(table: &TomlReader<'_, '_>, key: &'static str, folder: &Path) -> Option<At<SecretFrom>> {
    let At { value, line } = table.value(key)?;
    let DeValue::Table(reference) = value else { return table.refuse(key, line, REFERENCE) };
    let named = |name: &str| match reference.get(name)?.get_ref() {
        DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
        _ => None,
    };
    let found = match (named("env"), named("file"), reference.len()) {
        (Some(name), None, 1) => SecretFrom::Env(name),
        (None, Some(file), 1) => SecretFrom::File(folder.join(file)),
        _ => return table.refuse(key, line, REFERENCE),
    };
    Some(At { value: found, line })
}
