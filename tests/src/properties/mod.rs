//! What has to hold of any bytes. The targets in `fuzz/` look for bytes of which it does not, the tests try those that were found
//! and all golden vectors.

mod chunks;
mod decode;
mod header;
mod kernels;
mod resync;
mod segment;

use std::sync::OnceLock;

use decoder_core::Limits;

use crate::vectors::{self, Vector};

/// A property; panics on bytes of which it does not hold.
pub type Property = fn(&[u8]);

/// All properties by the names of their fuzz targets.
pub const ALL: [(&str, Property); 6] = [
    ("header", header::check),
    ("segment", segment::check),
    ("decode", decode::check),
    ("chunks", chunks::check),
    ("resync", resync::check),
    ("kernels", kernels::check),
];

/// Checks the property of this name.
///
/// # Panics
/// If it does not hold, or if there is none of this name.
pub fn check(name: &str, data: &[u8]) {
    let (_, property) = ALL.iter().find(|(own, _)| *own == name).expect("there is a property of this name");
    property(data);
}

/// What one run may cost, so that there are many.
const LIMITS: Limits = Limits { width: 64, height: 64, mac_per_pixel: 1500, scratch: 1 << 20, ..Limits::HOST };
/// Most pictures of a run.
const PICTURES: usize = 12;

/// The golden vectors, to begin with.
fn seeds() -> &'static [Vector] {
    static SEEDS: OnceLock<Vec<Vector>> = OnceLock::new();
    SEEDS.get_or_init(|| vectors::load().expect("the golden vectors are there"))
}

/// The vector that the first byte names, and the other bytes.
fn seed(data: &[u8]) -> Option<(&'static Vector, &[u8])> {
    let (&first, rest) = data.split_first()?;
    Some((&seeds()[usize::from(first) % seeds().len()], rest))
}
