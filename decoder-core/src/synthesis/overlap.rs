//! Weights near the edges of motion blocks, where the vectors of both sides count (SPEC section 8, "Prediction"; Orchard and Sullivan, "Overlapped block motion
//! compensation", IEEE Trans. Image Processing 3(5), 1994).

use crate::wire::ROOT_LOG2;

/// Luma samples on each side of an edge that are mixed.
pub(super) const MIXED: usize = 4;
/// What is beyond the edge weighs, in 1/16, from the edge on.
pub(super) const LUMA_WEIGHTS: [i32; MIXED] = [7, 5, 3, 1];
/// The same for chroma.
pub(super) const CHROMA_WEIGHTS: [i32; MIXED / 2] = [6, 2];

/// Rows of sites of a block.
const ROWS: usize = 1 << ROOT_LOG2;

/// Whether the block above or below counts in a row of sites.
pub(super) fn reaches_edge(row: usize) -> bool {
    edge_distance(row, ROWS) < CHROMA_WEIGHTS.len()
}

/// Whether the nearer edge of the row's block is its upper one.
pub(super) fn is_upper(row: usize) -> bool {
    row % ROWS < ROWS / 2
}

/// The weight of the block above or below in the two luma rows and the chroma row of a row of sites.
pub(super) fn row_weights(row: usize) -> [i32; 3] {
    let luma = |dy| LUMA_WEIGHTS.get(edge_distance(2 * row + dy, 2 * ROWS)).copied().unwrap_or(0);
    [luma(0), luma(1), CHROMA_WEIGHTS.get(edge_distance(row, ROWS)).copied().unwrap_or(0)]
}

/// Samples between a row and the nearer edge of its block of `side` rows.
fn edge_distance(row: usize, side: usize) -> usize {
    let row = row % side;
    row.min(side - 1 - row)
}

/// `own` and `other`, which weighs `weight` / 16, in a column. Halves go up in even columns and down in odd ones, so that chains of pictures do not grow brighter.
#[inline(always)]
pub(super) fn mix(own: u8, other: u8, weight: i32, column: usize) -> u8 {
    let half = 8 - (column & 1) as i32;
    ((i32::from(own) * (16 - weight) + i32::from(other) * weight + half) >> 4) as u8
}

/// The same for a row of a multiple of four samples from an even column on, two to a word.
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
            assert_eq!(row, core::array::from_fn(|i| mix(own[i], other[i], weight, i)));
        }
    }
}
