//! From a reader to pictures, past damage.

use core::mem;

use decoder_core::wire::{SYNC, SegmentHeader};
use decoder_core::{Corruption, Decoder, FrameError, RowSink, Tiles};

use crate::error::{Error, Failure};
use crate::input::{CHECKSUMS, Input, Unchecked};
use crate::payload::{Passing, Progress};
use crate::source::{Seekable, Source};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<R> {
    /// A picture went to the sink.
    Shown {
        /// Its number in the stream.
        frame: u32,
    },
    /// Pictures are missing from here on; the next that is shown says by its number how many. A loss is told once.
    Lost {
        /// Number of the first of them.
        frame: u32,
        /// Why.
        error: Error<R>,
    },
    /// There are no more pictures.
    End,
}

/// What the next bytes are.
enum State {
    /// A segment header, if nothing is damaged; else anything.
    Header { in_step: bool },
    /// A payload that fits into the buffer: it is read as a whole.
    Whole(Progress),
    /// A payload that does not, from the place `start`: it is checked, then read again. `at` bytes have been looked at.
    Checked { progress: Progress, start: u64, at: usize },
    /// A payload that is being decoded.
    Playing(Progress),
    /// Nothing of interest.
    End,
}

/// Decodes a stream from a reader.
pub struct StreamDecoder<'m, 'b, S: Source> {
    input: Input<'b, S>,
    decoder: Decoder<'m, 'static>,
    state: State,
    /// Why a byte of a picture could not be had that comes after the one shown last.
    late: Option<Error<S::Error>>,
    /// Numbers of the segment and of the picture that come next.
    segment: u32,
    frame: u32,
    frames_lost: u32,
}

/// An event that is not a picture.
type Lost<S> = Option<Event<<S as Source>::Error>>;
type Step<S> = Result<Lost<S>, Error<<S as Source>::Error>>;
/// What a call with a sink gives.
type Played<T, S, K> = Result<T, Failure<<S as Source>::Error, <K as RowSink>::Error>>;

impl<'m, 'b, S: Source> StreamDecoder<'m, 'b, S> {
    /// Lends it `scratch`, which must have [`Head::scratch_len`](decoder_core::wire::Head::scratch_len) bytes at least.
    ///
    /// # Errors
    /// `ScratchTooSmall`; [`Error::BufferTooSmall`] if a segment does not fit into the buffer, the reader cannot go back, and
    /// [`Unchecked::Refused`] is the choice.
    pub fn new(input: Input<'b, S>, scratch: &'m mut [u32]) -> Result<Self, Error<S::Error>> {
        input.check_buffer()?;
        let decoder = Decoder::for_head(&input.head, scratch)?;
        Ok(Self {
            input,
            decoder,
            state: State::Header { in_step: true },
            late: None,
            segment: 0,
            frame: 0,
            frames_lost: 0,
        })
    }

