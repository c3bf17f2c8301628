//! It does not matter in which pieces a file arrives, nor in which order its segments are decoded.

use decoder_core::synthesis::Integer;
use decoder_core::{Error, Stream};

use super::{LIMITS, PICTURES};
use crate::frames::{Collector, Picture, decode_segment, with_decoder};
use crate::mend;

pub(super) fn check(data: &[u8]) {
    arrives_in_pieces(data);
    if let Some(mended) = mend::whole(data) {
        arrives_in_pieces(&mended);
        has_no_order(&mended);
    }
}

/// Headers and segments of the first bytes of a file.
type Seen = Result<Vec<(u32, usize)>, Error>;

fn seen(bytes: &[u8]) -> Seen {
    let stream = Stream::open(bytes, &LIMITS)?;
    stream
        .segments()
        .map(|segment| segment.map(|segment| (segment.header.index, segment.header.frames.into())))
        .collect()
}

/// Whoever reads on whenever he is told to, as far as there is something, ends with what the whole file gives.
fn arrives_in_pieces(bytes: &[u8]) {
    let mut len = 0;
    let last = loop {
        match seen(&bytes[..len]) {
            Err(Error::NeedMoreData { at_least }) if len < bytes.len() => {
                assert!(at_least > len, "{at_least} bytes are asked for, {len} are there");
                len = at_least.min(bytes.len());
            }
            other => break other,
        }
    };
    // An error in front of what has arrived is final; a stream that is complete may have more bytes behind it, which is an error.
    let whole = seen(bytes);
    assert!(
        last == whole || (last.is_ok() && len < bytes.len() && whole.is_err()),
        "{last:?} in pieces, {whole:?} at once"
    );
}

/// Segments through the index, last first, give what they give in order.
fn has_no_order(bytes: &[u8]) {
    let Ok(stream) = Stream::open(bytes, &LIMITS) else { return };
    let count = stream.header().segments.min(4);
    let decoded = |numbers: &mut dyn Iterator<Item = u32>| -> Vec<(Result<(), Error>, Vec<Picture>)> {
        let result = with_decoder::<Integer, _>(&stream, |decoder| {
            let decoded = numbers.map(|number| {
                let mut collector = Collector::default();
                let result = stream
                    .segment(number)
                    .and_then(|segment| decode_segment(decoder, segment, PICTURES / 4, &mut collector));
                (result, collector.pictures)
            });
            Ok(decoded.collect())
        });
        result.expect("enough memory is lent")
    };
    let forwards = decoded(&mut (0..count));
    let mut backwards = decoded(&mut (0..count).rev());
    backwards.reverse();
    assert!(forwards == backwards, "the order of decoding matters");
}
