//! The decoder: segment by segment, picture by picture.

use core::fmt;
use core::marker::PhantomData;

use crate::arena::{Layout, Regions};
use crate::buffer::PictureBuffer;
use crate::entropy::{Payload, RangeDecoder, RangeState};
use crate::error::{Corruption, Error, Result};
use crate::latents::{Chunk, Group, LatentPlan, Latents};
use crate::order::Order;
use crate::sink::RowSink;
use crate::synthesis::{Arithmetic, Inputs, Integer, Memory, Pipeline, Plan, Roles, Tiles, show_stored};
use crate::weights::{Next, Parameters, Scalars, begin_sums, code, code_interval, code_update};
use crate::wire::{Architecture, Head, LoopFilter, MAX_GRIDS, Segment, SegmentHeader, Stream, Temporal};

/// The decoder of the format.
pub type Decoder<'s, 'b> = DecoderWith<'s, 'b, Integer>;

/// Why a picture was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError<E> {
    /// The stream is at fault.
    Stream(Error),
    /// The sink is.
    Sink(E),
}

impl FrameError<core::convert::Infallible> {
    /// The error of a sink that cannot fail.
    #[must_use]
    pub fn into_stream_error(self) -> Error {
        match self {
            Self::Stream(error) => error,
            Self::Sink(never) => match never {},
        }
    }
}

impl<E> From<Error> for FrameError<E> {
    fn from(error: Error) -> Self {
        Self::Stream(error)
    }
}

impl<E: fmt::Display> fmt::Display for FrameError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

/// Bits that a segment has spent so far, by kind, in 1/256 of a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentBits {
    /// On weights and all that goes with them.
    pub weights: u64,
    /// On the motion field.
    pub motion: u64,
    /// On each grid.
    pub grids: [u64; MAX_GRIDS],
}

/// A decoder whose activations are those of `A`: the codec itself with [`Integer`], its float twin with `Float`.
#[derive(Debug)]
pub struct DecoderWith<'s, 'b, A: Arithmetic> {
    architecture: Architecture,
    plan: Plan,
    latent_plan: LatentPlan,
    size: [usize; 2],
    /// What is worked in, by turns: coding a chunk, and the line buffers.
    shared: &'s mut [u32],
    weights: &'s mut [i16],
    biases: &'s mut [i16],
    starts: &'s mut [i32],
    context: &'s mut [i8],
    masks: &'s mut [u32],
    changes: &'s mut [u32],
    pictures: &'s mut [u8],
    latents: Latents<'s>,
    scalars: Scalars,
    tiles: Tiles,
    segment: Option<Running>,
    /// The segment's pictures. Not in [`Running`], which is on the stack while a picture is made.
    buffer: PictureBuffer,
    /// Of the segment's pictures that are decoded, and of those that are shown.
    bits: SegmentBits,
    bits_shown: SegmentBits,
    arithmetic: PhantomData<A>,
    /// Of the segment, where the caller has it in memory.
    payload: &'b [u8],
}

/// A segment that is being decoded.
#[derive(Clone, Copy, Debug)]
struct Running {
    coder: RangeState,
    colour: [u8; 3],
    loop_filter: LoopFilter,
    /// What is wrong with a picture that was to be decoded before it is shown.
    failed: Option<Error>,
    /// Chunks until the next update of the weights; 0 if there is none.
    update_in: u32,
}

impl<'s, 'b, A: Arithmetic> DecoderWith<'s, 'b, A> {
    /// Takes the memory of [`Stream::scratch_len`] bytes; what is in it does not matter.
    ///
    /// # Errors
    /// [`Error::ScratchTooSmall`].
    pub fn new(stream: &Stream<'_>, scratch: &'s mut [u32]) -> Result<Self> {
        Self::for_head(stream.head(), scratch)
    }

