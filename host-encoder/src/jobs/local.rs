//! All segments of a plan on this machine, interruptible.

use super::folder::Folder;
use super::plan::Plan;
use super::shelf::{FolderShelf, Pace};
use crate::frame::Clip;
use crate::progress::Observer;
use crate::train::{EncodeError, Encoded, NoShelf, Shelf, encode_outline};

/// Encodes the clip that a plan was made for: what `encode_segment` for every segment and then `mux` give. With a folder, what is
/// finished is taken from there and put there, and unfinished segments go on from their checkpoints.
///
/// # Errors
/// [`EncodeError`]; the folder then has what is needed to go on.
pub fn encode(
    clip: &Clip,
    plan: &Plan,
    folder: Option<&Folder>,
    pace: Pace,
    observer: &mut dyn Observer,
) -> Result<Encoded, EncodeError> {
    let on_disk = folder.map(|folder| FolderShelf::new(plan, folder.clone(), pace));
    let shelf: &dyn Shelf = match &on_disk {
        Some(shelf) => shelf,
        None => &NoShelf,
    };
    encode_outline(&clip.frames, &plan.outline()?, &plan.settings, shelf, observer)
}
