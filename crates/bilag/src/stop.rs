//! Being told to stop.

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
