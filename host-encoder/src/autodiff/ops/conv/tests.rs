use ndarray::{ArrayD, IxDyn};

use super::super::check::{Noise, check_gradients, run};
use super::*;

/// The convolution written as the specification has it.
fn reference(kind: ConvKind, relu: bool, residual: bool, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
    let (x, w) = (&inputs[0], &inputs[1]);
    let [channels, height, width] = planes(x.shape());
    let reach = (w.shape()[2] / 2) as isize;
    ArrayD::from_shape_fn(IxDyn(&[w.shape()[0], height, width]), |at| {
        let (o, y, column) = (at[0], at[1], at[2]);
        let mut sum = inputs.get(3).map_or(0.0, |bias| bias[[o]]);
        for c in 0..channels {
            if kind == ConvKind::Depthwise && c != o {
                continue;
            }
            let i = if kind == ConvKind::Depthwise { 0 } else { c };
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let sy = (y as isize + dy).clamp(0, height as isize - 1) as usize;
                    let sx = (column as isize + dx).clamp(0, width as isize - 1) as usize;
                    sum += w[[o, i, (dy + reach) as usize, (dx + reach) as usize]] * x[[c, sy, sx]];
                }
            }
        }
        sum = if residual { sum + x[[o, y, column]] } else { sum };
        sum.clamp(if relu { 0.0 } else { -ACTIVATION_LIMIT }, ACTIVATION_LIMIT)
    })
}

fn inputs(kind: ConvKind, channels: [usize; 2], size: [usize; 2], bias: bool, scale: f64) -> Vec<ArrayD<f64>> {
    let mut noise = Noise(channels[0] as u64 * 1000 + size[1] as u64);
    let w: [usize; 4] = match kind {
        ConvKind::Point => [channels[1], channels[0], 1, 1],
        ConvKind::Full => [channels[1], channels[0], 3, 3],
        ConvKind::Depthwise => [channels[1], 1, 3, 3],
    };
    let x = noise.array(&[channels[0], size[0], size[1]], -scale, scale);
    let mut inputs = vec![x, noise.array(&w, -1.0, 1.0), ArrayD::zeros(vec![1])];
    if bias {
        inputs.push(noise.array(&[channels[1]], -1.0, 1.0));
    }
    inputs
}

fn max_difference(a: &ArrayD<f64>, b: &ArrayD<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn agrees_with_the_specification() {
    for (kind, channels) in [
        (ConvKind::Point, [3, 5]),
        (ConvKind::Full, [2, 3]),
        (ConvKind::Full, [1, 6]),
        (ConvKind::Full, [4, 4]),
        (ConvKind::Depthwise, [3, 3]),
    ] {
        for size in [[1, 1], [1, 4], [5, 1], [3, 3], [7, 9], [4, 17], [61, 43]] {
            for (relu, bias) in [(false, true), (true, false)] {
                for residual in [false, true] {
                    if residual && channels[0] != channels[1] {
                        continue;
                    }
                    let inputs = inputs(kind, channels, size, bias, 8.0);
                    let expected = reference(kind, relu, residual, &inputs);
                    let mut output = ArrayD::zeros(expected.raw_dim());
                    let references: Vec<_> = inputs.iter().collect();
                    Conv::new(kind, relu, residual).forward(&references, &mut output);
                    assert!(max_difference(&output, &expected) < 1e-12, "{kind:?} {channels:?} {size:?}");
                }
            }
        }
    }
}

#[test]
fn gradients() {
    for (kind, channels) in
        [(ConvKind::Point, [3, 5]), (ConvKind::Full, [2, 3]), (ConvKind::Full, [3, 3]), (ConvKind::Depthwise, [3, 3])]
    {
        for size in [[1, 1], [2, 1], [1, 3], [4, 5], [3, 9], [5, 17]] {
            for (relu, bias) in [(true, true), (false, false), (false, true)] {
                let residual = channels[0] == channels[1];
                // Large enough that some outputs are beyond the limits.
                let inputs = inputs(kind, channels, size, bias, 14.0);
                let wanted: Vec<bool> = (0..inputs.len()).map(|at| at != 2).collect();
                check_gradients(&mut Conv::new(kind, relu, residual), &inputs, &wanted);
            }
        }
    }
}

/// Planes large enough for several bands, by means of the transposition `<w * x, g> = <x, w^T * g>` that holds where the
/// convolution is linear, and of a few central differences.
#[test]
fn bands_fit_together() {
    for kind in [ConvKind::Point, ConvKind::Full, ConvKind::Depthwise] {
        let inputs = inputs(kind, [2, 2], [79, 67], false, 0.5);
        let projection = Noise(5).array(&[2, 79, 67], -1.0, 1.0);
        let (output, gradients) = run(&mut Conv::new(kind, false, true), &inputs, &[true, true, false], &projection);
        let inner = (&output * &projection).sum();
        let by_x = (gradients[0].as_ref().unwrap() * &inputs[0]).sum();
        assert!((inner - by_x).abs() < 1e-8, "{kind:?} {inner} {by_x}");
        // The residual path carries no weight.
        let by_weights = (gradients[1].as_ref().unwrap() * &inputs[1]).sum() + (&inputs[0] * &projection).sum();
        assert!((inner - by_weights).abs() < 1e-8, "{kind:?} {inner} {by_weights}");
        let (_, without_x) = run(&mut Conv::new(kind, false, true), &inputs, &[false, true, false], &projection);
        assert_eq!(without_x[1], gradients[1]);
    }
}

#[test]
fn any_number_of_threads() {
    let inputs = inputs(ConvKind::Full, [3, 5], [90, 71], true, 1.0);
    let projection = Noise(5).array(&[5, 90, 71], -1.0, 1.0);
    let results = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            run(&mut Conv::new(ConvKind::Full, true, false), &inputs, &[true, true, false, true], &projection)
        })
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
#[should_panic(expected = "weights for 3 channels")]
fn refuses_weights_of_another_shape() {
    Op::<f64>::output_shape(&Conv::<f64>::new(ConvKind::Full, false, false), &[&[3, 4, 4], &[2, 4, 3, 3], &[1]]);
}
