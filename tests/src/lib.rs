//! Fixtures: streams of every shape, damage, what has to hold of any bytes, frames as plain arrays, and a cluster.

pub mod documents;
pub mod frames;
#[cfg(feature = "encoder")]
pub mod golden;
pub mod mend;
#[cfg(feature = "encoder")]
pub mod naive;
pub mod portable;
pub mod properties;
#[cfg(target_os = "linux")]
pub mod slurm;
#[cfg(feature = "encoder")]
pub mod streams;
pub mod vectors;