    /// The same for a stream of which only the head is in memory.
    ///
    /// # Errors
    /// [`Error::ScratchTooSmall`].
    pub fn for_head(head: &Head, scratch: &'s mut [u32]) -> Result<Self> {
        let (header, demand) = (head.header(), head.demand());
        let layout = Layout::new::<A>(header, &demand.plan);
        let too_small = Error::ScratchTooSmall { required: layout.bytes(), lent: scratch.len() * 4 };
        let Regions { shared, weights, biases, starts, context, latents, flags, masks, changes, pictures } =
            layout.split(scratch).ok_or(too_small)?;
        let mut scalars = Scalars::default();
        // The header's check bounds grids and layers, so there is room.
        let _ = scalars.gains.resize(header.architecture.grids.len(), 0);
        let _ = scalars.shifts.resize(header.architecture.layers().count(), 0);
        Ok(Self {
            architecture: header.architecture.clone(),
            plan: demand.plan.clone(),
            latent_plan: demand.latents.clone(),
            size: [header.width.into(), header.height.into()],
            shared,
            weights,
            biases,
            starts,
            context,
            masks,
            changes,
            pictures,
            latents: Latents::new(latents, flags),
            scalars,
            tiles: Tiles::default(),
            segment: None,
            buffer: PictureBuffer::new(Order { frames: 0, predicted: false, pyramid: 0 }, 0),
            bits: SegmentBits::default(),
            bits_shown: SegmentBits::default(),
            arithmetic: PhantomData,
            payload: &[],
        })
    }

    /// Begins a segment: checks its payload, reads its weights and the grids that stand for all of it.
    ///
    /// # Errors
    /// [`Error::Corrupt`]; the decoder can begin another segment then.
    pub fn begin(&mut self, segment: Segment<'b>) -> Result<()> {
        self.segment = None;
        self.payload = segment.payload()?;
        self.begin_from(&segment.header, self.payload)
    }

    /// The same with a payload that need not be in memory as a whole, and that is not checked against its checksum:
    /// that is the caller's. Its pictures come from [`Self::next_frame_from`].
    ///
    /// # Errors
    /// [`Error::Corrupt`]; the decoder can begin another segment then.
    pub fn begin_from<P: Payload>(&mut self, header: &SegmentHeader, mut payload: P) -> Result<()> {
        self.segment = None;
        // As for pictures, so that there is one such decoder.
        let mut coder = RangeDecoder::new(&mut payload);
        let mut parameters = Parameters { weights: self.weights, biases: self.biases, context: self.context };
        code(&mut coder, &self.architecture, &mut self.scalars, &mut parameters)?;
        let update_in = code_interval(&mut coder, 0)?;
        coder.check()?;
        begin_sums(&self.architecture, &self.scalars, self.weights, self.biases, self.starts);
        self.bits = SegmentBits { weights: coder.bits_q8(), ..SegmentBits::default() };
        self.latents.reset();
        let order = Order { frames: header.frames.into(), predicted: header.predicted, pyramid: header.pyramid };
        let chunk = Chunk { first: 0, frames: order.frames, predicted: order.predicted };
        for (number, grid) in self.architecture.grids.iter().enumerate() {
            if grid.temporal == Temporal::Whole {
                let group = Group::Grid(number);
                self.latents.code_group(
                    &mut coder,
                    &self.latent_plan,
                    &self.architecture,
                    self.context,
                    group,
                    chunk,
                    self.shared,
                )?;
                self.bits.count(group, &coder);
            }
        }
        self.bits_shown = self.bits;
        coder.check()?;
        let coder = coder.state();
        let SegmentHeader { colour, loop_filter, .. } = *header;
        self.buffer = PictureBuffer::new(order, self.plan.references());
        self.segment = Some(Running { coder, colour, loop_filter, failed: None, update_in });
        Ok(())
    }

    /// Decodes the next picture of the segment into `sink`; `false` if there was none left.
    ///
    /// # Errors
    /// [`FrameError`]; the segment is given up then, and the decoder can begin another.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::{Decoder, Limits, Rgb565Rows, Stream};
    /// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
    /// let stream = Stream::open(bytes, &Limits::HOST)?;
    /// let mut scratch = vec![0; stream.scratch_len().div_ceil(4)];
    /// let mut decoder = Decoder::new(&stream, &mut scratch)?;
    /// let mut line = vec![0; stream.header().width.into()];
    /// let mut drawn = 0;
    /// let mut display = Rgb565Rows::new(&mut line, |place, pixels| {
    ///     // A driver would set its window to `place` and send the pixels.
    ///     drawn += pixels.len();
    ///     if place.row < u16::MAX { Ok(()) } else { Err("out of the display") }
    /// });
    /// decoder.begin(stream.segment(0)?)?;
    /// while decoder.next_frame(&mut display).expect("it decodes and is drawn") {}
    /// assert!(drawn > 0);
    /// # Ok::<(), decoder_core::Error>(())
    /// ```
    pub fn next_frame<S: RowSink>(&mut self, sink: &mut S) -> core::result::Result<bool, FrameError<S::Error>> {
        self.next_frame_from(self.payload, sink)
    }

