//! Progress on standard error: a bar in a terminal, else one plain line every few seconds.

use std::fmt::Write;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::interrupt;
use super::table::grouped;
use crate::progress::{Observer, Step};

/// Time between two plain lines.
const PLAIN: Duration = Duration::from_secs(5);

/// Shows where an encode is, and stops it on Ctrl-C.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    phase: String,
    clock: Clock,
    shown: Instant,
}

impl Progress {
    /// Begins; `quiet` shows nothing.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(bar);
        Self { bar, quiet, phase: String::new(), clock: Clock::default(), shown: Instant::now() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn phase(&mut self, name: &str) {
        self.phase = name.to_owned();
        match &self.bar {
            Some(bar) => bar.set_prefix(self.phase.clone()),
            None if !self.quiet => eprintln!("{name}"),
            None => {}
        }
    }

    fn note(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("note: {text}")),
            None => eprintln!("note: {text}"),
        }
    }

    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        let left = self.clock.left([step.step, step.steps], Instant::now());
        if let Some(bar) = &self.bar {
            bar.set_length(step.steps);
            bar.set_position(step.step);
            bar.set_message(format!("{}{}", remaining(left), numbers(step)));
        } else if !self.quiet && self.shown.elapsed() >= PLAIN {
            self.shown = Instant::now();
            let percent = 100 * step.step / step.steps.max(1);
            let (done, all) = (grouped(step.step), grouped(step.steps));
            eprintln!("{}: step {done} of {all} ({percent} %){}{}", self.phase, numbers(step), remaining(left));
        }
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How fast steps are.
#[derive(Debug, Default)]
struct Clock {
    /// A step, and when it was done: what comes before the first, motion or steps of an encode that this one goes on with, is no measure.
    first: Option<(u64, Instant)>,
}

impl Clock {
    /// Time left when one of so many steps was done `now`; none before a hundredth of them is.
    fn left(&mut self, [step, steps]: [u64; 2], now: Instant) -> Option<Duration> {
        let (first, began) = match self.first {
            Some(first) if first.0 <= step => first,
            // The first, or that of another fit.
            _ => *self.first.insert((step, now)),
        };
        let (done, left) = (step - first, steps.saturating_sub(step));
        (done > 0 && 100 * done >= done + left).then(|| (now - began).mul_f64(left as f64 / done as f64))
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:16.cyan/dim} {percent:>3} %{wide_msg}");
    let bar = ProgressBar::new(1);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
    bar
}

/// What is known about the fit, the most important first: a narrow terminal cuts it off.
fn numbers(step: &Step) -> String {
    let mut text = String::new();
    if step.psnr.is_finite() {
        let _ = write!(text, "  PSNR {:.2} dB", step.psnr);
    }
    if step.bytes.is_finite() {
        let _ = write!(text, "  {} bytes", grouped(step.bytes.round() as u64));
    }
    if step.loss.is_finite() {
        let _ = write!(text, "  loss {:.2}", step.loss);
    }
    text
}

fn remaining(left: Option<Duration>) -> String {
    let Some(seconds) = left.map(|left| left.as_secs()) else { return String::new() };
    match seconds {
        0..3600 => format!("  {:02}:{:02} left", seconds / 60, seconds % 60),
        _ => format!("  {}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_steps() {
        let (mut clock, began) = (Clock::default(), Instant::now());
        let mut left = |step, seconds| clock.left([step, 1000], began + Duration::from_secs(seconds));
        // Goes on with step 200, after ten seconds of motion.
        assert_eq!([left(200, 10), left(207, 11)], [None, None]);
        assert_eq!(left(300, 20), Some(Duration::from_secs(70)));
        // Another fit.
        assert_eq!([left(1, 30), left(501, 530)], [None, Some(Duration::from_secs(499))]);
    }
}
