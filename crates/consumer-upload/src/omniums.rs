//! Omnium for each tenant: by its own API user, where it has one, and so with its own token, pace and
//! limit.

use std::collections::HashMap;
use std::sync::Arc;

use consumer::SettingError;
use omnium::{Allowance, CONCURRENT, Config, ConfigError, Environment, Omnium, TenantLimit};
use tenants::{Tenant, Tenants};

use crate::settings::{OmniumConnection, OmniumSettings};

/// Omnium, for whom it can be reached for.
#[derive(Clone, Debug)]
pub struct Omniums {
    tenants: Option<Tenants>,
    of_installation: Option<Omnium>,
    by_name: HashMap<String, Omnium>,
}

impl Omniums {
    /// Omnium for a tenant; `None` where the tenants' file does not know it, or gives it no API user.
    pub fn of(&self, tenant: &str) -> Option<&Omnium> {
        let Some(tenants) = &self.tenants else { return self.of_installation.as_ref() };
        let found = tenants.find(tenant)?;
        match found.shares_omnium() {
            true => self.of_installation.as_ref(),
            false => self.by_name.get(found.name()),
        }
    }

    /// Each of them, with the tenant that it is one tenant's own of.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Option<&str>, &Omnium)> {
        let own = self.by_name.iter().map(|(tenant, omnium)| (Some(tenant.as_str()), omnium));
        self.of_installation.iter().map(|omnium| (None, omnium)).chain(own)
    }
}

/// What all pages and listings are to say of where receipts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLabel {
    /// `TEST`, or `TEST (tenant 7)` where others' go elsewhere.
    pub text: String,
    /// Whether all receipts go to the same environment.
    pub is_of_all: bool,
}

impl OmniumSettings {
    /// `None` where no receipt goes to a test environment.
    pub fn test_label(&self, tenants: Option<&Tenants>) -> Option<TestLabel> {
        let base_url = &self.connection.omnium_base_url;
        let Some(tenants) = tenants else {
            let text = Environment::of(base_url)?.name().to_owned();
            return Some(TestLabel { text, is_of_all: true });
        };
        let url = |tenant: &Tenant| tenant.base_url.as_ref().map_or(base_url, |at| &at.value).clone();
        let sending: Vec<_> = tenants.iter().filter(|tenant| self.sends(Some(tenant))).collect();
        label(
            &sending.iter().map(|tenant| (tenant.name(), Environment::of(&url(tenant)))).collect::<Vec<_>>(),
        )
    }

    pub(crate) fn omniums(&self, allowance: &Arc<dyn Allowance>) -> Result<Omniums, SettingError> {
        let sends = |tenant: &Tenant| self.sends(Some(tenant));
        self.connection.omniums(self.tenants.as_ref(), sends, "to send receipts to Omnium", allowance)
    }
}

impl OmniumConnection {
    /// Omnium for the tenants that `is_needed` names, or for all alike where there is no tenants' file;
    /// `what_for` says why credentials are needed.
    ///
    /// # Errors
    /// A setting is missing, or cannot be used.
    pub fn omniums(
        &self,
        tenants: Option<&Tenants>,
        is_needed: impl Fn(&Tenant) -> bool,
        what_for: &str,
        allowance: &Arc<dyn Allowance>,
    ) -> Result<Omniums, SettingError> {
        let (tenants, mut by_name) = (tenants.cloned(), HashMap::new());
        let mut shared = tenants.is_none();
        for tenant in tenants.iter().flat_map(Tenants::iter).filter(|tenant| is_needed(tenant)) {
            match tenant.shares_omnium() {
                true => shared = true,
                false => drop(
                    by_name.insert(tenant.name().to_owned(), self.of_tenant(tenant, what_for, allowance)?),
                ),
            }
        }
        let of_installation = if shared { Some(self.of_installation(what_for, allowance)?) } else { None };
        Ok(Omniums { tenants, of_installation, by_name })
    }

    /// Whether the installation has credentials of its own.
    pub fn has_credentials(&self) -> bool {
        self.config("").is_ok()
    }

    fn of_installation(
        &self,
        what_for: &str,
        allowance: &Arc<dyn Allowance>,
    ) -> Result<Omnium, SettingError> {
        Omnium::new(self.config(what_for)?, Arc::clone(allowance)).map_err(SettingError::described)
    }

