//! A segment in integers, and the walk that codes it.

use decoder_core::entropy::Coder;
use decoder_core::latents::{Chunk, Group, LatentPlan, Latents};
use decoder_core::weights::{ParameterCount, Parameters, Scalars, code};
use decoder_core::wire::{Architecture, Geometry, Temporal};
use ndarray::{Array4, s};
use serde::{Deserialize, Serialize};

/// All that a segment's payload says.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentModel {
    /// Gains and shifts.
    pub scalars: Scalars,
    /// All layers' weights, `[output][ky][kx][input]`.
    pub weights: Vec<i16>,
    /// All layers' biases.
    pub biases: Vec<i16>,
    /// The latents' context parameters, then the motion field's.
    pub context: Vec<i8>,
    /// For each grid `[slice][channel][row][column]`.
    pub grids: Vec<Array4<i8>>,
    /// `[frame][vertical, horizontal][row][column]`; frame 0 is all zero. Empty without prediction.
    pub motion: Option<Array4<i8>>,
    /// Pictures of the segment.
    pub frames: usize,
    /// Y, U and V that pictures without prediction are predicted to have.
    pub colour: [u8; 3],
}

/// Bits by kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodedBits {
    /// Weights, steps, scales, context parameters.
    pub weights: f64,
    /// Motion.
    pub motion: f64,
    /// Each grid.
    pub grids: Vec<f64>,
}

impl CodedBits {
    /// In all.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.weights + self.motion + self.grids.iter().sum::<f64>()
    }
}

impl SegmentModel {
    /// All zeros, with arrays of the right sizes and gains and shifts of one.
    #[must_use]
    pub fn zeros(architecture: &Architecture, geometry: Geometry, frames: usize, predicted: bool) -> Self {
        let count = ParameterCount::new(architecture);
        let slices = |temporal| match temporal {
            Temporal::Whole => 1,
            Temporal::Every(log2) => frames.div_ceil(1 << log2),
        };
        let grids = architecture.grids.iter().map(|grid| {
            let (height, width) = geometry.grid(grid.stride_log2.into());
            Array4::zeros((slices(grid.temporal), grid.channels.into(), height, width))
        });
        let (height, width) = geometry.motion();
        Self {
            scalars: Scalars {
                gains: architecture.grids.iter().map(|_| 1).collect(),
                shifts: architecture.layers().map(|_| 1).collect(),
            },
            weights: vec![0; count.weights],
            biases: vec![0; count.biases],
            context: vec![0; count.context],
            grids: grids.collect(),
            motion: predicted.then(|| Array4::zeros((frames, 2, height, width))),
            frames,
            colour: [128; 3],
        }
    }

    /// Codes everything in the order of the format; `bits` says how many have been spent so far, for the report.
    ///
    /// # Errors
    /// If a value is not one that the format has.
    pub fn code<C: Coder>(
        &self,
        architecture: &Architecture,
        geometry: Geometry,
        coder: &mut C,
        bits: impl Fn(&C) -> f64,
    ) -> Result<CodedBits, decoder_core::Error> {
        let mut spent = CodedBits { grids: vec![0.0; self.grids.len()], ..CodedBits::default() };
        let start = bits(coder);
        let mut own = self.clone();
        let mut parameters =
            Parameters { weights: &mut own.weights, biases: &mut own.biases, context: &mut own.context };
        code(coder, architecture, &mut own.scalars, &mut parameters)?;
        spent.weights = bits(coder) - start;

        let plan = LatentPlan::new(architecture, geometry);
        let (mut values, mut flags) = (vec![0; plan.latents_len()], vec![0; plan.flags_len()]);
        let work = &mut vec![0; plan.work_len()][..];
        let mut latents = Latents::new(&mut values, &mut flags);
        let predicted = self.motion.is_some();
        let whole = Chunk { first: 0, frames: self.frames, predicted };
        for (number, grid) in architecture.grids.iter().enumerate() {
            if grid.temporal == Temporal::Whole {
                let group = Group::Grid(number);
                self.fill(&mut latents, &plan, group, 0, 1);
                let before = bits(coder);
                latents.code_group(coder, &plan, architecture, &self.context, group, whole, work)?;
                spent.grids[number] += bits(coder) - before;
            }
        }
        let chunk_frames = 1 << architecture.root_depth;
        for first in (0..self.frames).step_by(chunk_frames) {
            if first > 0 {
                latents.advance(&plan, work);
            }
            let frames = (self.frames - first).min(chunk_frames);
            let chunk = Chunk { first, frames, predicted };
            for group in plan.groups() {
                match group {
                    Group::Motion if predicted => self.fill(&mut latents, &plan, group, first, frames),
                    Group::Grid(number) => match architecture.grids[number].temporal {
                        Temporal::Whole => continue,
                        Temporal::Every(log2) => {
                            self.fill(&mut latents, &plan, group, first >> log2, ((frames - 1) >> log2) + 1);
                        }
                    },
                    Group::Motion => continue,
                }
                let before = bits(coder);
                latents.code_group(coder, &plan, architecture, &self.context, group, chunk, work)?;
                let cost = bits(coder) - before;
                match group {
                    Group::Motion => spent.motion += cost,
                    Group::Grid(number) => spent.grids[number] += cost,
                }
            }
        }
        Ok(spent)
    }

    /// Puts `slices` slices from `first` on into the chunk's places.
    fn fill(&self, latents: &mut Latents<'_>, plan: &LatentPlan, group: Group, first: usize, slices: usize) {
        let source = match group {
            Group::Motion => self.motion.as_ref(),
            Group::Grid(number) => self.grids.get(number),
        };
        let Some(source) = source else { return };
        let channel = plan.first_channel(group);
        for (at, of_channel) in source.axis_iter(ndarray::Axis(1)).enumerate() {
            for slice in 0..slices {
                let place = plan.slice(channel + at, slice + 1);
                for (to, from) in latents.latents[place].iter_mut().zip(of_channel.slice(s![first + slice, .., ..])) {
                    *to = *from;
                }
            }
        }
    }
}
