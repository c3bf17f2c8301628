//! A block device with faults, to see what a player makes of them.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom};

use crate::mapped::destination;

/// Bytes of a block.
pub const BLOCK: usize = 512;
/// Bytes of a fault in a script.
pub const FAULT_BYTES: usize = 3;

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of its bits.
    Corrupt,
    /// It cannot be read.
    Missing,
    /// The one before it is read a second time in its place.
    Repeated,
    /// It and the one behind it are exchanged.
    Exchanged,
}

impl Kind {
    /// All kinds; the place of one is its number in a script.
    pub const ALL: [Self; 4] = [Self::Corrupt, Self::Missing, Self::Repeated, Self::Exchanged];
}

/// The byte of a block of which [`Kind::Corrupt`] changes a bit.
#[must_use]
pub fn corrupt_byte(block: usize) -> usize {
    block % BLOCK
}

/// Bytes in blocks, some of which are faulty. The script has [`FAULT_BYTES`] for each fault: its kind, and the number of the
/// block, low byte first.
#[derive(Clone, Copy, Debug)]
pub struct FaultyBlocks<'a> {
    bytes: &'a [u8],
    script: &'a [u8],
    at: usize,
}

/// A block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block cannot be read")
    }
}

impl core::error::Error for Unreadable {}

impl embedded_io::Error for Unreadable {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl<'a> FaultyBlocks<'a> {
    /// Blocks of `bytes`, the last of which may be shorter, with the faults of `script`.
    #[must_use]
    pub fn new(bytes: &'a [u8], script: &'a [u8]) -> Self {
        Self { bytes, script, at: 0 }
    }

    /// What is wrong with a block, and the number of the block that the fault names.
    fn fault(&self, number: usize) -> Option<(Kind, usize)> {
        let faults = self.script.as_chunks::<FAULT_BYTES>().0.iter();
        let mut faults =
            faults.filter_map(|&[kind, low, high]| Some((*Kind::ALL.get(usize::from(kind))?, [low, high])));
        faults.find_map(|(kind, bytes)| {
            let block = usize::from(u16::from_le_bytes(bytes));
            (block == number || (kind == Kind::Exchanged && block + 1 == number)).then_some((kind, block))
        })
    }

    /// Reads the block `number`, zeros behind the end, into `block`.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read_block(&self, number: usize, block: &mut [u8; BLOCK]) -> Result<(), Unreadable> {
        let fault = self.fault(number);
        let source = match fault {
            Some((Kind::Missing, _)) => return Err(Unreadable),
            Some((Kind::Repeated, _)) => number.saturating_sub(1),
            Some((Kind::Exchanged, first)) => first + usize::from(first == number),
            _ => number,
        };
        let stored = self.bytes.chunks(BLOCK).nth(source).unwrap_or_default();
        block.fill(0);
        block.iter_mut().zip(stored).for_each(|(to, &from)| *to = from);
        if let (Some((Kind::Corrupt, _)), Some(byte)) = (fault, block.get_mut(corrupt_byte(number))) {
            *byte ^= 0x10;
        }
        Ok(())
    }
}

impl ErrorType for FaultyBlocks<'_> {
    type Error = Unreadable;
}

impl Read for FaultyBlocks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let mut block = [0; BLOCK];
        let rest = self.bytes.len().saturating_sub(self.at);
        self.read_block(self.at / BLOCK, &mut block)?;
        let from = block.get(self.at % BLOCK..).unwrap_or_default();
        let len = from.len().min(rest).min(buffer.len());
        buffer.iter_mut().zip(from).take(len).for_each(|(to, &from)| *to = from);
        self.at += len;
        Ok(len)
    }
}

impl Seek for FaultyBlocks<'_> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64, Unreadable> {
        self.at = destination(position, self.at, self.bytes.len());
        Ok(self.at as u64)
    }
}
