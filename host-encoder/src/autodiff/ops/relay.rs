//! The same once more.

use ndarray::ArrayD;

use super::{items, items_mut};
use crate::autodiff::kernels::add_assign;
use crate::autodiff::{Op, Real};

/// Its input, of any shape: what the many operations of a lane give back to something outside goes through it in one cheap
/// step.
#[derive(Clone, Copy, Debug)]
pub struct Relay;

impl<T: Real> Op<T> for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 1, "one input");
        inputs[0].to_vec()
    }

    fn relays(&self) -> bool {
        true
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        items_mut(output).copy_from_slice(items(inputs[0]));
    }

    fn backward(
        &mut self,
        _inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        if let Some(gradient) = &mut gradients[0] {
            add_assign(items_mut(gradient), items(output_gradient));
        }
    }

    fn forward_flops(&self, _inputs: &[&[usize]]) -> u64 {
        0
    }
}
