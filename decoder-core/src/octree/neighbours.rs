//! The neighbours of a symbol (SPEC section 7).

use super::INPUTS;
use super::context::{Features, quick_log2_q5};
use super::root::{Pass, Root};
use crate::mask::{beside, words};

/// Offset of a row that is not there: what is read from it is not there either.
const NOWHERE: usize = usize::MAX / 2;

/// Where the neighbours of a row of symbols are.
///
/// Offsets count through the slices, then the past; masks through the past, then the slices.
pub(super) struct Around {
    pass: Pass,
    x_odd: bool,
    width: usize,
    /// The shifts that make means of eight of the sums of corners and sides.
    corners_shift: u32,
    sides_shift: u32,
    /// The rows of the corners, and of the sides in time and above and below.
    corners: [Row; 4],
    sides: [Row; 4],
    /// The past's row and those above and below.
    past: [Row; 3],
    /// The row of the symbols.
    pub(super) own: usize,
    pub(super) own_mask: usize,
}

/// Offsets of a row of latents and of its mask.
#[derive(Clone, Copy)]
struct Row {
    latents: usize,
    mask: usize,
}

impl Row {
    const NOWHERE: Self = Self { latents: NOWHERE, mask: NOWHERE };
}

impl Around {
    pub(super) fn new(root: &Root<'_>, pass: Pass, [tau, y]: [usize; 2], [tau_odd, y_odd, x_odd]: [bool; 3]) -> Self {
        let (height, width, slices) = (root.height, root.width, 1 << root.depth);
        let row = |tau: usize, y: usize| {
            // The past comes last.
            let slice = tau.checked_sub(1).unwrap_or(slices);
            Row { latents: (slice * height + y) * width, mask: (tau * height + y) * words(width) }
        };
        let own = row(tau, y);
        let past = [y.checked_sub(1), Some(y), Some(y + 1).filter(|&below| below < height)];
        let mut around = Self {
            pass,
            x_odd,
            width,
            corners_shift: 3u32.saturating_sub(pass.odd),
            sides_shift: 0,
            corners: [Row::NOWHERE; 4],
            sides: [Row::NOWHERE; 4],
            past: past.map(|y| y.map_or(Row::NOWHERE, |y| row(0, y))),
            own: own.latents,
            own_mask: own.mask,
        };
        if pass.odd == 0 {
            return around;
        }
        let even = u32::from(!tau_odd && pass.half_time.is_some()) + u32::from(!y_odd) + u32::from(!x_odd);
        around.sides_shift = 3u32.saturating_sub(even);
        let [y_low, y_high] = both_sides(y, pass.half, height);
        // Slices count from 0, the past, to `slices`.
        let [tau_low, tau_high] = pass.half_time.map_or([None; 2], |half| both_sides(tau, half, slices + 1));
        let taus = if tau_odd { [tau_low, tau_high] } else { [Some(tau), None] };
        let ys = if y_odd { [y_low, y_high] } else { [Some(y), None] };
        let pairs = taus.into_iter().flatten().flat_map(|tau| ys.into_iter().flatten().map(move |y| row(tau, y)));
        around.corners.iter_mut().zip(pairs).for_each(|(slot, row)| *slot = row);
        let in_time = if tau_odd { [None; 2] } else { [tau_low, tau_high] };
        let in_height = if y_odd { [None; 2] } else { [y_low, y_high] };
        let in_time = in_time.into_iter().flatten().map(|tau| row(tau, y));
        let sides = in_time.chain(in_height.into_iter().flatten().map(|y| row(tau, y)));
        around.sides.iter_mut().zip(sides).for_each(|(slot, row)| *slot = row);
        around
    }

    /// The symbols of word `at` that have a corner or a side that is not zero.
    pub(super) fn mask(&self, masks: &[u32], at: usize) -> u32 {
        if self.pass.odd == 0 {
            return 0;
        }
        let half = self.pass.half as u32;
        let row = |row: &Row| masks.get(row.mask..).unwrap_or_default().get(..words(self.width)).unwrap_or_default();
        let same = |of: &Row| row(of).get(at).copied().unwrap_or(0);
        let sides = self.sides.iter().fold(0, |bits, side| bits | same(side));
        let corners = self
            .corners
            .iter()
            .fold(0, |bits, corner| bits | if self.x_odd { beside(row(corner), at, half) } else { same(corner) });
        let own = Row { latents: self.own, mask: self.own_mask };
        corners | sides | if self.x_odd { 0 } else { beside(row(&own), at, half) }
    }

