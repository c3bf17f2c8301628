//! What an operation of the tape is.

use std::any::Any;

use ndarray::ArrayD;

use super::Real;

/// A differentiable operation: a value computed from values, and the way back.
///
/// The tape owns all arrays and reuses them from step to step; an operation allocates only when it is built.
pub trait Op<T: Real>: Send + Any {
    /// What profiles call it.
    fn name(&self) -> &'static str;

    /// Shape of the output, from the shapes of the inputs.
    ///
    /// # Panics
    /// If the inputs do not fit the operation: that is a mistake in the program that builds the tape.
    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize>;

    /// Overwrites `output`.
    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>);

    /// The same, where no backward pass follows: what is there only for that may be left out.
    fn value(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        self.forward(inputs, output);
    }

    /// Adds to `gradients`, one for each input; `None` where nobody asks for it. `output` is what `forward` wrote.
    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    );

    /// Floating-point operations of one forward pass (an FMA counts two), for benchmarks.
    fn forward_flops(&self, inputs: &[&[usize]]) -> u64;

    /// The same of one backward pass that gives every input its gradient.
    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * self.forward_flops(inputs)
    }
}
