//! Processors with vectors of eight 16-bit numbers (x86-64, AArch64, WebAssembly with simd128): eight products and four sums
//! an instruction.
//!
//! Sums are modulo `2^32` as those of the portable rows are, so that their order does not matter.

use wide::{i16x8, i32x4, i32x8};

use crate::synthesis::LayerRow;
use crate::wire::LayerKind;

/// Numbers in a vector, and outputs of a block.
const LANES: usize = 8;
/// Sites of a block.
const SITES: usize = 4;
/// Most input channels.
const MAX_INPUTS: usize = 64;
/// Most pairs of taps of an output, in a point and in a full layer.
const MAX_PAIRS: [usize; 2] = [MAX_INPUTS / 2, 9 * MAX_INPUTS / 2];

/// Computes a row if it has the shape for it; whether it did.
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    let &LayerRow { kind, inputs, outputs, weights, rows, .. } = layer;
    if !(1..=MAX_INPUTS).contains(&inputs) || outputs == 0 {
        return false;
    }
    let width = out.len() / outputs;
    let square = layer.residual || kind == LayerKind::Depthwise;
    let fits = (!square || inputs == outputs)
        && weights.len() == kind.weights(inputs, outputs)
        && (1..=15).contains(&layer.shift)
        && rows.iter().all(|row| row.len() >= (width + 2) * inputs);
    if fits {
        match kind {
            LayerKind::Point => {
                let rows = [layer.rows[1].get(inputs..).unwrap_or_default()];
                dense_row(layer, &rows, inputs, &mut [[i16x8::ZERO; 2]; MAX_PAIRS[0]], out);
            }
            LayerKind::Full => {
                dense_row(layer, &layer.rows, 3 * inputs, &mut [[i16x8::ZERO; 2]; MAX_PAIRS[1]], out);
            }
            LayerKind::Depthwise => depthwise_row(layer, out),
        }
    }
    fits
}

/// Eight numbers from the first on; zeros where there are fewer.
#[inline(always)]
fn load(numbers: &[i16]) -> i16x8 {
    numbers.first_chunk::<LANES>().map_or_else(|| load_short(numbers), |&eight| i16x8::new(eight))
}

#[cold]
fn load_short(numbers: &[i16]) -> i16x8 {
    let mut eight = [0; LANES];
    eight.iter_mut().zip(numbers).for_each(|(lane, &number)| *lane = number);
    i16x8::new(eight)
}

/// What the sums of eight outputs begin with, and half of what is shifted out.
fn starts(layer: &LayerRow<'_, i16>, first: usize) -> [i32x4; 2] {
    let mut starts = [1 << (layer.shift - 1); LANES];
    let own = layer.starts.get(first..).unwrap_or_default();
    starts.iter_mut().zip(own).for_each(|(start, &own)| *start = own.wrapping_add(*start));
    halves(i32x8::new(starts))
}

#[inline(always)]
fn halves(sums: i32x8) -> [i32x4; 2] {
    let [a, b, c, d, e, f, g, h] = sums.to_array();
    [i32x4::new([a, b, c, d]), i32x4::new([e, f, g, h])]
}

/// Writes what becomes of the sums of `out`'s channels from `first` on at site `x`.
#[inline(always)]
fn finish(layer: &LayerRow<'_, i16>, sums: [i32x4; 2], [x, first]: [usize; 2], out: &mut [i16]) {
    let [low, high] = sums.map(|sums| sums >> layer.shift as i32);
    let ([a, b, c, d], [e, f, g, h]) = (low.to_array(), high.to_array());
    let mut y = i16x8::from_i32x8_saturate(i32x8::new([a, b, c, d, e, f, g, h]));
    if layer.residual {
        let at = (x + 1) * layer.inputs + first;
        y = y.saturating_add(load(layer.rows[1].get(at..).unwrap_or_default()));
    }
    if layer.relu {
        y = y.max(i16x8::ZERO);
    }
    let y = y.to_array();
    let Some(out) = out.get_mut(x * layer.outputs..(x + 1) * layer.outputs).and_then(|out| out.get_mut(first..)) else {
        return;
    };
    match out.first_chunk_mut::<LANES>() {
        Some(out) => *out = y,
        None => out.iter_mut().zip(y).for_each(|(out, y)| *out = y),
    }
}

/// Two taps of eight outputs: those of the first four, and of the others.
type Taps = [i16x8; 2];

/// Computes a row of a point or a full layer: `taps` activations side by side in each of `rows` go into a site, the first from
/// the rows' beginning on. `packed` is memory for their weights.
fn dense_row(layer: &LayerRow<'_, i16>, rows: &[&[i16]], taps: usize, packed: &mut [Taps], out: &mut [i16]) {
    let &LayerRow { outputs, .. } = layer;
    let pairs = taps.div_ceil(2);
    let Some(packed) = packed.get_mut(..rows.len() * pairs) else { return };
    let width = out.len() / outputs;
    for first in (0..outputs).step_by(LANES) {
        let weights = layer.weights.get(first * rows.len() * taps..).unwrap_or_default();
        for (row, packed) in packed.chunks_exact_mut(pairs).enumerate() {
            pack(weights.get(row * taps..).unwrap_or_default(), taps, rows.len() * taps, packed);
        }
        let start = starts(layer, first);
        for x in (0..width).step_by(SITES) {
            // Of a last block that is short, the last site is computed more than once.
            let sites = core::array::from_fn(|site| (x + site).min(width - 1));
            block(layer, rows, packed, start, sites, first, out);
        }
    }
}

