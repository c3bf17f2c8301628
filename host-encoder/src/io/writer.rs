//! Decoded clips to Y4M, PNG and GIF.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::gif::{GifWriter, PaletteSampler};
use super::output::{OutputError, OutputFile};
use super::png::write_rgb_png;
use super::rgb::RgbImage;
use super::y4m::Y4mWriter;
use crate::frame::Frame;

/// Formats that a clip is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// Raw pictures: exactly what was decoded.
    Y4m,
    /// Still pictures.
    Png,
    /// A looping animation.
    Gif,
}

/// Where a decoded clip goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output, as Y4M.
    Stdout,
    /// A file; for PNG, a name with `%d` or `%03d` is one file for each frame.
    File(PathBuf, OutputKind),
}

impl Target {
    /// `-` is standard output; otherwise the ending of the name chooses the format.
    ///
    /// # Errors
    /// A line that lists the endings.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdout);
        }
        let path = PathBuf::from(text);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("y4m") => Ok(Self::File(path, OutputKind::Y4m)),
            Some("png") => Ok(Self::File(path, OutputKind::Png)),
            Some("gif") => Ok(Self::File(path, OutputKind::Gif)),
            _ => Err("the name ends in .y4m, .png or .gif, or is - for Y4M on standard output".into()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path, _) => path.display().fmt(f),
        }
    }
}

/// What a writer has to know before the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoHeader {
    /// Luma samples a row.
    pub width: u16,
    /// Luma rows.
    pub height: u16,
    /// Frames per second, numerator and denominator.
    pub rate: (u32, u32),
    /// Frames in the clip.
    pub frames: u32,
}

/// Writes a clip frame by frame. Files have their names after [`ClipWriter::finish`], and not before.
pub struct ClipWriter(Box<dyn FrameSink>);

impl ClipWriter {
    /// Begins the output. `replay` shows all frames to formats that look at the whole clip first.
    ///
    /// # Errors
    /// [`OutputError`] where the target cannot be written, or those of `replay`.
    pub fn create<E: From<OutputError>>(
        target: &Target,
        header: &VideoHeader,
        overwrite: bool,
        replay: impl FnOnce(&mut dyn FnMut(&Frame)) -> Result<(), E>,
    ) -> Result<Self, E> {
        Ok(Self(match target {
            Target::Stdout => Box::new(Stdout::create(header)?),
            Target::File(path, OutputKind::Y4m) => Box::new(Raw::create(path, header, overwrite)?),
            Target::File(path, OutputKind::Png) => match Pattern::parse(path) {
                Some(pattern) => Box::new(Stills::create(pattern, header, overwrite)?),
                None => Box::new(Still { file: OutputFile::create(path, overwrite)?, frames: 0 }),
            },
            Target::File(path, OutputKind::Gif) => {
                let file = OutputFile::create(path, overwrite)?;
                let pixels = usize::from(header.width) * usize::from(header.height) * header.frames as usize;
                let mut sampler = PaletteSampler::new(pixels);
                replay(&mut |frame| sampler.add(&RgbImage::from(frame)))?;
                let size = (header.width, header.height);
                let gif = GifWriter::new(file, size, header.rate, sampler.palette()).map_err(failed(path))?;
                Box::new(Animation { path: path.clone(), gif })
            }
        }))
    }

    /// Writes the next frame.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        self.0.write(frame)
    }

    /// Completes the output and gives the files their names; returns how many there are.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn finish(self) -> Result<usize, OutputError> {
        let mut files = self.0.finish()?;
        files.iter_mut().try_for_each(OutputFile::close)?;
        let count = files.len();
        files.into_iter().try_for_each(OutputFile::commit)?;
        Ok(count)
    }
}

/// One way of writing frames.
trait FrameSink {
    fn write(&mut self, frame: &Frame) -> Result<(), OutputError>;

    /// Writes what is left and hands over the files that are to get their names now.
    fn finish(self: Box<Self>) -> Result<Vec<OutputFile>, OutputError>;
}

fn failed(path: &Path) -> impl Fn(io::Error) -> OutputError {
    move |source| OutputError::Write { target: path.into(), source }
}

/// Y4M on standard output.
struct Stdout(Y4mWriter<io::BufWriter<io::Stdout>>);

impl Stdout {
    const NAME: &str = "standard output";

    fn create(header: &VideoHeader) -> Result<Self, OutputError> {
        let stdout = io::BufWriter::with_capacity(1 << 16, io::stdout());
        let y4m = Y4mWriter::new(stdout, header.width.into(), header.height.into(), header.rate);
        y4m.map(Self).map_err(failed(Path::new(Self::NAME)))
    }
}

