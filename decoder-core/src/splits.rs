//! Blocks that are split: what the vectors of their quarters are made of (SPEC section 8, "Prediction").

/// What is coded of a quarter: which block's vector it begins with, and what is added to the vertical and to the horizontal component.
pub const PARTS: usize = 3;

/// All that a quarter may say about the block whose vector it begins with.
pub const SELECTORS: [i8; 4] = [0, -1, 1, 2];

/// Row and column of the block whose vector a quarter begins with: its own, or one of the three at its own corner of that, which are -1 above or below, 1 beside and 2 both;
/// `None` for other selectors. Where there is no such block, it is the own one along that axis. `quarter` are its row and column, `blocks` those that there are of blocks.
#[must_use]
pub fn selected(selector: i8, quarter: [usize; 2], blocks: [usize; 2]) -> Option<[usize; 2]> {
    let across = match selector {
        0 => [false, false],
        -1 => [true, false],
        1 => [false, true],
        2 => [true, true],
        _ => return None,
    };
    let along = |axis: usize| {
        let (quarter, count, across) = (*quarter.get(axis)?, *blocks.get(axis)?, *across.get(axis)?);
        let own = quarter / 2;
        let other = if quarter.is_multiple_of(2) { own.checked_sub(1) } else { Some(own + 1) };
        Some(other.filter(|&other| across && other < count).unwrap_or(own))
    };
    Some([along(0)?, along(1)?])
}
