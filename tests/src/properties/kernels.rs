//! Layer rows of this processor's kernels are the portable ones, and so are whole pictures.

use decoder_core::synthesis::{Arithmetic, Integer, LayerRow, portable_row};
use decoder_core::weights::WEIGHT_LIMIT;
use decoder_core::wire::LayerKind;
use decoder_core::{Error, Stream};

use super::{LIMITS, PICTURES};
use crate::frames::{Collector, decode_segment, with_decoder};
use crate::mend;
use crate::portable::Portable;

/// The first byte says whether the others are a file or a layer.
pub(super) fn check(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    if first == b'N' {
        let bytes = mend::whole(data).unwrap_or_else(|| data.to_vec());
        let [own, portable] = [pictures::<Integer>(&bytes), pictures::<Portable>(&bytes)];
        assert!(own == portable, "the kernels show other pictures");
    } else {
        let _ = row(first, rest);
    }
}

fn pictures<A: Arithmetic>(bytes: &[u8]) -> (Result<(), Error>, Vec<crate::frames::Picture>) {
    let mut collector = Collector::default();
    let result = Stream::open(bytes, &LIMITS).and_then(|stream| {
        with_decoder::<A, _>(&stream, |decoder| {
            stream.segments().try_for_each(|segment| decode_segment(decoder, segment?, PICTURES, &mut collector))
        })
    });
    (result, collector.pictures)
}

/// Numbers from the bytes, again and again.
struct Numbers<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl Numbers<'_> {
    fn next(&mut self) -> i16 {
        i16::from_le_bytes([(); 2].map(|()| self.0.next().copied().unwrap_or(0)))
    }

    fn fill(&mut self, len: usize) -> Vec<i16> {
        (0..len).map(|_| self.next()).collect()
    }
}

/// Computes a layer's row twice; `None` for a layer that a stream cannot have.
fn row(first: u8, data: &[u8]) -> Option<()> {
    let (&[inputs, outputs, sites, shift], contents) = data.split_first_chunk()?;
    let kind = [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise][usize::from(first % 3)];
    let (relu, residual, bias, magnitude) = (first & 4 > 0, first & 8 > 0, first & 16 > 0, first >> 5);
    let (inputs, sites) = (1 + usize::from(inputs % 64), 1 + usize::from(sites % 40));
    let square = residual || kind == LayerKind::Depthwise;
    let outputs = if square { inputs } else { 1 + usize::from(outputs % 64) };
    let shift = 1 + u32::from(shift % 15);
    let mut numbers = Numbers(contents.iter().cycle());
    let rows: [Vec<i16>; 3] = std::array::from_fn(|_| numbers.fill((sites + 2) * inputs));
    // Small weights, or else most layers would be refused for their sums.
    let scale = |limit: i32, number: i16| ((i32::from(number) % (limit + 1)) >> magnitude) as i16;
    let weights = numbers.fill(kind.weights(inputs, outputs));
    let weights: Vec<i16> = weights.into_iter().map(|weight| scale(WEIGHT_LIMIT, weight)).collect();
    let starts = if bias { numbers.fill(outputs) } else { vec![] };
    let starts: Vec<i32> = starts.into_iter().map(|start| i32::from(start) << shift).collect();
    for (output, filter) in weights.chunks(weights.len() / outputs).enumerate() {
        let sum: u64 = filter.iter().map(|weight| u64::from(weight.unsigned_abs())).sum();
        let start = starts.get(output).map_or(0, |start| u64::from(start.unsigned_abs()));
        if 32768 * sum + start + (1 << (shift - 1)) >= 1 << 31 {
            return None;
        }
    }
    let rows = rows.each_ref().map(Vec::as_slice);
    let (weights, starts) = (&weights[..], &starts[..]);
    let layer = LayerRow { kind, inputs, outputs, relu, residual, shift, weights, starts, rows };
    let [mut own, mut portable] = [(); 2].map(|()| vec![0x55; sites * outputs]);
    Integer::layer_row(&layer, &mut own);
    portable_row::<Integer>(&layer, &mut portable);
    assert_eq!(own, portable, "{kind:?}, {sites} sites, {inputs} -> {outputs}");
    Some(())
}