    /// The stream.
    #[must_use]
    pub fn input(&self) -> &Input<'b, S> {
        &self.input
    }

    /// Pictures that could not be shown so far.
    #[must_use]
    pub fn frames_lost(&self) -> u32 {
        self.frames_lost
    }

    /// Number in the stream of the picture that comes next, if nothing is lost before it.
    #[must_use]
    pub fn frame(&self) -> u32 {
        self.frame
    }

    /// Number of the segment that comes next or is being played.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.segment
    }

    /// How much of the last picture was worked on.
    #[must_use]
    pub fn tiles(&self) -> Tiles {
        self.decoder.tiles()
    }

    /// Gives up all pictures that are left.
    pub fn end(&mut self) {
        self.count_lost(self.input.head.header().frames);
        self.state = State::End;
    }

    /// Decodes the next picture into `sink`, or says why there is none.
    ///
    /// # Errors
    /// [`Failure::Input`] with [`Error::Read`] while a header or a payload is taken into memory: nothing is lost, the next call goes on.
    /// [`Failure::Sink`]: the rest of the segment is lost.
    pub fn next<K: RowSink>(&mut self, sink: &mut K) -> Played<Event<S::Error>, S, K> {
        loop {
            if let Some(event) = self.ready()? {
                return Ok(event);
            }
            if let Some(event) = self.play(sink)? {
                return Ok(event);
            }
        }
    }

    /// Does all that has to be done before [`Self::next`] can decode picture [`Self::frame`] with nothing but its own work; or
    /// says why there is none, as that does.
    ///
    /// # Errors
    /// [`Error::Read`]: nothing is lost, the next call goes on.
    pub fn ready(&mut self) -> Result<Lost<S>, Error<S::Error>> {
        loop {
            let event = match &self.state {
                State::Header { in_step } => self.header(*in_step)?,
                State::Whole(_) => self.whole()?,
                State::Checked { .. } => self.checked()?,
                State::Playing(Progress { header, .. }) => {
                    if self.frame < header.first_frame + u32::from(header.frames) {
                        return Ok(None);
                    }
                    self.next_segment();
                    None
                }
                State::End => Some(Event::End),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// The segment has been played.
    fn next_segment(&mut self) {
        self.segment += 1;
        self.state = State::Header { in_step: true };
    }

    /// Looks for a segment header.
    fn header(&mut self, in_step: bool) -> Step<S> {
        let stream = self.input.head.header();
        if self.segment >= stream.segments {
            self.state = State::End;
            return Ok(None);
        }
        let window = &mut self.input.window;
        let error = match SegmentHeader::parse(window.bytes(), 0, stream) {
            Ok((header, len)) if is_due(&header, self.segment, self.frame) => {
                if in_step && header.index != self.segment {
                    damage(Corruption::SegmentHeader)
                } else {
                    window.consume(len);
                    return Ok(self.enter(header));
                }
            }
            Ok(_) => damage(Corruption::SegmentHeader),
            Err(decoder_core::Error::NeedMoreData { at_least }) => match window.fill(at_least) {
                Ok(()) => return Ok(None),
                Err(Error::Ended) => Error::Ended,
                // No valid header is so long.
                Err(Error::BufferTooSmall { .. }) => damage(Corruption::SegmentHeader),
                Err(error) => return Err(error),
            },
            Err(error) => error.into(),
        };
        let frame = self.frame;
        if window.bytes().len() < SYNC.len() {
            let frames = stream.frames;
            self.count_lost(frames);
            self.state = State::End;
        } else if in_step {
            self.state = State::Header { in_step: false };
        } else {
            let may_begin = window.bytes().iter().skip(1).position(|byte| SYNC.first() == Some(byte));
            window.consume(may_begin.map_or(window.bytes().len(), |at| at + 1));
        }
        Ok(in_step.then_some(Event::Lost { frame, error }))
    }

    /// Begins with the payload of a segment.
    fn enter(&mut self, header: SegmentHeader) -> Lost<S> {
        self.count_lost(header.first_frame);
        self.segment = header.index;
        let window = &self.input.window;
        let (required, lent) = (header.payload_len as usize, window.capacity());
        if required <= lent {
            self.state = State::Whole(Progress::checked(header));
        } else if window.can_seek() {
            let (progress, start) = (Progress::unchecked(header), window.offset());
            self.state = State::Checked { progress, start, at: 0 };
        } else if self.input.unchecked == Unchecked::Shown {
            return self.begin(Progress::unchecked(header));
        } else {
            return Some(self.lose(&header, Error::BufferTooSmall { required, lent }));
        }
        None
    }

    /// Takes a payload into memory and checks it.
    fn whole(&mut self) -> Step<S> {
        let State::Whole(progress) = &self.state else { return Ok(None) };
        let header = progress.header;
        let window = &mut self.input.window;
        match window.fill(progress.len()) {
            Ok(()) => {}
            Err(Error::Read(error)) => return Err(Error::Read(error)),
            Err(error) => return Ok(Some(self.lose(&header, error))),
        }
        let payload = window.bytes().get(..progress.len()).unwrap_or_default();
        if CHECKSUMS.checksum(payload) != header.payload_crc {
            return Ok(Some(self.lose(&header, damage(Corruption::PayloadChecksum))));
        }
        Ok(self.begin(Progress::checked(header)))
    }

    /// Lets a payload pass to check it, and goes back to its start.
    fn checked(&mut self) -> Step<S> {
        let State::Checked { progress, start, at } = &mut self.state else { return Ok(None) };
        let window = &mut self.input.window;
        let mut ended = false;
        while !progress.is_complete() && !ended {
            progress.update(window.bytes(), *at);
            let seen = progress.seen();
            window.consume(seen - *at);
            *at = seen;
            if !progress.is_complete() {
                ended = !window.read().map_err(Error::Read)?;
            }
        }
        window.seek(*start).map_err(Error::Read)?;
        let header = progress.header;
        if ended {
            return Ok(Some(self.lose(&header, Error::Ended)));
        }
        if progress.is_damaged() {
            return Ok(Some(self.lose(&header, damage(Corruption::PayloadChecksum))));
        }
        Ok(self.begin(Progress::unchecked(header)))
    }

    /// Reads what stands before the pictures of a payload.
    fn begin(&mut self, mut progress: Progress) -> Lost<S> {
        let window = &mut self.input.window;
        progress.update(window.bytes(), 0);
        self.late = None;
        let mut payload = Passing { window, progress: &mut progress, error: None };
        let header = payload.progress.header;
        match self.decoder.begin_from(&header, &mut payload) {
            Ok(()) => {
                self.state = State::Playing(progress);
                None
            }
            Err(error) => {
                let error = payload.reason(error);
                Some(self.lose(&header, error))
            }
        }
    }

    /// Decodes a picture.
    fn play<K: RowSink>(&mut self, sink: &mut K) -> Played<Lost<S>, S, K> {
        let State::Playing(progress) = &mut self.state else { return Ok(None) };
        let header = progress.header;
        let mut payload = Passing { window: &mut self.input.window, progress, error: self.late.take() };
        match self.decoder.next_frame_from(&mut payload, sink) {
            Ok(true) => {
                self.late = payload.error;
                let frame = self.frame;
                self.frame += 1;
                Ok(Some(Event::Shown { frame }))
            }
            Ok(false) => {
                self.next_segment();
                Ok(None)
            }
            Err(FrameError::Stream(error)) => {
                let error = payload.reason(error);
                Ok(Some(self.lose(&header, error)))
            }
            Err(FrameError::Sink(error)) => {
                self.give_up(&header);
                Err(Failure::Sink(error))
            }
        }
    }

    /// Gives up the rest of a segment and says so.
    fn lose(&mut self, header: &SegmentHeader, error: Error<S::Error>) -> Event<S::Error> {
        let frame = self.frame;
        self.give_up(header);
        Event::Lost { frame, error }
    }

    /// Gives up the rest of a segment. Its length may be wrong where bytes are missing, so the next is searched from here on.
    fn give_up(&mut self, header: &SegmentHeader) {
        let end = header.first_frame + u32::from(header.frames);
        self.count_lost(end);
        self.segment = header.index + 1;
        self.state = State::Header { in_step: false };
    }

    /// Goes on with picture `frame`: those before it are lost.
    fn count_lost(&mut self, frame: u32) {
        self.frames_lost = self.frames_lost.saturating_add(frame.saturating_sub(self.frame));
        self.frame = frame;
    }
}

impl<R: embedded_io::Read + embedded_io::Seek> StreamDecoder<'_, '_, Seekable<R>> {
    /// Goes to a segment through the index. Pictures that are passed over do not count as lost.
    ///
    /// # Errors
    /// [`Corruption::Index`] if there is no such segment; [`Error::Read`] and [`Error::Ended`], after which the call can be repeated.
    pub fn seek_segment(&mut self, number: u32) -> Result<(), Error<R::Error>> {
        if number >= self.input.head.header().segments {
            return Err(damage(Corruption::Index));
        }
        self.state = State::Header { in_step: false };
        if let Some(entry) = self.input.seek(number)? {
            (self.segment, self.frame) = (number, entry.first_frame);
            self.state = State::Header { in_step: true };
        }
        Ok(())
    }
}

/// Whether a segment may come next, perhaps after others that are missing.
fn is_due(header: &SegmentHeader, segment: u32, frame: u32) -> bool {
    let missing = header.index.checked_sub(segment).zip(header.first_frame.checked_sub(frame));
    missing.is_some_and(|(segments, frames)| if segments == 0 { frames == 0 } else { frames >= segments })
}

fn damage<R>(what: Corruption) -> Error<R> {
    decoder_core::Error::Corrupt(what).into()
}

impl<S: Source> Passing<'_, '_, S> {
    /// Why the decoder stopped with `error`.
    fn reason(&mut self, error: decoder_core::Error) -> Error<S::Error> {
        match mem::take(&mut self.error) {
            Some(error) => error,
            None if self.progress.is_damaged() => damage(Corruption::PayloadChecksum),
            None => error.into(),
        }
    }
}
