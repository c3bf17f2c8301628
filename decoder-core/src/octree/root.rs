//! The walk over one root's symbols (SPEC section 6).
//!
//! Most latents are zero, and most of those lie among zeros. Masks tell where: a symbol whose neighbours are all zero has the law
//! of its pass, which is evaluated once, and one decision.

use super::LATENT_LIMIT;
use super::context::{ContextParameters, Inputs, Laplace};
use super::flags::{Finest, Flags};
use super::neighbours::{Around, Neighbours};
use crate::entropy::{Coder, laplace_centre, laplace_rest};
use crate::error::{Corruption, Error, Result};
use crate::mask::{self, words};
use crate::wire::ROOT_LOG2;

/// The channel that was decoded before, as context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent<'a> {
    /// Its slices.
    pub(crate) latents: &'a [i8],
    /// Latents of a slice.
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
    /// The row that goes with the child's row.
    fn row(&self, slice: usize, y: usize) -> &'a [i8] {
        let number = (slice << self.child_log2).checked_shr(self.parent_log2).unwrap_or(0);
        let from = number * self.plane + (y >> self.shift) * self.width;
        self.latents.get(from..from + self.width).unwrap_or_default()
    }
}

/// One root of one channel.
#[derive(Debug)]
pub(crate) struct Root<'a> {
    /// `2^depth` slices, `height * width` each.
    pub(crate) slices: &'a mut [i8],
    /// The slice before them; empty if it is zero.
    pub(crate) past: &'a [i8],
    /// Room for a mask for each row of the past and of each slice.
    pub(crate) masks: &'a mut [u32],
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
pub(super) struct Pass {
    number: usize,
    pub(super) half: usize,
    /// Half-stride in time, if the level splits in time.
    pub(super) half_time: Option<usize>,
    /// Coordinates that are odd; 0 at the root.
    pub(super) odd: u32,
}

impl Pass {
    /// The bits of the positions in every word of a row: those that are odd along x, or those that are not.
    fn positions(self, x_odd: bool) -> u32 {
        let every = match (self.odd, self.half) {
            (1.., 1) => 0x5555_5555,
            (1.., 2) => 0x1111_1111,
            _ => 0x0101_0101,
        };
        every << if x_odd { self.half } else { 0 }
    }
}

/// The law of the symbols of a pass whose neighbours are all zero.
#[derive(Clone, Copy)]
struct AtRest {
    bias: i32,
    law: Laplace,
    /// Probability of zero; `None` if another value is likelier.
    zero: Option<u32>,
}

impl AtRest {
    fn new(context: &ContextParameters<'_>, bias: i32) -> Self {
        let law = context.evaluate(&Inputs::default(), bias);
        let (centre, probability) = laplace_centre(law.mu, law.class);
        Self { bias, law, zero: (centre == 0).then_some(probability) }
    }
}

