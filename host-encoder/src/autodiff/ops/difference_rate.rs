//! What a tensor's change costs.

use std::f64::consts::LN_2;

use ndarray::ArrayD;

use super::{items, items_mut};
use crate::autodiff::{Op, Real};

/// The mean change in steps that is not worth less: where all is as it was, the slope of the entropy would have no bound.
const FLOOR: f64 = 0.02;

/// Bits of the differences of tensors to what they were, which share a scale: the entropy of as many integers whose magnitudes are distributed geometrically
/// with the mean `m` of theirs, and of the signs of those that are not 0, `n ((1 + m) log2(1 + m) - m log2 m + m / (1 + m))`, with
/// `m = sqrt(mean(|w - w0| / step)^2 + 0.02^2)`. Unlike [`TensorRate`](super::TensorRate) it nears 0 where most differences do, and asks for few of them.
///
/// Inputs: control `[1]` = step, without gradient, then `w` and `w0` of the same shape, without gradient to `w0`, as often as there are tensors; output `[1]`.
/// Without quantisation (`step <= 0`) it is 0.
#[derive(Clone, Copy, Debug)]
pub struct DifferenceRate;

/// Number of items, their mean change in steps, and the same with its floor.
fn mean<T: Real>(inputs: &[&ArrayD<T>], step: f64) -> (f64, f64, f64) {
    let (mut sum, mut count) = (0.0, 0);
    for pair in inputs[1..].chunks_exact(2) {
        let (now, before) = (items(pair[0]), items(pair[1]));
        sum += now.iter().zip(before).map(|(&now, &before)| (now - before).to_f64().abs()).sum::<f64>();
        count += now.len();
    }
    let mean = sum / count as f64 / step;
    (count as f64, mean, mean.hypot(FLOOR))
}

impl<T: Real> Op<T> for DifferenceRate {
    fn name(&self) -> &'static str {
        "difference rate"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs[0], [1], "one step");
        assert!(inputs.len() > 2 && inputs.len() % 2 == 1, "pairs of tensors");
        for pair in inputs[1..].chunks_exact(2) {
            assert_eq!(pair[0], pair[1], "a tensor and what it was");
        }
        vec![1]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let step = items(inputs[0])[0].to_f64();
        let mut bits = 0.0;
        if step > 0.0 {
            let (count, _, m) = mean(inputs, step);
            bits = count * ((1.0 + m) * (1.0 + m).log2() - m * m.log2() + m / (1.0 + m));
        }
        items_mut(output)[0] = T::of(bits);
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let step = items(inputs[0])[0].to_f64();
        if step <= 0.0 {
            return;
        }
        let (_, plain, m) = mean(inputs, step);
        // d bits / d m = n (log2((1 + m) / m) + 1 / (1 + m)^2), d m / d mean = mean / m, d mean / d w = sign / (n step).
        let of_m = ((1.0 + m) / m).ln() / LN_2 + (1.0 + m).powi(-2);
        let slope = T::of(of_m * plain / m / step) * items(output_gradient)[0];
        for (pair, gradient) in inputs[1..].chunks_exact(2).zip(gradients[1..].chunks_exact_mut(2)) {
            let Some(gradient) = gradient[0].as_mut() else { continue };
            for ((x, &now), &before) in items_mut(gradient).iter_mut().zip(items(pair[0])).zip(items(pair[1])) {
                let up = if now > before { slope } else { T::ZERO };
                let down = if now < before { slope } else { T::ZERO };
                *x += up - down;
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        inputs[1..].iter().map(|shape| shape.iter().product::<usize>() as u64).sum()
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Only what there is now has a gradient.
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    #[test]
    fn gradients() {
        for scale in [0.01, 0.1, 5.0] {
            let [now, before] = [3, 4].map(|seed| Noise(seed).array(&[2, 3, 3, 3], -scale, scale));
            let [more, more_before] = [5, 6].map(|seed| Noise(seed).array(&[7], -scale, scale));
            let inputs = [arr1(&[0.1]).into_dyn(), now, before, more, more_before];
            check_gradients(&mut DifferenceRate, &inputs, &[false, true, false, true, false]);
        }
    }

    #[test]
    fn no_change_costs_little_and_many_large_ones_what_a_tensor_costs() {
        let one = arr1(&[1.0]).into_dyn();
        let before = Noise(5).array(&[500], -3.0, 3.0);
        let bits_of = |now: ArrayD<f64>| {
            let inputs = [one.clone(), now, before.clone()];
            run(&mut DifferenceRate, &inputs, &[false, true, false], &one).0[[0]]
        };
        assert!(bits_of(before.clone()) < 0.2 * 500.0);
        let change = Noise(6).array(&[500], -200.0, 200.0);
        let (tensor, _) = run(&mut super::super::TensorRate, &[change.clone(), one.clone()], &[true, false], &one);
        let bits = bits_of(&before + &change);
        assert!((bits / tensor[[0]] - 1.0).abs() < 0.01, "{bits} and {}", tensor[[0]]);
    }
}
