//! A segment in integers, and the walk that codes it.

use std::ops::Range;

use decoder_core::Segment;
use decoder_core::entropy::{Coder, RangeDecoder};
use decoder_core::latents::{Chunk, Group, LatentPlan, Latents};
use decoder_core::order::Order;
use decoder_core::splits::PARTS;
use decoder_core::weights::{Next, ParameterCount, Parameters, Scalars, code, code_interval, code_update};
use decoder_core::wire::{Architecture, FileHeader, Geometry, LoopFilter, Temporal};
use decoder_core::{Corruption, Error};
use ndarray::{Array3, Array4, ArrayViewMut4, Axis};
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
    /// The latents' context parameters, then those of motion, splits and sides.
    pub context: Vec<i8>,
    /// For each grid `[slice][channel][row][column]`, as pictures are coded.
    pub grids: Vec<Array4<i8>>,
    /// What gains and layers become, in order.
    pub updates: Vec<Update>,
    /// `[frame][vertical, horizontal][row][column]`, as pictures are coded; frame 0 is all zero. Empty without prediction.
    pub motion: Option<Array4<i8>>,
    /// Where blocks may be split, what the vectors of their quarters are made of: `[frame][selector, vertical, horizontal][row][column]`, as pictures are coded; zero in
    /// those that are not predicted from one.
    pub splits: Option<Array4<i8>>,
    /// The pyramid of the pictures' order.
    pub pyramid: u8,
    /// With a pyramid, for each block of pictures between two which of these count, as -1 for the one before, 1 for the one after, 0 for both.
    /// `[frame][row][column]`, as pictures are coded; all others are zero.
    pub sides: Option<Array3<i8>>,
    /// Pictures of the segment.
    pub frames: usize,
    /// Y, U and V that pictures without prediction are predicted to have.
    pub colour: [u8; 3],
    /// What is done to luma where a residual was added.
    pub loop_filter: LoopFilter,
}

/// What gains and layers are from a picture of a segment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Number of the picture in the segment, the first of a chunk.
    pub first: usize,
    /// The gains.
    pub gains: Vec<u16>,
    /// All layers' weights, `[output][ky][kx][input]`.
    pub weights: Vec<i16>,
    /// All layers' biases.
    pub biases: Vec<i16>,
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
            updates: vec![],
            motion: predicted.then(|| Array4::zeros((frames, 2, height, width))),
            splits: (predicted && architecture.has_splits()).then(|| {
                let (rows, columns) = geometry.quarters();
                Array4::zeros((frames, PARTS, rows, columns))
            }),
            pyramid: 0,
            sides: None,
            frames,
            colour: [128; 3],
            loop_filter: LoopFilter::default(),
        }
    }

    /// Sides of which all count.
    #[must_use]
    pub fn no_sides(&self, geometry: Geometry) -> Array3<i8> {
        let (rows, columns) = geometry.motion();
        Array3::zeros((self.frames, rows, columns))
    }

    /// The order of its pictures.
    #[must_use]
    pub fn order(&self) -> Order {
        Order { frames: self.frames, predicted: self.motion.is_some(), pyramid: self.pyramid }
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
        self.clone().walk(architecture, geometry, coder, bits)
    }

    /// Reads a segment's payload: the inverse of [`segment_bytes`](super::segment_bytes).
    ///
    /// # Errors
    /// What the payload is corrupt by.
    pub fn read(file: &FileHeader, segment: &Segment<'_>) -> Result<Self, decoder_core::Error> {
        let (header, geometry) = (&segment.header, file.geometry());
        let mut model = Self::zeros(&file.architecture, geometry, header.frames.into(), header.predicted);
        (model.colour, model.loop_filter) = (header.colour, header.loop_filter);
        model.pyramid = header.pyramid;
        model.sides = (header.pyramid > 0).then(|| model.no_sides(geometry));
        let mut coder = RangeDecoder::new(segment.payload()?);
        model.walk(&file.architecture, geometry, &mut coder, |_| 0.0)?;
        coder.finish()?;
        Ok(model)
    }

    /// Hands everything to an encoder, or takes it from a decoder.
    fn walk<C: Coder>(
        &mut self,
        architecture: &Architecture,
        geometry: Geometry,
        coder: &mut C,
        bits: impl Fn(&C) -> f64,
    ) -> Result<CodedBits, decoder_core::Error> {
        let mut spent = CodedBits { grids: vec![0.0; self.grids.len()], ..CodedBits::default() };
        let start = bits(coder);
        let mut parameters =
            Parameters { weights: &mut self.weights, biases: &mut self.biases, context: &mut self.context };
        code(coder, architecture, &mut self.scalars, &mut parameters)?;
        let mut updates = Updates::new(self, architecture);
        updates.code_interval(coder)?;
        spent.weights = bits(coder) - start;

        let plan = LatentPlan::new(architecture, geometry);
        let (mut values, mut flags) = (vec![0; plan.latents_len()], vec![0; plan.flags_len()]);
        let work = &mut vec![0; plan.work_len()][..];
        let mut latents = Latents::new(&mut values, &mut flags);
        let (order, predicted) = (self.order(), self.motion.is_some());
        let whole = Chunk { first: 0, frames: self.frames, predicted };
        for (number, grid) in architecture.grids.iter().enumerate() {
            if grid.temporal == Temporal::Whole {
                let group = Group::Grid(number);
                self.exchange(&mut latents, &plan, group, 0..1, Way::In);
                let before = bits(coder);
                latents.code_group(coder, &plan, architecture, &self.context, group, whole, work)?;
                spent.grids[number] += bits(coder) - before;
                if C::DECODES {
                    self.exchange(&mut latents, &plan, group, 0..1, Way::Out);
                }
            }
        }
        let chunk_frames = 1 << architecture.root_depth;
        for first in (0..self.frames).step_by(chunk_frames) {
            if first > 0 {
                latents.advance(&plan, order, first, work);
                let before = bits(coder);
                updates.advance(coder, architecture, first)?;
                spent.weights += bits(coder) - before;
            }
            let frames = (self.frames - first).min(chunk_frames);
            let chunk = Chunk { first, frames, predicted };
            for group in plan.groups() {
                let slices = match group {
                    Group::Motion if predicted => first..first + frames,
                    Group::Splits if order.is_from_one(first) => first..first + frames,
                    Group::Sides if order.is_between(first) => first..first + frames,
                    Group::Motion | Group::Splits | Group::Sides => continue,
                    Group::Grid(number) => match architecture.grids[number].temporal {
                        Temporal::Whole => continue,
                        Temporal::Every(log2) => first >> log2..((first + frames - 1) >> log2) + 1,
                    },
                };
                self.exchange(&mut latents, &plan, group, slices.clone(), Way::In);
                let before = bits(coder);
                latents.code_group(coder, &plan, architecture, &self.context, group, chunk, work)?;
                let cost = bits(coder) - before;
                match group {
                    Group::Motion | Group::Splits | Group::Sides => spent.motion += cost,
                    Group::Grid(number) => spent.grids[number] += cost,
                }
                if C::DECODES {
                    self.exchange(&mut latents, &plan, group, slices, Way::Out);
                }
            }
        }
        self.updates = updates.list;
        Ok(spent)
    }

    /// Copies some of a group's slices into the chunk's places, or from there.
    fn exchange(&mut self, latents: &mut Latents<'_>, plan: &LatentPlan, group: Group, slices: Range<usize>, way: Way) {
        let own: Option<ArrayViewMut4<'_, i8>> = match group {
            Group::Motion => self.motion.as_mut().map(|motion| motion.view_mut()),
            Group::Splits => self.splits.as_mut().map(|splits| splits.view_mut()),
            Group::Sides => self.sides.as_mut().map(|sides| sides.view_mut().insert_axis(Axis(1))),
            Group::Grid(number) => self.grids.get_mut(number).map(|grid| grid.view_mut()),
        };
        let Some(mut own) = own else { return };
        let channel = plan.first_channel(group);
        for (at, mut of_channel) in own.axis_iter_mut(Axis(1)).enumerate() {
            for (number, slice) in slices.clone().enumerate() {
                let place = plan.slice(channel + at, number + 1);
                let own = of_channel.index_axis_mut(Axis(0), slice);
                for (own, coded) in own.into_iter().zip(&mut latents.latents[place]) {
                    match way {
                        Way::In => *coded = *own,
                        Way::Out => *own = *coded,
                    }
                }
            }
        }
    }
}

