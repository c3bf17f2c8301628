//! One clip from its head to its last picture, with one segment in memory at a time.

use core::ops::Range;

use decoder_core::wire::{IndexEntry, SegmentHeader};
use decoder_core::{Decoder, Error, FrameError, Limits, Stream, Tiles, Word};

use crate::memory::{at_least, take};
use crate::message::Message;
use crate::picture::{Picture, planes_len};

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// It succeeded.
    Done = 0,
    /// The segment has no more pictures.
    End = 1,
    /// The bytes end too early: [`Session::needed`] are needed.
    NeedMoreData = 2,
    /// The bytes are no stream, or damaged: [`Session::message`] says how.
    Corrupt = 3,
    /// The stream needs another version of this decoder.
    Unsupported = 4,
    /// The stream asks for more than the format allows, or more than the machine has.
    Limit = 5,
    /// A step was taken before the one that it depends on.
    Order = 6,
}

/// What a clip's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Facts {
    /// Luma samples a row.
    pub width: u32,
    /// Luma rows.
    pub height: u32,
    /// Frames per second, numerator.
    pub rate_num: u32,
    /// Frames per second, denominator.
    pub rate_den: u32,
    /// Pictures.
    pub frames: u32,
    /// Segments.
    pub segments: u32,
    /// Level: 0 nano, 1 micro, 2 edge, 3 full.
    pub level: u32,
    /// Multiply-accumulates for one luma sample if nothing is skipped.
    pub mac_per_pixel: u32,
    /// Bytes of memory that the decoder works in.
    pub scratch: u32,
    /// Bytes of header and index.
    pub head: u32,
}

impl Facts {
    /// Those of no clip.
    pub(crate) const NONE: Self = Self {
        width: 0,
        height: 0,
        rate_num: 0,
        rate_den: 0,
        frames: 0,
        segments: 0,
        level: 0,
        mac_per_pixel: 0,
        scratch: 0,
        head: 0,
    };
}

/// A clip that is being decoded, one in a session's life.
///
/// The order of steps: [`head_room`](Self::head_room) and [`open`](Self::open), both again with more bytes where it asks for
/// them; then, for any segment, [`segment_room`](Self::segment_room), [`begin`](Self::begin) and
/// [`next_frame`](Self::next_frame) until the end.
#[derive(Debug, Default)]
pub struct Session {
    head: &'static mut [u32],
    clip: Option<Clip>,
    segment: &'static mut [u32],
    /// Where the payload of the segment that has begun lies in its room.
    payload: Option<Range<usize>>,
    planes: &'static mut [u32],
    rgba: &'static mut [u32],
    needed: usize,
    message: Message,
}

/// A clip that is open.
#[derive(Debug)]
struct Clip {
    stream: Stream<'static>,
    decoder: Decoder<'static, 'static>,
}

