//! Rows of random layers against the portable ones.

use crate::synthesis::{Integer, LayerRow, portable_row};
use crate::wire::LayerKind;

/// Most sites of a row.
const SITES: usize = 9;

/// Compares a kernel with the portable rows on layers of all kinds of up to `CHANNELS` channels.
///
/// # Panics
/// Where they differ.
pub(super) fn rows_are_portable<const CHANNELS: usize>(kernel: impl Fn(&LayerRow<'_, i16>, &mut [i16])) {
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i32
    };
    let (mut rows, mut weights) = ([[[0; CHANNELS]; SITES + 2]; 3], [[[0; 9]; CHANNELS]; CHANNELS]);
    let mut starts = [0; CHANNELS];
    // An interpreter takes minutes for more.
    for number in 0..if cfg!(miri) { 30 } else { 3000 } {
        let kind = [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise][number % 3];
        let [inputs, outputs] = [(); 2].map(|()| 1 + random() as usize % CHANNELS);
        let square = kind == LayerKind::Depthwise || random() % 2 == 0;
        let outputs = if square { inputs } else { outputs };
        let sites = 1 + random() as usize % SITES;
        // Some of them are as large as they can be.
        let mut number = |limit: i32| match random() % 8 {
            0 => limit,
            1 => -limit,
            _ => (random() - 0x8000) % (limit + 1),
        };
        let rows = &mut rows.as_flattened_mut().as_flattened_mut()[..3 * (sites + 2) * inputs];
        rows.fill_with(|| number(i16::MAX.into()) as i16);
        let weights = &mut weights.as_flattened_mut().as_flattened_mut()[..kind.weights(inputs, outputs)];
        weights.fill_with(|| number(1023) as i16);
        starts.fill_with(|| number(0x7fff) << (number(0x7fff) & 15));
        let (rows, weights) = (&*rows, &*weights);
        let layer = LayerRow {
            kind,
            inputs,
            outputs,
            relu: random() % 2 == 0,
            residual: square && random() % 2 == 0,
            shift: 1 + random() as u32 % 15,
            weights,
            starts: if random() % 2 == 0 { &[] } else { &starts[..outputs] },
            rows: [0, 1, 2].map(|row| &rows[row * (sites + 2) * inputs..][..(sites + 2) * inputs]),
        };
        let mut results = [[[0x55; CHANNELS]; SITES]; 2];
        let [own, portable] = results.each_mut().map(|row| &mut row.as_flattened_mut()[..sites * outputs]);
        kernel(&layer, own);
        portable_row::<Integer>(&layer, portable);
        assert_eq!(own, portable, "{layer:?}");
    }
}
