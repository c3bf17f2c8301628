//! Other codecs on the same pictures, through `ffmpeg`.
//!
//! They get raw pictures and give an elementary stream, so that no container is counted, and no text about the encoder
//! either. One thread and no limit on the distance of key frames: the first picture is one, and the encoder is free to
//! make more where the scene changes. MPEG-4 cannot go further than 600 pictures without one.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::frame::{Clip, Frame};
use crate::metrics::Quality;

/// The other codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reference {
    /// libx264, veryslow, tuned for PSNR
    H264,
    /// The same with the tools of the baseline profile
    H264Baseline,
    /// libx265, veryslow, tuned for PSNR
    Hevc,
    /// ffmpeg's MPEG-4 part 2 at constant quantisers, with the settings that it has by itself
    Mpeg4,
    /// ffmpeg's JPEG at constant quantisers, each picture by itself
    Mjpeg,
}

impl Reference {
    /// The name that the command line uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H264Baseline => "h264-baseline",
            Self::Hevc => "hevc",
            Self::Mpeg4 => "mpeg4",
            Self::Mjpeg => "mjpeg",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::H264 => "H.264, x264 veryslow",
            Self::H264Baseline => "H.264 baseline, x264 veryslow",
            Self::Hevc => "HEVC, x265 veryslow",
            Self::Mpeg4 => "MPEG-4 part 2, ffmpeg",
            Self::Mjpeg => "Motion JPEG, ffmpeg",
        }
    }

    /// Qualities that are measured: CRF or quantiser scale, best first.
    #[must_use]
    pub fn parameters(self) -> &'static [u8] {
        match self {
            Self::H264 | Self::H264Baseline | Self::Hevc => &[16, 20, 24, 28, 32, 36, 40, 44],
            Self::Mpeg4 | Self::Mjpeg => &[2, 3, 4, 6, 9, 13, 19, 31],
        }
    }

    /// Arguments of ffmpeg between input and output.
    #[must_use]
    pub fn arguments(self, parameter: u8) -> String {
        match self {
            Self::H264 => format!(
                "-c:v libx264 -preset veryslow -tune psnr -threads 1 -g 9999 -crf {parameter} \
                 -bsf:v filter_units=remove_types=6 -f h264"
            ),
            Self::H264Baseline => format!(
                "-c:v libx264 -profile:v baseline -preset veryslow -tune psnr -threads 1 -g 9999 -crf {parameter} \
                 -bsf:v filter_units=remove_types=6 -f h264"
            ),
            Self::Hevc => format!(
                "-c:v libx265 -preset veryslow -tune psnr -g 9999 -crf {parameter} \
                 -x265-params log-level=error:info=0:frame-threads=1 -f hevc"
            ),
            Self::Mpeg4 => {
                format!("-c:v mpeg4 -threads 1 -flags +bitexact -g 600 -q:v {parameter} -f m4v")
            }
            Self::Mjpeg => format!("-c:v mjpeg -threads 1 -flags +bitexact -q:v {parameter} -f mjpeg"),
        }
    }

    /// ffmpeg's name for the form of the stream.
    fn format(self) -> &'static str {
        match self {
            Self::H264 | Self::H264Baseline => "h264",
            Self::Hevc => "hevc",
            Self::Mpeg4 => "m4v",
            Self::Mjpeg => "mjpeg",
        }
    }

    /// The samples that the codec takes without a conversion: JPEG's have the full range.
    fn pixel_format(self) -> &'static str {
        if self == Self::Mjpeg { "yuvj420p" } else { "yuv420p" }
    }
}

/// What another codec made of a clip.
#[derive(Clone, Debug)]
pub struct Coded {
    /// Size of the elementary stream.
    pub bytes: u64,
    /// How close the pictures are.
    pub quality: Quality,
    /// Wall-clock time of the encoder in seconds.
    pub encode_seconds: f64,
}

