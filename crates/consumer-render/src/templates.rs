//! The template, language and time zone of each tenant: loaded and checked at the start.

use std::collections::HashMap;

use consumer::SettingError;
use receipt_pdf::{Language, Look, Template};
use tenants::{Tenant, TenantSettings, Tenants, WrongTenant, Zones};

use crate::settings::{RenderSettings, load_template};

/// The templates of an installation.
#[derive(Clone, Debug)]
pub struct TenantTemplates {
    of_installation: Look,
    pub(crate) tenants: Option<Tenants>,
    by_name: HashMap<String, Look>,
    zones: Zones,
}

impl TenantTemplates {
    /// How the documents of a tenant look; `None` where the tenants' file does not know it.
    pub fn of(&self, tenant: &str) -> Option<Look> {
        let look = match &self.tenants {
            None => self.of_installation,
            Some(tenants) => *self.by_name.get(tenants.find(tenant)?.name())?,
        };
        Some(Look { zone: self.zones.of(tenant), ..look })
    }

    /// How they look where nothing is said of a tenant.
    pub fn of_installation(&self) -> Look {
        self.of_installation
    }
}

impl RenderSettings {
    /// With what is each tenant's own.
    pub fn with_tenants(&self, tenants: &TenantSettings) -> Self {
        Self { tenants: tenants.tenants.clone(), zones: tenants.zones(), ..self.clone() }
    }

    /// The templates that these settings name.
    ///
    /// # Errors
    /// There is no such template, or it has mistakes; or it has not the language that a tenant wants.
    pub fn templates(&self) -> Result<TenantTemplates, SettingError> {
        let template = self.load().map_err(|error| SettingError::named("BILAG_TEMPLATE", error))?;
        let of_installation = Look { template, language: None, zone: self.zones.of("") };
        let mut by_name = HashMap::new();
        for tenant in self.tenants.iter().flat_map(Tenants::iter) {
            let look = look(tenant, template).map_err(SettingError::described)?;
            by_name.insert(tenant.name().to_owned(), look);
        }
        Ok(TenantTemplates {
            of_installation,
            tenants: self.tenants.clone(),
            by_name,
            zones: self.zones.clone(),
        })
    }
}

fn look(tenant: &Tenant, of_installation: &'static Template) -> Result<Look, WrongTenant> {
    let template = match &tenant.template {
        None => of_installation,
        Some(named) => {
            let file = tenant.beside(&named.value).display().to_string();
            let name = if Template::BUILTIN.contains(&&*named.value) { &named.value } else { &file };
            load_template(name).map_err(|error| tenant.wrong("template", named.line, error))?
        }
    };
    let Some(wanted) = &tenant.language else { return Ok(Look { template, language: None, zone: None }) };
    let wrong = |problem: String| tenant.wrong("language", wanted.line, problem);
    let language = Language::from_code(&wanted.value)
        .ok_or_else(|| wrong(format!("it is one of {}", Language::ALL.map(Language::code).join(", "))))?;
    match template.speaks(language) {
        true => Ok(Look { template, language: Some(language), zone: None }),
        false => Err(wrong(format!("its template is written in another language than {}", language.code()))),
    }
}
