//! Headers from bytes: what they need of postcard's encoding (SPEC section 2).
//!
//! Written by hand, because a deserialiser that is made for each type takes three times the flash.

use heapless::Vec;

use super::{
    Architecture, FileHeader, Grid, Interpolation, Layer, LayerKind, LoopFilter, Motion, SegmentHeader, Stage, Temporal,
};
use crate::limits::Level;

/// Reads a header that takes all of `bytes`; `None` for bytes that are no such header.
pub(super) fn whole<T: Read>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader { bytes, fails: false };
    let value = T::read(&mut reader);
    (!reader.fails && reader.bytes.is_empty()).then_some(value)
}

/// What is left of a header. After a failure it gives any values.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    fails: bool,
}

impl Reader<'_> {
    #[inline(never)]
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.bytes.split_first() else {
            self.fails = true;
            return 0;
        };
        self.bytes = rest;
        byte
    }

    /// An integer of so many bits, seven to a byte, the lowest first.
    #[inline(never)]
    fn varint(&mut self, bits: u32) -> u32 {
        let mut number = 0;
        for shift in (0..bits).step_by(7) {
            let byte = u32::from(self.byte());
            number |= (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // The last byte there may be has fewer bits.
                self.fails |= shift + 7 > bits && byte >> (bits - shift) != 0;
                return number;
            }
        }
        self.fails = true;
        0
    }

    fn flag(&mut self) -> bool {
        let byte = self.byte();
        self.fails |= byte > 1;
        byte == 1
    }

    /// One of the variants of an enum without fields, in their order.
    fn variant<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let number = self.varint(u32::BITS) as usize;
        let Some(number) = number.checked_sub(1) else { return first };
        let other = others.get(number).copied();
        self.fails |= other.is_none();
        other.unwrap_or(first)
    }
}

/// What can be read.
pub(super) trait Read {
    /// Any value for bytes that are none, and the reader fails.
    fn read(reader: &mut Reader<'_>) -> Self;
}

impl<T: Read, const CAPACITY: usize> Read for Vec<T, CAPACITY> {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut items = Self::new();
        let len = reader.varint(u32::BITS);
        reader.fails |= len as usize > CAPACITY;
        for _ in 0..len {
            if reader.fails || items.push(T::read(reader)).is_err() {
                break;
            }
        }
        items
    }
}

impl Read for FileHeader {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            width: reader.varint(u16::BITS) as u16,
            height: reader.varint(u16::BITS) as u16,
            rate_num: reader.varint(u32::BITS),
            rate_den: reader.varint(u32::BITS),
            frames: reader.varint(u32::BITS),
            segments: reader.varint(u32::BITS),
            level: reader.variant(Level::Nano, &[Level::Micro, Level::Edge, Level::Full]),
            architecture: Read::read(reader),
        }
    }
}

impl Read for Architecture {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            root_depth: reader.byte(),
            flag_levels: reader.byte(),
            context_hidden: reader.byte(),
            grids: Read::read(reader),
            stages: Read::read(reader),
            motion: reader.flag().then(|| Read::read(reader)),
        }
    }
}

impl Read for Grid {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            stride_log2: reader.byte(),
            temporal: match reader.varint(u32::BITS) {
                0 => Temporal::Every(reader.byte()),
                variant => {
                    reader.fails |= variant > 1;
                    Temporal::Whole
                }
            },
            channels: reader.byte(),
        }
    }
}

impl Read for Stage {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self { layers: Read::read(reader) }
    }
}

impl Read for Layer {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            kind: reader.variant(LayerKind::Point, &[LayerKind::Full, LayerKind::Depthwise]),
            outputs: reader.byte(),
            relu: reader.flag(),
            residual: reader.flag(),
            bias: reader.flag(),
        }
    }
}

impl Read for Motion {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            interpolation: reader.variant(Interpolation::Bilinear, &[Interpolation::Cubic]),
            reach: reader.byte(),
            sees_prediction: reader.flag(),
            pyramid: reader.byte(),
            splits: reader.flag(),
        }
    }
}

impl Read for SegmentHeader {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            index: reader.varint(u32::BITS),
            first_frame: reader.varint(u32::BITS),
            frames: reader.varint(u16::BITS) as u16,
            predicted: reader.flag(),
            pyramid: reader.byte(),
            colour: [reader.byte(), reader.byte(), reader.byte()],
            loop_filter: LoopFilter { strength: reader.byte(), reach: reader.byte() },
            base: reader.byte(),
            payload_len: reader.varint(u32::BITS),
            payload_crc: reader.varint(u32::BITS),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;

    /// Headers that are compared; an interpreter takes minutes for more.
    const HEADERS: usize = if cfg!(miri) { 2000 } else { 200_000 };

    /// What postcard makes of bytes.
    fn expected<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Some(value),
            _ => None,
        }
    }

    /// Bytes of a header, those of `valid` with some of them changed, must be read as postcard reads them.
    fn compare<T: Read + DeserializeOwned + Debug + PartialEq>(valid: &[u8]) {
        assert!(expected::<T>(valid).is_some());
        let mut state = 1u32;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % limit
        };
        let (mut read, mut refused) = (0, 0);
        for _ in 0..HEADERS {
            let mut bytes = [0; 256];
            bytes[..valid.len()].copy_from_slice(valid);
            for _ in 0..below(4) {
                let byte = [0, 1, 2, 3, 4, 15, 16, 0x7f, 0x80, 0xff, below(256)][below(11)];
                bytes[below(valid.len())] = byte as u8;
            }
            let bytes = &bytes[..valid.len() + below(3) - 1];
            let (own, expected) = (whole::<T>(bytes), expected::<T>(bytes));
            assert_eq!(own, expected, "{bytes:?}");
            *(if own.is_some() { &mut read } else { &mut refused }) += 1;
        }
        assert!(read > HEADERS / 200 && refused > HEADERS / 200, "{read} {refused}");
    }

    #[test]
    fn headers_are_what_postcard_makes_of_them() {
        let file = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
        let (_, header) = file.split_at(super::super::FILE_FRAME);
        compare::<FileHeader>(&header[..usize::from(file[4]) | usize::from(file[5]) << 8]);
        let at = file.windows(4).position(|word| word == super::super::SYNC).expect("it has segments");
        compare::<SegmentHeader>(&file[at + 5..][..usize::from(file[at + 4])]);
    }

    #[test]
    fn integers_end_where_their_bits_do() {
        let read = |bytes: &[u8], bits| {
            let mut reader = Reader { bytes, fails: false };
            let number = reader.varint(bits);
            (!reader.fails).then_some(number)
        };
        assert_eq!(read(&[0xff, 0xff, 3], 16), Some(0xffff));
        assert_eq!(read(&[0xff, 0xff, 4], 16), None);
        assert_eq!(read(&[0x80, 0x80, 0x80, 0], 16), None);
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 15], 32), Some(u32::MAX));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 16], 32), None);
        assert_eq!(read(&[0x81, 0], 32), Some(1));
        assert_eq!(read(&[0x80], 32), None);
    }
}
