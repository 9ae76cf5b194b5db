//! The stand-in for Omnium, called over real sockets.

mod api;
mod common;
mod faults;
mod ledger;
mod strict;
