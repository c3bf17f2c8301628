//! How much the blocks around a sample count in its prediction (SPEC section 8, "Prediction").

use crate::autodiff::Real;

/// In 1/16, what is beyond the edge of a block, from the edge on: for luma, and for chroma.
const LUMA: [u8; 4] = [7, 5, 3, 1];
const CHROMA: [u8; 2] = [6, 2];

/// The block itself, the one before it and the one after it along an axis.
pub(super) const SIDES: [isize; 3] = [0, -1, 1];

/// Weights of a block, and of those around it in the order of [`SIDES`], rows first, for each of its `B` x `B` samples: 16 for luma, 8 for chroma.
pub(super) struct Weights<T, const B: usize>([[[T; B]; B]; 9]);

impl<T: Real, const B: usize> Weights<T, B> {
    pub(super) fn new() -> Self {
        let beyond: &[u8] = if B == 16 { &LUMA } else { &CHROMA };
        let along = |side: isize, at: usize| {
            let of = |distance: usize| f64::from(beyond.get(distance).copied().unwrap_or(0)) / 16.0;
            match side {
                0 => 1.0 - of(at) - of(B - 1 - at),
                -1 => of(at),
                _ => of(B - 1 - at),
            }
        };
        let map = |block: usize| {
            let [vertical, horizontal] = [SIDES[block / 3], SIDES[block % 3]];
            let sample = |y, x| T::of(along(vertical, y) * along(horizontal, x));
            std::array::from_fn(|y| std::array::from_fn(|x| sample(y, x)))
        };
        Self(std::array::from_fn(map))
    }

    /// The weights of all of the nine blocks that are `chosen` together, and the rows between which they are.
    pub(super) fn of(&self, chosen: impl Fn(usize) -> bool) -> ([[T; B]; B], [usize; 2]) {
        let mut sum = [[T::ZERO; B]; B];
        let mut rows = [B, 0];
        for (block, map) in self.0.iter().enumerate().filter(|(block, _)| chosen(*block)) {
            let reach = if B == 16 { LUMA.len() } else { CHROMA.len() };
            let [first, end] = match SIDES[block / 3] {
                0 => [0, B],
                -1 => [0, reach],
                _ => [B - reach, B],
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
        let (luma, rows) = Weights::<f64, 16>::new().of(|_| true);
        assert!(luma.as_flattened().iter().all(|weight| (weight - 1.0).abs() < 1e-12));
        assert_eq!(rows, [0, 16]);
        let (chroma, _) = Weights::<f64, 8>::new().of(|_| true);
        assert!(chroma.as_flattened().iter().all(|weight| (weight - 1.0).abs() < 1e-12));
    }
}
