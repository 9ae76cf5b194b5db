//! The operators' console: a web server with pages about the chain, dead letters, receipts and packages.
//!
//! Pages are rendered on the server, escaped, and work without JavaScript. [`Access`] decides who may see and do
//! what; every handler behind the login takes a viewer, which only an authenticated request has.
//!
//! ```no_run
//! # async fn example(console: console::Console) -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8096").await?;
//! let shutdown = tokio_util::sync::CancellationToken::new();
//! console::serve(listener, console, shutdown).await?;
//! # Ok(())
//! # }
//! ```

mod assets;
mod audit;
mod auth;
mod caches;
mod chain;
mod clock;
mod components;
mod error;
mod error_page;
mod help;
mod jobs;
mod layout;
mod pages;
mod redaction;
mod server;
mod state;

pub use auth::access::{Access, AccessError, AuthMode};
pub use auth::oidc::{InvalidIssuer, Oidc, OidcSettings, RoleNames};
pub use auth::public_url::{InvalidPublicUrl, PublicUrl};
pub use auth::session::is_alive;
pub use auth::user::{Role, UnknownRole, User};
pub use auth::users_file::{HashError, UsersFile, UsersFileError, hash_password};
pub use clock::Clock;
pub use server::{Console, ServeError, serve};
pub use state::{EInvoice, FindEInvoice, RenderDocument, TestLabel};
