//! Parts of the octree's rate.

pub mod context_net;
pub mod lanes;
pub mod laplace;
pub mod layout;
pub mod root;
pub mod stencil;

#[cfg(test)]
mod tests;
