//! Ctrl-C, and the signals that ask a process to end. The only module of the command line with `unsafe` code.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use nix::sys::signal::{SigHandler, Signal};

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
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ignored = ignored();
        // A process that cannot be told to end is still of use.
        let _ = ctrlc::set_handler(|| {
            REQUESTED.store(true, Ordering::Relaxed);
            thread::sleep(PATIENCE);
            remove_unfinished();
            eprintln!("\n{}", message());
            process::exit(EXIT_CODE.into());
        });
        for signal in ignored {
            ignore(signal);
        }
    });
}

/// Signals that whoever started this process wants it to ignore: Ctrl-C behind a script's `&`, the end of the terminal behind
/// `nohup`. They stay ignored, the others do not.
#[cfg(unix)]
fn ignored() -> Vec<Signal> {
    [Signal::SIGINT, Signal::SIGHUP, Signal::SIGTERM].into_iter().filter(|&signal| ignore(signal)).collect()
}

/// Ignores a signal; whether it was ignored already.
#[cfg(unix)]
fn ignore(signal: Signal) -> bool {
    // SAFETY: ignoring runs no code of ours when the signal comes.
    let before = unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) };
    matches!(before, Ok(SigHandler::SigIgn))
}

#[cfg(not(unix))]
fn ignored() -> [std::convert::Infallible; 0] {
    []
}

#[cfg(not(unix))]
fn ignore(signal: std::convert::Infallible) -> bool {
    match signal {}
}

/// Whether the run was asked to end.
pub(super) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Ends what is going on, if that was asked for.
pub(super) fn check() -> anyhow::Result<()> {
    if requested() { Err(anyhow::anyhow!("interrupted")) } else { Ok(()) }
}
