//! Weights near the edges of motion blocks, where the vectors of both sides count (SPEC section 8, "Prediction"; Orchard and Sullivan, "Overlapped block motion
//! compensation", IEEE Trans. Image Processing 3(5), 1994).

/// Luma samples on each side of an edge that are mixed.
pub(super) const MIXED: usize = 4;
/// What is beyond the edge weighs, in 1/16, from the edge on.
pub(super) const WEIGHTS: [i32; MIXED] = [7, 5, 3, 1];

/// The weight of the block above or below in the two luma rows of a row of sites: 0 in both, or in none. A block has `sites` rows of sites.
pub(super) fn row_weights(row: usize, sites: usize) -> [i32; 2] {
    let last = 2 * sites - 1;
    [0, 1].map(|below| {
        let row = 2 * (row & (sites - 1)) + below;
        WEIGHTS.get(row.min(last - row)).copied().unwrap_or(0)
    })
}

/// Whether the nearer edge of the block is the upper one in a row of sites.
pub(super) fn is_upper(row: usize, sites: usize) -> bool {
    row & (sites - 1) < sites / 2
}

/// Mixes samples from an even column on with others, which weigh as `weights` say in 1/16. Halves go up in even columns and down in odd ones, so that chains of
/// pictures do not grow brighter.
#[inline(always)]
pub(super) fn mix_samples<'a>(own: &mut [u8], others: &[u8], weights: impl Iterator<Item = &'a i32>) {
    for (column, ((own, &other), &weight)) in own.iter_mut().zip(others).zip(weights).enumerate() {
        let half = 8 - (column & 1) as i32;
        *own = ((i32::from(*own) * (16 - weight) + i32::from(other) * weight + half) >> 4) as u8;
    }
}

/// The same with one weight for a multiple of four samples, two to a word.
#[inline(always)]
pub(super) fn mix_row(own: &mut [u8], other: &[u8], weight: i32) {
    let weight = weight as u32;
    let columns = |word: u32| [word & 0x00ff_00ff, (word >> 8) & 0x00ff_00ff];
    for (own, &other) in own.as_chunks_mut::<4>().0.iter_mut().zip(other.as_chunks::<4>().0) {
        let [even, odd] = columns(u32::from_le_bytes(*own));
        let [other_even, other_odd] = columns(u32::from_le_bytes(other));
        let even = (even * (16 - weight) + other_even * weight + 0x0008_0008) >> 4;
        let odd = (odd * (16 - weight) + other_odd * weight + 0x0007_0007) >> 4;
        *own = ((even & 0x00ff_00ff) | (odd & 0x00ff_00ff) << 8).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_mixed_sample_by_sample() {
        let (own, other) = ([0, 255, 7, 255, 128, 1, 0, 254], [255, 0, 8, 255, 127, 0, 0, 255]);
        for weight in [1, 2, 3, 5, 6, 7] {
            let mut row = own;
            mix_row(&mut row, &other, weight);
            let mut one_by_one = own;
            mix_samples(&mut one_by_one, &other, core::iter::repeat(&weight));
            assert_eq!(row, one_by_one);
        }
    }
}
