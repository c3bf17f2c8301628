//! What fitting a segment takes: a model whose coefficients `cargo xtask bench scaling --costs` fits and prints;
//! `docs/scaling.md` says where those that stand here come from.

use decoder_core::wire::{Architecture, Geometry, LayerKind};
use serde::{Deserialize, Serialize};

use crate::settings::{Effort, EncodeSettings};

use super::outline::Outline;
use super::schedule::Schedule;

/// CPU nanoseconds of a step, whatever its pictures: weights, optimiser, threads.
const STEP_NANOSECONDS: f64 = 38_000.0;
/// CPU nanoseconds of a step for every luma sample: grids, motion, rate, distortion.
const SAMPLE_NANOSECONDS: f64 = 44.0;
/// CPU nanoseconds of a step for every multiply-accumulate of the network on a luma sample.
const MAC_NANOSECONDS: f64 = 0.168;
/// Bytes of memory of a process without a segment.
const PROCESS_BYTES: f64 = 9.6e6;
/// Bytes of memory for every output of a layer, per luma sample.
const ACTIVATION_BYTES: f64 = 12.0;
/// Bytes of memory for every multiply-accumulate of the network, per luma sample.
const MAC_BYTES: f64 = 0.1;

/// What fitting a segment takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// CPU time on one core of the machine that `docs/scaling.md` names, in seconds.
    pub cpu_seconds: f64,
    /// Peak of the memory in bytes.
    pub memory_bytes: u64,
}

/// What fitting `frames` pictures takes.
#[must_use]
pub fn expected_cost(
    architecture: &Architecture,
    geometry: Geometry,
    frames: usize,
    settings: &EncodeSettings,
) -> Cost {
    let picture = (4 * geometry.width * geometry.height) as f64;
    let samples = picture * frames as f64;
    let load = Load::of(architecture, geometry);
    let each = picture * (SAMPLE_NANOSECONDS + MAC_NANOSECONDS * load.macs);
    let nanoseconds =
        STEP_NANOSECONDS * steps(settings.effort, frames) as f64 + each * work(settings.effort, frames) as f64;
    let memory = PROCESS_BYTES + samples * (ACTIVATION_BYTES * load.activations + MAC_BYTES * load.macs);
    Cost { cpu_seconds: 1e-9 * nanoseconds, memory_bytes: memory as u64 }
}

/// Steps of a fit of `frames` pictures.
#[must_use]
pub fn steps(effort: Effort, frames: usize) -> u64 {
    Schedule::new(effort, frames).phases.iter().map(|phase| phase.steps).sum()
}

/// Steps of a fit of `frames` pictures, one on n pictures counted as n.
#[must_use]
pub fn work(effort: Effort, frames: usize) -> u64 {
    Schedule::new(effort, frames).work()
}

/// What a network is, per luma sample: the variables of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Multiply-accumulates.
    pub macs: f64,
    /// Outputs of layers.
    pub activations: f64,
}

impl Load {
    /// Of an architecture at a size.
    #[must_use]
    pub fn of(architecture: &Architecture, geometry: Geometry) -> Self {
        let whole = (4 * geometry.width * geometry.height) as f64;
        let mut load = Self { macs: 0.0, activations: 0.0 };
        for (stage, inputs, layer) in architecture.layers() {
            let (rows, columns) = geometry.grid(architecture.stage_stride_log2(stage) as u32);
            let part = (rows * columns) as f64 / whole;
            let outputs = f64::from(layer.outputs);
            let each = match layer.kind {
                LayerKind::Point => inputs as f64,
                LayerKind::Full => 9.0 * inputs as f64,
                LayerKind::Depthwise => 9.0,
            };
            load.macs += part * outputs * each;
            load.activations += part * outputs;
        }
        load
    }
}

impl Outline {
    /// What fitting a segment takes.
    #[must_use]
    pub fn cost(&self, index: usize, settings: &EncodeSettings) -> Cost {
        let header = &self.header;
        expected_cost(&header.architecture, header.geometry(), self.segments[index].frames as usize, settings)
    }
}
