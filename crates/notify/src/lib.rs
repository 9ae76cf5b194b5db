//! Notifications: tells people of new causes of dead letters, long pauses and invoices without their file, and sums
//! up each day, over webhooks and by e-mail: all of it to those of the installation, and to those of a tenant what is
//! that tenant's.
//!
//! Two tasks go on beside the stage `dead`. [`watch`] notes in the store what is so, which makes a notification of
//! what is new; of all processes, one does so at a time. [`send`] sends what the store has, and marks it sent after
//! the answer. So a notification is written once however many processes run, is not lost, and is repeated only where
//! a process ends, or an answer is lost, before the mark. Neither holds up a message of the chain.

mod email;
mod message;
mod recipient;
mod send;
mod settings;
mod watch;
mod webhook;

pub use email::EmailError;
pub use message::{Fact, Form, Message};
pub use recipient::{Recipient, SendError};
pub use send::{Senders, send};
pub use settings::NotifySettings;
pub use watch::watch;
pub use webhook::Webhook;
