//! Block motion search: for each 16x16 block the vector with the least sum of absolute differences plus the cost of its bits.

mod overlap;

use decoder_core::synthesis::prediction::{BlockRow, Plane, predict_row};
use decoder_core::wire::{Geometry, Motion};
use ndarray::{Array2, ArrayViewMut3};
use rayon::prelude::*;

/// Quarter positions of a sample along an axis.
const QUARTERS: usize = 4;
/// Largest displacement that a vector can say, in quarter samples.
const VECTOR_LIMIT: i32 = 127;
/// Sweeps over all blocks, each looked at alone: the first has only the neighbours before a block to predict from.
const SWEEPS: usize = 2;
/// Sweeps in which a block is looked at as it is shown, overlapped by those around it.
const OVERLAPPED_SWEEPS: usize = 2;

/// A picture with even sizes: the coded picture of the format.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Sizes in sites.
    pub geometry: Geometry,
    /// `2 height` rows of `2 width` samples.
    pub luma: Vec<u8>,
    /// The two chroma planes.
    pub chroma: [Vec<u8>; 2],
}

impl Planes {
    fn views(&self) -> [Plane<'_>; 3] {
        let Geometry { width, height } = self.geometry;
        let chroma = |i: usize| Plane { samples: &self.chroma[i], width, height };
        [Plane { samples: &self.luma, width: 2 * width, height: 2 * height }, chroma(0), chroma(1)]
    }
}

/// The luma of a reference at the 16 quarter positions, made by the decoder's own interpolation.
struct Phases {
    width: i32,
    height: i32,
    planes: Vec<Vec<u8>>,
}

impl Phases {
    fn new(reference: &Planes, motion: Motion) -> Self {
        let Geometry { width, height } = reference.geometry;
        let columns = reference.geometry.motion().1;
        let plane = |phase: usize| {
            let vector = |quarters: usize| vec![quarters as i8; columns];
            let (vertical, horizontal) = (vector(phase / QUARTERS), vector(phase % QUARTERS));
            let mut chroma = [vec![0; width], vec![0; width]];
            let all = vec![u32::MAX; columns.div_ceil(32)];
            let mut luma = vec![0; 4 * width * height];
            for (number, pair) in luma.chunks_exact_mut(4 * width).enumerate() {
                let (above, below) = pair.split_at_mut(2 * width);
                let [u, v] = &mut chroma;
                let own = [&vertical[..], &horizontal];
                let vectors = BlockRow { own, beyond: own };
                predict_row(reference.views(), motion.interpolation, number, vectors, &all, [above, below, u, v]);
            }
            luma
        };
        let planes = (0..QUARTERS * QUARTERS).into_par_iter().map(plane).collect();
        Self { width: 2 * width as i32, height: 2 * height as i32, planes }
    }

    /// Sum of absolute differences of the block at `(y, x)` of `current` with the reference displaced by `vector`.
    fn difference(&self, current: &[u8], y: i32, x: i32, vector: [i32; 2], stop: u32) -> u32 {
        let [dy, dx] = vector;
        let plane = &self.planes[((dy & 3) * 4 + (dx & 3)) as usize];
        let (rows, columns) = ((self.height - y).min(16), (self.width - x).min(16));
        let (from_y, from_x) = (y + (dy >> 2), x + (dx >> 2));
        let mut sum = 0;
        for row in 0..rows {
            let source = &current[((y + row) * self.width + x) as usize..][..columns as usize];
            let at = (from_y + row).clamp(0, self.height - 1) * self.width;
            if from_x >= 0 && from_x + columns <= self.width {
                let reference = &plane[(at + from_x) as usize..][..columns as usize];
                sum += source.iter().zip(reference).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>();
            } else {
                for (i, &a) in source.iter().enumerate() {
                    let column = (from_x + i as i32).clamp(0, self.width - 1);
                    sum += u32::from(a.abs_diff(plane[(at + column) as usize]));
                }
            }
            if sum >= stop {
                break;
            }
        }
        sum
    }
}

/// Bits of a vector component that differs by `d` from what its neighbours say, roughly.
fn bits(d: i32) -> u32 {
    if d == 0 { 1 } else { 2 * d.unsigned_abs().ilog2() + 3 }
}

/// The median of three vectors, component by component.
fn median(a: [i32; 2], b: [i32; 2], c: [i32; 2]) -> [i32; 2] {
    std::array::from_fn(|i| a[i].max(b[i]).min(a[i].min(b[i]).max(c[i])))
}

/// The search of one picture.
struct Search<'a> {
    phases: Phases,
    current: &'a [u8],
    lambda: f64,
    limit: [i32; 2],
}

