//! How much the blocks around a luma sample count in its prediction (SPEC section 8, "Prediction").

use crate::autodiff::Real;
use crate::autodiff::kernels::Arith;

/// In 1/16, what is beyond the edge of a block, from the edge on.
const BEYOND: [u8; 4] = [7, 5, 3, 1];

/// The block itself, the one before it and the one after it along an axis.
pub(super) const NEIGHBOURS: [isize; 3] = [0, -1, 1];

/// One of a block's edges along an axis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Before,
    Behind,
}

impl Edge {
    /// The rows in which the block above or below counts, of the `side` that a block has: the first, and the one after the last.
    pub(super) fn rows(self, side: usize) -> [usize; 2] {
        match self {
            Self::Before => [0, BEYOND.len()],
            Self::Behind => [side - BEYOND.len(), side],
        }
    }

    /// The first column of the half in which the block on the left or right counts.
    pub(super) fn column(self, half: usize) -> usize {
        match self {
            Self::Before => 0,
            Self::Behind => half,
        }
    }

    /// How much what is beyond the edge counts at a place of the block.
    #[inline(always)]
    fn weight<T: Real>(self, at: usize, side: usize) -> T {
        let distance = if self == Self::Before { at } else { side - 1 - at };
        T::of(f64::from(BEYOND.get(distance).copied().unwrap_or(0)) / 16.0)
    }

    /// The weights of the columns of the half.
    #[inline(always)]
    fn weights<T: Real, const H: usize>(self) -> [T; H] {
        let mut weights = [T::ZERO; H];
        for (x, weight) in weights.iter_mut().enumerate() {
            *weight = self.weight(self.column(H) + x, 2 * H);
        }
        weights
    }

    /// Mixes rows of `samples` with those of the block above or below; in the integers of the decoder if `rounded`.
    #[inline(always)]
    pub(super) fn mix_rows<T: Real, A: Arith, const B: usize, const S: usize>(
        self,
        samples: &mut [[T; B]; S],
        beyond: &[[T; B]; S],
        rounded: bool,
    ) {
        let [first, end] = self.rows(S);
        for row in first..end {
            mix::<T, A>(&mut samples[row], &beyond[row], &[self.weight(row, S); B], rounded);
        }
    }

    /// The same with the block on the left or right, of which `beyond` is the half that counts.
    #[inline(always)]
    pub(super) fn mix_columns<T: Real, A: Arith, const S: usize, const H: usize>(
        self,
        samples: &mut [[T; S]; S],
        beyond: &[[T; H]; S],
        rounded: bool,
    ) {
        let weights = self.weights::<T, H>();
        for (samples, beyond) in samples.iter_mut().zip(beyond) {
            mix::<T, A>(&mut samples[self.column(H)..][..H], beyond, &weights, rounded);
        }
    }

    /// The way back through [`Self::mix_rows`]: takes from the gradients those of the block above or below.
    #[inline(always)]
    pub(super) fn part_rows<T: Real, const B: usize, const S: usize>(
        self,
        gradients: &mut [[T; B]; S],
        beyond: &mut [[T; B]; S],
    ) {
        let [first, end] = self.rows(S);
        for row in first..end {
            part(&mut gradients[row], &mut beyond[row], &[self.weight(row, S); B]);
        }
    }

    /// The way back through [`Self::mix_columns`].
    #[inline(always)]
    pub(super) fn part_columns<T: Real, const S: usize, const H: usize>(
        self,
        gradients: &mut [[T; S]; S],
        beyond: &mut [[T; H]; S],
    ) {
        let weights = self.weights::<T, H>();
        for (gradients, beyond) in gradients.iter_mut().zip(beyond) {
            part(&mut gradients[self.column(H)..][..H], beyond, &weights);
        }
    }
}

#[inline(always)]
fn mix<T: Real, A: Arith>(samples: &mut [T], beyond: &[T], weights: &[T], rounded: bool) {
    for ((sample, &beyond), &weight) in samples.iter_mut().zip(beyond).zip(weights) {
        *sample = A::fma(weight, beyond - *sample, *sample);
    }
    if rounded {
        for (x, sample) in samples.iter_mut().enumerate() {
            // Halves of a sixteenth: up in even columns, down in odd ones.
            *sample = (*sample + T::of(if x % 2 == 0 { 8.0 / 16.0 } else { 7.0 / 16.0 })).floor();
        }
    }
}

#[inline(always)]
fn part<T: Real>(gradients: &mut [T], beyond: &mut [T], weights: &[T]) {
    for ((g, beyond), &weight) in gradients.iter_mut().zip(beyond).zip(weights) {
        *beyond = weight * *g;
        *g -= *beyond;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_one<const S: usize, const H: usize>() {
        for edge in [Edge::Before, Edge::Behind] {
            let (mut rows, mut beyond) = ([[1.0_f64; S]; S], [[0.0; S]; S]);
            edge.part_rows(&mut rows, &mut beyond);
            let (mut columns, mut beside) = (rows, [[0.0; H]; S]);
            edge.part_columns(&mut columns, &mut beside);
            for (at, row) in columns.iter().enumerate() {
                for (x, &own) in row.iter().enumerate() {
                    let beside = x.checked_sub(edge.column(H)).and_then(|x| beside[at].get(x)).unwrap_or(&0.0);
                    assert!((own + beside + beyond[at][x] - 1.0).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn all_blocks_together_are_one() {
        are_one::<16, 8>();
        are_one::<8, 4>();
    }
}
