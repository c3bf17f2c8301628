use ndarray::{ArrayD, IxDyn, arr1};

use super::super::check::{Noise, check_gradients, run};
use super::*;

const CUBIC: [[i32; 4]; 9] = [
    [0, 128, 0, 0],
    [-6, 123, 12, -1],
    [-9, 111, 29, -3],
    [-9, 93, 50, -6],
    [-8, 72, 72, -8],
    [-6, 50, 93, -9],
    [-3, 29, 111, -9],
    [-1, 12, 123, -6],
    [0, 0, 128, 0],
];

fn round_shift(x: i32, s: u32) -> i32 {
    (x + (1 << (s - 1))) >> s
}

/// The specification's integer arithmetic, sample by sample, in its own roundings.
fn reference(previous: &ArrayD<f64>, motion: &ArrayD<f64>, interpolation: Interpolation, block: usize) -> ArrayD<f64> {
    let [_, lh, lw] = planes(previous.shape());
    let sample = |plane: usize, y: i32, x: i32| {
        let value = if plane == 0 {
            let (y, x) = (y.clamp(0, 2 * lh as i32 - 1) as usize, x.clamp(0, 2 * lw as i32 - 1) as usize);
            previous[[y % 2 * 2 + x % 2, y / 2, x / 2]]
        } else {
            previous[[plane + 3, y.clamp(0, lh as i32 - 1) as usize, x.clamp(0, lw as i32 - 1) as usize]]
        };
        value as i32
    };
    let displaced = |plane: usize, [y, x]: [usize; 2], v: [i32; 2]| {
        let v = if plane == 0 { v.map(|v| 2 * v) } else { v };
        let (y, x) = (y as i32 + (v[0] >> 3), x as i32 + (v[1] >> 3));
        let (fy, fx) = (v[0] & 7, v[1] & 7);
        match interpolation {
            Interpolation::Bilinear => round_shift(
                (8 - fy) * (8 - fx) * sample(plane, y, x)
                    + (8 - fy) * fx * sample(plane, y, x + 1)
                    + fy * (8 - fx) * sample(plane, y + 1, x)
                    + fy * fx * sample(plane, y + 1, x + 1),
                6,
            ),
            Interpolation::Cubic => {
                let row =
                    |y: i32| (0..4).map(|k| CUBIC[fx as usize][k as usize] * sample(plane, y, x + k - 1)).sum::<i32>();
                let sum = (0..4).map(|k| CUBIC[fy as usize][k as usize] * row(y + k - 1)).sum::<i32>();
                round_shift(sum, 14).clamp(0, 255)
            }
        }
    };
    let [_, blocks_high, blocks_wide] = planes(motion.shape());
    ArrayD::from_shape_fn(previous.raw_dim(), |at: IxDyn| {
        let (channel, r, c) = (at[0], at[1], at[2]);
        let vector = |by: usize, bx: usize| [0, 1].map(|i| motion[[i, by, bx]] as i32);
        if channel > 3 {
            return f64::from(displaced(channel - 3, [r, c], vector(r / block, c / block)));
        }
        let (y, x) = (2 * r + channel / 2, 2 * c + channel % 2);
        // The block, the one that counts too, and its weight.
        let across = |at: usize, blocks: usize| {
            let side = 2 * block;
            let (own, before, behind) = (at / side, at % side, side - 1 - at % side);
            let other = if before < behind { own.checked_sub(1) } else { Some(own + 1).filter(|&at| at < blocks) };
            other.map_or((own, own, 0), |other| (own, other, (7 - 2 * before.min(behind) as i32).max(0)))
        };
        let (by, beyond, down) = across(y, blocks_high);
        let (bx, beside, right) = across(x, blocks_wide);
        let of = |by: usize, bx: usize| displaced(0, [y, x], vector(by, bx));
        let mix = |own: i32, other: i32, weight: i32| ((16 - weight) * own + weight * other + 8 - (x % 2) as i32) >> 4;
        let value = mix(mix(of(by, bx), of(beyond, bx), down), mix(of(by, beside), of(beyond, beside), down), right);
        f64::from(value)
    })
}

/// Of any fraction, and every third one of whole samples.
fn vectors([rows, columns]: [usize; 2], block: usize, noise: &mut Noise) -> ArrayD<f64> {
    let mut vectors = noise.array(&[2, rows.div_ceil(block), columns.div_ceil(block)], -60.0, 60.0).mapv(f64::round);
    let blocks = vectors.len() / 2;
    for (at, vector) in vectors.iter_mut().enumerate().filter(|(at, _)| at % blocks % 3 == 2) {
        // A chroma sample is eight quarters of luma.
        *vector = 8.0 * (at % 5) as f64 - 16.0;
    }
    vectors
}

fn inputs(size: [usize; 2], block: usize, range: [f64; 2], control: f64) -> Vec<ArrayD<f64>> {
    let mut noise = Noise(size[0] as u64);
    vec![
        noise.array(&[6, size[0], size[1]], range[0], range[1]).mapv(f64::round),
        vectors(size, block, &mut noise),
        arr1(&[control]).into_dyn(),
    ]
}

/// Calls `check` with all filters, of blocks and of their quarters: the sites that these have.
fn with_all(mut check: impl FnMut(Warp<f64>, usize)) {
    for interpolation in [Interpolation::Bilinear, Interpolation::Cubic] {
        check(Warp::new(interpolation, false), BLOCK);
        check(Warp::new(interpolation, true), QUARTER);
    }
}

#[test]
fn agrees_with_the_specification() {
    with_all(|mut warp, block| {
        for size in [[1, 1], [5, 3], [9, 17], [40, 70]] {
            let inputs = inputs(size, block, [0.0, 255.0], 1.0);
            let projection = ArrayD::ones(inputs[0].raw_dim());
            let (output, _) = run(&mut warp, &inputs, &[true, false, false], &projection);
            assert_eq!(output, reference(&inputs[0], &inputs[1], warp.interpolation, block), "{block} {size:?}");
        }
    });
}

#[test]
fn gradients() {
    with_all(|mut warp, block| {
        for size in [[1, 1], [3, 5], [9, 11], [17, 10]] {
            // Away from the limits, where clipping has no derivative.
            let inputs = inputs(size, block, [100.0, 150.0], 0.0);
            check_gradients(&mut warp, &inputs, &[true, false, false]);
        }
    });
}

#[test]
fn rounding_passes_gradients_and_clipping_those_that_push_inside() {
    let mut inputs = inputs([4, 4], BLOCK, [255.0, 255.0], 1.0);
    inputs[1].fill(0.0);
    for (sign, passed) in [(1.0, 1.0), (-1.0, 0.0)] {
        let projection = ArrayD::from_elem(inputs[0].raw_dim(), sign);
        let (_, gradients) =
            run(&mut Warp::new(Interpolation::Cubic, false), &inputs, &[true, false, false], &projection);
        assert!(gradients[0].as_ref().unwrap().iter().all(|&g| g == passed));
    }
}
