//! The neighbours of a symbol (SPEC section 7).

use super::context::{Inputs, quick_log2_q5};
use super::root::{Pass, Root};
use crate::dsp::sum_magnitudes;
use crate::mask::{beside, words};

/// A position that no row has.
const OUTSIDE: usize = usize::MAX / 4;

/// A row of latents and of its mask.
///
/// Offsets of latents count through the slices, then the past; those of masks through the past, then the slices.
#[derive(Clone, Copy, Default)]
struct Row {
    latents: usize,
    mask: usize,
}

/// A few rows.
#[derive(Clone, Copy, Default)]
struct Rows {
    rows: [Row; 4],
    len: usize,
}

impl Rows {
    #[inline(always)]
    fn push(&mut self, row: Row) {
        if let Some(slot) = self.rows.get_mut(self.len) {
            *slot = row;
            self.len += 1;
        }
    }

    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().take(self.len)
    }
}

/// Where the neighbours of a row of symbols are.
pub(super) struct Around {
    half: usize,
    x_odd: bool,
    width: usize,
    /// The shifts that make means of eight of the sums of corners and sides.
    corners_shift: u32,
    sides_shift: u32,
    corners: Rows,
    /// The sides in time and above and below.
    sides: Rows,
    /// Whether the symbols have sides in their own row.
    own_sides: bool,
    /// Offset of the past's row in the past, and of the word of its mask.
    past: Row,
    y: usize,
    height: usize,
    /// The row of the symbols.
    own: Row,
}

/// For each bit of a word, whether something about the symbol is not zero.
#[derive(Clone, Copy)]
pub(super) struct Spoken {
    pub(super) corners: u32,
    pub(super) sides: u32,
    pub(super) past: u32,
}

impl Around {
    pub(super) fn new(root: &Root<'_>, pass: Pass, [tau, y]: [usize; 2], [tau_odd, y_odd, x_odd]: [bool; 3]) -> Self {
        let (height, width, slices) = (root.height, root.width, 1 << root.depth);
        let words = words(width);
        let row = |tau: usize, y: usize| {
            // The past comes last.
            let slice = tau.checked_sub(1).unwrap_or(slices);
            Row { latents: (slice * height + y) * width, mask: (tau * height + y) * words }
        };
        let has_corners = pass.odd > 0;
        let even = u32::from(!tau_odd && pass.half_time.is_some()) + u32::from(!y_odd) + u32::from(!x_odd);
        let own = row(tau, y);
        let mut around = Self {
            half: pass.half,
            x_odd,
            width,
            corners_shift: 3u32.saturating_sub(pass.odd),
            sides_shift: 3u32.saturating_sub(even),
            corners: Rows::default(),
            sides: Rows::default(),
            own_sides: has_corners && !x_odd,
            past: Row { latents: y * width, mask: y * words },
            y,
            height,
            own,
        };
        if !has_corners {
            return around;
        }
        let ys = both_sides(y, pass.half, height);
        // Slices count from 0, the past, to `slices`.
        let taus = pass.half_time.map_or([None; 2], |half| both_sides(tau, half, slices + 1));
        for tau in if tau_odd { taus } else { [Some(tau), None] } {
            let Some(tau) = tau else { continue };
            for y in if y_odd { ys } else { [Some(y), None] } {
                let Some(y) = y else { continue };
                around.corners.push(row(tau, y));
            }
        }
        if !tau_odd && pass.half_time.is_some() {
            taus.into_iter().flatten().for_each(|tau| around.sides.push(row(tau, y)));
        }
        if !y_odd {
            for y in ys {
                let Some(y) = y else { continue };
                around.sides.push(row(tau, y));
            }
        }
        around
    }

    /// Offset of the symbol at `x`, and of the word of its mask.
    pub(super) fn place(&self, x: usize) -> usize {
        self.own.latents + x
    }

    /// Offset of word `at` of the row's mask.
    pub(super) fn mask_place(&self, at: usize) -> usize {
        self.own.mask + at
    }

    /// What is about the symbols of word `at`. The masks of the past are dilated, so that more may be told than is there.
    #[inline(always)]
    pub(super) fn spoken(&self, masks: &[u32], at: usize) -> Spoken {
        let words = words(self.width);
        let same = |of: &Row| masks.get(of.mask + at).copied().unwrap_or(0);
        let beside = |of: &Row| {
            let before = if at > 0 { masks.get(of.mask + at - 1).copied().unwrap_or(0) } else { 0 };
            let after = if at + 1 < words { masks.get(of.mask + at + 1).copied().unwrap_or(0) } else { 0 };
            beside([before, same(of), after], self.half as u32)
        };
        let mut spoken = Spoken { corners: 0, sides: 0, past: same(&self.past) };
        for corner in self.corners.iter() {
            spoken.corners |= if self.x_odd { beside(corner) } else { same(corner) };
        }
        for side in self.sides.iter() {
            spoken.sides |= same(side);
        }
        if self.own_sides {
            spoken.sides |= beside(&self.own);
        }
        spoken
    }
}

/// What a symbol's context is gathered from.
pub(super) struct Neighbours<'a> {
    pub(super) slices: &'a [i8],
    pub(super) past: &'a [i8],
    pub(super) around: &'a Around,
}

