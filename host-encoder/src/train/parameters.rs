//! All that a fit trains besides latents, as plain numbers.

use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

/// Gains, weights, biases and context parameters, in the order of the fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    tensors: Vec<Tensor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Parameters {
    /// Of arrays in the order of the fit.
    pub(super) fn of<'a>(arrays: impl Iterator<Item = &'a ArrayD<f32>>) -> Self {
        let tensor =
            |array: &ArrayD<f32>| Tensor { shape: array.shape().to_vec(), values: array.iter().copied().collect() };
        Self { tensors: arrays.map(tensor).collect() }
    }

    /// Whether it is one of a network with these shapes.
    pub(super) fn fits<'a>(&self, shapes: impl ExactSizeIterator<Item = &'a [usize]>) -> bool {
        shapes.len() == self.tensors.len() && shapes.zip(&self.tensors).all(|(shape, tensor)| shape == tensor.shape)
    }

    /// The arrays.
    pub(super) fn arrays(&self) -> impl Iterator<Item = ArrayD<f32>> {
        let array = |tensor: &Tensor| ArrayD::from_shape_vec(IxDyn(&tensor.shape), tensor.values.clone());
        self.tensors.iter().map(move |tensor| array(tensor).expect("a tensor has as many values as its shape says"))
    }

    /// A file of the weights of several architectures.
    ///
    /// # Panics
    /// Never: numbers in memory can be written.
    #[must_use]
    pub fn to_bytes(priors: &[Self]) -> Vec<u8> {
        postcard::to_stdvec(priors).expect("numbers in memory can be written")
    }

    /// Numbers in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.values.len()).sum()
    }

    /// Moves by `part` of the way to the mean of `others`.
    pub(super) fn approach(&mut self, others: &[Self], part: f64) {
        for (number, tensor) in self.tensors.iter_mut().enumerate() {
            for (at, value) in tensor.values.iter_mut().enumerate() {
                let mean = others.iter().map(|other| f64::from(other.tensors[number].values[at])).sum::<f64>();
                let mean = mean / others.len() as f64;
                *value += (part * (mean - f64::from(*value))) as f32;
            }
        }
    }
}
