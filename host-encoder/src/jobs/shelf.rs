//! Finished segments and checkpoints in a folder.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::plan::Plan;
use super::record::{self, Key, Unusable};
use crate::bitstream::EncodedSegment;
use crate::train::{EncodeError, FitState, Fitted, Keeper, Shelf};

const SEGMENT: [u8; 4] = *b"segm";
const CHECKPOINT: [u8; 4] = *b"chkp";
/// Time between two checkpoints, if writing them does not take long.
const USUAL: Duration = Duration::from_secs(20);
/// Time between two checkpoints, relative to what writing one takes: at most two percent go into them.
const PATIENCE: u32 = 50;

/// How often checkpoints are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As often as does not matter: every 20 seconds, or less often where writing one takes long.
    #[default]
    Sparing,
    /// In this time.
    Every(Duration),
}

/// The pieces of a plan in a folder.
#[derive(Clone, Debug)]
pub struct FolderShelf<'a> {
    plan: Cow<'a, Plan>,
    folder: Folder,
    pace: Pace,
}

impl<'a> FolderShelf<'a> {
    /// The pieces of `plan` in `folder`, which need not exist.
    #[must_use]
    pub fn new(plan: &'a Plan, folder: Folder, pace: Pace) -> Self {
        Self { plan: Cow::Borrowed(plan), folder, pace }
    }

    /// The same for a plan that nobody else has.
    pub(super) fn owning(plan: Plan, folder: Folder, pace: Pace) -> FolderShelf<'static> {
        FolderShelf { plan: Cow::Owned(plan), folder, pace }
    }

    /// Numbers of the segments that are not finished: missing, of another plan, or damaged.
    #[must_use]
    pub fn unfinished(&self) -> Vec<usize> {
        (0..self.plan.segments.len()).filter(|&index| self.segment(index).is_err()).collect()
    }

    /// A finished segment.
    pub(super) fn segment(&self, index: usize) -> Result<Fitted, Unusable> {
        let path = self.folder.segment(index);
        let (segment, counted_bits, returns): (EncodedSegment, _, _) =
            record::read(&path, SEGMENT, &self.plan.key(index))?;
        match segment.first_frame == self.plan.segments[index].span.first {
            true => Ok(Fitted { segment, counted_bits, returns }),
            false => Err(Unusable::Damaged),
        }
    }
}

impl Shelf for FolderShelf<'_> {
    fn take(&self, index: usize) -> Option<Fitted> {
        self.segment(index).ok()
    }

    fn keeper<'a>(&'a self, index: usize, note: &'a (dyn Fn(&str) + Sync)) -> Box<dyn Keeper + 'a> {
        Box::new(Checkpoints {
            path: self.folder.checkpoint(index),
            key: self.plan.key(index),
            pace: self.pace,
            pause: match self.pace {
                Pace::Sparing => USUAL,
                Pace::Every(pause) => pause,
            },
            last: Instant::now(),
            failed: Cell::new(false),
            note,
        })
    }

    fn put(&self, index: usize, fitted: &Fitted) -> Result<(), EncodeError> {
        let value = (&fitted.segment, fitted.counted_bits, fitted.returns);
        let written = record::write(&self.folder.segment(index), SEGMENT, &self.plan.key(index), &value);
        written.map_err(|error| EncodeError::Shelf(Box::new(error)))?;
        // What is finished needs no checkpoint; if it stays, it is only in the way.
        let _ = fs::remove_file(self.folder.checkpoint(index));
        Ok(())
    }
}

/// The checkpoints of one segment.
struct Checkpoints<'a> {
    path: PathBuf,
    key: Key,
    pace: Pace,
    pause: Duration,
    last: Instant,
    failed: Cell<bool>,
    note: &'a (dyn Fn(&str) + Sync),
}

impl Keeper for Checkpoints<'_> {
    fn resume(&mut self) -> Option<FitState> {
        let state: FitState = match record::read(&self.path, CHECKPOINT, &self.key) {
            Ok(state) => state,
            Err(Unusable::Missing) => return None,
            Err(Unusable::Foreign | Unusable::Damaged) => {
                (self.note)(&format!("{} is not used: it is damaged or of another encode", self.path.display()));
                return None;
            }
        };
        (self.note)(&format!("going on from step {} of {}", state.step, self.path.display()));
        Some(state)
    }

    fn due(&mut self) -> bool {
        self.last.elapsed() >= self.pause
    }

    fn keep(&mut self, state: &FitState) {
        let started = Instant::now();
        if let Err(error) = record::write(&self.path, CHECKPOINT, &self.key, state)
            && !self.failed.replace(true)
        {
            (self.note)(&format!("{error}; the encode goes on, but could not be resumed from here"));
        }
        self.last = Instant::now();
        if self.pace == Pace::Sparing {
            self.pause = USUAL.max(PATIENCE * started.elapsed());
        }
    }
}
