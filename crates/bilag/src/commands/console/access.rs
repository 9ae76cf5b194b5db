//! Who may look, as the settings say it.

use std::sync::Arc;

use console::{Access, Oidc, OidcSettings, Outside, Role, RoleNames, UsersFile, Way};
use consumer::SecretSetting;

use crate::cli::{ConsoleSettings, OidcArgs};
use crate::output::Failed;

/// Reads it, and refuses what would let in people who were not meant.
pub fn of(args: &ConsoleSettings) -> Result<Access, Failed> {
    let outside = args.console_url.as_deref().map(Outside::parse).transpose();
    let outside = outside.map_err(|error| Failed::used_wrongly("BILAG_CONSOLE_URL", error))?;
    let way = match (&args.console_users, &args.oidc.oidc_issuer) {
        (Some(_), Some(_)) => {
            return Err(Failed::plainly_used_wrongly(
                "BILAG_CONSOLE_USERS and BILAG_CONSOLE_OIDC_ISSUER are both set: people log in by the one or by the other",
            ));
        }
        (Some(path), None) => {
            let file = UsersFile::open(path);
            let file = file.map_err(|error| Failed::used_wrongly("BILAG_CONSOLE_USERS", error))?;
            Way::Users(Arc::new(file))
        }
        (None, Some(issuer)) => Way::Oidc(Arc::new(oidc(issuer, &args.oidc, outside.as_ref())?)),
        (None, None) => Way::Anonymous(if args.console_allow_edit { Role::Editor } else { Role::Operator }),
    };
    let access = Access { way, outside };
    match access.check(args.console_addr) {
        Ok(()) => Ok(access),
        Err(error) => Err(Failed::plainly_used_wrongly(error)),
    }
}

fn oidc(issuer: &str, args: &OidcArgs, outside: Option<&Outside>) -> Result<Oidc, Failed> {
    let missing = |what: &str, why: &str| {
        Failed::plainly_used_wrongly(format!("{what} is not set: a login by OpenID Connect needs {why}"))
    };
    let outside =
        outside.ok_or_else(|| missing("BILAG_CONSOLE_URL", "the address that browsers come back to"))?;
    let client_id = args.oidc_client_id.clone();
    let client_secret = SecretSetting {
        name: "BILAG_CONSOLE_OIDC_CLIENT_SECRET",
        value: args.oidc_client_secret.as_deref(),
        file: args.oidc_client_secret_file.as_deref(),
    };
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
    Oidc::new(settings, outside).map_err(|error| Failed::used_wrongly("BILAG_CONSOLE_OIDC_ISSUER", error))
}
