//! One segment of a plan.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use super::failure::JobError;
use super::plan::Plan;
use super::shelf::FolderShelf;
use crate::progress::{Observer, Step};
use crate::train::{self, Fitted, Progress, Shelf};

/// What was done about a segment.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// It was there already.
    Found(Fitted),
    /// It was fitted.
    Done(Fitted),
}

/// Fits segment `index` of a plan, unless the shelf has it. `input` takes the place of the plan's input.
///
/// # Errors
/// [`JobError`]. A state that can be gone on from is kept where the observer stops it.
pub fn encode_segment(
    plan: &Plan,
    index: usize,
    shelf: &FolderShelf<'_>,
    input: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Work, JobError> {
    let count = plan.segments.len();
    let planned = plan.segments.get(index).ok_or(JobError::Index { index, count })?;
    if let Some(fitted) = shelf.take(index) {
        return Ok(Work::Found(fitted));
    }
    let outline = plan.outline()?;
    let frames = plan.input.read(planned, input)?;
    observer.phase(&format!("fitting segment {index} of {count}"));
    let threads = rayon::ThreadPoolBuilder::new().num_threads(plan.settings.threads.unwrap_or(0)).build();
    let observer = Mutex::new(observer);
    let watch = || observer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let note = |text: &str| watch().note(text);
    let mut keeper = shelf.keeper(index, &note);
    let mut report = |progress: &Progress| -> ControlFlow<()> { watch().step(&step(progress)) };
    let threads = threads.map_err(train::EncodeError::from)?;
    let fitted = threads
        .install(|| train::encode_segment(&frames, &outline, index, &plan.settings, &mut *keeper, &mut report))?;
    if fitted.returns > 0 {
        note(&format!("the fitting was lost {} times and taken up again", fitted.returns));
    }
    shelf.put(index, &fitted)?;
    Ok(Work::Done(fitted))
}

fn step(progress: &Progress) -> Step {
    Step {
        step: progress.done,
        steps: progress.all,
        loss: progress.cost,
        psnr: 10.0 * (255.0 * 255.0 / progress.distortion.max(1e-9)).log10(),
        bytes: progress.bits / 8.0,
    }
}
