//! The template, language, time zone and facts of each tenant: loaded and checked at the start.

use std::collections::HashMap;

use consumer::SettingError;
use en16931::{Policy, UnknownPolicy};
use receipt_pdf::{Language, Look, Template};
use tenants::{At, Facts, Tenant, TenantSettings, Tenants, WrongTenant};

use crate::DocumentSettings;
use crate::settings::{RenderSettings, load_template};

/// The templates of an installation.
#[derive(Clone, Debug)]
pub struct TenantTemplates {
    of_installation: DocumentSettings,
    pub(crate) tenants: Option<Tenants>,
    by_name: HashMap<String, DocumentSettings>,
}

impl TenantTemplates {
    /// How the documents of a tenant are made; `None` where the tenants' file does not know it.
    pub fn of(&self, tenant: &str) -> Option<&DocumentSettings> {
        match &self.tenants {
            None => Some(&self.of_installation),
            Some(tenants) => self.by_name.get(tenants.find(tenant)?.name()),
        }
    }

    /// How they are made where nothing is said of a tenant.
    pub fn of_installation(&self) -> &DocumentSettings {
        &self.of_installation
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
        let look_of_all = Look { template, language: None, zone: self.zones.of("") };
        let of_installation =
            DocumentSettings { look: look_of_all, facts: Facts::default(), en16931: self.en16931 };
        let mut by_name = HashMap::new();
        for tenant in self.tenants.iter().flat_map(Tenants::iter) {
            let look = look(tenant, template).map_err(SettingError::described)?;
            let look = Look { zone: self.zones.of(tenant.name()), ..look };
            let en16931 = policy(tenant).map_err(SettingError::described)?.unwrap_or(self.en16931);
            let settings = DocumentSettings { look, facts: tenant.facts.clone(), en16931 };
            by_name.insert(tenant.name().to_owned(), settings);
        }
        Ok(TenantTemplates { of_installation, tenants: self.tenants.clone(), by_name })
    }
}

fn policy(tenant: &Tenant) -> Result<Option<Policy>, WrongTenant> {
    let parse = |named: &At<String>| {
        named.value.parse().map_err(|error: UnknownPolicy| tenant.wrong("en16931", named.line, error))
    };
    tenant.en16931.as_ref().map(parse).transpose()
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
