//! File header, index and segments (SPEC section 2).

use decoder_core::wire::{CRC, FILE_FRAME, FileHeader, IndexEntry, MAGIC, SYNC, SegmentHeader, VERSION};

use serde::{Deserialize, Serialize};

use super::{CodedBits, CostMeter, RangeEncoder, SegmentModel};

/// A segment's header, checksum and payload, ready to be put into a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodedSegment {
    /// From the sync word to the end of the payload.
    pub bytes: Vec<u8>,
    /// Number of its first picture in the file.
    pub first_frame: u32,
    /// What its payload is spent on.
    pub bits: CodedBits,
}

/// Codes a segment.
///
/// # Errors
/// If the model has a value that the format does not have.
pub fn segment_bytes(
    file: &FileHeader,
    index: u32,
    first_frame: u32,
    model: &SegmentModel,
) -> Result<EncodedSegment, decoder_core::Error> {
    let geometry = file.geometry();
    let bits = model.code(&file.architecture, geometry, &mut CostMeter::default(), |meter| meter.bits)?;
    let mut coder = RangeEncoder::default();
    model.code(&file.architecture, geometry, &mut coder, |_| 0.0)?;
    let payload = coder.finish();
    let header = SegmentHeader {
        index,
        first_frame,
        frames: model.frames as u16,
        predicted: model.motion.is_some(),
        pyramid: model.pyramid,
        colour: model.colour,
        loop_filter: model.loop_filter,
        base: 0,
        payload_len: payload.len() as u32,
        payload_crc: CRC.checksum(&payload),
    };
    let mut bytes = SYNC.to_vec();
    let header = encode(&header);
    bytes.push(header.len() as u8);
    bytes.extend(header);
    append_checksum(&mut bytes, 0);
    bytes.extend(payload);
    Ok(EncodedSegment { bytes, first_frame, bits })
}

/// Puts a file together.
#[must_use]
pub fn file_bytes(header: &FileHeader, segments: &[EncodedSegment]) -> Vec<u8> {
    let encoded = encode(header);
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    bytes.extend((encoded.len() as u16).to_le_bytes());
    debug_assert_eq!(bytes.len(), FILE_FRAME);
    bytes.extend(encoded);
    append_checksum(&mut bytes, 0);

    let start = bytes.len();
    let mut offset = start + segments.len() * IndexEntry { offset: 0, first_frame: 0 }.to_bytes().len() + 4;
    for segment in segments {
        bytes.extend(IndexEntry { offset: offset as u32, first_frame: segment.first_frame }.to_bytes());
        offset += segment.bytes.len();
    }
    append_checksum(&mut bytes, start);
    for segment in segments {
        bytes.extend(&segment.bytes);
    }
    bytes
}

/// A header in postcard's encoding. Headers are small and of plain fields, so this cannot fail.
fn encode<T: serde::Serialize>(header: &T) -> Vec<u8> {
    let mut buffer = [0; 1024];
    postcard::to_slice(header, &mut buffer).map(|bytes| bytes.to_vec()).unwrap_or_default()
}

fn append_checksum(bytes: &mut Vec<u8>, from: usize) {
    let checksum = CRC.checksum(&bytes[from..]);
    bytes.extend(checksum.to_le_bytes());
}
