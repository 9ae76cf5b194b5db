//! Dead letters: selecting, moving and editing them, and their index. Command line and console share this
//! service; it prints nothing.
//!
//! - `service`: store, broker and stages; `action`: what is requested, and its progress
//! - `execute`: an action on selected dead letters, by stage; `mover`: one stage, in batches
//! - `lease`: one operator at a time; `edit`; `index`: lag, reindexing and export; `decoded`: readable bodies
//! - `since`: times that operators enter

mod action;
mod decoded;
mod edit;
mod error;
mod execute;
mod index;
mod lease;
mod mover;
mod service;
mod since;

pub use action::{Action, MoveRequest, Moved, Progress, Selection};
pub use decoded::{Decoded, DecodedLine, decoded};
pub use edit::is_same;
pub use error::{DeadLetterError, EditError};
pub use index::{Lag, LagError, Reindexed};
pub use service::{DeadLetterService, is_whole, json, origin, readable, transformed};
pub use since::{SINCE_FORMAT, since};
