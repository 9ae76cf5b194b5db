//! From TOML to tenants, or to all mistakes of the file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use events::Uid;
use toml::de::{DeTable, DeValue};

use crate::error::Whose;
use crate::reader::{Reader, Report};
use crate::tenant::File;
use crate::{At, SecretFrom, Tenant, Tenants, TenantsError};

/// The table of the tenants that have none of their own.
pub(crate) const DEFAULT: &str = "[default]";

const MEMBERS: [&str; 9] = [
    "base-url",
    "client-id",
    "client-secret",
    "send",
    "prefix",
    "template",
    "language",
    "time-zone",
    "max-concurrent-requests",
];

const REFERENCE: &str =
    "is not written here: say where it is, as in { env = \"NAME\" } or { file = \"/path\" }";

/// The largest file, in bytes: tens of thousands of tenants.
const MOST: u64 = 16 * 1024 * 1024;

impl Tenants {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TenantsError> {
        let path = path.as_ref();
        let source = plain_file::read_text(path, MOST);
        let source =
            source.map_err(|source| TenantsError::Unreadable { path: path.display().to_string(), source })?;
        Self::read(&source, path)
    }

    /// Reads its text; `path` is where it stands.
    ///
    /// # Errors
    /// It has mistakes: all of them.
    pub fn read(source: &str, path: &Path) -> Result<Self, TenantsError> {
        let report = Report::new(source);
        let (document, errors) = DeTable::parse_recoverable(source);
        for error in &errors {
            report
                .add(report.line(error.span().unwrap_or_default()), format!("not TOML: {}", error.message()));
        }
        // What follows a mistake of syntax may have been read wrongly: no more is said of it.
        let file = errors.is_empty().then(|| file(&report, document.get_ref(), path));
        match (file, report.into_mistakes()) {
            (Some(file), mistakes) if mistakes.is_empty() => Ok(Self(Arc::new(file))),
            (_, mistakes) => Err(TenantsError::Mistakes { path: path.display().to_string(), mistakes }),
        }
    }
}

fn file(report: &Report<'_>, document: &DeTable<'_>, path: &Path) -> File {
    let path: Arc<Path> = path.into();
    let root = Reader::new(report, document, 1, "the file", &["tenant", "default"]);
    let mut by_uid = BTreeMap::new();
    match root.value("tenant") {
        None => {}
        Some((DeValue::Table(tenants), _)) => {
            for (uid, value) in tenants {
                let (line, uid) = (report.line(uid.span()), uid.get_ref().as_ref());
                if Uid::new(uid).is_none() {
                    report.add(line, "this is no tenant's uid: it has 1 to 200 characters, none of them a control character");
                }
                if let Some(tenant) = tenant(report, value.get_ref(), line, uid, &path) {
                    by_uid.insert(uid.to_owned(), tenant);
                }
            }
        }
        Some((_, line)) => {
            let wanted = "is a table for each tenant, as in [tenant.7]";
            root.refuse::<()>("tenant", line, wanted).unwrap_or_default();
        }
    }
    let rest = root.value("default").and_then(|(value, line)| tenant(report, value, line, DEFAULT, &path));
    if by_uid.is_empty() && rest.is_none() && report.is_clean() {
        root.complain("names no tenant: it needs at least one table, as in [tenant.7]");
    }
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
    let table = Reader::new(report, table, line, what, &MEMBERS);
    let folder = path.parent().unwrap_or(Path::new(""));
    let (id, secret) = (secret(&table, "client-id", folder), secret(&table, "client-secret", folder));
    let has = |key| table.value(key).is_some();
    if has("client-id") != has("client-secret") {
        table.complain("needs both client-id and client-secret, or neither");
    }
    if has("base-url") && !has("client-id") {
        table.complain("has a base-url and no credentials: those of the installation are not sent elsewhere");
    }
    Some(Tenant {
        name: name.to_owned(),
        path: path.clone(),
        base_url: table.text("base-url"),
        credentials: id.zip(secret),
        send: table.flag("send"),
        prefix: table.text("prefix").map(|prefix| prefix.value),
        template: table.text("template"),
        language: table.text("language"),
        time_zone: table.text("time-zone").and_then(|zone| {
            let wanted = "is named as the IANA database has it, as in \"Europe/Oslo\"";
            zone.value.parse().ok().or_else(|| table.refuse("time-zone", zone.line, wanted))
        }),
        max_concurrent_requests: table.number("max-concurrent-requests", 1..=1000),
    })
}

/// Where a secret is. What stands there is never repeated: it may be the secret itself.
fn secret(table: &Reader<'_, '_>, key: &str, folder: &Path) -> Option<At<SecretFrom>> {
    let (value, line) = table.value(key)?;
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
