//! The tenants of an installation: a TOML file that gives, by tenant uid, what is a tenant's own.
//!
//! What a tenant leaves out comes from the settings of the installation. Credentials are never written
//! into the file: it says where they are.

mod error;
mod read;
mod reader;
mod secret_from;
mod settings;
mod tenant;
mod zones;

pub use error::{Mistake, TenantsError, WrongTenant};
pub use secret_from::SecretFrom;
pub use settings::TenantSettings;
pub use tenant::{At, Tenant, Tenants};
pub use zones::Zones;
