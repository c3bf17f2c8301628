//! What outlives the tries of a search.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use super::state::{FitState, Keeper};
use super::{EncodeError, Fitted, NoShelf, Shelf};
use crate::frame::Clip;
use crate::settings::EncodeSettings;

/// Where a search keeps its tries, and the states in the middle of fits from which later tries go on.
pub trait Archive: Sync {
    /// The shelf of the try `name`.
    ///
    /// # Errors
    /// If what the clip is made of cannot be told.
    fn trial<'a>(
        &'a self,
        name: &str,
        clip: &Clip,
        settings: &EncodeSettings,
    ) -> Result<Box<dyn Shelf + 'a>, EncodeError>;

    /// The shelf whose keepers have the states that the try `name` leaves for others.
    ///
    /// # Errors
    /// If what the clip is made of cannot be told.
    fn kept<'a>(
        &'a self,
        name: &str,
        clip: &Clip,
        settings: &EncodeSettings,
    ) -> Result<Box<dyn Shelf + 'a>, EncodeError>;
}

/// An archive in memory: nothing outlives the search.
#[derive(Debug, Default)]
pub struct Fleeting {
    states: Mutex<BTreeMap<usize, FitState>>,
}

impl Fleeting {
    fn states(&self) -> MutexGuard<'_, BTreeMap<usize, FitState>> {
        self.states.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Archive for Fleeting {
    fn trial<'a>(&'a self, _: &str, _: &Clip, _: &EncodeSettings) -> Result<Box<dyn Shelf + 'a>, EncodeError> {
        Ok(Box::new(NoShelf))
    }

    fn kept<'a>(&'a self, _: &str, _: &Clip, _: &EncodeSettings) -> Result<Box<dyn Shelf + 'a>, EncodeError> {
        Ok(Box::new(self))
    }
}

impl Shelf for &Fleeting {
    fn take(&self, _: usize) -> Option<Fitted> {
        None
    }

    fn keeper<'a>(&'a self, index: usize, _: &'a (dyn Fn(&str) + Sync)) -> Box<dyn Keeper + 'a> {
        Box::new(Slot { archive: self, index })
    }

    fn put(&self, _: usize, _: &Fitted) -> Result<(), EncodeError> {
        Ok(())
    }
}

struct Slot<'a> {
    archive: &'a Fleeting,
    index: usize,
}

impl Keeper for Slot<'_> {
    fn resume(&mut self) -> Option<FitState> {
        self.archive.states().get(&self.index).cloned()
    }

    fn due(&mut self) -> bool {
        false
    }

    fn keep(&mut self, state: &FitState) {
        self.archive.states().insert(self.index, state.clone());
    }
}

/// One try: a shelf of its own, and what it leaves for later ones, or takes from an earlier one.
pub struct Trial<'a> {
    /// Its finished segments and checkpoints.
    pub own: Box<dyn Shelf + 'a>,
    /// The states that others go on from.
    pub kept: Box<dyn Shelf + 'a>,
    /// For each segment the step after which that state is kept.
    pub at: &'a [u64],
    /// Whether it begins from nothing and leaves states, or else goes on from them.
    pub begins: bool,
}

impl Shelf for Trial<'_> {
    fn take(&self, index: usize) -> Option<Fitted> {
        // Without what it left for others, those would go another way than without the interruption.
        if self.begins && self.kept.keeper(index, &|_| {}).resume().is_none() {
            return None;
        }
        self.own.take(index)
    }

    fn keeper<'a>(&'a self, index: usize, note: &'a (dyn Fn(&str) + Sync)) -> Box<dyn Keeper + 'a> {
        Box::new(Stages {
            own: self.own.keeper(index, note),
            kept: self.kept.keeper(index, &|_| {}),
            keeps_after: self.begins.then(|| self.at[index]),
            step: 0,
        })
    }

    fn put(&self, index: usize, fitted: &Fitted) -> Result<(), EncodeError> {
        self.own.put(index, fitted)
    }
}

/// The keeper of a try's segment.
struct Stages<'a> {
    own: Box<dyn Keeper + 'a>,
    kept: Box<dyn Keeper + 'a>,
    /// The step after which the state is kept for others; `None` if that is done, or not to be done.
    keeps_after: Option<u64>,
    step: u64,
}

impl Keeper for Stages<'_> {
    fn resume(&mut self) -> Option<FitState> {
        let own = self.own.resume();
        match (self.keeps_after, own) {
            (Some(at), Some(state)) if state.step >= at => {
                self.kept.resume()?;
                self.keeps_after = None;
                self.step = state.step;
                Some(state)
            }
            (_, Some(state)) => {
                self.step = state.step;
                Some(state)
            }
            (Some(_), None) => None,
            (None, None) => self.kept.resume().map(FitState::for_another_lambda),
        }
    }

    fn due(&mut self) -> bool {
        self.step += 1;
        let own = self.own.due();
        own || self.keeps_after == Some(self.step)
    }

    fn keep(&mut self, state: &FitState) {
        if self.keeps_after.is_some_and(|at| state.step >= at) {
            self.keeps_after = None;
            self.kept.keep(state);
        }
        self.own.keep(state);
    }
}
