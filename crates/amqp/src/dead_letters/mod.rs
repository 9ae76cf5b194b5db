//! Looking at dead letters in their queues, and moving them.

mod browser;
mod depth;
mod peek;

pub use browser::{BrowseError, Browser, DeadLetterQueue, Destination, Found};
pub use depth::{DepthError, Depths, QueueDepth};
pub use peek::{PeekError, peek, ready};