impl Root<'_> {
    /// Codes the flags and all symbols.
    pub(crate) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        flags: &mut Flags<'_>,
        context: &ContextParameters<'_>,
    ) -> Result<()> {
        if C::DECODES {
            self.slices.fill(0);
        }
        flags.code(coder, self.slices, self.height, self.width);
        let finest = flags.finest(self.height, self.width);
        if finest.is_some_and(|finest| !finest.any()) {
            return Ok(());
        }
        let masks = (self.height * words(self.width)) * (1 + (1 << self.depth));
        let masks = self.masks.get_mut(..masks).unwrap_or_default();
        masks.fill(0);
        let rows = masks.chunks_exact_mut(words(self.width).max(1));
        for (mask, row) in rows.zip(self.past.chunks_exact(self.width.max(1))) {
            mask::mark_latents(mask, row);
        }
        if let Some(past) = masks.get_mut(..self.height * words(self.width)).filter(|_| !self.past.is_empty()) {
            // What looks at the past looks around each place.
            mask::dilate_rows(past, self.width);
        }
        let slices = 1 << self.depth;
        let root = Pass { number: 0, half: 1 << ROOT_LOG2, half_time: Some(slices), odd: 0 };
        self.code_pass(coder, context, finest, root)?;
        for level in 0..ROOT_LOG2 {
            let half_time = (level < self.depth).then(|| slices >> (level + 1));
            let groups = if half_time.is_some() { 3 } else { 2 };
            for odd in (1..=groups).rev() {
                let number = (3 * level + odd) as usize;
                let pass = Pass { number, half: 1 << (ROOT_LOG2 - 1 - level), half_time, odd };
                self.code_pass(coder, context, finest, pass)?;
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
            let at_rest = AtRest::new(context, context.bias(slice >= self.predicted_from, self.channel, pass.number));
            for y in (0..self.height).step_by(half) {
                let y_odd = u32::from(pass.odd > 0 && y & half != 0);
                let x_odd = match pass.odd.checked_sub(tau_odd + y_odd) {
                    Some(odd @ 0..=1) => odd == 1,
                    _ => continue,
                };
                let nodes = match finest {
                    None => None,
                    Some(finest) => match finest.row(y) {
                        None => continue,
                        Some(row) => Some((row, finest.log2)),
                    },
                };
                self.code_row(coder, context, nodes, pass, at_rest, [tau, y], [tau_odd == 1, y_odd == 1, x_odd])?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn code_row<C: Coder>(
        &mut self,
        coder: &mut C,
        context: &ContextParameters<'_>,
        nodes: Option<(&[u8], u32)>,
        pass: Pass,
        at_rest: AtRest,
        [tau, y]: [usize; 2],
        odd: [bool; 3],
    ) -> Result<()> {
        let around = Around::new(self, pass, [tau, y], odd);
        let parent =
            self.parent.map_or((&[][..], 0), |parent| (parent.row(self.first_slice + tau - 1, y), parent.shift));
        let positions = pass.positions(odd[2]);
        for at in 0..words(self.width) {
            let from = 32 * at;
            let mut left = positions & inside(from, self.width) & nodes.map_or(u32::MAX, |nodes| not_empty(nodes, at));
            if left == 0 {
                continue;
            }
            let spoken = around.spoken(self.masks, at);
            let any = spoken.corners | spoken.sides | spoken.past;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let x = from + bit as usize;
                let place = around.place(x);
                let known = if C::DECODES { 0 } else { self.slices.get(place).copied().unwrap_or(0).into() };
                let parent = parent.0.get(x >> parent.1).copied().unwrap_or(0);
                let (law, centre, probability) = match at_rest.zero {
                    Some(zero) if any >> bit & 1 == 0 && parent == 0 => (at_rest.law, 0, zero),
                    _ => {
                        let neighbours = Neighbours { slices: self.slices, past: self.past, around: &around };
                        let law = context.evaluate(&neighbours.inputs(x, spoken, bit, parent), at_rest.bias);
                        let (centre, probability) = laplace_centre(law.mu, law.class);
                        (law, centre, probability)
                    }
                };
                let value = if coder.decision(probability, known != centre) {
                    laplace_rest(coder, law.mu, law.class, known)?
                } else {
                    centre
                };
                if value != 0 {
                    if value.abs() > LATENT_LIMIT {
                        return Err(Error::Corrupt(Corruption::Latent));
                    }
                    if let Some(latent) = self.slices.get_mut(place) {
                        *latent = value as i8;
                    }
                    if let Some(word) = self.masks.get_mut(around.mask_place(at)) {
                        *word |= 1 << bit;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The bits of a word that begins at position `from` of a row.
fn inside(from: usize, width: usize) -> u32 {
    match width.saturating_sub(from) {
        left @ 0..32 => (1 << left) - 1,
        _ => u32::MAX,
    }
}

/// The bits of word `at` whose nodes of `2^log2` positions are not empty.
fn not_empty((row, log2): (&[u8], u32), at: usize) -> u32 {
    let (size, count) = (1 << log2, 32 >> log2);
    let nodes = row.get(at * count..).unwrap_or_default();
    if let (ROOT_LOG2, Some(&four)) = (log2, nodes.first_chunk()) {
        // A flag is 0 or 1, a node eight bits.
        return u32::from_le_bytes(four) * 0xff;
    }
    let nodes = nodes.iter().take(count);
    let ones = (1u32 << size) - 1;
    nodes.enumerate().fold(0, |bits, (number, &flag)| if flag == 0 { bits } else { bits | ones << (number * size) })
}
