//! Looping animations with one palette for the whole clip.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use gif::{Encoder, Frame, Repeat};

use super::rgb::RgbImage;

/// Pixels that the palette is made from, at most.
const SAMPLES: usize = 200_000;
/// Colours of the palette; the last index is left for "as in the frame before".
const COLOURS: usize = 255;
/// Shortest time for a frame, in hundredths of a second: viewers slow down what is shorter.
const SHORTEST: u64 = 2;

/// Collects the colours of a clip, then makes the palette.
pub(super) struct PaletteSampler {
    /// Every how many pixels one is taken.
    stride: usize,
    next: usize,
    samples: Vec<u8>,
}

impl PaletteSampler {
    /// For a clip of `pixels` pixels in all frames.
    pub(super) fn new(pixels: usize) -> Self {
        // Odd and not a divisor of common widths, so that the samples are not all in a few columns.
        Self { stride: (pixels / SAMPLES) | 1, next: 0, samples: Vec::new() }
    }

    pub(super) fn add(&mut self, image: &RgbImage) {
        let pixels = image.pixels.len() / 3;
        while self.next < pixels {
            let pixel = &image.pixels[3 * self.next..3 * self.next + 3];
            self.samples.extend([pixel[0], pixel[1], pixel[2], 255]);
            self.next += self.stride;
        }
        self.next -= pixels;
    }

    pub(super) fn palette(self) -> Palette {
        Palette { net: color_quant::NeuQuant::new(3, COLOURS, &self.samples), known: HashMap::new() }
    }
}

/// Finds the nearest of a clip's colours.
pub(super) struct Palette {
    net: color_quant::NeuQuant,
    known: HashMap<[u8; 3], u8>,
}

impl Palette {
    fn index(&mut self, colour: [u8; 3]) -> u8 {
        let net = &self.net;
        let index = || net.index_of(&[colour[0], colour[1], colour[2], 255]);
        *self.known.entry(colour).or_insert_with(|| u8::try_from(index()).unwrap_or(0))
    }
}

/// Writes an animation frame by frame. One frame is held back, because its time is known when the next one comes.
pub(super) struct GifWriter<W: Write> {
    encoder: Encoder<W>,
    palette: Palette,
    size: (u16, u16),
    rate: (u32, u32),
    frames: u64,
    /// The indices that are on the screen after the frame that is held back.
    shown: Vec<u8>,
    held: Option<(Vec<u8>, u64)>,
}

impl<W: Write> GifWriter<W> {
    pub(super) fn new(writer: W, size: (u16, u16), rate: (u32, u32), palette: Palette) -> io::Result<Self> {
        let mut encoder = Encoder::new(writer, size.0, size.1, &palette.net.color_map_rgb()).map_err(into_io)?;
        encoder.set_repeat(Repeat::Infinite).map_err(into_io)?;
        Ok(Self { encoder, palette, size, rate, frames: 0, shown: Vec::new(), held: None })
    }

    /// Adds the next frame. It is left out where the one before would be shown for less than 0.02 s.
    pub(super) fn write(&mut self, image: &RgbImage) -> io::Result<()> {
        let now = self.time(self.frames);
        self.frames += 1;
        match &self.held {
            Some((_, since)) if now - since < SHORTEST => return Ok(()),
            _ => self.release(now)?,
        }
        let (palette, threshold) = (&mut self.palette, &THRESHOLDS);
        let width = image.width;
        let pixels = image.pixels.chunks_exact(3).enumerate();
        let indices: Vec<u8> = pixels
            .map(|(at, pixel)| {
                let offset = threshold[(at / width) % 4][(at % width) % 4];
                palette.index([pixel[0], pixel[1], pixel[2]].map(|value| value.saturating_add_signed(offset)))
            })
            .collect();
        // What did not change is transparent: long runs of one index are what the format packs well.
        let unchanged = |(&new, &old): (&u8, &u8)| if new == old { TRANSPARENT } else { new };
        let buffer = match self.shown.is_empty() {
            true => indices.clone(),
            false => indices.iter().zip(&self.shown).map(unchanged).collect(),
        };
        self.shown = indices;
        self.held = Some((buffer, now));
        Ok(())
    }

    /// Writes the last frame and gives the writer back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.release(self.time(self.frames))?;
        self.encoder.into_inner().map_err(into_io)
    }

    /// When frame `number` begins, in hundredths of a second.
    fn time(&self, number: u64) -> u64 {
        let (num, den) = (u64::from(self.rate.0), u64::from(self.rate.1));
        (number * den * 100 + num / 2) / num
    }

    fn release(&mut self, now: u64) -> io::Result<()> {
        let Some((buffer, since)) = self.held.take() else { return Ok(()) };
        let frame = Frame {
            delay: u16::try_from((now - since).max(SHORTEST)).unwrap_or(u16::MAX),
            transparent: Some(TRANSPARENT),
            width: self.size.0,
            height: self.size.1,
            buffer: Cow::Owned(buffer),
            ..Frame::default()
        };
        self.encoder.write_frame(&frame).map_err(into_io)
    }
}

const TRANSPARENT: u8 = 255;

/// Ordered dither of 4x4 pixels: it stands still where the picture does.
const THRESHOLDS: [[i8; 4]; 4] = [[-4, 0, -3, 1], [2, -2, 3, -1], [-3, 1, -4, 0], [3, -1, 2, -2]];

fn into_io(error: gif::EncodingError) -> io::Error {
    match error {
        gif::EncodingError::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Delays and colours of an animation of `frames` frames at `rate`.
    fn animate(frames: u8, rate: (u32, u32)) -> (Vec<u16>, Vec<[u8; 3]>) {
        let image = |n: u8| RgbImage::filled(8, 8, [n * 20, 100, 0]);
        let mut sampler = PaletteSampler::new(64 * usize::from(frames));
        (0..frames).for_each(|n| sampler.add(&image(n)));
        let mut bytes = Vec::new();
        let mut writer = GifWriter::new(&mut bytes, (8, 8), rate, sampler.palette()).unwrap();
        (0..frames).for_each(|n| writer.write(&image(n)).unwrap());
        writer.finish().unwrap();

        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut reader = options.read_info(&bytes[..]).unwrap();
        let (mut delays, mut colours) = (Vec::new(), Vec::new());
        while let Some(frame) = reader.read_next_frame().unwrap() {
            delays.push(frame.delay);
            colours.push([frame.buffer[0], frame.buffer[1], frame.buffer[2]]);
        }
        (delays, colours)
    }

    #[test]
    fn the_times_of_the_frames_add_up() {
        let (delays, colours) = animate(12, (24, 1));
        assert_eq!(delays.iter().sum::<u16>(), 50);
        assert!(delays.iter().all(|delay| [4, 5].contains(delay)), "{delays:?}");
        assert!(colours.iter().zip(0..).all(|(colour, n)| colour[0].abs_diff(n * 20) <= 8), "{colours:?}");
    }

    #[test]
    fn a_fast_clip_loses_frames_and_no_time() {
        let (delays, _) = animate(12, (120, 1));
        assert_eq!(delays.iter().sum::<u16>(), 10);
        assert!(delays.iter().all(|&delay| delay >= 2));
    }
}
