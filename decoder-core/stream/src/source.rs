//! Where the bytes come from.

use embedded_io::{Error as _, ErrorKind, Read, Seek, SeekFrom};

/// A reader, and whether it can go back.
pub trait Source {
    /// The reader's error.
    type Error;

    /// Reads some bytes into `buffer`, which is not empty; 0 is the end.
    ///
    /// # Errors
    /// The reader's.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// Goes to a byte, counted from where the source was made; `false` if this source cannot.
    ///
    /// # Errors
    /// The reader's.
    fn seek(&mut self, offset: u64) -> Result<bool, Self::Error>;

    /// Whether [`Self::seek`] can.
    fn can_seek(&self) -> bool;
}

/// A reader that only goes forward: a UART, a socket.
#[derive(Debug)]
pub struct Forward<R>(R);

impl<R: Read> Forward<R> {
    /// The clip begins with the reader's next byte.
    pub fn new(reader: R) -> Self {
        Self(reader)
    }
}

/// A reader that can go back: a file of an SD card, a flash.
#[derive(Debug)]
pub struct Seekable<R> {
    reader: R,
    /// The reader's position at which the clip begins.
    base: u64,
}

impl<R: Read + Seek> Seekable<R> {
    /// The clip begins with the reader's next byte.
    ///
    /// # Errors
    /// The reader's, if it does not know its position.
    pub fn new(mut reader: R) -> Result<Self, R::Error> {
        let base = reader.stream_position()?;
        Ok(Self { reader, base })
    }
}

/// Reads, also when a signal interrupts.
fn read<R: Read>(reader: &mut R, buffer: &mut [u8]) -> Result<usize, R::Error> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<R: Read> Source for Forward<R> {
    type Error = R::Error;

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        read(&mut self.0, buffer)
    }

    fn seek(&mut self, _offset: u64) -> Result<bool, R::Error> {
        Ok(false)
    }

    fn can_seek(&self) -> bool {
        false
    }
}

impl<R: Read + Seek> Source for Seekable<R> {
    type Error = R::Error;

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        read(&mut self.reader, buffer)
    }

    fn seek(&mut self, offset: u64) -> Result<bool, R::Error> {
        self.reader.seek(SeekFrom::Start(self.base.saturating_add(offset)))?;
        Ok(true)
    }

    fn can_seek(&self) -> bool {
        true
    }
}
