//! What a process takes.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Clock ticks in a second of Linux' process times.
const TICKS: f64 = 100.0;

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Time on the wall, in seconds.
    pub wall: f64,
    /// User and system time, in seconds.
    pub cpu: f64,
    /// Peak of the resident memory, in bytes.
    pub memory: f64,
}

/// Runs a command to its successful end.
pub fn measure(command: &mut Command) -> Result<Taken> {
    let before = children()?;
    let started = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().with_context(|| format!("{command:?}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory: f64 = 0.0;
    let status = loop {
        memory = memory.max(fs::read_to_string(&status_file).ok().and_then(|text| peak(&text)).unwrap_or(0.0));
        match child.try_wait()? {
            Some(status) => break status,
            None => sleep(Duration::from_millis(2)),
        }
    };
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(Taken { wall: started.elapsed().as_secs_f64(), cpu: children()? - before, memory })
}

/// CPU seconds of this process' children that have ended.
fn children() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/stat").context("process times are read from /proc: this needs Linux")?;
    // The name of the program, in parentheses, may have spaces; field 16 and 17 of proc(5) are the 14th and 15th after it.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system] => Ok((user + system) / TICKS),
        _ => bail!("/proc/self/stat is not as expected"),
    }
}

fn peak(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024.0 * line.trim().strip_suffix(" kB")?.parse::<f64>().ok()?)
}
