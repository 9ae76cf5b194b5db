//! The operators' pages: a server that shows the chain and the dead letters in a browser.
//!
//! Everything is made on the server, escaped, and works without script. Who may see and do what is in
//! [`Access`]; every page takes a `Viewer`, which only a person who may look has.

mod access;
mod assets;
mod chain;
mod clock;
mod error;
mod headers;
mod help;
mod hex;
mod jobs;
mod layout;
mod mask;
mod pages;
mod parts;
mod pdf;
mod server;
mod time;
mod visible;

pub(crate) use access::Viewer;
pub use access::{
    Access, AccessError, BadAddress, BadIssuer, HashError, Oidc, OidcSettings, Outside, Role, RoleNames,
    UnknownRole, User, UsersFile, UsersFileError, Way, hash_password, is_alive,
};
pub use clock::Clock;
pub(crate) use error::PageError;
pub use server::{Console, ServeError, serve};
