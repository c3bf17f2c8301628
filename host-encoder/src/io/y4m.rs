//! YUV4MPEG2, 8-bit 4:2:0.

use std::cell::Cell;
use std::io::{self, Read, Write};

use super::convert::{Conversion, Decimator, Original, SIZE_MAX, SIZE_MIN, Scaler};
use super::error::InputError;
use super::input::ClipRange;
use crate::frame::{Clip, Frame};

/// Begins every Y4M file.
pub(super) const MAGIC: &[u8] = b"YUV4MPEG2";
/// Longest header that is read, bytes.
pub(super) const HEADER_MAX: usize = 1024;
/// Longest side of a picture that is read, to be scaled.
const SIDE_MAX: u64 = 16384;
/// Most memory that a clip may take, bytes.
const MEMORY_MAX: usize = 2 << 30;

/// What the first line of a Y4M file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub width: u64,
    pub height: u64,
    /// The value of `C`, as it stands there.
    pub format: String,
    pub rate: (u32, u32),
}

impl Header {
    /// Reads the first line. The crate `y4m` reads it again later: here are the checks that it leaves out.
    pub(super) fn parse(head: &[u8], input: &str) -> Result<Self, InputError> {
        let wrong = |problem: String| InputError::Header { input: input.into(), problem };
        let end = head.iter().take(HEADER_MAX).position(|&byte| byte == b'\n');
        let line = &head[..end.ok_or_else(|| wrong("has no end".into()))?];
        let line = std::str::from_utf8(line).map_err(|_| wrong("is not text".into()))?;
        let mut header = Self { width: 0, height: 0, format: "420jpeg".into(), rate: (25, 1) };
        for word in line.split(' ').skip(1).filter(|word| !word.is_empty()) {
            let Some(value) = word.get(1..) else { return Err(wrong(format!("has the odd word '{word}'"))) };
            let number = || value.parse().map_err(|_| wrong(format!("has the odd word '{word}'")));
            match word.as_bytes()[0] {
                b'W' => header.width = number()?,
                b'H' => header.height = number()?,
                b'C' => header.format = value.into(),
                b'F' => header.rate = parse_rate(value).ok_or_else(|| wrong(format!("has the odd word '{word}'")))?,
                _ => {}
            }
        }
        if header.width == 0 || header.height == 0 {
            return Err(wrong("names no width and height".into()));
        }
        // What it is before it is scaled; `read_frames` checks what NVL takes.
        if header.width.max(header.height) > SIDE_MAX {
            return Err(InputError::Size { input: input.into(), width: header.width, height: header.height });
        }
        Ok(header)
    }

    /// Whether samples have 8 bits and chroma is 4:2:0.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.format.as_str(), "420" | "420jpeg" | "420mpeg2" | "420paldv")
    }

    /// The format in words.
    pub(super) fn format_in_words(&self) -> String {
        let (sampling, bits) = self.format.split_once('p').unwrap_or((&self.format, "8"));
        let name = match sampling {
            "420" => "4:2:0",
            "422" => "4:2:2",
            "444" => "4:4:4",
            "411" => "4:1:1",
            "mono" => "grey",
            _ => return format!("the format C{}", self.format),
        };
        format!("{bits}-bit {name} (C{})", self.format)
    }
}

/// A frame rate `num:den`, in lowest terms and, where that is needed, rounded so that both fit the format;
/// 25 where the rate is unknown, which Y4M writes as `0:0`.
fn parse_rate(text: &str) -> Option<(u32, u32)> {
    let (num, den) = text.split_once(':')?;
    let (num, den): (u64, u64) = (num.parse().ok()?, den.parse().ok()?);
    match (num, den) {
        (0, _) | (_, 0) => Some((25, 1)),
        _ => Some(limit_rate(num, den)),
    }
}

/// The best fraction near `num / den` with both terms 1..=1 000 000, by its continued fraction.
fn limit_rate(num: u64, den: u64) -> (u32, u32) {
    const MAX: u128 = 1_000_000;
    let (mut a, mut b) = (u128::from(num), u128::from(den));
    let (mut last, mut best) = ((0, 1), (1, 0));
    while b != 0 {
        let next = (a / b * best.0 + last.0, a / b * best.1 + last.1);
        if next.0 > MAX || next.1 > MAX {
            break;
        }
        (last, best) = (best, next);
        (a, b) = (b, a % b);
    }
    match best {
        (_, 0) => (MAX as u32, 1),
        (0, _) => (1, MAX as u32),
        (num, den) => (num as u32, den as u32),
    }
}

