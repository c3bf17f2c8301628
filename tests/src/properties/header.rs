//! A stream is opened within its limits, or refused with a reason.

use decoder_core::{Decoder, Error, Limits, Quantity, Stream};

use crate::mend;

pub(super) fn check(data: &[u8]) {
    opens_or_says_why(data);
    let mut mended = data.to_vec();
    mend::front(&mut mended);
    opens_or_says_why(&mended);
}

fn opens_or_says_why(bytes: &[u8]) {
    let stream = match Stream::open(bytes, &Limits::HOST) {
        Ok(stream) => stream,
        Err(Error::NeedMoreData { at_least }) => {
            assert!(at_least > bytes.len(), "{at_least} bytes are not more than {}", bytes.len());
            return;
        }
        Err(Error::Limit { what, value, max }) => {
            assert!(value > max, "{what} {value} is within {max}");
            return;
        }
        Err(Error::Corrupt(_) | Error::Unsupported(_)) => return,
        Err(error) => panic!("opening gives {error}"),
    };
    let header = stream.header();
    let allowed = header.level.limits();
    let (scratch, work) = (stream.scratch_len(), stream.mac_per_pixel());
    assert!(scratch <= allowed.scratch && work <= allowed.mac_per_pixel, "over the stream's own level");
    let too_small = Error::ScratchTooSmall { required: scratch, lent: 0 };
    assert_eq!(Decoder::new(&stream, &mut []).err(), Some(too_small));

    let tight = Limits { scratch: scratch - 1, ..Limits::HOST };
    let over = Error::Limit { what: Quantity::Scratch, value: scratch as u64, max: scratch as u64 - 1 };
    assert_eq!(Stream::open(bytes, &tight).err(), Some(over));

    // What was read is all that the header says: written again and read again it is the same.
    let written = mend::postcard_bytes(header);
    assert_eq!(postcard::from_bytes(&written).as_ref(), Ok(header));
    for number in [0, header.segments - 1, header.segments, u32::MAX] {
        let found = stream.index_entry(number);
        assert!(found.is_err() || number < header.segments, "segment {number} of {}", header.segments);
    }
}
