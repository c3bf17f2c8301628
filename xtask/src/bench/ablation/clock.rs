//! Time that other work on the machine disturbs little.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs of which the fastest counts.
const RUNS: usize = 40;

/// Processor time of this thread in the fastest of some runs of `work`; wall-clock time where the system does not tell.
pub fn least_time(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let (started, before) = (Instant::now(), on_processor());
        work()?;
        let spent = before.zip(on_processor()).map_or(started.elapsed(), |(before, after)| after - before);
        least = least.min(spent);
    }
    Ok(least)
}

/// What this thread has used.
#[cfg(unix)]
fn on_processor() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// What this thread has used: unknown.
#[cfg(not(unix))]
fn on_processor() -> Option<Duration> {
    None
}
