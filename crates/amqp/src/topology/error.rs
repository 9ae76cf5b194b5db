//! Why the topology cannot be declared.

use crate::ConnectError;
use crate::connection::reply_code;

/// Why the topology cannot be declared.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The user's exchange is missing.
    #[error(
        "exchange \"{exchange}\" does not exist at the broker: it is the bus that Bilag listens to and is never declared by it; set BILAG_BUS_EXCHANGE to the exchange your events are published to, or have its owner declare it (a topic exchange)"
    )]
    NoBus {
        /// Its name.
        exchange: String,
    },
    /// The user's exchange does not route by keys as a topic exchange does.
    #[error("exchange \"{exchange}\" {fault}")]
    BusOfWrongType {
        /// Its name.
        exchange: String,
        /// Its type, what would come of it, and what to do.
        fault: String,
    },
    /// Something exists with other arguments.
    #[error("{what} exists with other arguments; `bilag topology check` names the differences")]
    Differs {
        /// The queue or exchange.
        what: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// It is not there, and this process does not declare it.
    #[error("{what} is not declared yet, and BILAG_DECLARE is false: `bilag topology apply` declares it")]
    Missing {
        /// The queue or exchange.
        what: String,
    },
    /// The broker's user may not do it.
    #[error(
        "the broker's user may not declare or bind {what}: give it configure, write and read on ^bilag, and read on the bus exchange"
    )]
    Forbidden {
        /// The queue or exchange.
        what: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// Anything else.
    #[error("{what} could not be declared")]
    Failed {
        /// The queue or exchange.
        what: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// No connection.
    #[error("no connection")]
    Connect(#[from] ConnectError),
}

impl TopologyError {
    /// Whether waiting cannot help.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::NoBus { .. }
            | Self::BusOfWrongType { .. }
            | Self::Differs { .. }
            | Self::Forbidden { .. } => true,
            Self::Missing { .. } | Self::Failed { .. } => false,
            Self::Connect(error) => error.is_configuration(),
        }
    }

    pub(crate) fn of(what: &str, source: lapin::Error) -> Self {
        let what = what.to_owned();
        match reply_code(&source) {
            Some(406) => Self::Differs { what, source },
            Some(403) => Self::Forbidden { what, source },
            _ => Self::Failed { what, source },
        }
    }
}
