//! Finds out what an input is and reads it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use super::convert::{Conversion, Original};
use super::error::InputError;
use super::ffmpeg::{self, Feed};
use super::y4m::{self, Header};
use crate::frame::Clip;

/// Where a clip comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl From<&OsStr> for Input {
    /// `-` is standard input, everything else a path.
    fn from(text: &OsStr) -> Self {
        if text == "-" { Self::Stdin } else { Self::File(text.into()) }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Which frames of an input are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClipRange {
    /// Frames of the input to leave out at the start.
    pub skip: usize,
    /// Frames that the clip has at most; all where there is none.
    pub frames: Option<usize>,
}

/// A clip and how it was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The clip, at least one frame.
    pub clip: Clip,
    /// Whether ffmpeg converted it to 8-bit 4:2:0.
    pub converted: bool,
    /// What else was done to it.
    pub conversion: Conversion,
}

/// Reads a clip: Y4M in 8-bit 4:2:0 by itself, everything else through `ffmpeg`.
///
/// # Errors
/// [`InputError`], naming the input, the cause and the mend.
pub fn read_clip(input: &Input, range: ClipRange) -> Result<Loaded, InputError> {
    read_converted(input, range, &mut |_| Conversion::default())
}

/// Reads a clip in another size or with fewer frames. `choose` gets what the clip is like and says what it is to be.
///
/// # Errors
/// [`InputError`], naming the input, the cause and the mend.
///
/// # Examples
/// ```
/// use host_encoder::io::{ClipRange, Conversion, Input, read_converted, write_y4m};
/// use host_encoder::sample::{SampleSettings, sample_clip};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("clip.y4m");
/// write_y4m(&mut std::fs::File::create(&path)?, &sample_clip(&SampleSettings { frames: 6, ..SampleSettings::default() }))?;
/// let halved = |original: &host_encoder::io::Original| Conversion {
///     size: Some(original.scaled_to_width(original.width / 2)),
///     rate: Some((12, 1)),
/// };
/// let clip = read_converted(&Input::File(path), ClipRange::default(), &mut { halved })?.clip;
/// assert_eq!((clip.width, clip.height, clip.frames.len()), (80, 48, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_converted(
    input: &Input,
    range: ClipRange,
    choose: &mut dyn FnMut(&Original) -> Conversion,
) -> Result<Loaded, InputError> {
    let name = input.to_string();
    let mut conversion = Conversion::default();
    let choose = &mut |original: &Original| {
        conversion = choose(original);
        conversion
    };
    let mut reader = open(input, &name)?;
    let mut head = Vec::new();
    let read = reader.by_ref().take(4 * y4m::HEADER_MAX as u64).read_to_end(&mut head);
    read.map_err(|source| InputError::Read { input: name.clone(), source })?;

    let header = if head.starts_with(y4m::MAGIC) { Some(Header::parse(&head, &name)?) } else { None };
    match &header {
        Some(header) if header.is_plain() => {
            let stream = io::BufReader::new(io::Cursor::new(head).chain(reader));
            let clip = y4m::read_frames(stream, header, range, choose, &name)?;
            return Ok(Loaded { clip, converted: false, conversion });
        }
        Some(_) => {}
        None if head.is_empty() => return Err(InputError::Empty { input: name }),
        None if head.starts_with(b"NVL") => return Err(InputError::Encoded { input: name }),
        // ffmpeg would film the letters.
        None if is_text(&head) => return Err(InputError::Text { input: name }),
        None => {}
    }
    let feed = match input {
        Input::Stdin => Feed::Stream(Box::new(io::Cursor::new(head).chain(reader))),
        Input::File(path) => Feed::File(path),
    };
    match ffmpeg::read_clip(feed, range, choose, &name) {
        Err(InputError::NoFfmpeg { input }) => Err(match header {
            Some(header) => InputError::Format { input, format: header.format_in_words() },
            None => InputError::NoFfmpeg { input },
        }),
        clip => Ok(Loaded { clip: clip?, converted: true, conversion }),
    }
}

fn open(input: &Input, name: &str) -> Result<Box<dyn Read + Send>, InputError> {
    match input {
        Input::Stdin => Ok(Box::new(io::stdin())),
        Input::File(path) if path.is_dir() => Err(InputError::Folder { input: name.into() }),
        Input::File(path) => match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(source) => Err(InputError::Read { input: name.into(), source }),
        },
    }
}

/// Whether bytes look like text: UTF-8 without control characters other than those of lines and terminals.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !whole.is_empty() && !whole.chars().any(|c| c.is_control() && !"\n\r\t\x0c\x1b".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_video() {
        assert!(is_text("Zwölf Boxkämpfer\r\n".as_bytes()));
        assert!(is_text(b"cut in the middle \xc3"));
        assert!(!is_text(b"\x00\x00\x00\x20ftypisom"));
        assert!(!is_text(b"\x89PNG\r\n"));
    }
}
