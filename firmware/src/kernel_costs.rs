//! What the layers of usual shapes cost on a processor.

use core::fmt;
use core::hint::black_box;

use decoder_core::synthesis::{Arithmetic, Integer, LayerRow};
use decoder_core::wire::LayerKind;

/// Sites of a row.
const SITES: usize = 160;
/// Most channels.
const CHANNELS: usize = 20;
/// What the sums of a layer with biases begin with.
static STARTS: [i32; CHANNELS] = [0; CHANNELS];
/// Rows of each kernel.
const REPETITIONS: usize = 8;

/// A kernel: a kind of layer with its input and output channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Kind of the layer.
    pub kind: LayerKind,
    /// Input channels, output channels.
    pub channels: [usize; 2],
}

impl Kernel {
    /// Those that are measured: usual shapes, and two layers of level nano.
    pub const ALL: [Self; 6] = [
        Self { kind: LayerKind::Full, channels: [16, 16] },
        Self { kind: LayerKind::Full, channels: [8, 8] },
        Self { kind: LayerKind::Point, channels: [16, 16] },
        Self { kind: LayerKind::Point, channels: [8, 8] },
        Self { kind: LayerKind::Point, channels: [6, 20] },
        Self { kind: LayerKind::Depthwise, channels: [6, 6] },
    ];

    /// Multiplications of the rows that are measured.
    #[must_use]
    pub fn macs(&self) -> usize {
        let [inputs, outputs] = self.channels;
        REPETITIONS * SITES * self.kind.weights(inputs, outputs)
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            LayerKind::Full => "3x3",
            LayerKind::Point => "1x1",
            LayerKind::Depthwise => "depthwise",
        };
        let [inputs, outputs] = self.channels;
        write!(f, "{name}-{inputs}-{outputs}")
    }
}

/// The memory of the measurement.
pub struct KernelCosts {
    rows: [[i16; (SITES + 2) * CHANNELS]; 3],
    weights: [i16; 9 * CHANNELS * CHANNELS],
    out: [i16; SITES * CHANNELS],
}

impl KernelCosts {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rows: [[0; (SITES + 2) * CHANNELS]; 3],
            weights: [0; 9 * CHANNELS * CHANNELS],
            out: [0; SITES * CHANNELS],
        }
    }

    /// Ticks of [`Kernel::macs`] multiplications, with all that belongs to the rows: shift, limits, ReLU.
    pub fn measure(&mut self, kernel: Kernel, ticks: fn() -> u64) -> u64 {
        let Kernel { kind, channels: [inputs, outputs] } = kernel;
        let layer = LayerRow {
            kind,
            inputs,
            outputs,
            relu: true,
            residual: false,
            shift: 9,
            weights: self.weights.get(..kind.weights(inputs, outputs)).unwrap_or_default(),
            // Layers of streams have biases where they are widest.
            starts: if outputs > inputs { STARTS.get(..outputs).unwrap_or_default() } else { &[] },
            rows: self.rows.each_ref().map(|row| row.get(..(SITES + 2) * inputs).unwrap_or_default()),
        };
        let out = self.out.get_mut(..SITES * outputs).unwrap_or_default();
        let before = ticks();
        for _ in 0..REPETITIONS {
            Integer::layer_row(black_box(&layer), out);
            black_box(&mut *out);
        }
        ticks() - before
    }
}

impl Default for KernelCosts {
    fn default() -> Self {
        Self::new()
    }
}
