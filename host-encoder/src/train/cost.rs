//! What fitting a segment takes: a model whose coefficients `cargo xtask bench scaling --costs` fits and prints;
//! `docs/scaling.md` says where those that stand here come from.

use decoder_core::wire::{Architecture, Geometry, LayerKind};
use serde::{Deserialize, Serialize};

use crate::settings::{Effort, EncodeSettings};

use super::blocks;
use super::outline::Outline;
use super::schedule::Schedule;

/// CPU nanoseconds of a step, whatever its pictures: weights, optimiser, threads.
const STEP_NANOSECONDS: f64 = 423_000.0;
/// CPU nanoseconds of a step for every luma sample: grids, motion, rate, distortion.
const SAMPLE_NANOSECONDS: f64 = 44.1;
/// CPU nanoseconds of a step for every multiply-accumulate of the network on a luma sample.
const MAC_NANOSECONDS: f64 = 0.193;
/// Bytes of memory of a process without a segment.
const PROCESS_BYTES: f64 = 9.8e6;
/// Bytes of memory for every luma sample of a segment: its pictures as numbers of 32 bits and as they came.
pub const SOURCE_BYTES: f64 = 7.5;
/// Bytes of memory for every latent of a segment while context parameters are fitted to all of them: measured with segments of 128 and 256 pictures.
const LATENT_BYTES: f64 = 81.0;
/// Bytes of memory for every output of a layer, per luma sample of a block.
const ACTIVATION_BYTES: f64 = 10.9;
/// Bytes of memory for every multiply-accumulate of the network, per luma sample of a block.
const MAC_BYTES: f64 = 0.05;

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
    let load = Load::of(architecture, geometry);
    let work = Work::of(architecture, frames, settings.effort);
    let each = picture * (SAMPLE_NANOSECONDS + MAC_NANOSECONDS * load.macs);
    let nanoseconds = STEP_NANOSECONDS * work.steps as f64 + each * work.pictures as f64;
    let each = ACTIVATION_BYTES * load.activations + MAC_BYTES * load.macs;
    let of_latents = work.last as f64 * each + frames as f64 * load.latents * LATENT_BYTES;
    let most = of_latents.max(work.block as f64 * each);
    let memory = PROCESS_BYTES + picture * (frames as f64 * SOURCE_BYTES + most);
    Cost { cpu_seconds: 1e-9 * nanoseconds, memory_bytes: memory as u64 }
}

/// What is done in a fit: a variable of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Steps.
    pub steps: u64,
    /// Steps, one on n pictures counted as n.
    pub pictures: u64,
    /// Pictures of the largest block: the most of a step.
    pub block: usize,
    /// Pictures of the last block.
    pub last: usize,
}

impl Work {
    /// Of a fit of `frames` pictures.
    #[must_use]
    pub fn of(architecture: &Architecture, frames: usize, effort: Effort) -> Self {
        let blocks = blocks::lengths(architecture, frames);
        let schedule = Schedule::new(effort, &blocks);
        let [block, last] = [blocks.iter().max(), blocks.last()].map(|pictures| pictures.copied().unwrap_or(0));
        Self { steps: schedule.steps(), pictures: schedule.work(), block, last }
    }
}

/// What a network is, per luma sample: the variables of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Multiply-accumulates.
    pub macs: f64,
    /// Outputs of layers.
    pub activations: f64,
    /// Latents.
    pub latents: f64,
}

impl Load {
    /// Of an architecture at a size.
    #[must_use]
    pub fn of(architecture: &Architecture, geometry: Geometry) -> Self {
        let whole = (4 * geometry.width * geometry.height) as f64;
        let mut load = Self { macs: 0.0, activations: 0.0, latents: 0.0 };
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
        for grid in &architecture.grids {
            let (rows, columns) = geometry.grid(grid.stride_log2.into());
            load.latents += f64::from(grid.channels) * (rows * columns) as f64 / whole;
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
