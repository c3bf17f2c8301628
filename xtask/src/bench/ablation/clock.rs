//! Time that other work on the machine disturbs little.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Work is repeated for at least so long: the system counts a thread's time in steps of some milliseconds.
const LEAST: Duration = Duration::from_millis(400);

/// Processor time of this thread in a run of `work`, in the mean of many; wall-clock time where the system does not tell.
pub fn mean_time(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    work()?;
    let (started, on_processor) = (Instant::now(), on_processor());
    let mut runs = 0;
    loop {
        work()?;
        runs += 1;
        let spent = match (on_processor, self::on_processor()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => started.elapsed(),
        };
        if spent >= LEAST {
            return Ok(spent / runs);
        }
    }
}

/// What Linux has counted for this thread.
fn on_processor() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}
