//! How the work of one operation is cut for threads.
//!
//! The cut depends on the shape alone, never on the number of threads, and partial sums are added in the order of the
//! pieces: results are bit-identical on one core and on many.

use std::ops::Range;

use rayon::prelude::*;

/// Most pieces that an operation is cut into.
pub const MAX_BANDS: usize = 8;

/// Most channels of an operand of a convolution; the format's limit for a stage.
pub const MAX_CHANNELS: usize = 64;

/// Elements of a piece of elementwise work.
const CHUNK: usize = 16 * 1024;

/// Pieces for a plane of `sites`. Below about 2000 sites a fork costs more than it saves.
pub fn band_count(sites: usize) -> usize {
    match sites {
        0..2_000 => 1,
        2_000..5_000 => 2,
        5_000..20_000 => 4,
        _ => MAX_BANDS,
    }
}

/// Units (rows or groups of sites) of piece `index` of `count`, `units` in all.
pub fn band_range(units: usize, count: usize, index: usize) -> Range<usize> {
    units * index / count..units * (index + 1) / count
}

/// Cuts planes of `plane` elements that lie behind one another into `count` bands; band `i` of every plane is
/// `range(i)`. `[band][channel]`; the ranges must follow one another and cover the plane.
pub fn split_planes<'a, T>(
    data: &'a mut [T],
    plane: usize,
    count: usize,
    range: impl Fn(usize) -> Range<usize>,
) -> [[&'a mut [T]; MAX_CHANNELS]; MAX_BANDS] {
    let mut bands: [[&'a mut [T]; MAX_CHANNELS]; MAX_BANDS] =
        std::array::from_fn(|_| std::array::from_fn(|_| Default::default()));
    for (channel, mut rest) in data.chunks_exact_mut(plane).enumerate() {
        for (i, band) in bands.iter_mut().enumerate().take(count) {
            let (piece, tail) = rest.split_at_mut(range(i).len());
            band[channel] = piece;
            rest = tail;
        }
    }
    bands
}

/// Runs `work(index, a, b)` for every pair, on the current thread if there is only one.
pub fn for_each_band<A: Send, B: Send>(a: &mut [A], b: &mut [B], work: impl Fn(usize, &mut A, &mut B) + Sync) {
    if let ([a], [b]) = (&mut *a, &mut *b) {
        work(0, a, b);
    } else {
        a.par_iter_mut().zip(b).enumerate().for_each(|(i, (a, b))| work(i, a, b));
    }
}

/// Runs `work(first, output_chunk, slope_chunk)` over pieces of two slices of one length.
pub fn chunked<T: Send>(output: &mut [T], extra: &mut [T], work: impl Fn(usize, &mut [T], &mut [T]) + Sync) {
    if output.len() <= CHUNK {
        work(0, output, extra);
    } else {
        let extra = extra.par_chunks_mut(CHUNK);
        let pieces = output.par_chunks_mut(CHUNK).zip(extra).enumerate();
        pieces.for_each(|(i, (output, extra))| work(i * CHUNK, output, extra));
    }
}
