//! Hard cuts: pictures that begin a scene which has nothing to do with the one before.
//!
//! Two pictures are compared as encoders do to choose between intra and inter pictures (x264's `scenecut`): what is left of
//! the second after motion compensation from the first, relative to its own texture. A cut is a picture whose difference
//! from its predecessor stands out among its neighbours, so that neither fades nor fast motion count, and from whose side of the
//! cut no picture resembles one of the other side, so that flashes do not. All arithmetic is exact.

use crate::frame::Frame;

/// Rows and columns of a reduced picture, at most about this many.
const REDUCED: usize = 64;
/// Side of a block in the reduced picture.
const BLOCK: usize = 8;
/// Reach of the motion search in the reduced picture.
const REACH: isize = 4;
/// Texture, in code values a pixel, that every block is taken to have: noise is no scene.
const FLOOR: u32 = 3;
/// Difference of a cut, relative to the picture's texture.
const CUT: f64 = 0.5;
/// How much the difference of a cut exceeds those around it.
const PEAK: f64 = 1.8;
/// Pictures on either side that a cut stands out among and that a flash may last.
const AROUND: usize = 3;

/// The numbers of the frames that begin a new scene, in order; never 0. The same frames give the same cuts everywhere.
///
/// # Examples
/// ```
/// use host_encoder::{sample::{SampleSettings, sample_clip}, scenes::cuts};
/// let still = sample_clip(&SampleSettings { frames: 5, ..SampleSettings::default() });
/// assert!(cuts(&still.frames).is_empty());
/// ```
#[must_use]
pub fn cuts(frames: &[Frame]) -> Vec<usize> {
    let reduced: Vec<Reduced> = frames.iter().map(Reduced::new).collect();
    let differences: Vec<f64> = reduced.windows(2).map(|pair| difference(&pair[0], &pair[1])).collect();
    // differences[n] is that of frame n + 1 from frame n.
    (1..frames.len()).filter(|&frame| stands_out(&differences, frame) && nothing_returns(&reduced, frame)).collect()
}

fn stands_out(differences: &[f64], frame: usize) -> bool {
    let at = frame - 1;
    let around = at.saturating_sub(AROUND - 1)..(at + AROUND).min(differences.len());
    let others = around.filter(|&other| other != at).map(|other| differences[other]);
    differences[at] >= CUT && others.fold(0.0, f64::max) * PEAK <= differences[at]
}

/// Whether no frame just before the cut resembles one just after it.
fn nothing_returns(reduced: &[Reduced], frame: usize) -> bool {
    let before = &reduced[frame.saturating_sub(AROUND)..frame];
    let after = &reduced[frame..(frame + AROUND).min(reduced.len())];
    before.iter().all(|before| after.iter().all(|after| difference(before, after) >= CUT))
}

/// A picture's luma, averaged over squares.
struct Reduced {
    width: usize,
    height: usize,
    luma: Vec<u8>,
}

impl Reduced {
    fn new(frame: &Frame) -> Self {
        let factor = (frame.width.min(frame.height) / REDUCED).max(1);
        let (width, height) = (frame.width / factor, frame.height / factor);
        let mean = |row: usize, column: usize| {
            let rows = (row * factor..(row + 1) * factor)
                .map(|y| &frame.y[y * frame.width + column * factor..][..factor])
                .map(|samples| samples.iter().map(|&sample| u32::from(sample)).sum::<u32>());
            (rows.sum::<u32>() / (factor * factor) as u32) as u8
        };
        let luma = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        Self { width, height, luma: luma.map(|(row, column)| mean(row, column)).collect() }
    }

    fn row(&self, row: usize, first: usize, len: usize) -> &[u8] {
        &self.luma[row * self.width + first..][..len]
    }
}

/// What motion compensation from `before` leaves of `after`, relative to the texture of `after`: about 0 for the same
/// picture, about 1 and above for an unrelated one.
fn difference(before: &Reduced, after: &Reduced) -> f64 {
    let (mut left, mut texture) = (0, 0);
    for top in (0..after.height).step_by(BLOCK) {
        for first in (0..after.width).step_by(BLOCK) {
            let rows = (after.height - top).min(BLOCK);
            let columns = (after.width - first).min(BLOCK);
            left += matched(before, after, (top, first), (rows, columns));
            texture += texture_of(after, (top, first), (rows, columns));
        }
    }
    f64::from(left) / f64::from(texture)
}

