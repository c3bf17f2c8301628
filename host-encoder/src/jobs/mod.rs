//! An encode in pieces that any number of machines share: a plan, its segments, and the file that they make.
//!
//! A segment is a pure function of the plan and its number. It is written under a temporary name and renamed when it is whole, so
//! that one that is computed twice, also at the same time, is the same file. States of unfinished segments lie beside; as all of them
//! are on the way to the same end, any of them serves whoever goes on.

mod archive;
mod failure;
mod folder;
mod local;
mod mux;
mod plan;
mod record;
mod shelf;
pub mod submit;
mod worker;

pub use archive::FolderArchive;
pub use failure::JobError;
pub use folder::Folder;
pub use local::encode;
pub use mux::mux;
pub use plan::{Plan, PlannedInput, PlannedSegment};
pub use shelf::{FolderShelf, Pace};
pub use worker::{Work, encode_segment};
