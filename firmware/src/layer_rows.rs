//! The check of a processor's kernels: random rows must be what the portable rows are.

use core::convert::Infallible;
use core::fmt;

use decoder_core::synthesis::{Arithmetic, Integer, LayerRow, portable_row};
use decoder_core::weights::WEIGHT_LIMIT;
use decoder_core::wire::{LayerKind, SITE};
use decoder_core::{Place, Rgb565Rows, RowPair, RowSink, portable_rgb565_row};

/// Most channels and sites of a row.
const CHANNELS: usize = 64;
const SITES: usize = 20;
/// Channels of the layers that streams mostly have.
const USUAL: [usize; 6] = [6, 8, 16, 20, 32, 40];
/// Activations of a row, with padding and one more so that it may begin anywhere.
const ROW: usize = (SITES + 2) * CHANNELS + 1;

/// The memory of the check.
pub struct LayerRows {
    rows: [[i16; ROW]; 3],
    weights: [i16; 9 * CHANNELS * CHANNELS + 1],
    starts: [i32; CHANNELS],
    /// Of the processor, and what it should be.
    outputs: [[i16; SITES * CHANNELS + 1]; 2],
}

/// A row that differs. Its number is also the seed of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Of a layer.
    Layer {
        /// Number of the row.
        number: u32,
        /// Kind of the layer.
        kind: LayerKind,
        /// Sites, input channels, output channels.
        shape: [usize; 3],
    },
    /// Of RGB565.
    Colours {
        /// Number of the row.
        number: u32,
        /// Pixels.
        pixels: usize,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { number, kind, shape: [sites, inputs, outputs] } => {
                write!(f, "row {number} differs: {kind:?}, {sites} sites, {inputs} -> {outputs}")
            }
            Self::Colours { number, pixels } => write!(f, "row {number} differs: {pixels} pixels of RGB565"),
        }
    }
}

/// Random numbers, the same everywhere.
struct Random(u32);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        ((u64::from(self.0) * limit as u64) >> 32) as usize
    }

    /// What a sum begins with, of any magnitude.
    fn start(&mut self) -> i32 {
        (self.below(1 << 20) as i32 - (1 << 19)) >> self.below(20) << self.below(12)
    }

    /// Fills with numbers from `-limit - 1` to `limit`: small ones, any, or only the ends.
    fn fill(&mut self, items: &mut [i16], limit: i32) {
        let manner = self.below(3);
        for item in items {
            let number = match manner {
                0 => self.below(65) as i32 - 32,
                1 => self.below(2 * limit as usize + 2) as i32 - limit - 1,
                _ => [-limit - 1, limit][self.below(2)],
            };
            *item = number as i16;
        }
    }
}

impl LayerRows {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rows: [[0; ROW]; 3],
            weights: [0; 9 * CHANNELS * CHANNELS + 1],
            starts: [0; CHANNELS],
            outputs: [[0; SITES * CHANNELS + 1]; 2],
        }
    }

    /// Computes `count` rows of random shapes and contents twice.
    ///
    /// # Errors
    /// The first that differs.
    pub fn check(&mut self, count: u32) -> Result<(), Difference> {
        (1..=count).try_for_each(|number| self.check_one(number))
    }

    fn check_one(&mut self, number: u32) -> Result<(), Difference> {
        let mut random = Random(number.wrapping_mul(0x9e37_79b9));
        let kind = [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise][random.below(3)];
        let most = [4, 12, CHANNELS][random.below(3)];
        // Half of them of the shapes that have kernels of their own.
        let usual = random.below(2) == 0;
        // An eighth are layers with which the heads of streams begin, an eighth those with which they end.
        let place = random.below(8);
        let (head, end) = (place == 0, place == 1);
        let kind = if head || end { LayerKind::Point } else { kind };
        let inputs = if head {
            6
        } else if usual || end {
            USUAL[random.below(USUAL.len())]
        } else {
            1 + random.below(most)
        };
        let square = !head && !end && random.below(2) == 0;
        let residual = square && random.below(2) == 0;
        let outputs = if end {
            SITE
        } else if square || kind == LayerKind::Depthwise {
            inputs
        } else if head {
            USUAL[random.below(USUAL.len())]
        } else {
            1 + random.below(most)
        };
        let outputs = if usual { outputs.next_multiple_of(2) } else { outputs };
        let sites = 1 + random.below(SITES);
        let row_len = (sites + 2) * inputs;
        for row in &mut self.rows {
            random.fill(row, i16::MAX.into());
        }
        let first = [random.below(2), random.below(2)];
        let weights = &mut self.weights[first[0]..][..kind.weights(inputs, outputs)];
        random.fill(weights, WEIGHT_LIMIT);
        self.starts.fill_with(|| random.start());
        let layer = LayerRow {
            kind,
            inputs,
            outputs,
            relu: head || random.below(2) == 0,
            residual,
            shift: 1 + random.below(15) as u32,
            weights,
            starts: if !head && random.below(3) == 0 { &[] } else { &self.starts[..outputs] },
            rows: self.rows.each_ref().map(|row| &row[first[1]..][..row_len]),
        };
        // What lies beside the row must stay what it is.
        let begin = random.below(2);
        self.outputs.iter_mut().for_each(|output| output.fill(0x55));
        let [own, expected] = self.outputs.each_mut();
        Integer::layer_row(&layer, &mut own[begin..][..sites * outputs]);
        portable_row::<Integer>(&layer, &mut expected[begin..][..sites * outputs]);
        if own != expected {
            return Err(Difference::Layer { number, kind, shape: [sites, inputs, outputs] });
        }
        check_colours(number, &mut random)
    }
}

/// Compares a row of RGB565, which may begin anywhere.
fn check_colours(number: u32, random: &mut Random) -> Result<(), Difference> {
    let samples = [(); 3].map(|()| [(); SITES + 1].map(|()| random.below(256) as u8));
    let pixels = 1 + random.below(SITES);
    let [luma, u, v] = samples.each_ref().map(|samples| &samples[random.below(2)..]);
    let (luma, u, v) = (&luma[..pixels], &u[..pixels.div_ceil(2)], &v[..pixels.div_ceil(2)]);
    let (mut own, mut expected) = ([0x5555; SITES + 1], [0x5555; SITES + 1]);
    let begin = random.below(2);
    let mut sink = Rgb565Rows::new(&mut own[begin..], |_: Place, _: &[u16]| Ok::<(), Infallible>(()));
    let Ok(()) = sink.row_pair(RowPair { frame: 0, row: 0, column: 0, luma: [luma, &[]], u, v });
    portable_rgb565_row(&mut expected[begin..][..pixels], luma, u, v);
    if own == expected { Ok(()) } else { Err(Difference::Colours { number, pixels }) }
}

impl Default for LayerRows {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_this_machine_are_the_portable_ones() {
        assert_eq!(LayerRows::new().check(300), Ok(()));
    }
}
