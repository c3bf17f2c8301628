//! Emptiness flags: a node whose latents are all zero costs one decision (SPEC section 6).

use crate::entropy::{ADAPTIVE_START, Coder, adaptive};
use crate::wire::ROOT_LOG2;

/// Contexts of a flag.
const CONTEXTS: usize = 12;
/// Levels that can carry flags.
const LEVELS: usize = 3;

/// Adaptive probabilities of one channel's flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlagStates([[u16; CONTEXTS]; LEVELS]);

impl FlagStates {
    /// Before a segment begins.
    pub(crate) const ZERO: Self = Self([[0; CONTEXTS]; LEVELS]);

    /// A segment begins.
    pub(crate) fn begin(&mut self) {
        self.0.as_flattened_mut().fill(ADAPTIVE_START);
    }
}

/// Nodes of all flag levels of a channel.
pub(crate) fn flags_len(levels: u32, height: usize, width: usize) -> usize {
    (0..levels).map(|level| nodes(level, height) * nodes(level, width)).sum()
}

/// Nodes of one level along an axis.
fn nodes(level: u32, len: usize) -> usize {
    len.div_ceil(1 << (ROOT_LOG2 - level))
}

/// One channel's flags: 1 for a node that is not empty, level after level in raster order.
#[derive(Debug)]
pub(crate) struct Flags<'a> {
    /// [`flags_len`] bytes, which hold the flags of the root before when coding begins.
    pub(crate) bytes: &'a mut [u8],
    /// Levels that carry flags.
    pub(crate) levels: u32,
    /// Their probabilities.
    pub(crate) states: &'a mut FlagStates,
    /// Those of the channel before.
    pub(crate) parent: Option<ParentFlags<'a>>,
}

/// The flags of a channel that another one's are coded with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParentFlags<'a> {
    /// As its last root left them.
    pub(crate) bytes: &'a [u8],
    /// Latents of a column.
    pub(crate) height: usize,
    /// Latents of a row.
    pub(crate) width: usize,
    /// Difference of the strides.
    pub(crate) shift: u32,
}

impl<'a> ParentFlags<'a> {
    /// The flags of a level, with the number of its columns.
    fn level(&self, level: u32) -> (&'a [u8], usize) {
        (self.bytes.get(flags_len(level, self.height, self.width)..).unwrap_or_default(), nodes(level, self.width))
    }
}

impl Flags<'_> {
    /// Codes the flags of a root whose slices are `slices`, each `height * width`.
    pub(crate) fn code<C: Coder>(&mut self, coder: &mut C, slices: &[i8], height: usize, width: usize) {
        let mut rest = &mut *self.bytes;
        let mut above: &[u8] = &[];
        for level in 0..self.levels {
            let (rows, columns) = (nodes(level, height), nodes(level, width));
            let Some((flags, after)) = rest.split_at_mut_checked(rows * columns) else { return };
            rest = after;
            let parents = nodes(level.saturating_sub(1), width);
            let before = self.parent.map(|parent| (parent.level(level), parent.shift));
            let Some(states) = self.states.0.get_mut(level as usize) else { return };
            for row in 0..rows {
                for column in 0..columns {
                    let parent = above.get((row / 2) * parents + column / 2).copied();
                    let neighbour = |at: Option<usize>| at.and_then(|at| flags.get(at)).is_some_and(|&flag| flag != 0);
                    let at = row * columns + column;
                    let left = column > 0 && neighbour(at.checked_sub(1));
                    let up = neighbour(at.checked_sub(columns));
                    let past = neighbour(Some(at));
                    let flag = if level > 0 && parent == Some(0) {
                        false
                    } else {
                        let speaks = before.is_some_and(|((flags, columns), shift)| {
                            flags.get((row >> shift) * columns + (column >> shift)).is_some_and(|&flag| flag != 0)
                        });
                        let context =
                            usize::from(left) + usize::from(up) + 3 * usize::from(past) + 6 * usize::from(speaks);
                        let value = !C::DECODES && occupied(slices, height, width, row, column, ROOT_LOG2 - level);
                        states.get_mut(context).is_some_and(|state| adaptive(coder, state, value))
                    };
                    if let Some(slot) = flags.get_mut(at) {
                        *slot = u8::from(flag);
                    }
                }
            }
            above = flags;
        }
    }

    /// The flags of the finest level and the log2 of its nodes' size, if any level has flags.
    pub(crate) fn finest(&self, height: usize, width: usize) -> Option<Finest<'_>> {
        let level = self.levels.checked_sub(1)?;
        let flags = self.bytes.get(flags_len(level, height, width)..)?;
        Some(Finest { flags, columns: nodes(level, width), log2: ROOT_LOG2 - level })
    }
}

/// The finest flags of a root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finest<'a> {
    flags: &'a [u8],
    columns: usize,
    /// Log2 of the size of a node.
    pub(crate) log2: u32,
}

impl<'a> Finest<'a> {
    /// Whether there is a node that is not empty.
    pub(crate) fn any(&self) -> bool {
        self.flags.iter().any(|&flag| flag != 0)
    }

    /// The flags of the nodes that row `y` runs through; `None` if all of them are empty.
    pub(crate) fn row(&self, y: usize) -> Option<&'a [u8]> {
        let from = (y >> self.log2) * self.columns;
        self.flags.get(from..from + self.columns).filter(|row| row.iter().any(|&flag| flag != 0))
    }
}

/// Whether a node has a latent that is not zero.
fn occupied(slices: &[i8], height: usize, width: usize, row: usize, column: usize, log2: u32) -> bool {
    let (from, size) = (column << log2, 1 << log2);
    slices.chunks(height * width).any(|slice| {
        let rows = slice.chunks(width).skip(row << log2).take(size);
        rows.into_iter().any(|row| row.iter().skip(from).take(size).any(|&latent| latent != 0))
    })
}
