//! Valid checksums for damaged files, so that damage gets past them to where it can do harm.

use decoder_core::wire::{CRC, FILE_FRAME, FileHeader, IndexEntry, SYNC, SegmentHeader};

/// Bytes of a checksum.
const CHECKSUM: usize = 4;

/// The file header, and where it ends, whatever its checksum says.
#[must_use]
pub fn file_header(bytes: &[u8]) -> Option<(FileHeader, usize)> {
    let &[_, _, _, _, low, high] = bytes.get(..FILE_FRAME)? else { return None };
    let end = FILE_FRAME + usize::from(u16::from_le_bytes([low, high]));
    let (header, _) = postcard::take_from_bytes(bytes.get(FILE_FRAME..end)?).ok()?;
    Some((header, end + CHECKSUM))
}

/// A segment's header, and where its checksum and its payload begin, whatever its sync word and checksum say.
#[must_use]
pub fn segment_header(bytes: &[u8], at: usize) -> Option<(SegmentHeader, usize)> {
    let body = at + SYNC.len() + 1;
    let end = body + usize::from(*bytes.get(body - 1)?);
    let (header, _) = postcard::take_from_bytes(bytes.get(body..end)?).ok()?;
    Some((header, end + CHECKSUM))
}

/// The bytes of the index after a header that ends at `end`.
fn index_len(header: &FileHeader, bytes: &[u8], end: usize) -> Option<usize> {
    let entry = IndexEntry { offset: 0, first_frame: 0 }.to_bytes().len();
    let len = entry.checked_mul(header.segments as usize)?;
    (end.checked_add(len)?.checked_add(CHECKSUM)? <= bytes.len()).then_some(len)
}

/// Writes the checksum of `from..to` behind it.
fn stamp(bytes: &mut [u8], from: usize, to: usize) {
    let checksum = bytes.get(from..to).map(|covered| CRC.checksum(covered).to_le_bytes());
    if let (Some(checksum), Some(place)) = (checksum, bytes.get_mut(to..to + CHECKSUM)) {
        place.copy_from_slice(&checksum);
    }
}

/// Mends the checksums of the file header and the index; returns where the segments begin, if the header can be read.
pub fn front(bytes: &mut [u8]) -> Option<usize> {
    let &[_, _, _, _, low, high] = bytes.get(..FILE_FRAME)? else { return None };
    stamp(bytes, 0, FILE_FRAME + usize::from(u16::from_le_bytes([low, high])));
    let (header, end) = file_header(bytes)?;
    let len = index_len(&header, bytes, end)?;
    stamp(bytes, end, end + len);
    Some(end + len + CHECKSUM)
}

/// Mends the checksums of the segments' headers from `at` on, as far as segments follow one another.
pub fn segment_headers(bytes: &mut [u8], mut at: usize) {
    while let Some((header, payload)) = segment_header(bytes, at) {
        stamp(bytes, at, payload - CHECKSUM);
        at = payload.saturating_add(header.payload_len as usize);
    }
}

/// A file with these headers and payloads in which every length, offset and checksum is right.
#[must_use]
pub fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    let (file, end) = file_header(bytes)?;
    let len = index_len(&file, bytes, end)?;
    let mut mended = bytes[..end + len + CHECKSUM].to_vec();
    let mut at = mended.len();
    for number in 0..file.segments as usize {
        let (mut header, payload) = segment_header(bytes, at)?;
        let rest = bytes.get(payload..)?;
        let last = number + 1 == file.segments as usize;
        let payload_len = if last { rest.len() } else { rest.len().min(header.payload_len as usize) };
        header.payload_len = payload_len as u32;
        header.payload_crc = CRC.checksum(&rest[..payload_len]);
        let entry = IndexEntry { offset: mended.len() as u32, first_frame: header.first_frame }.to_bytes();
        mended[end + number * entry.len()..][..entry.len()].copy_from_slice(&entry);
        segment(&mut mended, &header, &rest[..payload_len]);
        at = payload + payload_len;
    }
    front(&mut mended);
    Some(mended)
}

/// Appends a segment.
pub fn segment(bytes: &mut Vec<u8>, header: &SegmentHeader, payload: &[u8]) {
    let start = bytes.len();
    let header = postcard_bytes(header);
    bytes.extend(SYNC);
    bytes.push(header.len() as u8);
    bytes.extend(header);
    let end = bytes.len();
    bytes.extend([0; CHECKSUM]);
    stamp(bytes, start, end);
    bytes.extend(payload);
}

/// A header in postcard's encoding.
///
/// # Panics
/// If it is larger than any header of the format.
#[must_use]
pub fn postcard_bytes<T: serde::Serialize>(header: &T) -> Vec<u8> {
    let mut buffer = [0; 1024];
    postcard::to_slice(header, &mut buffer).expect("headers are smaller than this").to_vec()
}
