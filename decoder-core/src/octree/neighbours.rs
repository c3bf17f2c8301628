//! The neighbours of a symbol (SPEC section 7).

use super::context::{Inputs, quick_log2_q5};
use super::root::{Pass, Root};
use crate::mask::{beside, words};

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
    /// The past's row and those above and below.
    past: Rows,
    /// The past's row in the past.
    past_row: usize,
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
        let mut around = Self {
            half: pass.half,
            x_odd,
            width,
            corners_shift: 3u32.saturating_sub(pass.odd),
            sides_shift: 3u32.saturating_sub(even),
            corners: Rows::default(),
            sides: Rows::default(),
            own_sides: has_corners && !x_odd,
            past: Rows::default(),
            past_row: y * width,
            y,
            height,
            own: row(tau, y),
        };
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            around.past.push(row(0, y));
        }
        if !has_corners {
            return around;
        }
        let ys = both_sides(y, pass.half, height);
        // Slices count from 0, the past, to `slices`.
        let taus = pass.half_time.map_or([None; 2], |half| both_sides(tau, half, slices + 1));
        for tau in if tau_odd { taus } else { [Some(tau), None] }.into_iter().flatten() {
            for y in if y_odd { ys } else { [Some(y), None] }.into_iter().flatten() {
                around.corners.push(row(tau, y));
            }
        }
        if !tau_odd {
            taus.into_iter().flatten().for_each(|tau| around.sides.push(row(tau, y)));
        }
        if !y_odd {
            ys.into_iter().flatten().for_each(|y| around.sides.push(row(tau, y)));
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

    /// What is about the symbols of word `at`.
    pub(super) fn spoken(&self, masks: &[u32], at: usize) -> Spoken {
        let words = words(self.width);
        let row = |row: &Row| masks.get(row.mask..row.mask + words).unwrap_or_default();
        let same = |of: &Row| masks.get(of.mask + at).copied().unwrap_or(0);
        let half = self.half as u32;
        let mut spoken = Spoken { corners: 0, sides: 0, past: 0 };
        for corner in self.corners.iter() {
            spoken.corners |= if self.x_odd { beside(row(corner), at, half) } else { same(corner) };
        }
        for side in self.sides.iter() {
            spoken.sides |= same(side);
        }
        if self.own_sides {
            spoken.sides |= beside(row(&self.own), at, half);
        }
        for past in self.past.iter() {
            spoken.past |= same(past) | beside(row(past), at, 1);
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
        let [low, high] = both_sides(x, around.half, around.width);
        if spoken.corners >> bit & 1 == 1 {
            let mut sum = Sum::default();
            for row in around.corners.iter() {
                if around.x_odd {
                    low.into_iter().chain(high).for_each(|x| sum.add(self.at(row.latents + x)));
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
                low.into_iter().chain(high).for_each(|x| sum.add(self.at(around.own.latents + x)));
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
        let Around { width, past_row, y, height, .. } = *self.around;
        let (left, right) = (x > 0, x + 1 < width);
        let at = |place: usize| u32::from(self.past.get(place).copied().unwrap_or(0).unsigned_abs());
        let (mut cross, mut diagonal) = (0, 0);
        let own = past_row + x;
        if left {
            cross += at(own - 1);
        }
        if right {
            cross += at(own + 1);
        }
        for (there, place) in [(y > 0, own.wrapping_sub(width)), (y + 1 < height, own + width)] {
            if there {
                cross += at(place);
                if left {
                    diagonal += at(place.wrapping_sub(1));
                }
                if right {
                    diagonal += at(place + 1);
                }
            }
        }
        let own = i32::from(self.past.get(own).copied().unwrap_or(0));
        let own_log2 = quick_log2_q5(8 * own.unsigned_abs());
        inputs.set_past([own_log2, quick_log2_q5(2 * cross), quick_log2_q5(2 * diagonal)], 32 * own);
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
