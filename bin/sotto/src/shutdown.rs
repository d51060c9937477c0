//! Signals: the first SIGTERM or SIGINT asks for an orderly end, the second ends the process.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::exit;

/// Cancels `token` on the first signal and exits on the second. Fails if the handlers cannot be installed.
pub(crate) fn cancel_on_signal(token: CancellationToken) -> eyre::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let first = next(&mut terminate, &mut interrupt).await;
        info!(signal = first, "shutting down; a second signal exits at once");
        token.cancel();
        let second = next(&mut terminate, &mut interrupt).await;
        warn!(signal = second, "exiting before the shutdown is complete");
        process::exit(exit::INTERRUPTED);
    });
    Ok(())
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