    /// By the API user of its own, or by the installation's at a pace of its own.
    fn of_tenant(
        &self,
        tenant: &Tenant,
        what_for: &str,
        allowance: &Arc<dyn Allowance>,
    ) -> Result<Omnium, SettingError> {
        let Some((id, secret)) = &tenant.credentials else {
            let mut config = self.config(what_for)?;
            config.max_concurrent = self.limit(tenant);
            return Omnium::new(config, Arc::clone(allowance)).map_err(SettingError::described);
        };
        let no_secret =
            |member, line| move |error| SettingError::described(tenant.wrong(member, line, error));
        let config = Config {
            base_url: tenant.base_url.as_ref().map_or(&self.omnium_base_url, |at| &at.value).clone(),
            client_id: id.value.read().map_err(no_secret("client-id", id.line))?,
            client_secret: secret.value.read().map_err(no_secret("client-secret", secret.line))?,
            max_concurrent: self.limit(tenant),
            timeout: self.omnium_timeout.duration(),
            attach_by: self.omnium_attach_by,
            tenant: self.tenant_limit(tenant.omnium_tenant.as_deref()),
        };
        Omnium::new(config, Arc::clone(allowance)).map_err(|error| match (error, &tenant.base_url) {
            (ConfigError::BaseUrl, Some(at)) => {
                let problem =
                    "it is an http or https URL without user, query and fragment, as in https://api.omnium.no";
                SettingError::described(tenant.wrong("base-url", at.line, problem))
            }
            (error, _) => SettingError::described(error),
        })
    }

    fn limit(&self, tenant: &Tenant) -> usize {
        tenant.max_concurrent_requests.unwrap_or(self.omnium_max_concurrent_requests).into()
    }

    /// A limit that one API user alone does not exceed is none, unless others share it.
    fn tenant_limit(&self, name: Option<&str>) -> Option<TenantLimit> {
        let concurrent = self.omnium_tenant_max_concurrent_requests.into();
        let is_needed = name.is_some() || concurrent < CONCURRENT;
        is_needed.then(|| TenantLimit { name: name.map(str::to_owned), concurrent })
    }

    fn config(&self, what_for: &str) -> Result<Config, SettingError> {
        Ok(Config {
            base_url: self.omnium_base_url.clone(),
            client_id: self.omnium_client_id.setting().needed(what_for)?,
            client_secret: self.omnium_client_secret.setting().needed(what_for)?,
            max_concurrent: self.omnium_max_concurrent_requests.into(),
            timeout: self.omnium_timeout.duration(),
            attach_by: self.omnium_attach_by,
            tenant: self.tenant_limit(None),
        })
    }
}

/// Each environment with its tenants, unless all are in the same.
fn label(found: &[(&str, Option<Environment>)]) -> Option<TestLabel> {
    let mut labels = Vec::new();
    for environment in [Environment::Test, Environment::Dev] {
        let its: Vec<_> =
            found.iter().filter(|(_, of)| *of == Some(environment)).map(|(name, _)| *name).collect();
        let name = environment.name();
        match its[..] {
            [] => {}
            _ if its.len() == found.len() => {
                return Some(TestLabel { text: name.to_owned(), is_of_all: true });
            }
            [tenant] => labels.push(format!("{name} (tenant {tenant})")),
            _ => labels.push(format!("{name} (tenants {})", its.join(", "))),
        }
    }
    (!labels.is_empty()).then(|| TestLabel { text: labels.join(", "), is_of_all: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_tenants_where_they_differ() {
        const TEST: Option<Environment> = Some(Environment::Test);
        const DEV: Option<Environment> = Some(Environment::Dev);
        for (found, expected) in [
            (&[][..], None),
            (&[("7", None), ("8", None)], None),
            (&[("7", TEST)], Some(("TEST", true))),
            (&[("7", TEST), ("8", TEST)], Some(("TEST", true))),
            (&[("7", TEST), ("8", None)], Some(("TEST (tenant 7)", false))),
            (&[("7", TEST), ("8", None), ("[default]", TEST)], Some(("TEST (tenants 7, [default])", false))),
            (&[("7", TEST), ("8", DEV)], Some(("TEST (tenant 7), DEV (tenant 8)", false))),
        ] {
            let expected = expected.map(|(text, is_of_all)| TestLabel { text: text.to_owned(), is_of_all });
            assert_eq!(label(found), expected, "{found:?}");
        }
    }
}
