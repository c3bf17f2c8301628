//! Behind damage the next intact segment is found, and shows what it shows without damage.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use decoder_core::synthesis::Integer;
use decoder_core::{Limits, Stream};

use super::{seed, seeds};
use crate::frames::{Collector, Picture, decode_segment, with_decoder};
use crate::mend;

/// Blocks of an SD card are 512 bytes; the vectors are small, and so are their blocks.
const BLOCK: usize = 64;

/// The first byte names a vector; then each three bytes are a fault: what, where, where else.
pub(super) fn check(data: &[u8]) {
    let Some((vector, script)) = seed(data) else { return };
    let Some(body) = mend::front(&mut vector.bytes.clone()) else { return };
    let (front, rest) = vector.bytes.split_at(body);
    let mut blocks: Vec<Vec<u8>> = rest.chunks(BLOCK).map(<[u8]>::to_vec).collect();
    for fault in script.as_chunks::<3>().0.iter().take(16) {
        apply(&mut blocks, *fault);
    }
    let damaged = [front, &blocks.concat()].concat();
    let found = salvage(&damaged);
    let original = &originals()[&vector.name];
    for (number, pictures) in &found {
        assert!(
            original.get(number).is_some_and(|(_, whole)| whole == pictures),
            "segment {number} shows something else"
        );
    }
    for (number, (bytes, _)) in original {
        let intact = damaged[body..].windows(bytes.len()).any(|window| window == bytes);
        assert!(!intact || found.contains_key(number), "segment {number} is intact and was not found");
    }
}

fn apply(blocks: &mut Vec<Vec<u8>>, [what, one, other]: [u8; 3]) {
    if blocks.is_empty() {
        return;
    }
    let [one, other] = [one, other].map(|at| usize::from(at) % blocks.len());
    match what % 6 {
        0 => blocks[one].fill(0),
        1 => blocks[one].fill(0xff),
        2 => drop(blocks.remove(one)),
        3 => blocks.insert(other, blocks[one].clone()),
        4 => blocks.swap(one, other),
        _ => {
            let bit = usize::from(what) % (8 * blocks[one].len().max(1));
            if let Some(byte) = blocks[one].get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
}

/// The pictures of every segment that is intact, by its number.
fn salvage(bytes: &[u8]) -> BTreeMap<u32, Vec<Picture>> {
    let stream = Stream::open_damaged(bytes, &Limits::HOST).expect("the file header is intact");
    let mut found = BTreeMap::new();
    let result = with_decoder::<Integer, _>(&stream, |decoder| {
        let mut from = 0;
        while let Some((place, segment)) = stream.find_segment(from) {
            from = place.start + 1;
            let mut collector = Collector::default();
            if decode_segment(decoder, segment, usize::MAX, &mut collector).is_ok() {
                found.insert(segment.header.index, collector.pictures);
            }
        }
        Ok(())
    });
    result.expect("enough memory is lent");
    found
}

/// The bytes and the pictures of a segment.
type Whole = (Vec<u8>, Vec<Picture>);

/// Of each vector its segments by number.
fn originals() -> &'static BTreeMap<String, BTreeMap<u32, Whole>> {
    static ORIGINALS: OnceLock<BTreeMap<String, BTreeMap<u32, Whole>>> = OnceLock::new();
    ORIGINALS.get_or_init(|| {
        let segments = |bytes: &[u8]| {
            let stream = Stream::open(bytes, &Limits::HOST).expect("a vector is valid");
            let pictures = salvage(bytes);
            let mut from = 0;
            std::iter::from_fn(|| {
                let (place, segment) = stream.find_segment(from)?;
                from = place.end;
                let number = segment.header.index;
                Some((number, (bytes[place].to_vec(), pictures[&number].clone())))
            })
            .collect()
        };
        seeds().iter().map(|vector| (vector.name.clone(), segments(&vector.bytes))).collect()
    })
}