/// ffmpeg's version, which stands for the codecs that it was built with.
///
/// # Errors
/// If ffmpeg is not installed or does not tell.
pub fn build() -> Result<String> {
    let output = Command::new("ffmpeg").arg("-version").stdin(Stdio::null()).output();
    let output = output.context("the other codecs need ffmpeg: install it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(2).context("ffmpeg does not tell its version")?;
    Ok(format!("ffmpeg {version}"))
}

/// A clip as raw pictures in a folder that goes away.
#[derive(Debug)]
pub struct RawClip<'a> {
    clip: &'a Clip,
    folder: TempDir,
}

impl<'a> RawClip<'a> {
    /// Writes the pictures.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(clip: &'a Clip) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let raw = Self { clip, folder };
        let mut file = BufWriter::new(File::create(raw.pictures())?);
        for frame in &clip.frames {
            frame.planes().into_iter().try_for_each(|plane| file.write_all(plane))?;
        }
        file.flush()?;
        Ok(raw)
    }

    fn pictures(&self) -> PathBuf {
        self.folder.path().join("clip.yuv")
    }

    /// Encodes with one of the codec's [`Reference::parameters`], and decodes.
    ///
    /// # Errors
    /// What ffmpeg says: most often that it was built without the codec.
    pub fn measure(&self, reference: Reference, parameter: u8) -> Result<Coded> {
        let clip = self.clip;
        let stream = self.folder.path().join("stream");
        let mut encoder = ffmpeg();
        encoder.args(["-f", "rawvideo", "-pixel_format", reference.pixel_format()]);
        encoder.args(["-video_size", &format!("{}x{}", clip.width, clip.height)]);
        encoder.args(["-framerate", &format!("{}/{}", clip.rate.0, clip.rate.1)]);
        encoder.arg("-i").arg(self.pictures()).args(reference.arguments(parameter).split(' '));
        let started = Instant::now();
        output(encoder.arg("-y").arg(&stream))?;
        let encode_seconds = started.elapsed().as_secs_f64();

        let mut decoder = ffmpeg();
        decoder.args(["-f", reference.format(), "-i"]).arg(&stream).args(["-fps_mode", "passthrough"]);
        let pictures = output(decoder.args(["-pix_fmt", reference.pixel_format(), "-f", "rawvideo", "pipe:1"]))?;
        let len = Frame::len(clip.width, clip.height);
        let (expected, given) = (clip.frames.len(), pictures.len() as f64 / len as f64);
        ensure!(pictures.len() == expected * len, "ffmpeg gives {given} pictures back of {expected}");
        let mut quality = Quality::default();
        for (source, samples) in clip.frames.iter().zip(pictures.chunks_exact(len)) {
            quality.add(source, &frame(clip, samples));
        }
        let bytes = fs::metadata(&stream)?.len();
        Ok(Coded { bytes, quality, encode_seconds })
    }
}

/// The picture that raw planes make.
fn frame(clip: &Clip, samples: &[u8]) -> Frame {
    let (width, height) = (clip.width, clip.height);
    let (y, chroma) = samples.split_at(width * height);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    Frame { width, height, y: y.into(), u: u.into(), v: v.into() }
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-v", "error"]).stdin(Stdio::null());
    command
}

/// Runs to the end and gives standard output.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().context("cannot run ffmpeg")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("ffmpeg: {}", text.trim().lines().last().unwrap_or("it ended without a word"));
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for &reference in Reference::value_variants() {
            let value = reference.to_possible_value().unwrap();
            assert_eq!(value.get_name(), reference.name());
            assert!(reference.parameters().len() >= 4);
        }
    }

    #[test]
    fn planes_are_taken_apart() {
        let clip = Clip { width: 9, height: 11, rate: (25, 1), frames: Vec::new() };
        let samples: Vec<u8> = (0..Frame::len(9, 11)).map(|at| at as u8).collect();
        let frame = frame(&clip, &samples);
        assert_eq!((frame.y.len(), frame.u[0], frame.v[0], frame.v.len()), (99, 99, 129, 30));
    }
}