/// Lays the weights of `taps` taps of eight outputs out as the sums are; the next output's are `stride` further, and zero where
/// there are none.
fn pack(weights: &[i16], taps: usize, stride: usize, packed: &mut [Taps]) {
    for (pair, packed) in packed.iter_mut().enumerate() {
        let mut both = [[[0; 2]; LANES / 2]; 2];
        for (output, both) in both.as_flattened_mut().iter_mut().enumerate() {
            for (tap, weight) in (2 * pair..taps).zip(both) {
                *weight = weights.get(output * stride + tap).copied().unwrap_or(0);
            }
        }
        *packed = both.map(|four| i16x8::new(bytemuck::cast(four)));
    }
}

/// Computes eight outputs of a few sites.
fn block(
    layer: &LayerRow<'_, i16>,
    rows: &[&[i16]],
    packed: &[Taps],
    start: [i32x4; 2],
    sites: [usize; SITES],
    first: usize,
    out: &mut [i16],
) {
    let mut sums = [start; SITES];
    let pairs = packed.len() / rows.len();
    for (row, packed) in rows.iter().zip(packed.chunks_exact(pairs)) {
        let taps = sites.map(|x| row.get(x * layer.inputs..).unwrap_or_default());
        let even = taps.map(|taps| taps.as_chunks::<2>().0);
        let whole = even.iter().map(|taps| taps.len()).min().unwrap_or(0);
        for (pair, weights) in packed.iter().enumerate().take(whole) {
            for (sums, taps) in sums.iter_mut().zip(even) {
                accumulate(sums, weights, taps.get(pair).copied().unwrap_or_default());
            }
        }
        // An odd tap at the end of a row has no neighbour.
        if let Some(weights) = packed.get(whole) {
            for (sums, taps) in sums.iter_mut().zip(taps) {
                let tap = |tap: usize| taps.get(tap).copied().unwrap_or(0);
                accumulate(sums, weights, [tap(2 * whole), tap(2 * whole + 1)]);
            }
        }
    }
    for (x, sums) in sites.into_iter().zip(sums) {
        finish(layer, sums, [x, first], out);
    }
}

/// Adds the products of two taps.
#[inline(always)]
fn accumulate(sums: &mut [i32x4; 2], weights: &Taps, taps: [i16; 2]) {
    let taps = i16x8::new(bytemuck::cast([taps; LANES / 2]));
    sums.iter_mut().zip(weights).for_each(|(sum, &weights)| *sum += taps.dot(weights));
}

/// Computes a row of a depthwise layer, eight channels at a time.
fn depthwise_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) {
    let n = layer.inputs;
    let width = out.len() / n;
    for first in (0..n).step_by(LANES) {
        let mut filters = [[0; LANES]; 9];
        let weights = layer.weights.get(9 * first..).unwrap_or_default().as_chunks::<9>().0;
        for (channel, weights) in weights.iter().take(LANES).enumerate() {
            for (filter, &weight) in filters.iter_mut().zip(weights) {
                filter.get_mut(channel).into_iter().for_each(|filter| *filter = weight);
            }
        }
        let filters = filters.map(i16x8::new);
        let start = starts(layer, first);
        for x in 0..width {
            let mut sums = start;
            for (row, filters) in layer.rows.iter().zip(filters.as_chunks::<3>().0) {
                for (tap, &filter) in filters.iter().enumerate() {
                    let taps = load(row.get((x + tap) * n + first..).unwrap_or_default());
                    let products = halves(taps.widening_mul(filter));
                    sums.iter_mut().zip(products).for_each(|(sum, products)| *sum += products);
                }
            }
            finish(layer, sums, [x, first], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_are_refused() {
        let (numbers, weights) = ([1; 10], [1; 4]);
        let whole = LayerRow {
            kind: LayerKind::Point,
            inputs: 2,
            outputs: 2,
            relu: false,
            residual: false,
            shift: 1,
            weights: &weights,
            starts: &[],
            rows: [&numbers; 3],
        };
        let mut out = [7; 6];
        for short in 0..3 {
            let mut rows = whole.rows;
            rows[short] = &numbers[..9];
            assert!(!layer_row(&LayerRow { rows, ..whole }, &mut out), "{short}");
            assert_eq!(out, [7; 6], "{short}");
        }
        assert!(layer_row(&whole, &mut out));
    }

    #[test]
    fn rows_are_the_portable_ones() {
        super::super::check::rows_are_portable::<24>(|layer, out| assert!(layer_row(layer, out)));
    }
}
