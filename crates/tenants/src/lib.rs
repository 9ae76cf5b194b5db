//! The tenants of an installation: a TOML file that gives, by tenant uid, what is a tenant's own.
//!
//! What a tenant leaves out comes from the settings of the installation. Credentials are never written into the
//! file: it says where they are.
//!
//! ```
//! use std::path::Path;
//!
//! let file = "[tenant.7]\ntemplate = \"nordlys.toml\"\n\n[default]\nsend = false\n";
//! let tenants = tenants::Tenants::read(file, Path::new("/etc/bilag/tenants.toml"))?;
//! let seven = tenants.find("7").expect("a table of its own");
//! assert_eq!(seven.beside("nordlys.toml"), Path::new("/etc/bilag/nordlys.toml"));
//! assert_eq!(tenants.find("8").expect("the default").send, Some(false));
//! # Ok::<(), tenants::TomlFileError>(())
//! ```

mod facts;
mod read;
mod settings;
mod tenant;

pub use config::{At, Mistake, TomlFileError};
pub use facts::Facts;
pub use settings::TenantSettings;
pub use tenant::{NoSecret, Notified, SecretFrom, Tenant, Tenants, WrongTenant, Zones};
