//! Shutting down on a signal, and ending in time.

use std::process::exit;
use std::sync::{Arc, OnceLock};
use std::thread::{sleep, spawn};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::output::{Failed, report};

/// What is ready once SIGTERM or SIGINT has come. Both are listened to from this call on.
pub fn signalled() -> Result<impl Future<Output = ()>, Failed> {
    let no_signals = |error| Failed::at("cannot install signal handlers", error);
    let mut term = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Cancelled by SIGTERM or SIGINT, which is logged as `message`.
pub fn shutdown_on_signal(message: &'static str) -> Result<CancellationToken, Failed> {
    let signal = signalled()?;
    let shutdown = CancellationToken::new();
    let cancel = shutdown.clone();
    tokio::spawn(async move {
        signal.await;
        tracing::info!("{message}");
        cancel.cancel();
    });
    Ok(shutdown)
}

/// From the signal to the end of a consumer's process: well within the 25 seconds that operators are told.
/// Consumers finish what is in flight in 20 of them; what is left is for the goodbyes to the store, and for
/// traces and metrics.
const DEADLINE: Duration = Duration::from_secs(22);

/// How long the last lines may take to be written: nobody may be reading the log.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Ends the process at the deadline, whatever still waits for an answer then. It has failed where `failed`
/// is set by then.
pub fn exit_at_the_deadline(failed: Arc<OnceLock<Failed>>) {
    spawn(move || {
        sleep(DEADLINE);
        let code = failed.get().map_or(0, Failed::exit_code);
        spawn(move || {
            if let Some(failed) = failed.get() {
                report(failed);
            }
            tracing::warn!("stopped at the deadline: the broker, the store or a collector did not answer");
        });
        sleep(LAST_WORDS);
        exit(code.into());
    });
}
