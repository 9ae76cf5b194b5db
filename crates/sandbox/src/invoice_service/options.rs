//! What the invoice service is like: how it answers, whom it lets in, whose invoices it makes.

use std::fmt;
use std::time::Duration;

use events::{Country, Number, ReceiptSettledType, Tenant, Text, Uid};

use super::Rule;

/// What the stand-in is like at the start. Its `Debug` shows no credentials.
#[derive(Clone)]
pub struct Options {
    /// The only user and password that are let in. `None`: any that are not empty.
    pub credentials: Option<(String, String)>,
    /// How it answers.
    pub mode: Mode,
    /// Whose invoices it makes.
    pub tenant: Tenant,
    /// Faults from the start.
    pub faults: Vec<Rule>,
    /// Seeds the dice of faults with a rate, so that a run can be repeated.
    pub seed: u64,
}

/// How the stand-in answers. Its `Debug` shows no URL, which may hold a password.
#[derive(Clone, Default)]
pub enum Mode {
    /// 200 with the receipt: an ERP.
    #[default]
    Synchronous,
    /// 202, and the receipt comes over the bus: third-party software.
    Asynchronous {
        /// The broker.
        amqp_url: String,
        /// The exchange; must exist.
        exchange: String,
        /// The routing key there.
        routing_key: String,
        /// How long after the answer it is published.
        after: Duration,
    },
}

impl Mode {
    /// Over a bus, with the event's type as the routing key.
    pub fn over_the_bus(amqp_url: &str, exchange: &str, after: Duration) -> Self {
        Self::Asynchronous {
            amqp_url: amqp_url.to_owned(),
            exchange: exchange.to_owned(),
            routing_key: ReceiptSettledType::NAME.to_owned(),
            after,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let country =
            Country { code: Number::new("TR"), currency: Number::new("TRY").expect("it is not empty") };
        let uid = Uid::new("31").expect("it is an identifier");
        Self {
            credentials: None,
            mode: Mode::Synchronous,
            tenant: Tenant { uid, name: Text::new("Ege Spor A.Ş."), country },
            faults: Vec::new(),
            seed: 1,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { credentials: _, mode, tenant, faults, seed } = self;
        f.debug_struct("Options")
            .field("mode", mode)
            .field("tenant", tenant)
            .field("faults", faults)
            .field("seed", seed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synchronous => f.write_str("Synchronous"),
            Self::Asynchronous { amqp_url: _, exchange, routing_key, after } => f
                .debug_struct("Asynchronous")
                .field("exchange", exchange)
                .field("routing_key", routing_key)
                .field("after", after)
                .finish_non_exhaustive(),
        }
    }
}
