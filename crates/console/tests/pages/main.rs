//! The pages, driven over HTTP as a browser does: with content, with nothing, with hostile content, by
//! every role, and with many dead letters.

#![allow(unreachable_pub, reason = "a test exports nothing")]

mod audit;
mod deep;
mod documents;
mod given;
mod hostile;
mod jobs;
mod letters;
mod many;
mod masking;
mod others;
mod receipts;
mod report;
mod routes;
mod vhost;
mod world;