/// What chooses a [`Conversion`] when size and rate are known.
pub(super) type Choose<'a> = &'a mut dyn FnMut(&Original) -> Conversion;

/// Reads the frames of `range` from a stream of plain 4:2:0; `input` is its name for errors.
pub(super) fn read_frames(
    reader: impl Read,
    header: &Header,
    range: ClipRange,
    choose: Choose<'_>,
    input: &str,
) -> Result<Clip, InputError> {
    let position = Position::default();
    let mut decoder = y4m::Decoder::new(Counted { reader, position: &position })
        .map_err(|error| InputError::Header { input: input.into(), problem: format!("makes no sense ({error})") })?;
    let (width, height) = (decoder.get_width(), decoder.get_height());
    let conversion = choose(&Original { width, height, rate: header.rate });
    let (mut scaler, mut decimator, mut clip) = conversion_of(header, conversion, (width, height), input)?;
    let (frame_len, kept_len) = (Frame::len(width, height), Frame::len(clip.width, clip.height));
    let mut number = 0;
    while range.frames.is_none_or(|frames| clip.frames.len() < frames) {
        position.restart();
        let frame = match decoder.read_frame() {
            Ok(frame) => frame,
            Err(y4m::Error::EOF) if position.bytes.get() == 0 => break,
            Err(y4m::Error::EOF) => {
                return Err(InputError::Truncated {
                    input: input.into(),
                    frame: number,
                    missing: position.missing(frame_len),
                });
            }
            Err(y4m::Error::IoError(source)) => return Err(InputError::Read { input: input.into(), source }),
            Err(_) => return Err(InputError::Damaged { input: input.into(), frame: number }),
        };
        number += 1;
        if number <= range.skip || !decimator.takes((number - range.skip - 1) as u64) {
            continue;
        }
        if (clip.frames.len() + 1) * kept_len > MEMORY_MAX {
            let frames = MEMORY_MAX / kept_len;
            return Err(InputError::Memory { input: input.into(), limit_mib: MEMORY_MAX >> 20, frames });
        }
        let [y, u, v] = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()].map(<[u8]>::to_vec);
        let frame = Frame { width, height, y, u, v };
        clip.frames.push(match &mut scaler {
            Some(scaler) => scaler.scale(&frame),
            None => frame,
        });
    }
    match (number, clip.frames.len()) {
        (0, _) => Err(InputError::NoFrames { input: input.into() }),
        (frames, 0) => Err(InputError::AllSkipped { input: input.into(), frames, skip: range.skip }),
        _ => Ok(clip),
    }
}

/// What does the conversion, and the clip that it fills.
fn conversion_of(
    header: &Header,
    conversion: Conversion,
    size: (usize, usize),
    input: &str,
) -> Result<(Option<Scaler>, Decimator, Clip), InputError> {
    let (width, height) = conversion.size.unwrap_or(size);
    let (w, h) = (width as u64, height as u64);
    if w.min(h) < SIZE_MIN || w > SIZE_MAX.0 || h > SIZE_MAX.1 {
        return Err(InputError::Size { input: input.into(), width: w, height: h });
    }
    let rate = conversion.rate.unwrap_or(header.rate);
    let per_second = |rate: (u32, u32)| f64::from(rate.0) / f64::from(rate.1);
    if per_second(rate) > per_second(header.rate) {
        let [own, wanted] = [header.rate, rate].map(per_second);
        return Err(InputError::Rate { input: input.into(), own, wanted });
    }
    let scaler = ((width, height) != size).then(|| Scaler::new((width, height)));
    Ok((scaler, Decimator::new(header.rate, rate), Clip { width, height, rate, frames: Vec::new() }))
}

/// How far the reading of a frame has come.
#[derive(Default)]
struct Position {
    /// Bytes of this frame so far, its header line included.
    bytes: Cell<usize>,
    /// Length of the header line, once it is there.
    line: Cell<Option<usize>>,
}

impl Position {
    fn restart(&self) {
        self.bytes.set(0);
        self.line.set(None);
    }

