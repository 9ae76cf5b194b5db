//! Being told to stop, and ending in time.

use std::process::exit;
use std::thread::{sleep, spawn};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::output::Failed;

/// What is ready once SIGTERM or SIGINT has come. Both are listened to from this call on.
pub fn told_by_signal() -> Result<impl Future<Output = ()>, Failed> {
    let no_signals = |error| Failed::at("signals cannot be heard", error);
    let mut term = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// From the signal to the end of a consumer's process: a second less than the 25 that operators are told.
/// Consumers finish what is in hand in 20 of them; what is left is for the goodbyes to the store, and for
/// traces and metrics.
const DEADLINE: Duration = Duration::from_secs(24);

/// Ends the process at the deadline, whatever still waits for an answer then.
pub fn exit_at_the_deadline(code: u8) {
    spawn(move || {
        sleep(DEADLINE);
        tracing::warn!(
            "stopped before all goodbyes were answered: the broker, the store or a collector is silent"
        );
        exit(code.into());
    });
}
