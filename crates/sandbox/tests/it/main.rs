//! The stand-ins, called over real sockets.

mod api;
mod bus;
mod common;
mod erp;
mod faults;
mod invoice_service;
mod ledger;
mod oms;
mod strict;