    /// The same for a segment that was begun with [`Self::begin_from`], with the same payload.
    ///
    /// # Errors
    /// [`FrameError`]; the segment is given up then, and the decoder can begin another.
    pub fn next_frame_from<P: Payload, S: RowSink>(
        &mut self,
        mut payload: P,
        sink: &mut S,
    ) -> core::result::Result<bool, FrameError<S::Error>> {
        let Some(mut running) = self.segment.take() else { return Ok(false) };
        if let Some(error) = running.failed {
            return Err(error.into());
        }
        let Some(shown) = self.buffer.next_shown() else { return Ok(false) };
        let stored = self.buffer.stored();
        if let Some(stored) = stored {
            let memory = (&mut *self.pictures, &mut *self.changes);
            self.tiles = show_stored(&self.plan, stored, (shown, self.size), memory, sink).map_err(FrameError::Sink)?;
        } else {
            while !self.buffer.is_due() {
                self.next_picture::<_, S>(&mut running, &mut payload, None)?;
            }
            self.next_picture(&mut running, &mut payload, Some(&mut *sink))?;
        }
        self.buffer.count_shown();
        self.bits_shown = self.bits;
        if (stored.is_some() || shown == 0) && self.buffer.can_look_ahead() {
            self.look_ahead::<_, S>(&mut running, &mut payload);
        }
        self.segment = Some(running);
        Ok(true)
    }

    /// Decodes a picture that is shown later while the one shown now can be looked at: so each call decodes one picture, but for the first.
    #[inline(never)]
    fn look_ahead<P: Payload, S: RowSink>(&mut self, running: &mut Running, payload: P) {
        let tiles = self.tiles;
        if let Err(FrameError::Stream(error)) = self.next_picture::<P, S>(running, payload, None) {
            running.failed = Some(error);
        }
        self.tiles = tiles;
    }

    /// Decodes the picture that is coded next.
    #[inline(never)]
    fn next_picture<P: Payload, S: RowSink>(
        &mut self,
        running: &mut Running,
        payload: P,
        sink: Option<&mut S>,
    ) -> core::result::Result<(), FrameError<S::Error>> {
        let frame_of_chunk = self.buffer.next() % (1 << self.architecture.root_depth);
        if frame_of_chunk == 0 {
            self.next_chunk(running, payload)?;
        }
        let roles = self.buffer.roles(sink.is_some());
        self.make(running, frame_of_chunk, roles, sink).map_err(FrameError::Sink)?;
        self.buffer.count_decoded(roles);
        Ok(())
    }

    /// Makes a picture of its latents. On its own, so that its memory and that of the octree are on the stack by turns.
    #[inline(never)]
    fn make<S: RowSink>(
        &mut self,
        running: &Running,
        frame_of_chunk: usize,
        roles: Roles,
        sink: Option<&mut S>,
    ) -> core::result::Result<(), S::Error> {
        let (order, next) = (self.buffer.order(), self.buffer.next());
        let inputs = Inputs {
            architecture: &self.architecture,
            latent_plan: &self.latent_plan,
            latents: self.latents.latents,
            scalars: &self.scalars,
            weights: self.weights,
            starts: self.starts,
            shown: order.shown(next),
            frame: next,
            frame_of_chunk,
            predicted: order.predicted && next > 0,
            colour: running.colour,
            loop_filter: running.loop_filter,
            size: self.size,
        };
        let activations = bytemuck::must_cast_slice_mut(self.shared);
        let memory = Memory { activations, masks: self.masks, changes: self.changes, pictures: self.pictures };
        self.tiles = Pipeline::<A>::new(&self.plan, inputs, roles, memory).run(sink)?;
        Ok(())
    }

    /// Bits of the segment up to the picture that was shown last, by kind.
    #[must_use]
    pub fn bits(&self) -> SegmentBits {
        self.segment.as_ref().map_or_else(SegmentBits::default, |_| self.bits_shown)
    }

