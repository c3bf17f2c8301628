//! All that a step of a fit takes over from the step before: what a checkpoint holds.
//!
//! A fit that goes on from its state gives the same bytes as one that was never interrupted. So whatever a step leaves
//! behind for the next one has to be in here, and everything else has to follow from the clip and the settings.

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::autodiff::optim::Adam;

use super::blocks::Finished;
use super::guard::Guard;
use super::random::Random;

/// A trainable leaf and the moments of its optimiser, element by element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeafState {
    value: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
}

impl LeafState {
    /// Of a leaf as it is now.
    pub fn of(value: &ArrayD<f32>, adam: &Adam<f32>) -> Self {
        Self {
            value: value.iter().copied().collect(),
            first: adam.first_moments().to_vec(),
            second: adam.second_moments().to_vec(),
            steps: adam.steps(),
        }
    }

    /// Whether it is the state of a leaf of `len` elements.
    pub fn fits(&self, len: usize) -> bool {
        [&self.value, &self.first, &self.second].into_iter().all(|items| items.len() == len)
    }

    /// Makes a leaf what it was.
    ///
    /// # Panics
    /// If it does not [fit](Self::fits).
    pub fn restore(&self, value: &mut ArrayD<f32>, adam: &mut Adam<f32>) {
        assert!(self.fits(value.len()), "a state of {} elements for {}", self.value.len(), value.len());
        value.iter_mut().zip(&self.value).for_each(|(to, &from)| *to = from);
        *adam = Adam::restore(adam.settings(), self.first.clone(), self.second.clone(), self.steps);
    }
}

/// A fit between two steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FitState {
    /// Steps done.
    pub step: u64,
    /// Every trained leaf, in the order of the fit.
    pub(super) leaves: Vec<LeafState>,
    /// The numbers that come next.
    pub(super) random: Random,
    /// The way back.
    pub(super) guard: Guard,
    /// The blocks before.
    pub(super) finished: Finished,
}

impl FitState {
    /// The same state for a fit with another lambda: what costs were is forgotten, because they were that lambda's.
    #[must_use]
    pub fn for_another_lambda(self) -> Self {
        Self { guard: Guard::default(), ..self }
    }
}

/// Where the state of a fit outlives the process.
pub trait Keeper: Send {
    /// The state to go on from, if there is one.
    fn resume(&mut self) -> Option<FitState>;

    /// Whether it is time to keep the state; asked after every step.
    fn due(&mut self) -> bool;

    /// Keeps the state, in place of the one before.
    fn keep(&mut self, state: &FitState);
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl Keeper for Forgetful {
    fn resume(&mut self) -> Option<FitState> {
        None
    }

    fn due(&mut self) -> bool {
        false
    }

    fn keep(&mut self, _: &FitState) {}
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::sample::{SampleSettings, sample_clip};
    use crate::settings::{Effort, EncodeSettings};
    use crate::train::{EncodeError, Fitted, Outline, Progress, encode_segment};

    /// Keeps the state in bytes, as a file would.
    #[derive(Default)]
    struct Drawer(Vec<u8>);

    impl Keeper for Drawer {
        fn resume(&mut self) -> Option<FitState> {
            (!self.0.is_empty()).then(|| postcard::from_bytes(&self.0).expect("what was kept is read"))
        }

        fn due(&mut self) -> bool {
            false
        }

        fn keep(&mut self, state: &FitState) {
            self.0 = postcard::to_allocvec(state).expect("a state is plain data");
        }
    }

    /// Fits a small clip; stops at every step whose number `stops` knows.
    fn fit(drawer: &mut Drawer, stops: fn(u64) -> bool) -> Result<Fitted, EncodeError> {
        let clip = sample_clip(&SampleSettings { width: 32, height: 24, frames: 3, rate: (24, 1) });
        let settings = EncodeSettings { effort: Effort::Draft, ..EncodeSettings::default() };
        let outline = Outline::new(&clip, &settings).expect("it fits the level");
        let report = &mut |progress: &Progress| match stops(progress.step) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        encode_segment(&clip.frames, &outline, 0, &settings, drawer, report)
    }

    #[test]
    fn an_interrupted_fit_goes_on_to_the_same_bytes() {
        let whole = fit(&mut Drawer::default(), |_| false).expect("it fits");
        let mut drawer = Drawer::default();
        let mut interruptions = 0;
        let resumed = loop {
            match fit(&mut drawer, |step| step == 1 || step % 37 == 0) {
                Err(EncodeError::Stopped) => interruptions += 1,
                result => break result.expect("it fits"),
            }
        };
        assert!(interruptions >= 8, "{interruptions} interruptions");
        assert_eq!(resumed, whole);
    }

    #[test]
    fn a_lost_fit_is_taken_up_again_or_reported() {
        let mut drawer = Drawer::default();
        assert!(matches!(fit(&mut drawer, |step| step == 60), Err(EncodeError::Stopped)));
        let mut state = drawer.resume().expect("it was kept");
        state.leaves.iter_mut().for_each(|leaf| leaf.value.fill(f32::NAN));
        drawer.keep(&state);
        let fitted = fit(&mut drawer, |_| false).expect("the guard has a copy from before");
        assert_eq!(fitted.returns, 1);
        state.guard.keep(state.leaves.clone());
        drawer.keep(&state);
        assert!(matches!(fit(&mut drawer, |_| false), Err(EncodeError::Diverged { segment: 0, .. })));
    }
}
