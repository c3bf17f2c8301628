//! Ctrl-C, and the signals that ask a process to end.

use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::io::remove_unfinished;

/// The exit code after an interruption.
pub(super) const EXIT_CODE: u8 = 130;
/// How long a run may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

static REQUESTED: AtomicBool = AtomicBool::new(false);
static RESUMABLE: OnceLock<String> = OnceLock::new();

/// From now on, an interruption ends with `how` the run can be gone on with.
pub(super) fn resumable(how: String) {
    // The first stands: a process encodes one thing.
    let _ = RESUMABLE.set(how);
}

/// What an interruption means.
pub(super) fn message() -> String {
    let how = RESUMABLE.get().map(|how| format!("; {how}")).unwrap_or_default();
    format!("interrupted: nothing was written{how}")
}

/// From now on, Ctrl-C lets the run end by itself, and ends it after two seconds if it does not. Neither leaves an
/// unfinished file behind. A second call changes nothing.
pub fn install() {
    // Fails when it is installed already, which is what is wanted.
    let _ = ctrlc::try_set_handler(|| {
        REQUESTED.store(true, Ordering::Relaxed);
        thread::sleep(PATIENCE);
        remove_unfinished();
        eprintln!("\n{}", message());
        process::exit(EXIT_CODE.into());
    });
}

/// Whether the run was asked to end.
pub(super) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Ends what is going on, if that was asked for.
pub(super) fn check() -> anyhow::Result<()> {
    if requested() { Err(anyhow::anyhow!("interrupted")) } else { Ok(()) }
}