    /// How much of the last picture was worked on.
    #[must_use]
    pub fn tiles(&self) -> Tiles {
        self.tiles
    }

    fn next_chunk<P: Payload>(&mut self, running: &mut Running, payload: P) -> Result<()> {
        let mut coder = RangeDecoder::resume(running.coder, payload);
        let (order, next) = (self.buffer.order(), self.buffer.next());
        if next > 0 {
            self.latents.advance(&self.latent_plan, order, next, self.shared);
            if running.update_in == 1 {
                running.update_in = self.update(&mut coder)?;
                self.bits.weights += self.bits.unspent(&coder);
            } else {
                running.update_in = running.update_in.saturating_sub(1);
            }
        }
        let Order { frames: all, predicted, .. } = order;
        let frames = (all - next).min(1 << self.architecture.root_depth);
        let chunk = Chunk { first: next, frames, predicted };
        for group in self.latent_plan.groups() {
            let coded = match group {
                Group::Motion => predicted,
                Group::Splits => order.is_from_one(next),
                Group::Sides => order.is_between(next),
                Group::Grid(number) => {
                    self.architecture.grids.get(number).is_some_and(|grid| grid.temporal != Temporal::Whole)
                }
            };
            if coded {
                self.latents.code_group(
                    &mut coder,
                    &self.latent_plan,
                    &self.architecture,
                    self.context,
                    group,
                    chunk,
                    self.shared,
                )?;
                self.bits.count(group, &coder);
            }
        }
        if predicted {
            let splits = self.architecture.has_splits() && order.is_from_one(next);
            self.settle_motion(frames, splits)?;
        }
        running.coder = coder.state();
        if next + frames == all { coder.finish() } else { coder.check() }
    }

    /// Reads an update of the weights, and in how many chunks the next one comes.
    #[inline(never)]
    fn update<P: Payload>(&mut self, coder: &mut RangeDecoder<P>) -> Result<u32> {
        let mut parameters = Parameters { weights: self.weights, biases: self.biases, context: self.context };
        code_update(coder, &self.architecture, &mut self.scalars, &mut parameters, Next::default())?;
        begin_sums(&self.architecture, &self.scalars, self.weights, self.biases, self.starts);
        code_interval(coder, 0)
    }

    /// Makes vectors of `splits`, if there are any, and refuses vectors that reach beyond the rows that are kept, and sides that there are not.
    fn settle_motion(&mut self, frames: usize, splits: bool) -> Result<()> {
        let reach = self.architecture.motion.map_or(0, |motion| 4 * motion.reach);
        let vertical = self.latent_plan.first_channel(Group::Motion);
        let place = self.latent_plan.slice(vertical, 1).start..self.latent_plan.slice(vertical, frames).end;
        let vectors = self.latents.latents.get(place).unwrap_or_default();
        let within = vectors.iter().all(|vector| vector.unsigned_abs() <= reach);
        if !within || splits && !self.latents.resolve_quarters(&self.latent_plan, [reach, i8::MAX as u8]) {
            return Err(Error::Corrupt(Corruption::Motion));
        }
        if self.architecture.is_bidirectional() {
            let place = self.latent_plan.slice(self.latent_plan.first_channel(Group::Sides), 1);
            let sides = self.latents.latents.get(place).unwrap_or_default();
            if sides.iter().any(|side| !(-1..=1).contains(side)) {
                return Err(Error::Corrupt(Corruption::Motion));
            }
        }
        Ok(())
    }
}

impl SegmentBits {
    /// What has been read since the last count.
    fn unspent<P: Payload>(&self, coder: &RangeDecoder<P>) -> u64 {
        coder.bits_q8().saturating_sub(self.weights + self.motion + self.grids.iter().sum::<u64>())
    }

    /// Charges what has been read since the last count.
    #[inline(never)]
    fn count<P: Payload>(&mut self, group: Group, coder: &RangeDecoder<P>) {
        let spent = self.unspent(coder);
        match group {
            Group::Motion | Group::Splits | Group::Sides => self.motion += spent,
            Group::Grid(number) => {
                if let Some(grid) = self.grids.get_mut(number) {
                    *grid += spent;
                }
            }
        }
    }
}
