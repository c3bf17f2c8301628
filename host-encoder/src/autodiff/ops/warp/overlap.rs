//! How much the blocks around a luma sample count in its prediction (SPEC section 8, "Prediction").

use super::SIDE;
use crate::autodiff::Real;

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
