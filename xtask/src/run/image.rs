//! How much flash an image takes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Sizes of a 32-bit little-endian ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Bytes that are written to flash: code, constants, initial values.
    pub flash: u64,
}

/// A segment that is loaded.
const LOAD: u32 = 1;

impl Image {
    /// Reads the sizes of an image.
    pub fn read(elf: &Path) -> Result<Self> {
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is no image", elf.display()))
    }

    fn parse(elf: &[u8]) -> Result<Self> {
        ensure!(elf.starts_with(b"\x7fELF\x01\x01"), "it is not a 32-bit little-endian ELF file");
        let at = |offset: usize, len: usize| elf.get(offset..offset + len).context("it is cut off");
        let word = |offset| Ok::<_, anyhow::Error>(u32::from_le_bytes(at(offset, 4)?.try_into()?));
        let half = |offset| Ok::<_, anyhow::Error>(u16::from_le_bytes(at(offset, 2)?.try_into()?));
        // The program headers: where they begin, the size of each, how many there are.
        let (first, size, count) = (word(28)? as usize, usize::from(half(42)?), usize::from(half(44)?));
        let mut flash = 0;
        for header in (0..count).map(|number| first + number * size) {
            if word(header)? == LOAD {
                flash += u64::from(word(header + 16)?);
            }
        }
        Ok(Self { flash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaded_segments_add_up_and_garbage_is_refused() {
        let mut elf = vec![0; 52 + 2 * 32];
        elf[..6].copy_from_slice(b"\x7fELF\x01\x01");
        (elf[28], elf[42], elf[44]) = (52, 32, 2);
        for (header, flash) in [(52, 200), (84, 7)] {
            (elf[header], elf[header + 16]) = (LOAD as u8, flash);
        }
        assert_eq!(Image::parse(&elf).unwrap(), Image { flash: 207 });
        assert!(Image::parse(&elf[..90]).is_err());
        assert!(Image::parse(b"MZ").is_err());
    }
}
