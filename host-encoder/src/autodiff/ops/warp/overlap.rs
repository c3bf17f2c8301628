//! How much the blocks around a luma sample count in its prediction (SPEC section 8, "Prediction").

use super::SIDE;
use crate::autodiff::Real;
use crate::autodiff::kernels::{Arith, Job};

/// In 1/16, what is beyond the edge of a block, from the edge on.
const BEYOND: [u8; 4] = [7, 5, 3, 1];

/// The block itself, the one before it and the one after it along an axis.
pub(super) const NEIGHBOURS: [isize; 3] = [0, -1, 1];

/// One number for each sample of a block.
pub(super) type Map<T> = [[T; SIDE]; SIDE];

/// Weights of a block, and of those around it in the order of [`NEIGHBOURS`], rows first.
pub(super) struct Weights<T>([Map<T>; 9]);

impl<T: Real> Weights<T> {
    pub(super) fn new() -> Self {
        let along = |neighbour: isize, at: usize| {
            let of = |distance: usize| f64::from(BEYOND.get(distance).copied().unwrap_or(0)) / 16.0;
            match neighbour {
                0 => 1.0 - of(at) - of(SIDE - 1 - at),
                -1 => of(at),
                _ => of(SIDE - 1 - at),
            }
        };
        let map = |block: usize| {
            let [vertical, horizontal] = [NEIGHBOURS[block / 3], NEIGHBOURS[block % 3]];
            let sample = |y, x| T::of(along(vertical, y) * along(horizontal, x));
            std::array::from_fn(|y| std::array::from_fn(|x| sample(y, x)))
        };
        Self(std::array::from_fn(map))
    }

    /// The weights of all of the nine blocks that are `chosen` together, and the rows between which they are.
    pub(super) fn of(&self, chosen: impl Fn(usize) -> bool) -> (Map<T>, [usize; 2]) {
        let mut sum = [[T::ZERO; SIDE]; SIDE];
        let mut rows = [SIDE, 0];
        for (block, map) in self.0.iter().enumerate().filter(|(block, _)| chosen(*block)) {
            let [first, end] = match NEIGHBOURS[block / 3] {
                0 => [0, SIDE],
                -1 => [0, BEYOND.len()],
                _ => [SIDE - BEYOND.len(), SIDE],
            };
            rows = [rows[0].min(first), rows[1].max(end)];
            for (sum, map) in sum[first..end].as_flattened_mut().iter_mut().zip(map[first..end].as_flattened()) {
                *sum += *map;
            }
        }
        (sum, rows)
    }
}

/// Along which axis, and at which end of it, there is an edge.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    Above,
    Below,
    Left,
    Right,
}

impl Edge {
    /// The first row, or column, that is mixed, and the one after the last.
    pub(super) fn reach(self) -> [usize; 2] {
        match self {
            Self::Above | Self::Left => [0, BEYOND.len()],
            Self::Below | Self::Right => [SIDE - BEYOND.len(), SIDE],
        }
    }
}

/// Mixes `samples` with what is `beyond` one of their edges; in the integers of the decoder if `rounded`.
pub(super) struct Mix<'a, T> {
    pub samples: &'a mut Map<T>,
    pub beyond: &'a Map<T>,
    pub edge: Edge,
    pub rounded: bool,
}

impl<T: Real> Job for Mix<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let [first, end] = self.edge.reach();
        let across = matches!(self.edge, Edge::Left | Edge::Right);
        let mut weights = [T::ZERO; SIDE];
        for (distance, &weight) in BEYOND.iter().enumerate() {
            weights[if first == 0 { distance } else { SIDE - 1 - distance }] = T::of(f64::from(weight) / 16.0);
        }
        // Halves of a sixteenth: up in even columns, down in odd ones.
        let half: [T; SIDE] = std::array::from_fn(|x| T::of((8 - x % 2) as f64 / 16.0));
        let rows = if across { 0..SIDE } else { first..end };
        for row in rows {
            let mut mixed = self.samples[row];
            for (x, (sample, &beyond)) in mixed.iter_mut().zip(&self.beyond[row]).enumerate() {
                let weight = weights[if across { x } else { row }];
                *sample = A::fma(weight, beyond - *sample, *sample);
            }
            if self.rounded {
                for (sample, &half) in mixed.iter_mut().zip(&half) {
                    *sample = (*sample + half).floor();
                }
            }
            self.samples[row] = mixed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_blocks_together_are_one() {
        let (map, rows) = Weights::<f64>::new().of(|_| true);
        assert!(map.as_flattened().iter().all(|weight| (weight - 1.0).abs() < 1e-12));
        assert_eq!(rows, [0, SIDE]);
    }
}
