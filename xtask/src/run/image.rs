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

    /// What an image puts into flash, in order.
    pub fn parts(elf: &Path) -> Result<Vec<Part>> {
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let mut parts = parts(&bytes).with_context(|| format!("{} is no image", elf.display()))?;
        parts.sort_by_key(|part| part.address);
        Ok(parts)
    }

    fn parse(elf: &[u8]) -> Result<Self> {
        Ok(Self { flash: parts(elf)?.iter().map(|part| part.bytes.len() as u64).sum() })
    }
}

/// Bytes of an image and where in flash they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub address: u32,
    pub bytes: Vec<u8>,
}

fn parts(elf: &[u8]) -> Result<Vec<Part>> {
    ensure!(elf.starts_with(b"\x7fELF\x01\x01"), "it is not a 32-bit little-endian ELF file");
    let at = |offset: usize, len: usize| elf.get(offset..offset + len).context("it is cut off");
    let word = |offset| Ok::<_, anyhow::Error>(u32::from_le_bytes(at(offset, 4)?.try_into()?));
    let half = |offset| Ok::<_, anyhow::Error>(u16::from_le_bytes(at(offset, 2)?.try_into()?));
    // The program headers: where they begin, the size of each, how many there are.
    let (first, size, count) = (word(28)? as usize, usize::from(half(42)?), usize::from(half(44)?));
    let mut parts = Vec::new();
    for header in (0..count).map(|number| first + number * size) {
        // Kind, place in the file, physical address, bytes in the file.
        let [kind, place, address, len] = [word(header)?, word(header + 4)?, word(header + 12)?, word(header + 16)?];
        if kind == LOAD && len > 0 {
            parts.push(Part { address, bytes: at(place as usize, len as usize)?.to_vec() });
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaded_segments_add_up_and_garbage_is_refused() {
        let mut elf = vec![0; 52 + 2 * 32 + 207];
        elf[..6].copy_from_slice(b"\x7fELF\x01\x01");
        (elf[28], elf[42], elf[44]) = (52, 32, 2);
        for (header, place, address, len) in [(52, 116, 8, 200), (84, 61, 9, 7)] {
            (elf[header], elf[header + 4], elf[header + 15], elf[header + 16]) = (LOAD as u8, place, address, len);
        }
        assert_eq!(Image::parse(&elf).unwrap(), Image { flash: 207 });
        let addresses: Vec<_> = parts(&elf).unwrap().iter().map(|part| (part.address, part.bytes.len())).collect();
        assert_eq!(addresses, [(0x0800_0000, 200), (0x0900_0000, 7)]);
        assert!(Image::parse(&elf[..90]).is_err());
        assert!(Image::parse(b"MZ").is_err());
    }
}
