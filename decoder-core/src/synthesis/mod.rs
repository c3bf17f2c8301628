//! From latents to pictures, row by row over line buffers (SPEC section 8).

mod arithmetic;
#[cfg(feature = "float-reference")]
mod float;
mod inputs;
mod integer;
mod interpolation;
pub(crate) mod kernels;
mod loop_filter;
mod mean;
mod overlap;
mod pipeline;
mod plan;
pub mod prediction;
mod store;

pub use arithmetic::{Arithmetic, LayerRow, portable_add_residual, portable_row, portable_upsample};
#[cfg(feature = "float-reference")]
pub use float::Float;
pub(crate) use inputs::Inputs;
pub use integer::Integer;
pub use pipeline::Tiles;
pub(crate) use pipeline::{Memory, Pipeline, show_stored};
pub use plan::{Demand, Plan};
pub(crate) use store::Roles;