impl Search<'_> {
    fn cost(&self, block: [i32; 2], vector: [i32; 2], expected: [i32; 2], best: u32) -> u32 {
        let price = self.price(vector, expected);
        let stop = best.saturating_sub(price);
        price + self.phases.difference(self.current, 16 * block[0], 16 * block[1], vector, stop)
    }

    /// Of a vector's bits.
    fn price(&self, vector: [i32; 2], expected: [i32; 2]) -> u32 {
        let spent = bits(vector[0] - expected[0]) + bits(vector[1] - expected[1]);
        (self.lambda * f64::from(spent)) as u32
    }

    fn allowed(&self, vector: [i32; 2]) -> bool {
        vector[0].abs() <= self.limit[0] && vector[1].abs() <= self.limit[1]
    }

    /// The best vector of a block. `exhaustive` tries all whole displacements, else only those around the candidates.
    fn block(&self, block: [i32; 2], expected: [i32; 2], candidates: &[[i32; 2]], exhaustive: bool) -> [i32; 2] {
        let mut best = ([0, 0], self.cost(block, [0, 0], expected, u32::MAX));
        let consider = |vector: [i32; 2], best: &mut ([i32; 2], u32)| {
            if self.allowed(vector) {
                let cost = self.cost(block, vector, expected, best.1);
                if cost < best.1 {
                    *best = (vector, cost);
                }
            }
        };
        for &candidate in candidates.iter().chain([&expected]) {
            consider(candidate, &mut best);
        }
        if exhaustive {
            let [vertical, horizontal] = self.limit.map(|limit| limit / 4);
            for dy in -vertical..=vertical {
                for dx in -horizontal..=horizontal {
                    consider([4 * dy, 4 * dx], &mut best);
                }
            }
        }
        for step in [4, 2, 1] {
            loop {
                let centre = best.0;
                for (dy, dx) in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)] {
                    consider([centre[0] + step * dy, centre[1] + step * dx], &mut best);
                }
                if best.0 == centre {
                    break;
                }
            }
        }
        best.0
    }
}

/// Fills `field` (`[vertical, horizontal][row][column]`, quarter samples) with the motion from `reference` to `current`.
///
/// `lambda` is the price of a bit in units of absolute difference.
pub fn search(reference: &Planes, current: &Planes, motion: Motion, lambda: f64, mut field: ArrayViewMut3<'_, i8>) {
    let limit = [4 * i32::from(motion.reach), VECTOR_LIMIT.min(4 * i32::from(motion.reach))];
    let search = Search { phases: Phases::new(reference, motion), current: &current.luma, lambda, limit };
    let (rows, columns) = reference.geometry.motion();
    let mut vectors = Array2::from_elem((rows, columns), [0, 0]);
    for sweep in 0..SWEEPS + OVERLAPPED_SWEEPS {
        for block in (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column])) {
            let Neighbours { expected, around } = neighbours(&vectors, block);
            vectors[block] = if sweep < SWEEPS {
                search.block(block.map(|at| at as i32), expected, &around, sweep == 0)
            } else {
                search.overlapped_block(&vectors, block, expected, &around)
            };
        }
    }
    for ((row, column), vector) in vectors.indexed_iter() {
        for component in 0..2 {
            field[[component, row, column]] = vector[component] as i8;
        }
    }
}

/// What the vectors around a block say about its own.
struct Neighbours {
    expected: [i32; 2],
    /// The block's own vector, then others.
    around: Vec<[i32; 2]>,
}

fn neighbours(vectors: &Array2<[i32; 2]>, [row, column]: [usize; 2]) -> Neighbours {
    let at = |dy: isize, dx: isize| vectors.get([row.checked_add_signed(dy)?, column.checked_add_signed(dx)?]).copied();
    let left = at(0, -1).unwrap_or([0, 0]);
    let expected = match at(-1, 0) {
        Some(up) => median(left, up, at(-1, 1).or_else(|| at(-1, -1)).unwrap_or([0, 0])),
        None => left,
    };
    let around = [at(0, 0), at(-1, 0), at(0, -1), at(0, 1), at(1, 0), at(-1, 1)].into_iter().flatten().collect();
    Neighbours { expected, around }
}

#[cfg(test)]
mod tests {
    use decoder_core::wire::Interpolation;
    use ndarray::Array3;

    use super::*;

    fn textured(geometry: Geometry, dy: i32, dx: i32) -> Planes {
        let (width, height) = (2 * geometry.width as i32, 2 * geometry.height as i32);
        let sample = |y: i32, x: i32| {
            let (y, x) = ((y + dy) as f64, (x + dx) as f64);
            (128.0 + 60.0 * (y / 3.1 + (x / 7.3).sin()).sin() + 40.0 * (x / 2.7).sin()) as u8
        };
        let luma = (0..height).flat_map(|y| (0..width).map(move |x| sample(y, x))).collect();
        Planes {
            geometry,
            luma,
            chroma: [vec![128; geometry.width * geometry.height], vec![128; geometry.width * geometry.height]],
        }
    }

    #[test]
    fn a_moving_texture_is_followed() {
        let geometry = Geometry::new(64, 48);
        let motion = Motion { interpolation: Interpolation::Cubic, reach: 15, sees_prediction: false };
        let mut field = Array3::zeros((2, 3, 4));
        search(&textured(geometry, 0, 0), &textured(geometry, 3, -5), motion, 4.0, field.view_mut());
        assert_eq!((field[[0, 1, 1]], field[[1, 1, 1]]), (12, -20));
        assert_eq!((field[[0, 1, 2]], field[[1, 1, 2]]), (12, -20));
    }
}
