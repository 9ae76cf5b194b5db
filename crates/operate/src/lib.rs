//! Operators' actions, for the command line and the console alike: dead letters, delivery status, and pausing
//! stages.
//!
//! ```no_run
//! # async fn example(service: operate::dead_letters::DeadLetterService) -> Result<(), Box<dyn std::error::Error>> {
//! use operate::dead_letters::{Action, MoveRequest, Selection};
//!
//! let request = MoveRequest {
//!     action: Action::Redrive,
//!     who: "kari",
//!     rate: Some(50),
//!     into_paused: false,
//!     cancel: Default::default(),
//!     progress: &|_| (),
//! };
//! let moved = service.execute(&request, &Selection::Filter(Default::default())).await?;
//! println!("{moved:?}");
//! # Ok(())
//! # }
//! ```

pub mod dead_letters;
mod delivery;
mod package;
pub mod stages;

pub use consumer::{Stage, Transformed, reasons, remedy};
pub use delivery::{Blocker, DeliveryStatus, dead_letters_about, delivery_status};
pub use package::package_status;
