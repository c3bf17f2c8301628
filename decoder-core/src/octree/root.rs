//! The walk over one root's symbols, and the gathering of their neighbours (SPEC sections 6 and 7).

use super::context::{ContextParameters, Features, log2_q5};
use super::flags::{Finest, Flags};
use super::{INPUTS, LATENT_LIMIT};
use crate::entropy::{Coder, laplace};
use crate::error::{Corruption, Error, Result};
use crate::wire::ROOT_LOG2;

/// The channel that was decoded before, as context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent<'a> {
    /// Its planes, the past first.
    pub(crate) latents: &'a [i8],
    /// Latents of a plane.
    pub(crate) plane: usize,
    /// Latents of a row.
    pub(crate) width: usize,
    /// Difference of the strides.
    pub(crate) shift: u32,
    /// Log2 of the frames of a slice of the child; the child's slice `s` begins at frame `s << child_log2` of the chunk.
    pub(crate) child_log2: u32,
    /// The same of the parent; large for one slice in all.
    pub(crate) parent_log2: u32,
}

impl<'a> Parent<'a> {
    /// The plane that goes with the child's slice.
    fn plane(&self, slice: usize) -> &'a [i8] {
        let number = (slice << self.child_log2).checked_shr(self.parent_log2).unwrap_or(0);
        self.latents.get((1 + number) * self.plane..).unwrap_or_default()
    }
}

/// One root of one channel.
#[derive(Debug)]
pub(crate) struct Root<'a> {
    /// The planes `tau = 0` (the past) to `2^depth`, `height * width` each.
    pub(crate) planes: &'a mut [i8],
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Log2 of the slices.
    pub(crate) depth: u32,
    /// Number of the root's first slice in its chunk.
    pub(crate) first_slice: usize,
    /// Number of the channel among the type biases.
    pub(crate) channel: usize,
    /// Slices from this one on have type 1; earlier ones 0.
    pub(crate) predicted_from: usize,
    /// Context.
    pub(crate) parent: Option<Parent<'a>>,
}

/// A group of independent symbols.
#[derive(Clone, Copy, Debug)]
struct Pass {
    number: usize,
    half: usize,
    /// Half-stride in time, if the level splits in time.
    half_time: Option<usize>,
    odd: u32,
}

/// Offset of a row that is not there: reads beyond it find nothing.
const NOWHERE: usize = usize::MAX / 2;

/// Rows of neighbours that a row of symbols shares; each is an offset into the planes.
struct Rows {
    /// The corners' rows.
    corners: [usize; 4],
    /// The sides' rows in time and above and below.
    sides: [usize; 4],
}

