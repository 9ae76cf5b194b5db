//! The events, their schemas, and what is refused.

mod check;
mod content;
mod decode;
mod envelope;
mod examples;
mod foreign;
mod mutations;
mod numbers;
mod packages;
mod schemas;
mod support;
mod validators;
