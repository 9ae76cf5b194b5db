//! What every consumer of the chain tells of itself, and what they have in common.
//!
//! A consumer is one crate with a type that implements [`Consumer`], and one line in the chain of
//! the crate `bilag`. Queues, rights, settings, the command line, dead letters and their remedies
//! follow from that.

mod cycle;
mod definition;
mod deliver;
mod failure;
mod probe;
mod read;
mod rehearse;
mod settings;
mod shared;
mod tenant;
mod turn;

pub use cycle::{Again, Cycle, Touched};
pub use definition::{Consumer, Wanted, rendered_key};
pub use deliver::{Delivered, deliver};
pub use failure::{NO_RECORD, Refusals, decided, failure, of_store};
pub use probe::{Probe, Seen};
pub use read::{ReadError, plain_body, read_plain};
pub use rehearse::rehearse;
pub use settings::{SecretSetting, WrongSetting, needed};
pub use shared::{Shared, Wish};
pub use tenant::{UNKNOWN_TENANT, tenant};
pub use turn::{MARGIN, lost, take_turn};