    /// Bytes that are missing in a frame of `frame_len` bytes.
    fn missing(&self, frame_len: usize) -> usize {
        let line = self.line.get().unwrap_or("FRAME\n".len());
        (line + frame_len).saturating_sub(self.bytes.get())
    }
}

/// A reader that keeps a [`Position`].
struct Counted<'a, R> {
    reader: R,
    position: &'a Position,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buffer)?;
        let before = self.position.bytes.get();
        if self.position.line.get().is_none() {
            let end = buffer[..len].iter().position(|&byte| byte == b'\n');
            self.position.line.set(end.map(|end| before + end + 1));
        }
        self.position.bytes.set(before + len);
        Ok(len)
    }
}

/// Writes frames as Y4M, one after another.
pub struct Y4mWriter<W: Write> {
    writer: W,
}

impl<W: Write> Y4mWriter<W> {
    /// Writes the header: `width` by `height` luma samples, `rate` frames per second.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut writer: W, width: usize, height: usize, rate: (u32, u32)) -> io::Result<Self> {
        let rate = y4m::Ratio::new(rate.0 as usize, rate.1 as usize);
        let header = y4m::encode(width, height, rate).with_colorspace(y4m::Colorspace::C420jpeg);
        match header.write_header(&mut writer) {
            Ok(_) => Ok(Self { writer }),
            Err(y4m::Error::IoError(error)) => Err(error),
            Err(other) => Err(io::Error::other(other)),
        }
    }

    /// Writes one frame, of the size that the header says.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        // The crate's encoder does not give its writer back, and a frame is no more than this.
        self.writer.write_all(b"FRAME\n")?;
        frame.planes().into_iter().try_for_each(|plane| self.writer.write_all(plane))
    }

    /// Gives the writer back, unflushed.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

/// Writes a whole clip as Y4M.
///
/// # Errors
/// Those of the writer.
pub fn write_y4m(writer: impl Write, clip: &Clip) -> io::Result<()> {
    let mut y4m = Y4mWriter::new(writer, clip.width, clip.height, clip.rate)?;
    clip.frames.iter().try_for_each(|frame| y4m.write(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ClipRange = ClipRange { skip: 0, frames: None };

    fn clip() -> Clip {
        let mut clip = Clip { width: 9, height: 11, rate: (30000, 1001), frames: vec![Frame::black(9, 11); 3] };
        clip.frames.iter_mut().zip(1..).for_each(|(frame, shade)| frame.y.fill(shade));
        clip
    }

    fn bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        write_y4m(&mut bytes, &clip()).unwrap();
        bytes
    }

    fn read(bytes: &[u8], range: ClipRange) -> Result<Clip, InputError> {
        read_frames(bytes, &Header::parse(bytes, "x")?, range, &mut |_| Conversion::default(), "x")
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&bytes(), ALL).unwrap(), clip());
        let middle = read(&bytes(), ClipRange { skip: 1, frames: Some(1) }).unwrap();
        assert_eq!(middle.frames, clip().frames[1..2]);
    }

    #[test]
    fn every_truncation_says_what_is_missing() {
        let bytes = bytes();
        let frame_len = Frame::len(9, 11) + 6;
        let header_len = bytes.len() - 3 * frame_len;
        for len in header_len + 1..bytes.len() {
            let whole = (len - header_len) / frame_len;
            match read(&bytes[..len], ALL) {
                Ok(clip) => assert_eq!((len - header_len, clip.frames.len()), (whole * frame_len, whole)),
                Err(InputError::Truncated { frame, missing, .. }) => {
                    assert_eq!((frame, missing), (whole, (whole + 1) * frame_len - (len - header_len)));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn rates_fit_the_format() {
        assert_eq!(parse_rate("24:1"), Some((24, 1)));
        assert_eq!(parse_rate("50:2"), Some((25, 1)));
        assert_eq!(parse_rate("0:0"), Some((25, 1)));
        let (num, den) = parse_rate("10000000:333667").unwrap();
        assert!((f64::from(num) / f64::from(den) - 29.97).abs() < 1e-5);
        assert_eq!(parse_rate("18446744073709551615:1"), Some((1_000_000, 1)));
        assert_eq!(parse_rate("25"), None);
    }
}
