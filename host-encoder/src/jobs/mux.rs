//! From segments to the file.

use super::failure::JobError;
use super::folder::Folder;
use super::plan::Plan;
use super::record::Unusable;
use super::shelf::{FolderShelf, Pace};
use crate::train::{Encoded, assemble};

/// Puts the finished segments of a plan together. The file is the one that a local encode of the same input gives.
///
/// # Errors
/// [`JobError::Missing`] names every segment that is not there, belongs to another plan, or is damaged.
pub fn mux(plan: &Plan, folder: &Folder) -> Result<Encoded, JobError> {
    let outline = plan.outline()?;
    let shelf = FolderShelf::new(plan, folder.clone(), Pace::default());
    let (mut missing, mut foreign, mut damaged, mut fitted) = (vec![], vec![], vec![], vec![]);
    for index in 0..plan.segments.len() {
        match shelf.segment(index) {
            Ok(segment) => fitted.push(segment),
            Err(Unusable::Missing) => missing.push(index),
            Err(Unusable::Foreign) => foreign.push(index),
            Err(Unusable::Damaged) => damaged.push(index),
        }
    }
    let count = plan.segments.len();
    match fitted.len() == count {
        true => Ok(assemble(&outline, fitted)),
        false => Err(JobError::Missing { folder: folder.path().into(), count, missing, foreign, damaged }),
    }
}
