//! The operators' pages: a server that shows the chain and the dead letters in a browser.
//!
//! Everything is made on the server, escaped, and works without script. Who may see and do what is in
//! [`Access`]; every page takes a [`Viewer`], which only a person who may look has.

mod access;
mod assets;
mod clock;
mod error;
mod headers;
mod layout;
mod pages;
mod server;

pub use access::{Access, Checked, Outside, Role, User, Viewer, Way};
pub use clock::Clock;
pub use error::PageError;
pub use layout::{Section, csrf_field, page};
pub use server::{App, Console, ServeError, serve};
