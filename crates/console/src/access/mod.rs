//! Who may look, and what they may do.

mod address;
mod attempts;
mod comparing;
mod cookie;
mod door;
mod form;
mod login;
mod oidc;
mod password;
mod pending;
mod require;
mod role;
mod rules;
mod session;
mod token;
mod user;
mod users_file;

use std::sync::Arc;

use sync_store::StoreError;

use crate::server::App;

pub(crate) use attempts::Attempts;
pub(crate) use comparing::Comparing;
pub(crate) use door::{Door, through_the_door};
pub(crate) use login::{logout_routes, routes};
pub(crate) use pending::PendingLogins;
pub(crate) use require::require_viewer;
pub(crate) use token::Token;

pub use address::{BadAddress, Outside};
pub(crate) use form::Checked;
pub use oidc::{BadIssuer, Oidc, OidcSettings, RoleNames};
pub use password::{HashError, hash_password};
pub use role::{Role, UnknownRole};
pub use rules::AccessError;
pub use session::is_alive;
pub(crate) use user::Viewer;

pub use user::User;
pub use users_file::{UsersFile, UsersFileError};

/// Who may look.
#[derive(Clone, Debug)]
pub struct Access {
    /// How people come to be known.
    pub way: Way,
    /// The address that browsers use, where it is not the one listened on.
    pub outside: Option<Outside>,
}

impl Access {
    /// Whether browsers come by https.
    pub(crate) fn is_https(&self) -> bool {
        self.outside.as_ref().is_some_and(Outside::is_https)
    }
}

/// How people come to be known.
#[derive(Clone, Debug)]
pub enum Way {
    /// Nobody logs in: everybody on this machine has this role. For loopback only.
    Anonymous(Role),
    /// By name and password.
    Users(Arc<UsersFile>),
    /// At an identity provider.
    Oidc(Arc<Oidc>),
}

/// What the audit log calls the place of what is done to no stage.
const CONSOLE: &str = "console";

/// Writes into the audit log what somebody does to no dead letter and no stage.
pub(crate) async fn note(app: &App, who: &str, act: &str, detail: &str) -> Result<(), StoreError> {
    app.store.write_audit(&sync_store::NewAuditEntry { who, act, stage: CONSOLE, letters: &[], detail }).await
}
