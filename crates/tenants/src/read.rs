//! From TOML to tenants, or to all mistakes of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use config::{At, Report, TomlFileError, TomlReader, read_toml};
use events::{Number, Text, Uid};
use invoice::{Extra, PropertyName};
use toml::de::{DeTable, DeValue};

use crate::tenant::{DEFAULT, File, Whose};
use crate::{Facts, Notified, SecretFrom, Tenant, Tenants};

const REFERENCE: &str = "not written here: say where it is, as in { env = \"NAME\" } or { file = \"/path\" }";

/// In bytes: tens of thousands of tenants.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

impl Tenants {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TomlFileError> {
        let path = path.as_ref();
        let source = config::read_text(path, MAX_SIZE);
        let source = source.map_err(|source| TomlFileError::unreadable(path, source))?;
        Self::read(&source, path)
    }

    /// Reads its text; `path` is where it stands.
    ///
    /// # Errors
    /// It has mistakes: all of them.
    pub fn read(source: &str, path: &Path) -> Result<Self, TomlFileError> {
        match read_toml(source, |report, document| file(report, document, path)) {
            Ok(file) => Ok(Self(Arc::new(file))),
            Err(mistakes) => Err(TomlFileError::mistakes(path, mistakes)),
        }
    }
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
    if has("omnium-tenant") && !has("client-id") {
        table.complain("has an omnium-tenant and no credentials: it groups API users");
    }
    let (business, private) = customer_types(&table);
    let tenant = Tenant {
        name: name.to_owned(),
        path: path.clone(),
        base_url: text(&table, "base-url"),
        credentials: id.zip(secret),
        omnium_tenant: text(&table, "omnium-tenant").map(|tenant| tenant.value),
        send: table.flag("send"),
        prefix: text(&table, "prefix").map(|prefix| prefix.value),
        invoice_extras: extras(&table),
        payment_methods: payment_methods(&table),
        business,
        private,
        property_keys: property_keys(&table),
        template: text(&table, "template"),
        language: text(&table, "language"),
        time_zone: text(&table, "time-zone").and_then(|zone| {
            let wanted = "named as in the IANA database, as in \"Europe/Oslo\"";
            zone.value.parse().ok().or_else(|| table.refuse("time-zone", zone.line, wanted))
        }),
        en16931: text(&table, "en16931"),
        facts: Facts::read(&table),
        max_concurrent_requests: table.integer("max-concurrent-requests", 1..=1000),
        notify: notified(&table, folder),
    };
    if name == DEFAULT && tenant.notify != Notified::default() {
        table.complain("has `notify`, and is no tenant: give that tenant a table of its own");
    }
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

/// What is named in a list, each mistake with its own line.
fn extras(table: &TomlReader<'_, '_>) -> Option<BTreeSet<Extra>> {
    let extra = |At { value, .. }: At<&str>| value.parse().ok();
    let extras = list(table, "invoice-extras", &format!("a list of {}", Extra::names()), extra)?;
    Some(extras.into_iter().collect())
}

/// Who is notified of what is the tenant's own.
fn notified(table: &TomlReader<'_, '_>, folder: &Path) -> Notified {
    let Some(notify) = table.table("notify", "notify") else { return Notified::default() };
    let address = |address: At<&str>| (!address.value.is_empty()).then(|| address.owned());
    let addresses =
        list(&notify, "email-to", "a list of addresses, as in [\"ops@nordlys.example\"]", address);
    let notified = Notified {
        webhook_url: secret(&notify, "webhook-url", folder),
        webhook_form: text(&notify, "webhook-form"),
        email_to: addresses.unwrap_or_default(),
    };
    notify.finish();
    notified
}

/// The texts of a list as they are read, each mistake with its own line.
fn list<T>(
    table: &TomlReader<'_, '_>,
    key: &'static str,
    wanted: &str,
    read: impl Fn(At<&str>) -> Option<T>,
) -> Option<Vec<T>> {
    let At { value, line } = table.value(key)?;
    let DeValue::Array(elements) = value else { return table.refuse(key, line, wanted) };
    let element = |element: &toml::Spanned<DeValue<'_>>| {
        let line = table.report().line(element.span());
        let found = match element.get_ref() {
            DeValue::String(text) => read(At { value: text.as_ref(), line }),
            _ => None,
        };
        found.or_else(|| table.refuse(key, line, wanted))
    };
    Some(elements.iter().filter_map(element).collect())
}

/// What Omnium calls means of payment.
fn payment_methods(table: &TomlReader<'_, '_>) -> BTreeMap<String, Text> {
    named(table, "payment-methods", |code| {
        let code = Number::new(code).map(|code| code.to_string());
        code.ok_or("this is no code of a means of payment: 1 to 100 characters")
    })
}

/// Whole keys of properties. Two of one key would be one property twice.
fn property_keys(table: &TomlReader<'_, '_>) -> BTreeMap<PropertyName, Text> {
    const KEY: &str = "property-keys";
    let keys = named(table, KEY, |name: &str| {
        name.parse().map_err(|_| format!("this is no property: one of {}, in quotes", PropertyName::names()))
    });
    let distinct: BTreeSet<&str> = keys.values().map(|key| &**key).collect();
    if distinct.len() < keys.len() {
        table.refuse::<()>(KEY, table.line_of(KEY), "a key of its own for each property");
    }
    keys
}

/// A table of texts by free keys, each mistake with its own line.
fn named<K: Ord, E: Into<String>>(
    table: &TomlReader<'_, '_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<K, E>,
) -> BTreeMap<K, Text> {
    let Some(entries) = table.table(key, key) else { return BTreeMap::new() };
    let entry = |(name, value): (At<&str>, &DeValue<'_>)| {
        let text = match value {
            DeValue::String(text) => Text::new(text.as_ref()),
            _ => None,
        };
        match (read(name.value), text) {
            (Ok(name), Some(text)) => return Some((name, text)),
            (Err(wrong), _) => table.report().add(name.line, wrong),
            (Ok(_), None) => {
                let wanted = "a text in quotes, not empty, of at most 1000 characters";
                table.refuse::<()>(&format!("{key}.{}", name.value), name.line, wanted);
            }
        }
        None
    };
    entries.entries().filter_map(entry).collect()
}

/// The words for businesses and for others.
fn customer_types(table: &TomlReader<'_, '_>) -> (Option<Text>, Option<Text>) {
    let Some(types) = table.table("customer-types", "customer-types") else { return (None, None) };
    let word = |key| {
        let At { value, line } = types.text(key)?;
        Text::new(value).or_else(|| types.refuse(key, line, "a text in quotes, and not empty"))
    };
    let words = (word("business"), word("private"));
    types.finish();
    words
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
