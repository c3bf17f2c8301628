//! The player: the pictures of a clip, each when it is due, past damage.

use decoder_core::{Limits, RowSink, Tiles};
use embedded_io::{Read, Seek};
use nvl_stream::{Error, Failure, Input, Seekable, StreamDecoder};

use crate::log;

/// How often something is read that cannot be read, before it is given up.
const ATTEMPTS: usize = 3;

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

/// What happened in one step; `R` is the error of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<R> {
    /// A picture went to the sink.
    Shown {
        /// Its number in the file.
        frame: u32,
        /// Whether the next picture was due before this one was complete.
        late: bool,
    },
    /// Pictures cannot be decoded. The last one stays until the next that can be is due.
    Lost {
        /// The number of the first of them.
        frame: u32,
        /// Why.
        error: Error<R>,
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
    /// How often pictures were lost.
    pub losses: u32,
}

/// Plays one clip from a reader: [flash](crate::mapped::Mapped), a file of a card.
pub struct Player<'m, 'b, R: Read + Seek> {
    decoder: StreamDecoder<'m, 'b, Seekable<R>>,
    /// When the clip began.
    started: Option<u64>,
    /// Number of the picture after the last that was shown.
    next: u32,
    statistics: Statistics,
}

impl<'m, 'b, R: Read + Seek> Player<'m, 'b, R> {
    /// Opens the clip that begins with the reader's next byte. `buffer` is what it is read through, some hundred bytes or more;
    /// `scratch` the decoder's memory.
    ///
    /// # Errors
    /// Of the reader; if the clip's header or index is damaged, if it asks for more than `limits`, if a memory is too small.
    pub fn open(
        clip: R,
        buffer: &'b mut [u8],
        limits: &Limits,
        scratch: &'m mut [u32],
    ) -> Result<Self, Error<R::Error>> {
        let input = Input::open(Seekable::new(clip).map_err(Error::Read)?, buffer, limits)?;
        let decoder = StreamDecoder::new(input, scratch)?;
        Ok(Self { decoder, started: None, next: 0, statistics: Statistics::default() })
    }

    /// The clip.
    #[must_use]
    pub fn input(&self) -> &Input<'b, Seekable<R>> {
        self.decoder.input()
    }

    /// What has happened since the clip began.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// How much of the last picture was worked on.
    #[must_use]
    pub fn tiles(&self) -> Tiles {
        self.decoder.tiles()
    }

    /// Begins again with the first picture, which is due at once.
    ///
    /// # Errors
    /// The reader's; the call can be repeated.
    pub fn restart(&mut self) -> Result<(), Error<R::Error>> {
        self.decoder.seek_segment(0)?;
        (self.started, self.next, self.statistics) = (None, 0, Statistics::default());
        Ok(())
    }

    /// Waits until the next picture is due and decodes it into `sink`.
    ///
    /// # Errors
    /// The sink's; the rest of the segment is lost then, and the next step begins the one after it.
    pub fn step<S: RowSink, C: Clock>(&mut self, sink: &mut S, clock: &mut C) -> Result<Event<R::Error>, S::Error> {
        let started = *self.started.get_or_insert_with(|| clock.now());
        // Weights are read while the picture before is still being shown.
        let mut result = self.decoder.ready();
        for _ in 1..ATTEMPTS {
            if result.is_err() {
                result = self.decoder.ready();
            }
        }
        let event = match result {
            Ok(None) => {
                clock.wait_until(started.saturating_add(self.due(self.decoder.frame())));
                match self.decoder.next(sink) {
                    Ok(event) => self.count(event, started, clock),
                    Err(Failure::Input(error)) => self.pass_over(error),
                    Err(Failure::Sink(error)) => return Err(error),
                }
            }
            Ok(Some(event)) => self.count(event, started, clock),
            Err(error) => self.pass_over(error),
        };
        log::event(&event);
        Ok(event)
    }

    /// Plays until the clip ends.
    ///
    /// # Errors
    /// The sink's.
    pub fn play<S: RowSink, C: Clock>(&mut self, sink: &mut S, clock: &mut C) -> Result<Statistics, S::Error> {
        while !matches!(self.step(sink, clock)?, Event::End) {}
        Ok(self.statistics)
    }

    fn count<C: Clock>(&mut self, event: nvl_stream::Event<R::Error>, started: u64, clock: &mut C) -> Event<R::Error> {
        match event {
            nvl_stream::Event::Shown { frame } => {
                let late = clock.now() > started.saturating_add(self.due(frame.saturating_add(1)));
                self.statistics.frames_shown += 1;
                self.statistics.frames_late += u32::from(late);
                self.count_lost(frame);
                self.next = frame.saturating_add(1);
                Event::Shown { frame, late }
            }
            nvl_stream::Event::Lost { frame, error } => {
                self.statistics.losses += 1;
                Event::Lost { frame, error }
            }
            nvl_stream::Event::End => {
                self.count_lost(self.input().head().header().frames);
                Event::End
            }
        }
    }

    /// Pictures up to `frame` that have not been shown never will be.
    fn count_lost(&mut self, frame: u32) {
        self.statistics.frames_lost += frame.saturating_sub(self.next);
        self.next = self.next.max(frame);
    }

    /// Goes on behind a segment that cannot be read, with the next that can.
    fn pass_over(&mut self, error: Error<R::Error>) -> Event<R::Error> {
        let frame = self.decoder.frame();
        let segments = self.input().head().header().segments;
        let after = self.decoder.segment().saturating_add(1);
        let found = (after..segments).any(|number| self.decoder.seek_segment(number).is_ok());
        if !found {
            self.decoder.end();
        }
        self.statistics.losses += 1;
        Event::Lost { frame, error }
    }

    /// When a picture is due, counted from the first.
    fn due(&self, frame: u32) -> u64 {
        let header = self.input().head().header();
        // At most 10^7 * 10^6 * 10^6.
        let micros = u64::from(frame) * 1_000_000 * u64::from(header.rate_den);
        micros.checked_div(header.rate_num.into()).unwrap_or(0)
    }
}
