//! A grid's latents at one picture, SPEC section 8, item 2.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::dot;
use crate::autodiff::{Op, Real};

/// `gain * ((1 - weight) * latents[first] + weight * latents[second])`.
///
/// Inputs: latents `[N, C, H, W]`, gain `[1]`; output `[C, H, W]`, activations (1.0 is 64 code values).
#[derive(Clone, Copy, Debug)]
pub struct GridFrame {
    /// Slice before the picture, or the picture's own.
    pub first: usize,
    /// Slice after the picture; may be `first`.
    pub second: usize,
    /// Of the second slice, 0 to 1.
    pub weight: f64,
}

impl GridFrame {
    /// The two slices and their weights.
    fn terms(&self) -> [(usize, f64); 2] {
        [(self.first, 1.0 - self.weight), (self.second, self.weight)]
    }
}

fn slice(index: usize, len: usize) -> std::ops::Range<usize> {
    index * len..(index + 1) * len
}

impl<T: Real> Op<T> for GridFrame {
    fn name(&self) -> &'static str {
        "grid frame"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "latents and gain");
        let (&slices, shape) = inputs[0].split_first().expect("latents have four extents");
        assert!(self.first < slices && self.second < slices, "slices {} and {} of {slices}", self.first, self.second);
        assert_eq!(inputs[1], [1], "one gain");
        planes(shape).to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let (latents, gain) = (items(inputs[0]), items(inputs[1])[0]);
        let output = items_mut(output);
        let [(first, a), (second, b)] = self.terms().map(|(i, w)| (&latents[slice(i, output.len())], T::of(w) * gain));
        if self.weight == 0.0 {
            for (y, &x) in output.iter_mut().zip(first) {
                *y = gain * x;
            }
        } else {
            for ((y, &first), &second) in output.iter_mut().zip(first).zip(second) {
                *y = a * first + b * second;
            }
        }
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let (latents, gain) = (items(inputs[0]), items(inputs[1])[0]);
        let g = items(output_gradient);
        for (index, weight) in self.terms().into_iter().filter(|&(_, weight)| weight != 0.0) {
            if let Some(gradient) = &mut gradients[0] {
                let factor = T::of(weight) * gain;
                for (x, &g) in items_mut(gradient)[slice(index, g.len())].iter_mut().zip(g) {
                    *x += factor * g;
                }
            }
            if let Some(gradient) = &mut gradients[1] {
                items_mut(gradient)[0] += T::of(weight * dot(&latents[slice(index, g.len())], g));
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        let per_item = if self.weight == 0.0 { 1 } else { 3 };
        per_item * inputs[0][1..].iter().product::<usize>() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(3);
        let inputs = [noise.array(&[3, 2, 3, 5], -2.0, 2.0), noise.array(&[1], 0.5, 1.0)];
        for (first, second, weight) in [(0, 2, 0.25), (1, 1, 0.5), (2, 2, 0.0), (0, 1, 1.0)] {
            let mut op = GridFrame { first, second, weight };
            check_gradients(&mut op, &inputs, &[true, true]);
            check_gradients(&mut op, &inputs, &[false, true]);
        }
    }
}
