//! A way back when the fitting leaves its bounds: large rates learn fast, and now and then one is too large for a clip.

use serde::{Deserialize, Serialize};

use super::state::LeafState;

/// A cost this many times the best is a fit that is lost.
const LOST: f64 = 2.5;
/// Steps between two copies.
const INTERVAL: u64 = 20;
/// What is left of all rates after each way back.
const CAUTION: f64 = 0.5;
/// Steps after a way back until the rates are whole: the optimiser's means may be of few steps.
const EASING: f64 = 20.0;
/// How often before giving up.
const RETURNS: u32 = 6;

/// A copy of everything that is trained, from when all was well.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Guard {
    best: Option<f64>,
    copy: Vec<LeafState>,
    since_copy: u64,
    since_return: u64,
    returns: u32,
}

/// What to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Sound,
    /// Go on, after a copy has been made.
    Copy,
    /// Go back to the copy.
    Return,
    /// It does not get better.
    GiveUp,
}

impl Guard {
    /// Judges the cost of a step; one that is not a number is lost too.
    pub fn judge(&mut self, cost: f64) -> Verdict {
        let best = self.best.unwrap_or(f64::INFINITY);
        if !cost.is_finite() || cost > LOST * best {
            self.returns += 1;
            (self.since_copy, self.since_return) = (0, 0);
            // The copy may be much worse than the best since: it is judged by itself.
            self.best = None;
            return if self.returns > RETURNS || self.copy.is_empty() { Verdict::GiveUp } else { Verdict::Return };
        }
        self.best = Some(best.min(cost));
        self.since_copy += 1;
        self.since_return += 1;
        if self.copy.is_empty() || (self.since_copy >= INTERVAL && cost < 1.1 * best) {
            self.since_copy = 0;
            return Verdict::Copy;
        }
        Verdict::Sound
    }

    /// Costs mean something else from now on.
    pub fn forget_best(&mut self) {
        self.best = None;
    }

    /// Keeps what is trained.
    pub fn keep(&mut self, copy: Vec<LeafState>) {
        self.copy = copy;
    }

    /// What was kept last.
    pub fn kept(&self) -> &[LeafState] {
        &self.copy
    }

    /// Ways back so far.
    pub fn returns(&self) -> u32 {
        self.returns
    }

    /// Factor of all rates: smaller after each way back, and smaller still soon after one.
    pub fn caution(&self) -> f64 {
        let easing = if self.returns > 0 { (self.since_return as f64 / EASING).min(1.0) } else { 1.0 };
        easing * CAUTION.powi(self.returns as i32)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::autodiff::optim::{Adam, AdamSettings};

    #[test]
    fn a_copy_from_before_a_steep_fall_is_good_enough_to_return_to() {
        let mut guard = Guard::default();
        assert_eq!(guard.judge(100.0), Verdict::Copy);
        guard.keep(vec![LeafState::of(&ArrayD::zeros(vec![1]), &Adam::new(1, AdamSettings::default()))]);
        assert_eq!(guard.judge(30.0), Verdict::Sound);
        assert_eq!(guard.judge(90.0), Verdict::Return);
        assert_eq!(guard.judge(99.0), Verdict::Sound);
        assert_eq!(guard.judge(250.0), Verdict::Return);
    }

    #[test]
    fn a_lost_fit_returns_to_its_copy_and_gives_up_in_the_end() {
        let mut guard = Guard::default();
        assert_eq!(guard.judge(f64::NAN), Verdict::GiveUp, "nothing to return to");
        let mut guard = Guard::default();
        assert_eq!(guard.judge(100.0), Verdict::Copy);
        guard.keep(vec![LeafState::of(&ArrayD::zeros(vec![1]), &Adam::new(1, AdamSettings::default()))]);
        assert_eq!(guard.judge(90.0), Verdict::Sound);
        assert_eq!(guard.judge(240.0), Verdict::Return);
        assert_eq!(guard.caution(), 0.0, "a way back is no step");
        assert_eq!(guard.judge(90.0), Verdict::Sound);
        assert_eq!(guard.caution(), 0.5 / EASING);
        for _ in 0..30 {
            guard.judge(200.0);
        }
        assert_eq!(guard.caution(), 0.5);
        assert_eq!(guard.judge(f64::NAN), Verdict::Return);
        for _ in 2..RETURNS {
            assert_eq!(guard.judge(f64::INFINITY), Verdict::Return);
        }
        assert_eq!(guard.judge(f64::INFINITY), Verdict::GiveUp);
    }
}
