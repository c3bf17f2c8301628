//! A clip on an SD card with a FAT file system.

use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use embedded_sdmmc::{Block, BlockDevice, Error, File, Mode, TimeSource, Timestamp, VolumeIdx, VolumeManager};

/// Directories, files and volumes that are open at once.
const OPEN: usize = 1;

/// A clock for a card that is only read.
#[derive(Clone, Copy, Debug)]
pub struct NoTime;

impl TimeSource for NoTime {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp { year_since_1970: 0, zero_indexed_month: 0, zero_indexed_day: 0, hours: 0, minutes: 0, seconds: 0 }
    }
}

/// A file of a card that is read block by block, so that a block that cannot be read does not take others with it.
pub struct CardFile<'a, D: BlockDevice> {
    file: File<'a, D, NoTime, OPEN, OPEN, OPEN>,
    at: u64,
}

impl<D: BlockDevice> ErrorType for CardFile<'_, D> {
    type Error = Error<D::Error>;
}

impl<D: BlockDevice> Read for CardFile<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let rest = Block::LEN - (self.at % Block::LEN as u64) as usize;
        let len = buffer.len().min(rest);
        let read = self.file.read(buffer.get_mut(..len).unwrap_or_default())?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<D: BlockDevice> Seek for CardFile<'_, D> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64, Self::Error> {
        self.at = Seek::seek(&mut self.file, position)?;
        Ok(self.at)
    }
}

/// Opens a file in the root of the first partition and hands it to `play`.
///
/// # Errors
/// If there is no such file, or the card cannot be read.
pub fn with_file<D: BlockDevice, T>(
    device: D,
    name: &str,
    play: impl FnOnce(CardFile<'_, D>) -> T,
) -> Result<T, Error<D::Error>> {
    let volumes = VolumeManager::<D, NoTime, OPEN, OPEN, OPEN>::new_with_limits(device, NoTime, 0);
    let volume = volumes.open_volume(VolumeIdx(0))?;
    let root = volume.open_root_dir()?;
    let file = root.open_file_in_dir(name, Mode::ReadOnly)?;
    Ok(play(CardFile { file, at: 0 }))
}