impl FrameSink for Stdout {
    fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        self.0.write(frame).map_err(failed(Path::new(Self::NAME)))
    }

    fn finish(self: Box<Self>) -> Result<Vec<OutputFile>, OutputError> {
        self.0.into_inner().flush().map_err(failed(Path::new(Self::NAME)))?;
        Ok(Vec::new())
    }
}

/// Y4M in a file.
struct Raw {
    path: PathBuf,
    y4m: Y4mWriter<OutputFile>,
}

impl Raw {
    fn create(path: &Path, header: &VideoHeader, overwrite: bool) -> Result<Self, OutputError> {
        let file = OutputFile::create(path, overwrite)?;
        let y4m = Y4mWriter::new(file, header.width.into(), header.height.into(), header.rate);
        Ok(Self { path: path.into(), y4m: y4m.map_err(failed(path))? })
    }
}

impl FrameSink for Raw {
    fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        self.y4m.write(frame).map_err(failed(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<Vec<OutputFile>, OutputError> {
        Ok(vec![self.y4m.into_inner()])
    }
}

/// The first frame as PNG.
struct Still {
    file: OutputFile,
    frames: usize,
}

impl FrameSink for Still {
    fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        self.frames += 1;
        if self.frames > 1 {
            return Ok(());
        }
        let written = write_rgb_png(&mut self.file, &RgbImage::from(frame));
        written.map_err(failed(self.file.target()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<OutputFile>, OutputError> {
        Ok(vec![self.file])
    }
}

/// Every frame as PNG.
struct Stills {
    pattern: Pattern,
    overwrite: bool,
    files: Vec<OutputFile>,
}

impl Stills {
    fn create(pattern: Pattern, header: &VideoHeader, overwrite: bool) -> Result<Self, OutputError> {
        // Names that are taken are found before the work, not in its middle.
        let taken = (0..header.frames).map(|frame| pattern.path(frame)).find(|path| path.exists() && !overwrite);
        match taken {
            Some(target) => Err(OutputError::Exists { target }),
            None => Ok(Self { pattern, overwrite, files: Vec::new() }),
        }
    }
}

impl FrameSink for Stills {
    fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let mut file = OutputFile::create(&self.pattern.path(number), self.overwrite)?;
        write_rgb_png(&mut file, &RgbImage::from(frame)).map_err(failed(file.target()))?;
        file.close()?;
        self.files.push(file);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<OutputFile>, OutputError> {
        Ok(self.files)
    }
}

/// All frames as GIF.
struct Animation {
    path: PathBuf,
    gif: GifWriter<OutputFile>,
}

impl FrameSink for Animation {
    fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        self.gif.write(&RgbImage::from(frame)).map_err(failed(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<Vec<OutputFile>, OutputError> {
        Ok(vec![self.gif.finish().map_err(failed(&self.path))?])
    }
}

/// A file name with a place for a number, `%d` or `%03d`.
struct Pattern {
    folder: PathBuf,
    before: String,
    digits: usize,
    after: String,
}

impl Pattern {
    fn parse(path: &Path) -> Option<Self> {
        let (before, rest) = path.file_name()?.to_str()?.split_once('%')?;
        let (digits, after) = rest.split_once('d')?;
        let digits = match digits {
            "" => 1,
            digits => digits.strip_prefix('0')?.parse().ok().filter(|digits| (1..=9).contains(digits))?,
        };
        Some(Self { folder: path.parent()?.into(), before: before.into(), digits, after: after.into() })
    }

    fn path(&self, number: u32) -> PathBuf {
        let Self { folder, before, digits, after } = self;
        folder.join(format!("{before}{number:0digits$}{after}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_chooses_the_format() {
        assert_eq!(Target::parse(OsStr::new("-")), Ok(Target::Stdout));
        assert_eq!(Target::parse(OsStr::new("a.GIF")), Ok(Target::File("a.GIF".into(), OutputKind::Gif)));
        assert!(Target::parse(OsStr::new("a.mp4")).is_err());
    }

    #[test]
    fn numbers_stand_where_the_pattern_says() {
        let pattern = |name: &str| Pattern::parse(Path::new(name)).map(|pattern| pattern.path(7));
        assert_eq!(pattern("x/a%03d.png"), Some("x/a007.png".into()));
        assert_eq!(pattern("a-%d-b.png"), Some("a-7-b.png".into()));
        assert_eq!(pattern("50%.png"), None);
        assert_eq!(pattern("a%xd.png"), None);
    }
}
