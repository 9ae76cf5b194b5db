//! Who may use the console, from the settings.

use std::sync::Arc;

use console::{Access, AuthMode, Oidc, OidcSettings, PublicUrl, Role, RoleNames, UsersFile};

use crate::cli::{ConsoleSettings, OidcArgs};
use crate::output::Failed;

/// Fails if the settings would admit unintended users.
pub fn of(args: &ConsoleSettings) -> Result<Access, Failed> {
    let public_url = args.console_url.as_deref().map(PublicUrl::parse).transpose();
    let public_url = public_url.map_err(|error| Failed::used_wrongly("BILAG_CONSOLE_URL", error))?;
    let mode = match (&args.console_users, &args.oidc.oidc_issuer) {
        (Some(_), Some(_)) => {
            return Err(Failed::plainly_used_wrongly(
                "BILAG_CONSOLE_USERS and BILAG_CONSOLE_OIDC_ISSUER are both set: only one kind of login is possible",
            ));
        }
        (Some(path), None) => {
            let file = UsersFile::open(path);
            let file = file.map_err(|error| Failed::used_wrongly("BILAG_CONSOLE_USERS", error))?;
            AuthMode::Users(Arc::new(file))
        }
        (None, Some(issuer)) => AuthMode::Oidc(Arc::new(oidc(issuer, &args.oidc, public_url.as_ref())?)),
        (None, None) => {
            AuthMode::Anonymous(if args.console_allow_edit { Role::Editor } else { Role::Operator })
        }
    };
    let access = Access { mode, public_url };
    match access.check(args.console_addr) {
        Ok(()) => Ok(access),
        Err(error) => Err(Failed::plainly_used_wrongly(error)),
    }
}

fn oidc(issuer: &str, args: &OidcArgs, public_url: Option<&PublicUrl>) -> Result<Oidc, Failed> {
    let missing = |what: &str, why: &str| {
        Failed::plainly_used_wrongly(format!("{what} is not set: a login by OpenID Connect needs {why}"))
    };
    let public_url =
        public_url.ok_or_else(|| missing("BILAG_CONSOLE_URL", "the URL that browsers return to"))?;
    let client_id = args.oidc_client_id.clone();
    let client_secret = args.oidc_client_secret.setting();
    let settings = OidcSettings {
        issuer: issuer.to_owned(),
        client_id: client_id.ok_or_else(|| missing("BILAG_CONSOLE_OIDC_CLIENT_ID", "a client"))?,
        client_secret: client_secret.read().map_err(Failed::plainly_used_wrongly)?,
        roles_claim: args.oidc_roles_claim.clone(),
        roles: RoleNames {
            viewer: args.oidc_role_viewer.clone(),
            operator: args.oidc_role_operator.clone(),
            editor: args.oidc_role_editor.clone(),
        },
    };
    Oidc::new(settings, public_url).map_err(|error| Failed::used_wrongly("BILAG_CONSOLE_OIDC_ISSUER", error))
}
