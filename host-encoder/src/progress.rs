//! How an encode tells where it is, and how it is stopped.

use std::ops::ControlFlow;

/// Where an encode stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Steps done, over the whole encode; one on n pictures counts n. Never goes down, ends at `steps`.
    pub step: u64,
    /// Steps that the encode will take in all.
    pub steps: u64,
    /// The cost that is minimised, `D + lambda * bits / pixel`; NaN while it is not known.
    pub loss: f64,
    /// Estimated PSNR in dB of luma and chroma together, of `D = (6 MSE-Y + MSE-U + MSE-V) / 8`; NaN while it is not known.
    pub psnr: f64,
    /// Estimated size of the file in bytes; NaN while it is not known.
    pub bytes: f64,
}

/// Watches an encode.
pub trait Observer: Send {
    /// A new part of the work begins. `name` is a few words for a person, such as `fitting`.
    fn phase(&mut self, name: &str);

    /// Something that a person should know, in one line: a fit that was taken up again, a checkpoint that could not be kept.
    fn note(&mut self, _text: &str) {}

    /// Called after every step of the fitting. [`ControlFlow::Break`] stops the encode soon, without a file.
    fn step(&mut self, step: &Step) -> ControlFlow<()>;
}

/// Watches nothing and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn phase(&mut self, _: &str) {}

    fn step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
