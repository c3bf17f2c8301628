//! The octree context model: how latents are coded coarse to fine, in groups of independent symbols (SPEC sections 6 and 7).

mod context;
mod flags;
mod neighbours;
mod root;

pub(crate) use context::ContextParameters;
pub use context::{ContextShape, Features, INPUTS, Laplace, PASSES, log2_q5};
pub(crate) use flags::{FlagStates, Flags, ParentFlags, flags_len};
pub(crate) use root::{Parent, Root};

/// Latents are `-LATENT_LIMIT..=LATENT_LIMIT`.
pub const LATENT_LIMIT: i32 = 127;
