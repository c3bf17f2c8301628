//! The pictures of a clip in order, past damaged segments.

use decoder_core::{Decoder, Error, FrameError, Limits, RowSink, Stream};

use crate::status::Nvl;

/// A clip and where it is.
pub(crate) struct Player<'s, 'b> {
    stream: Stream<'b>,
    decoder: Decoder<'s, 'b>,
    /// The segment after the one that is being decoded.
    next_segment: u32,
    /// Number in the file of the next picture, while a segment is being decoded.
    frame: Option<u32>,
}

impl<'s, 'b> Player<'s, 'b> {
    /// Opens a clip in memory of the caller.
    pub(crate) fn open(clip: &'b [u8], scratch: &'s mut [u32]) -> Result<Self, Error> {
        let stream = Stream::open(clip, &Limits::HOST)?;
        let decoder = Decoder::new(&stream, scratch)?;
        Ok(Self { stream, decoder, next_segment: 0, frame: None })
    }

    /// Luma samples a row.
    pub(crate) fn width(&self) -> usize {
        self.stream.header().width.into()
    }

    /// Goes to the start of a segment.
    pub(crate) fn seek(&mut self, segment: u32) -> Result<(), Nvl> {
        if segment >= self.stream.header().segments {
            return Err(Nvl::NoSuchSegment);
        }
        (self.next_segment, self.frame) = (segment, None);
        Ok(())
    }

    /// The first picture of a segment.
    pub(crate) fn first_frame(&self, segment: u32) -> Result<u32, Nvl> {
        if segment >= self.stream.header().segments {
            return Err(Nvl::NoSuchSegment);
        }
        Ok(self.stream.index_entry(segment)?.first_frame)
    }

    /// Decodes the next picture; its number. After an error of the stream the next call goes on with the segment after it.
    pub(crate) fn next<S: RowSink>(&mut self, sink: &mut S) -> Result<u32, Nvl> {
        loop {
            let Some(frame) = self.frame else {
                self.begin()?;
                continue;
            };
            self.frame = None;
            match self.decoder.next_frame(sink) {
                Ok(true) => {
                    self.frame = Some(frame.saturating_add(1));
                    return Ok(frame);
                }
                Ok(false) => {}
                Err(FrameError::Stream(error)) => return Err(error.into()),
                Err(FrameError::Sink(_)) => return Err(Nvl::Stopped),
            }
        }
    }

    fn begin(&mut self) -> Result<(), Nvl> {
        let number = self.next_segment;
        if number >= self.stream.header().segments {
            return Err(Nvl::End);
        }
        self.next_segment = number.saturating_add(1);
        let segment = self.stream.segment(number)?;
        self.decoder.begin(segment)?;
        self.frame = Some(segment.header.first_frame);
        Ok(())
    }
}