impl Neighbours<'_> {
    /// The network's inputs for the symbol at `x`, bit `bit` of what is spoken about it.
    #[inline(always)]
    pub(super) fn inputs(&self, x: usize, spoken: Spoken, bit: u32, parent: i8) -> Inputs {
        let around = self.around;
        let mut inputs = Inputs::default();
        let [low, high] = both_sides(x, around.half, around.width).map(|x| x.unwrap_or(OUTSIDE));
        if spoken.corners >> bit & 1 == 1 {
            let mut sum = Sum::default();
            for row in around.corners.iter() {
                if around.x_odd {
                    sum.add(self.at(row.latents + low));
                    sum.add(self.at(row.latents + high));
                } else {
                    sum.add(self.at(row.latents + x));
                }
            }
            let Sum { magnitude, signed } = sum;
            inputs.set_corners(quick_log2_q5(magnitude << around.corners_shift), 4 * (signed << around.corners_shift));
        }
        if spoken.sides >> bit & 1 == 1 {
            let mut sum = Sum::default();
            for row in around.sides.iter() {
                sum.add(self.at(row.latents + x));
            }
            if around.own_sides {
                sum.add(self.at(around.own.latents + low));
                sum.add(self.at(around.own.latents + high));
            }
            let Sum { magnitude, signed } = sum;
            inputs.set_sides(quick_log2_q5(magnitude << around.sides_shift), 4 * (signed << around.sides_shift));
        }
        if spoken.past >> bit & 1 == 1 {
            self.past(&mut inputs, x);
        }
        if parent != 0 {
            inputs.set_parent(quick_log2_q5(8 * u32::from(parent.unsigned_abs())));
        }
        inputs
    }

    #[inline(always)]
    fn at(&self, place: usize) -> i32 {
        let found = self.slices.get(place).or_else(|| self.past.get(place.wrapping_sub(self.slices.len())));
        found.copied().unwrap_or(0).into()
    }

    /// The slice before the root.
    #[inline(always)]
    fn past(&self, inputs: &mut Inputs, x: usize) {
        let (own, cross, diagonal) = self.past_inside(x).unwrap_or_else(|| self.past_at_edge(x));
        let own_log2 = quick_log2_q5(8 * u32::from(own.unsigned_abs()));
        inputs.set_past([own_log2, quick_log2_q5(2 * cross), quick_log2_q5(2 * diagonal)], 32 * i32::from(own));
    }

    /// The past's latent, and the sums of the magnitudes of its direct and of its diagonal neighbours; `None` near the edge of the slice.
    #[inline(always)]
    fn past_inside(&self, x: usize) -> Option<(i8, u32, u32)> {
        const ENDS: u32 = 0x00ff_00ff;
        const MIDDLE: u32 = 0x0000_ff00;
        let Around { width, past: Row { latents, .. }, y, .. } = *self.around;
        if x == 0 || x + 1 >= width || y == 0 {
            return None;
        }
        // The latents at the left, above or below, and at the right; one more is read.
        let past: &[u8] = bytemuck::must_cast_slice(self.past);
        let four = |from: usize| past.get(from..)?.first_chunk().map(|four| u32::from_le_bytes(*four));
        let from = (latents + x).wrapping_sub(width + 1);
        let below = four(from + 2 * width)?;
        let row = four(from + width)?;
        let above = four(from)?;
        let cross = sum_magnitudes((row & ENDS) | (above & MIDDLE) | (below & MIDDLE) << 16);
        Some(((row >> 8) as i8, cross, sum_magnitudes((above & ENDS) | (below & ENDS) << 8)))
    }

    /// The past's latent at the edge of a slice, and the sums of its neighbours' magnitudes.
    #[cold]
    #[inline(never)]
    fn past_at_edge(&self, x: usize) -> (i8, u32, u32) {
        let Around { width, past, y, height, .. } = *self.around;
        let at = |y: usize, x: usize| {
            let inside = y < height && x < width;
            let row = past.latents.wrapping_add(width.wrapping_mul(y.wrapping_sub(self.around.y)));
            let latent = if inside { self.past.get(row + x).copied() } else { None };
            u32::from(latent.unwrap_or(0).unsigned_abs())
        };
        let [above, below, left, right] = [y.wrapping_sub(1), y + 1, x.wrapping_sub(1), x + 1];
        let own = self.past.get(past.latents + x).copied().unwrap_or(0);
        let cross = at(above, x) + at(y, left) + at(y, right) + at(below, x);
        (own, cross, at(above, left) + at(above, right) + at(below, left) + at(below, right))
    }
}

/// The positions before and after, each replaced by the other where it is outside `0..len`.
#[inline(always)]
fn both_sides(at: usize, half: usize, len: usize) -> [Option<usize>; 2] {
    let low = at.checked_sub(half);
    let high = Some(at + half).filter(|&high| high < len);
    [low.or(high), high.or(low)]
}

/// Sums over neighbours.
#[derive(Clone, Copy, Default)]
struct Sum {
    magnitude: u32,
    signed: i32,
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, latent: i32) {
        if latent != 0 {
            self.magnitude += latent.unsigned_abs();
            self.signed += latent;
        }
    }
}
