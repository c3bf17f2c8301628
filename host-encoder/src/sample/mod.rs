//! The project's own clip: a beach ball that rolls and bounces over a meadow in front of still mountains.
//!
//! It is computed and not filmed, so that it belongs to nobody, needs no download and is the same everywhere: all
//! randomness is an integer hash, and all functions beyond `+ - * /` and roots come from `libm`.

mod ball;
mod landscape;
mod noise;
mod vector;

use ball::Ball;
use landscape::Landscape;
use vector::Colour;

use crate::frame::{Clip, Frame};

/// What the clip is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSettings {
    /// Luma samples a row.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// Frames.
    pub frames: usize,
    /// Frames per second.
    pub rate: (u32, u32),
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self { width: 160, height: 96, frames: 48, rate: (24, 1) }
    }
}

/// Points in a row and in a column of a pixel that are computed and averaged.
const OVERSAMPLING: usize = 4;

/// Makes the clip.
///
/// # Examples
/// ```
/// use host_encoder::sample::{SampleSettings, sample_clip};
/// let clip = sample_clip(&SampleSettings { frames: 2, ..SampleSettings::default() });
/// assert_eq!((clip.width, clip.height, clip.frames.len()), (160, 96, 2));
/// ```
#[must_use]
pub fn sample_clip(settings: &SampleSettings) -> Clip {
    let scene = Scene::new(settings);
    let frames = (0..settings.frames).map(|number| scene.frame(number)).collect();
    Clip { width: settings.width, height: settings.height, rate: settings.rate, frames }
}

/// The parts of the picture that all frames share. Coordinates: `x` in 0..aspect, `y` in 0..1 downwards.
struct Scene {
    settings: SampleSettings,
    /// Colours of the still background, `OVERSAMPLING` times finer than the picture.
    background: Vec<Colour>,
}

impl Scene {
    fn new(settings: &SampleSettings) -> Self {
        let landscape = Landscape::new(settings.width as f32 / settings.height as f32);
        let (width, height) = (settings.width * OVERSAMPLING, settings.height * OVERSAMPLING);
        let mut background = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let scale = 1.0 / height as f32;
                background.push(landscape.colour((column as f32 + 0.5) * scale, (row as f32 + 0.5) * scale));
            }
        }
        Self { settings: *settings, background }
    }

    fn frame(&self, number: usize) -> Frame {
        let SampleSettings { width, height, frames, .. } = self.settings;
        let progress = number as f32 / frames.max(2).saturating_sub(1) as f32;
        let ball = Ball::at(progress, width as f32 / height as f32);
        // A cloud passes the sun: everything gets a little darker and brighter again.
        let light = 1.0 - 0.05 * libm::sinf(core::f32::consts::PI * progress);
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                pixels.push(self.pixel(row, column, &ball) * light);
            }
        }
        to_frame(&pixels, width, height)
    }

    fn pixel(&self, row: usize, column: usize, ball: &Ball) -> Colour {
        let fine_width = self.settings.width * OVERSAMPLING;
        let scale = 1.0 / (self.settings.height * OVERSAMPLING) as f32;
        let mut sum = Colour::BLACK;
        for fine_row in row * OVERSAMPLING..(row + 1) * OVERSAMPLING {
            for fine_column in column * OVERSAMPLING..(column + 1) * OVERSAMPLING {
                let (x, y) = ((fine_column as f32 + 0.5) * scale, (fine_row as f32 + 0.5) * scale);
                let ground = self.background[fine_row * fine_width + fine_column];
                sum = sum + ball.colour(x, y).unwrap_or_else(|| ground * (1.0 - 0.55 * ball.shadow(x, y)));
            }
        }
        sum * (1.0 / (OVERSAMPLING * OVERSAMPLING) as f32)
    }
}

/// BT.601, limited range; chroma is the mean of four pixels.
fn to_frame(pixels: &[Colour], width: usize, height: usize) -> Frame {
    let code = |value: f32| (value + 0.5).clamp(0.0, 255.0) as u8;
    let mut frame = Frame::black(width, height);
    for (luma, colour) in frame.y.iter_mut().zip(pixels) {
        *luma = code(16.0 + 219.0 * colour.display().luma());
    }
    let chroma_width = frame.chroma_width();
    for row in 0..frame.chroma_height() {
        for column in 0..chroma_width {
            let at = |dy: usize, dx: usize| {
                let (y, x) = ((2 * row + dy).min(height - 1), (2 * column + dx).min(width - 1));
                pixels[y * width + x].display()
            };
            let mean = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) * 0.25;
            let luma = mean.luma();
            frame.u[row * chroma_width + column] = code(128.0 + 224.0 * (mean.b - luma) / 1.772);
            frame.v[row * chroma_width + column] = code(128.0 + 224.0 * (mean.r - luma) / 1.402);
        }
    }
    frame
}

/// Between `a` and `b`, smoothly: 0 below `a`, 1 above `b`.
fn smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_still_and_the_ball_moves() {
        let clip = sample_clip(&SampleSettings { width: 64, height: 48, frames: 3, rate: (24, 1) });
        let changed = |a: &Frame, b: &Frame| a.y.iter().zip(&b.y).filter(|(a, b)| a.abs_diff(**b) > 16).count();
        let moved = changed(&clip.frames[0], &clip.frames[1]);
        assert!(moved > 50 && moved < 64 * 48 / 3, "{moved} pixels changed");
    }

    #[test]
    fn odd_sizes_work() {
        let clip = sample_clip(&SampleSettings { width: 33, height: 17, frames: 1, rate: (25, 1) });
        assert_eq!(clip.frames[0].u.len(), 17 * 9);
    }
}