/// Sum of the absolute differences of a block from its best match.
fn matched(before: &Reduced, after: &Reduced, (top, first): (usize, usize), (rows, columns): (usize, usize)) -> u32 {
    let sum_at = |dy: isize, dx: isize| {
        let (y, x) = (top.checked_add_signed(dy)?, first.checked_add_signed(dx)?);
        if y + rows > before.height || x + columns > before.width {
            return None;
        }
        let row = |at: usize| {
            let pairs = after.row(top + at, first, columns).iter().zip(before.row(y + at, x, columns));
            pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>()
        };
        Some((0..rows).map(row).sum::<u32>())
    };
    let all = (-REACH..=REACH).flat_map(|dy| (-REACH..=REACH).filter_map(move |dx| sum_at(dy, dx)));
    all.min().unwrap_or(0)
}

/// Sum of the absolute differences of a block from its mean, and the floor.
fn texture_of(picture: &Reduced, (top, first): (usize, usize), (rows, columns): (usize, usize)) -> u32 {
    let samples = || (0..rows).flat_map(|row| picture.row(top + row, first, columns)).map(|&sample| u32::from(sample));
    let count = (rows * columns) as u32;
    let mean = (samples().sum::<u32>() + count / 2) / count;
    samples().map(|sample| sample.abs_diff(mean)).sum::<u32>() + FLOOR * count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SampleSettings, sample_clip};

    const NONE: [usize; 0] = [];

    /// Fifteen frames each: the sample clip, and the same upside down with other brightness.
    fn scenes() -> [Vec<Frame>; 2] {
        let clip = sample_clip(&SampleSettings { width: 96, height: 64, frames: 15, rate: (24, 1) });
        let mut other = clip.frames.clone();
        for frame in &mut other {
            frame.y.reverse();
            frame.y.iter_mut().for_each(|sample| *sample = *sample / 2 + 40);
        }
        [clip.frames, other]
    }

    fn brighter(frame: &Frame, by: u8) -> Frame {
        let mut frame = frame.clone();
        frame.y.iter_mut().for_each(|sample| *sample = sample.saturating_add(by));
        frame
    }

    /// `a` and `b` mixed, `part` of 256 from `b`.
    fn mixed(a: &Frame, b: &Frame, part: u32) -> Frame {
        let mut frame = a.clone();
        for (sample, &other) in frame.y.iter_mut().zip(&b.y) {
            *sample = ((u32::from(*sample) * (256 - part) + u32::from(other) * part) / 256) as u8;
        }
        frame
    }

    #[test]
    fn hard_cuts_are_found_where_they_are() {
        let [a, b] = scenes();
        assert_eq!(cuts(&a), NONE);
        assert_eq!(cuts(&[a.clone(), b.clone()].concat()), [15]);
        assert_eq!(cuts(&[&a[..1], &b[..], &a[..9]].concat()), [1, 16]);
        assert_eq!(cuts(&[&a[..5], &vec![Frame::black(96, 64); 6], &b[..5]].concat()), [5, 11]);
        assert_eq!(cuts(&a[..1]), NONE);
        assert_eq!(cuts(&[]), NONE);
    }

    #[test]
    fn flashes_fades_dissolves_and_motion_are_no_cuts() {
        let [a, b] = scenes();
        for lasting in 1..=2 {
            let mut flash = a.clone();
            flash[6..6 + lasting].iter_mut().for_each(|frame| *frame = brighter(frame, 120));
            assert_eq!(cuts(&flash), NONE, "a flash of {lasting}");
        }
        let black = Frame::black(96, 64);
        let fade: Vec<Frame> = (0..15).map(|at| mixed(&a[at], &black, 18 * at as u32)).collect();
        assert_eq!(cuts(&fade), NONE);
        let back: Vec<Frame> = fade.iter().rev().cloned().collect();
        assert_eq!(cuts(&[fade, back].concat()), NONE);
        let dissolve = (0..12).map(|at| mixed(&a[14], &b[0], 21 * at));
        let dissolve: Vec<Frame> = a.iter().cloned().chain(dissolve).chain(b.iter().cloned()).collect();
        assert_eq!(cuts(&dissolve), NONE);
        // A pan of six pixels a frame over a wide picture.
        let wide = sample_clip(&SampleSettings { width: 192, height: 64, frames: 1, rate: (24, 1) }).frames.remove(0);
        let window = |at: usize| {
            let mut frame = Frame::black(96, 64);
            for row in 0..64 {
                frame.y[row * 96..][..96].copy_from_slice(&wide.y[row * 192 + 6 * at..][..96]);
            }
            frame
        };
        assert_eq!(cuts(&(0..16).map(window).collect::<Vec<_>>()), NONE);
    }
}
