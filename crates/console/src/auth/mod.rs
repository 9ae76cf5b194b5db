//! Authentication and authorization.
//!
//! - [`access`]: which kind of login, and where it may be served
//! - [`login`]: the pages and forms; a password is checked in [`users_file`], an OpenID Connect login in [`oidc`]
//! - [`session`]: sessions and cookies; [`rate_limit`]: failed attempts
//! - [`middleware`]: who passes the login; [`request_guard`]: which requests are handled at all
//! - [`viewer`]: the person behind a request, with a role ([`user`]), and CSRF protection of forms

pub(crate) mod access;
pub(crate) mod login;
pub(crate) mod middleware;
pub(crate) mod oidc;
pub(crate) mod public_url;
pub(crate) mod rate_limit;
pub(crate) mod request_guard;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod users_file;
pub(crate) mod viewer;
