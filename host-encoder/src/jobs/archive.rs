//! The tries of a search in a folder.

use super::folder::Folder;
use super::plan::{Plan, PlannedInput};
use super::shelf::{FolderShelf, Pace};
use crate::frame::Clip;
use crate::settings::EncodeSettings;
use crate::train::{Archive, EncodeError, Shelf};

/// A search that can be interrupted: its tries and states lie in a folder.
#[derive(Clone, Debug)]
pub struct FolderArchive {
    folder: Folder,
    pace: Pace,
}

impl FolderArchive {
    /// In `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: Folder, pace: Pace) -> Self {
        Self { folder, pace }
    }

    fn shelf(&self, part: &str, clip: &Clip, settings: &EncodeSettings) -> Result<Box<dyn Shelf>, EncodeError> {
        let plan = Plan::new(clip, PlannedInput::default(), settings)?;
        Ok(Box::new(FolderShelf::owning(plan, self.folder.part(part), self.pace)))
    }
}

impl Archive for FolderArchive {
    fn trial<'a>(
        &'a self,
        name: &str,
        clip: &Clip,
        settings: &EncodeSettings,
    ) -> Result<Box<dyn Shelf + 'a>, EncodeError> {
        self.shelf(name, clip, settings)
    }

    fn kept<'a>(
        &'a self,
        name: &str,
        clip: &Clip,
        settings: &EncodeSettings,
    ) -> Result<Box<dyn Shelf + 'a>, EncodeError> {
        self.shelf(&format!("{name}kept"), clip, settings)
    }
}
