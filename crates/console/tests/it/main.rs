//! The console as a browser meets it: over HTTP on loopback, with a store of the test's own.

#![allow(unreachable_pub, reason = "a test exports nothing")]

mod browser;
mod chain;
mod cookies;
mod door;
mod forms;
mod headers;
mod oidc;
mod passwords;
mod sessions;
mod trial;