/// Gains and layers on their way through a segment.
struct Updates {
    scalars: Scalars,
    weights: Vec<i16>,
    biases: Vec<i16>,
    /// Log2 of a chunk's pictures.
    chunk: u8,
    /// Number of the picture that was coded last, and of the one with the next update.
    at: usize,
    next: Option<usize>,
    /// Those that an encoder has to code, or that a decoder has found.
    list: Vec<Update>,
    coded: usize,
}

impl Updates {
    fn new(model: &mut SegmentModel, architecture: &Architecture) -> Self {
        Self {
            scalars: model.scalars.clone(),
            weights: model.weights.clone(),
            biases: model.biases.clone(),
            chunk: architecture.root_depth,
            at: 0,
            next: None,
            list: std::mem::take(&mut model.updates),
            coded: 0,
        }
    }

    /// Codes in how many chunks there is another one.
    fn code_interval<C: Coder>(&mut self, coder: &mut C) -> Result<(), Error> {
        let invalid = Error::Corrupt(Corruption::Weight);
        let chunks = match self.list.get(self.coded) {
            None => 0,
            Some(update) => {
                let frames = update.first.checked_sub(self.at).filter(|&frames| frames > 0);
                frames.filter(|frames| frames.trailing_zeros() >= self.chunk.into()).ok_or(invalid)? >> self.chunk
            }
        };
        let chunks = code_interval(coder, chunks as u32)? as usize;
        self.next = (chunks > 0).then_some(self.at + (chunks << self.chunk));
        Ok(())
    }

    /// Codes the update at picture `first`, if there is one.
    fn advance<C: Coder>(&mut self, coder: &mut C, architecture: &Architecture, first: usize) -> Result<(), Error> {
        if self.next != Some(first) {
            return Ok(());
        }
        let next = self.list.get(self.coded).map_or(Next::default(), |update| Next {
            gains: &update.gains,
            weights: &update.weights,
            biases: &update.biases,
        });
        let mut parameters = Parameters { weights: &mut self.weights, biases: &mut self.biases, context: &mut [] };
        code_update(coder, architecture, &mut self.scalars, &mut parameters, next)?;
        if C::DECODES {
            let gains = self.scalars.gains.to_vec();
            self.list.push(Update { first, gains, weights: self.weights.clone(), biases: self.biases.clone() });
        }
        self.coded += 1;
        self.at = first;
        self.code_interval(coder)
    }
}

/// Into the memory that is coded from, or out of it.
#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}