    /// The symbols of word `at` about which the past is not zero.
    pub(super) fn past_mask(&self, masks: &[u32], at: usize) -> u32 {
        self.past.iter().fold(0, |bits, row| {
            let row = masks.get(row.mask..).unwrap_or_default().get(..words(self.width)).unwrap_or_default();
            bits | row.get(at).copied().unwrap_or(0) | beside(row, at, 1)
        })
    }
}

/// What a symbol's context is gathered from.
pub(super) struct Neighbours<'a> {
    pub(super) slices: &'a [i8],
    pub(super) past: &'a [i8],
    pub(super) around: &'a Around,
}

impl Neighbours<'_> {
    /// The network's inputs at `x`. Without `has_past` all of the past around it is zero.
    pub(super) fn features(&self, x: usize, has_past: bool, parent: Option<i8>) -> Features {
        let mut features = [0; INPUTS];
        self.spatial(&mut features, x);
        if has_past {
            self.past(&mut features, x);
        }
        features[5] = quick_log2_q5(8 * u32::from(parent.unwrap_or(0).unsigned_abs()));
        features
    }

    #[inline(always)]
    fn at(&self, place: usize) -> i32 {
        let found = self.slices.get(place).or_else(|| self.past.get(place.wrapping_sub(self.slices.len())));
        found.copied().unwrap_or(0).into()
    }

    /// Corners and sides.
    #[inline(always)]
    fn spatial(&self, features: &mut Features, x: usize) {
        let around = self.around;
        if around.pass.odd == 0 {
            return;
        }
        let [low, high] = both_sides(x, around.pass.half, around.width);
        let (low, high) = (low.unwrap_or(NOWHERE), high.unwrap_or(NOWHERE));
        let mut corners = Sum::default();
        let mut sides = Sum::default();
        for row in around.corners.iter().take_while(|row| row.latents != NOWHERE) {
            if around.x_odd {
                corners.add(self.at(row.latents + low));
                corners.add(self.at(row.latents + high));
            } else {
                corners.add(self.at(row.latents + x));
            }
        }
        for row in around.sides.iter().take_while(|row| row.latents != NOWHERE) {
            sides.add(self.at(row.latents + x));
        }
        if !around.x_odd {
            sides.add(self.at(around.own + low));
            sides.add(self.at(around.own + high));
        }
        features[0] = quick_log2_q5(corners.magnitude << around.corners_shift);
        features[6] = 4 * (corners.signed << around.corners_shift);
        if around.sides_shift < 3 {
            features[1] = quick_log2_q5(sides.magnitude << around.sides_shift);
            features[7] = 4 * (sides.signed << around.sides_shift);
        }
    }

    /// The slice before the root.
    #[inline(always)]
    fn past(&self, features: &mut Features, x: usize) {
        let [above, own, below] = self.around.past.map(|row| {
            let from = row.latents.wrapping_sub(self.slices.len());
            let row = self.past.get(from..).unwrap_or_default().get(..self.around.width).unwrap_or_default();
            let at = |x: Option<usize>| x.and_then(|x| row.get(x)).copied().unwrap_or(0);
            [at(x.checked_sub(1)), at(Some(x)), at(Some(x + 1))]
        });
        let sum = |latents: [i8; 4]| latents.into_iter().map(|latent| u32::from(latent.unsigned_abs())).sum::<u32>();
        features[2] = quick_log2_q5(8 * u32::from(own[1].unsigned_abs()));
        features[3] = quick_log2_q5(2 * sum([above[1], below[1], own[0], own[2]]));
        features[4] = quick_log2_q5(2 * sum([above[0], above[2], below[0], below[2]]));
        features[8] = 32 * i32::from(own[1]);
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
