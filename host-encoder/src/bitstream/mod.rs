//! From integers to bytes: the mirror of what `decoder-core` reads.

mod container;
mod cost;
mod model;
mod range_encoder;

pub use container::{EncodedSegment, file_bytes, segment_bytes};
pub use cost::CostMeter;
pub use model::{CodedBits, SegmentModel, Update};
pub use range_encoder::RangeEncoder;