impl Session {
    /// Memory for the first `bytes` bytes of a file; `None` if there is not so much.
    pub fn head_room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        at_least(&mut self.head, bytes)?;
        Some(bytemuck::must_cast_slice_mut(self.head))
    }

    /// Opens the clip whose first `len` bytes have been put into the head's room.
    pub fn open(&mut self, len: usize) -> Status {
        // The stream borrows it for ever.
        let head: &'static mut [u32] = core::mem::take(&mut self.head);
        let head: &'static [u8] = bytemuck::must_cast_slice(head);
        let opened = Stream::open(head.get(..len).unwrap_or(head), &Limits::HOST);
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => return self.refuse(error),
        };
        let [width, height] = size(&stream);
        let demand = [stream.scratch_len(), planes_len(width, height), 4 * width * height];
        let [Some(scratch), Some(planes), Some(rgba)] = demand.map(take) else {
            let bytes: usize = demand.iter().sum();
            self.message.say(&[
                Word::Number(width as u64),
                Word::Text("x"),
                Word::Number(height as u64),
                Word::Text(" pictures need "),
                Word::Number(bytes as u64),
                Word::Text(" bytes of memory, and there is not so much"),
            ]);
            return Status::Limit;
        };
        (self.planes, self.rgba) = (planes, rgba);
        match Decoder::new(&stream, scratch) {
            Ok(decoder) => self.clip = Some(Clip { stream, decoder }),
            Err(error) => return self.refuse(error),
        }
        Status::Done
    }

    /// What the header of the open clip says; nothing but zeros if none is open.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.clip.as_ref().map_or(Facts::NONE, |Clip { stream, .. }| {
            let header = stream.header();
            Facts {
                width: header.width.into(),
                height: header.height.into(),
                rate_num: header.rate_num,
                rate_den: header.rate_den,
                frames: header.frames,
                segments: header.segments,
                level: header.level as u32,
                mac_per_pixel: stream.mac_per_pixel(),
                scratch: stream.scratch_len() as u32,
                head: stream.head_len() as u32,
            }
        })
    }

    /// Where segment `number` lies; `None` if the index has no such place.
    #[must_use]
    pub fn index_entry(&self, number: u32) -> Option<IndexEntry> {
        self.clip.as_ref()?.stream.index_entry(number).ok()
    }

    /// Memory for a segment of `bytes` bytes; `None` if there is not so much. The segment before is given up. Whoever asks
    /// for the longest first never makes it grow.
    pub fn segment_room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        self.payload = None;
        at_least(&mut self.segment, bytes)?;
        Some(bytemuck::must_cast_slice_mut(self.segment))
    }

    /// Begins segment `number`, whose `len` bytes have been put into the segment's room.
    pub fn begin(&mut self, number: u32, len: usize) -> Status {
        self.payload = None;
        let Some(Clip { stream, decoder }) = &mut self.clip else { return self.out_of_order() };
        let room: &[u8] = bytemuck::must_cast_slice(self.segment);
        let bytes = room.get(..len).unwrap_or(room);
        let begun = stream.segment_in(number, bytes).and_then(|segment| {
            let payload = segment.payload()?;
            let (_, start) = SegmentHeader::parse(bytes, 0, stream.header())?;
            decoder.begin_from(&segment.header, payload)?;
            Ok(start..start + payload.len())
        });
        match begun {
            Ok(payload) => {
                self.payload = Some(payload);
                Status::Done
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Decodes the segment's next picture. After an error nothing follows.
    pub fn next_frame(&mut self) -> Status {
        let Self { clip: Some(Clip { stream, decoder }), segment, payload: Some(payload), planes, .. } = self else {
            return self.out_of_order();
        };
        let segment: &[u8] = bytemuck::must_cast_slice(segment);
        let payload = segment.get(payload.clone()).unwrap_or_default();
        let [width, height] = size(stream);
        let mut picture = Picture::new(width, height, bytemuck::must_cast_slice_mut(planes));
        match decoder.next_frame_from(payload, &mut picture).map_err(FrameError::into_stream_error) {
            Ok(true) => Status::Done,
            Ok(false) => Status::End,
            Err(error) => {
                self.payload = None;
                self.refuse(error)
            }
        }
    }

    /// How much of the last picture was worked on.
    #[must_use]
    pub fn tiles(&self) -> Tiles {
        self.clip.as_ref().map_or_else(Tiles::default, |clip| clip.decoder.tiles())
    }

    /// The last picture, planar YUV 4:2:0 without padding; empty if no clip is open.
    #[must_use]
    pub fn planes(&self) -> &[u8] {
        let [width, height] = self.clip.as_ref().map_or([0; 2], |clip| size(&clip.stream));
        bytemuck::must_cast_slice(self.planes).get(..planes_len(width, height)).unwrap_or_default()
    }

    /// The last picture as a canvas takes it, four bytes a pixel; empty if no clip is open.
    pub fn rgba(&mut self) -> &[u8] {
        let [width, height] = self.clip.as_ref().map_or([0; 2], |clip| size(&clip.stream));
        let rgba: &mut [u8] = bytemuck::must_cast_slice_mut(self.rgba);
        Picture::new(width, height, bytemuck::must_cast_slice_mut(self.planes)).to_rgba(rgba);
        rgba.get(..4 * width * height).unwrap_or_default()
    }

    /// The length at which a step that wanted more data can go on.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// Why the last step that failed did.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.text()
    }

    fn refuse(&mut self, error: Error) -> Status {
        self.message.say_error(&error);
        match error {
            Error::NeedMoreData { at_least } => {
                self.needed = at_least;
                Status::NeedMoreData
            }
            Error::Unsupported(_) => Status::Unsupported,
            Error::Limit { .. } => Status::Limit,
            _ => Status::Corrupt,
        }
    }

    fn out_of_order(&mut self) -> Status {
        self.message.say(&[Word::Text("no clip is open, or no segment has begun")]);
        Status::Order
    }
}

/// Width and height.
fn size(stream: &Stream<'_>) -> [usize; 2] {
    [stream.header().width, stream.header().height].map(usize::from)
}
