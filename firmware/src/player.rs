//! The player: the pictures of a clip, each when it is due, past damage.

use decoder_core::{Decoder, Error, FrameError, Limits, RowSink, Stream, Tiles};

use crate::log;

/// The time of a board in microseconds.
pub trait Clock {
    /// Time since any fixed moment.
    fn now(&mut self) -> u64;

    /// Returns when [`Clock::now`] is `time` or later.
    fn wait_until(&mut self, time: u64);
}

/// A clock that stands still: pictures follow one another as fast as they are decoded, and none is late.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unpaced;

impl Clock for Unpaced {
    fn now(&mut self) -> u64 {
        0
    }

    fn wait_until(&mut self, _time: u64) {}
}

/// What happened in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// A picture went to the sink.
    Shown {
        /// Its number in the file.
        frame: u32,
        /// Whether the next picture was due before this one was complete.
        late: bool,
    },
    /// A segment, or the rest of one, cannot be decoded. The last picture stays for as long as it would have taken.
    Lost {
        /// The number of the segment.
        segment: u32,
        /// What is wrong with it.
        error: Error,
    },
    /// There are no more pictures.
    End,
}

/// What has happened since the clip began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Statistics {
    /// Pictures that went to the sink.
    pub frames_shown: u32,
    /// Those of them that were late.
    pub frames_late: u32,
    /// Pictures that could not be decoded.
    pub frames_lost: u32,
    /// Segments that they belong to.
    pub segments_lost: u32,
}

/// Plays one clip.
#[derive(Debug)]
pub struct Player<'s, 'b> {
    stream: Stream<'b>,
    decoder: Decoder<'s, 'b>,
    /// When the clip began.
    started: Option<u64>,
    /// Number of the segment that is being played; before the first there is none.
    segment: Option<u32>,
    /// Number in the file of the next picture, and of the first after the segment.
    frame: u32,
    segment_end: u32,
    statistics: Statistics,
}

impl<'s, 'b> Player<'s, 'b> {
    /// Opens a clip and lends it `scratch`, which must have [`Stream::scratch_len`] bytes at least.
    ///
    /// # Errors
    /// If the clip's header or index is damaged, if it asks for more than `limits`, if `scratch` is too small.
    pub fn open(clip: &'b [u8], limits: &Limits, scratch: &'s mut [u32]) -> Result<Self, Error> {
        let stream = Stream::open(clip, limits)?;
        let decoder = Decoder::new(&stream, scratch)?;
        let statistics = Statistics::default();
        Ok(Self { stream, decoder, started: None, segment: None, frame: 0, segment_end: 0, statistics })
    }

    /// The clip.
    #[must_use]
    pub fn stream(&self) -> &Stream<'b> {
        &self.stream
    }

    /// How much of the last picture was worked on.
    #[must_use]
    pub fn tiles(&self) -> Tiles {
        self.decoder.tiles()
    }

    /// What has happened since the clip began.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Begins again with the first picture, which is due at once.
    pub fn restart(&mut self) {
        (self.started, self.segment, self.frame, self.segment_end) = (None, None, 0, 0);
        self.statistics = Statistics::default();
    }

    /// Waits until the next picture is due and decodes it into `sink`.
    ///
    /// # Errors
    /// The sink's; the rest of the segment is lost then, and the next step begins the one after it.
    pub fn step<S: RowSink, C: Clock>(&mut self, sink: &mut S, clock: &mut C) -> Result<Event, S::Error> {
        let event = self.next_event(sink, clock)?;
        log::event(&event);
        Ok(event)
    }

    /// Plays until the clip ends.
    ///
    /// # Errors
    /// The sink's.
    pub fn play<S: RowSink, C: Clock>(&mut self, sink: &mut S, clock: &mut C) -> Result<Statistics, S::Error> {
        while self.step(sink, clock)? != Event::End {}
        Ok(self.statistics)
    }

    fn next_event<S: RowSink, C: Clock>(&mut self, sink: &mut S, clock: &mut C) -> Result<Event, S::Error> {
        let started = *self.started.get_or_insert_with(|| clock.now());
        if self.frame >= self.segment_end {
            let number = self.segment.map_or(0, |number| number.saturating_add(1));
            if number >= self.stream.header().segments {
                return Ok(Event::End);
            }
            // Weights are read while the picture before is still being shown.
            if let Err(error) = self.begin(number) {
                return Ok(self.lose(error));
            }
        }
        clock.wait_until(started.saturating_add(self.due(self.frame)));
        match self.decoder.next_frame(sink) {
            Ok(_) => {
                let frame = self.frame;
                self.frame += 1;
                let late = clock.now() > started.saturating_add(self.due(self.frame));
                self.statistics.frames_shown += 1;
                self.statistics.frames_late += u32::from(late);
                Ok(Event::Shown { frame, late })
            }
            Err(FrameError::Stream(error)) => Ok(self.lose(error)),
            Err(FrameError::Sink(error)) => {
                self.frame = self.segment_end;
                Err(error)
            }
        }
    }

    /// Goes to a segment through the index, so that it does not matter what the segments before it are like.
    fn begin(&mut self, number: u32) -> Result<(), Error> {
        self.segment = Some(number);
        let next = self.stream.index_entry(number.saturating_add(1));
        self.segment_end = next.map_or(self.stream.header().frames, |next| next.first_frame);
        let segment = self.stream.segment(number)?;
        self.frame = segment.header.first_frame;
        self.segment_end = self.frame.saturating_add(segment.header.frames.into());
        self.decoder.begin(segment)
    }

    /// Gives up the rest of the segment.
    fn lose(&mut self, error: Error) -> Event {
        self.statistics.segments_lost += 1;
        self.statistics.frames_lost += self.segment_end.saturating_sub(self.frame);
        self.frame = self.segment_end;
        Event::Lost { segment: self.segment.unwrap_or(0), error }
    }

    /// When a picture is due, counted from the first.
    fn due(&self, frame: u32) -> u64 {
        let header = self.stream.header();
        // At most 10^7 * 10^6 * 10^6.
        let micros = u64::from(frame) * 1_000_000 * u64::from(header.rate_den);
        micros.checked_div(header.rate_num.into()).unwrap_or(0)
    }
}
