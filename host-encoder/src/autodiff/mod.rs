//! Reverse-mode differentiation over [`ndarray`] arrays: a tape that is built once and run every step.

mod graph;
pub mod kernels;
mod op;
pub mod ops;
pub mod optim;
mod real;

pub use graph::{Graph, ProfileRow, Var};
pub use op::Op;
pub use real::Real;