impl Root<'_> {
    /// Codes the flags and all symbols.
    pub(crate) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        flags: &mut Flags<'_>,
        context: &ContextParameters<'_>,
    ) -> Result<()> {
        let plane = self.height * self.width;
        let slices = self.planes.get_mut(plane..).unwrap_or_default();
        if C::DECODES {
            slices.fill(0);
        }
        flags.code(coder, slices, self.height, self.width);
        let finest = flags.finest(self.height, self.width);
        let slices = 1 << self.depth;
        self.code_pass(
            coder,
            context,
            finest,
            Pass { number: 0, half: 1 << ROOT_LOG2, half_time: Some(slices), odd: 0 },
        )?;
        for level in 0..ROOT_LOG2 {
            let half_time = (level < self.depth).then(|| slices >> (level + 1));
            let groups = if half_time.is_some() { 3 } else { 2 };
            for odd in (1..=groups).rev() {
                let number = (3 * level + odd) as usize;
                self.code_pass(
                    coder,
                    context,
                    finest,
                    Pass { number, half: 1 << (ROOT_LOG2 - 1 - level), half_time, odd },
                )?;
            }
        }
        Ok(())
    }

    fn code_pass<C: Coder>(
        &mut self,
        coder: &mut C,
        context: &ContextParameters<'_>,
        finest: Option<Finest<'_>>,
        pass: Pass,
    ) -> Result<()> {
        // Powers of two; the lower bounds only tell the compiler that they are not 0.
        let (step, half) = (pass.half_time.unwrap_or(1).max(1), pass.half.max(1));
        for tau in (step..(1 << self.depth) + 1).step_by(step) {
            // At the root and where time does not split no slice is odd.
            let tau_odd = u32::from(pass.odd > 0 && pass.half_time.is_some() && tau & step != 0);
            let slice = self.first_slice + tau - 1;
            let bias = context.bias(slice >= self.predicted_from, self.channel, pass.number);
            for y in (0..self.height).step_by(half) {
                let y_odd = u32::from(pass.odd > 0 && y & half != 0);
                let x_odd = match pass.odd.checked_sub(tau_odd + y_odd) {
                    Some(odd @ 0..=1) => odd == 1,
                    _ => continue,
                };
                self.code_row(coder, context, finest, pass, bias, [tau, y], [tau_odd == 1, y_odd == 1, x_odd])?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn code_row<C: Coder>(
        &mut self,
        coder: &mut C,
        context: &ContextParameters<'_>,
        finest: Option<Finest<'_>>,
        pass: Pass,
        bias: i32,
        [tau, y]: [usize; 2],
        odd: [bool; 3],
    ) -> Result<()> {
        let width = self.width;
        let own = (tau * self.height + y) * width;
        let rows = self.neighbour_rows(pass, tau, y, odd);
        let parent = self.parent.map(|parent| {
            let plane = parent.plane(self.first_slice + tau - 1);
            (plane.get((y >> parent.shift) * parent.width..).unwrap_or_default(), parent.shift)
        });
        let nodes = finest.map(|finest| (finest.row(y), finest.log2));
        let step = if pass.odd == 0 { pass.half } else { 2 * pass.half };
        let mut x = if odd[2] { pass.half } else { 0 };
        while x < width {
            if let Some((flags, log2)) = nodes
                && flags.get(x >> log2) == Some(&0)
            {
                // The next position of this pass in the next node.
                let next = ((x >> log2) + 1) << log2;
                x += (next - x + step - 1) & !(step - 1);
                continue;
            }
            let mut features = [0; INPUTS];
            self.spatial(&mut features, pass, odd, own, x, &rows);
            self.past(&mut features, y, x);
            if let Some((row, shift)) = parent {
                features[5] = log2_q5(8 * magnitude(row.get(x >> shift)));
            }
            let law = context.evaluate(&features, bias);
            let Some(latent) = self.planes.get_mut(own + x) else { return Ok(()) };
            let value = laplace(coder, law.mu, law.class, (*latent).into())?;
            if value.abs() > LATENT_LIMIT {
                return Err(Error::Corrupt(Corruption::Latent));
            }
            *latent = value as i8;
            x += step;
        }
        Ok(())
    }

    /// The rows in which the neighbours of row `(tau, y)` lie.
    fn neighbour_rows(&self, pass: Pass, tau: usize, y: usize, [tau_odd, y_odd, _]: [bool; 3]) -> Rows {
        let row = |tau: usize, y: usize| (tau * self.height + y) * self.width;
        let mut rows = Rows { corners: [NOWHERE; 4], sides: [NOWHERE; 4] };
        if pass.odd == 0 {
            return rows;
        }
        let [y_low, y_high] = both_sides(y, pass.half, self.height);
        let slices = 1 << self.depth;
        let [tau_low, tau_high] = match pass.half_time {
            // Slices count from 0, the past, to `slices`.
            Some(half) => both_sides(tau, half, slices + 1),
            None => [None; 2],
        };
        let taus = if tau_odd { [tau_low, tau_high] } else { [Some(tau), None] };
        let ys = if y_odd { [y_low, y_high] } else { [Some(y), None] };
        let pairs = taus.into_iter().flat_map(|tau| ys.map(|y| tau.zip(y)));
        for (slot, pair) in rows.corners.iter_mut().zip(pairs) {
            *slot = pair.map_or(NOWHERE, |(tau, y)| row(tau, y));
        }
        let in_time = if tau_odd { [None; 2] } else { [tau_low, tau_high] };
        let in_height = if y_odd { [None; 2] } else { [y_low, y_high] };
        rows.sides = [
            in_time[0].map_or(NOWHERE, |tau| row(tau, y)),
            in_time[1].map_or(NOWHERE, |tau| row(tau, y)),
            in_height[0].map_or(NOWHERE, |y| row(tau, y)),
            in_height[1].map_or(NOWHERE, |y| row(tau, y)),
        ];
        rows
    }

    /// Corners and sides.
    #[inline]
    fn spatial(
        &self,
        features: &mut Features,
        pass: Pass,
        [tau_odd, y_odd, x_odd]: [bool; 3],
        own: usize,
        x: usize,
        rows: &Rows,
    ) {
        if pass.odd == 0 {
            return;
        }
        let [low, high] = both_sides(x, pass.half, self.width);
        let (low, high) = (low.unwrap_or(NOWHERE), high.unwrap_or(NOWHERE));
        let mut corners = Sum::default();
        for base in rows.corners {
            if x_odd {
                corners.add(self.planes.get(base + low));
                corners.add(self.planes.get(base + high));
            } else {
                corners.add(self.planes.get(base + x));
            }
        }
        let mut sides = Sum::default();
        for base in rows.sides {
            sides.add(self.planes.get(base + x));
        }
        if !x_odd {
            sides.add(self.planes.get(own + low));
            sides.add(self.planes.get(own + high));
        }
        let corners = corners.scaled(3 - pass.odd);
        features[0] = log2_q5(corners.magnitude);
        features[6] = 4 * corners.signed;
        let even = u32::from(!tau_odd && pass.half_time.is_some()) + u32::from(!y_odd) + u32::from(!x_odd);
        if even > 0 {
            let sides = sides.scaled(3 - even);
            features[1] = log2_q5(sides.magnitude);
            features[7] = 4 * sides.signed;
        }
    }

    /// The slice before the root.
    #[inline]
    fn past(&self, features: &mut Features, y: usize, x: usize) {
        let width = self.width;
        let inside = y * width + x;
        let at = |dy: i32, dx: i32| {
            let row = y.wrapping_add_signed(dy as isize);
            let column = x.wrapping_add_signed(dx as isize);
            if row < self.height && column < width { magnitude(self.planes.get(row * width + column)) } else { 0 }
        };
        let past = self.planes.get(inside).copied().unwrap_or(0);
        features[2] = log2_q5(8 * u32::from(past.unsigned_abs()));
        features[3] = log2_q5(2 * (at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)));
        features[4] = log2_q5(2 * (at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1)));
        features[8] = 32 * i32::from(past);
    }
}

/// The positions before and after, each replaced by the other where it is outside `0..len`.
#[inline]
fn both_sides(at: usize, half: usize, len: usize) -> [Option<usize>; 2] {
    let low = at.checked_sub(half);
    let high = Some(at + half).filter(|&high| high < len);
    [low.or(high), high.or(low)]
}

#[inline(always)]
fn magnitude(latent: Option<&i8>) -> u32 {
    latent.map_or(0, |latent| u32::from(latent.unsigned_abs()))
}

/// Sums over neighbours.
#[derive(Clone, Copy, Default)]
struct Sum {
    magnitude: u32,
    signed: i32,
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, latent: Option<&i8>) {
        self.magnitude += magnitude(latent);
        self.signed += latent.map_or(0, |&latent| i32::from(latent));
    }

    #[inline(always)]
    fn scaled(self, shift: u32) -> Self {
        Self { magnitude: self.magnitude << shift, signed: self.signed << shift }
    }
}
