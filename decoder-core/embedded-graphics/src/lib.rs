//! NVL video on everything that has [`DrawTarget`], which is what the drivers of small displays implement.
//!
//! Pixels go to the display row by row while a picture is decoded: there is no framebuffer of RGB. A display keeps what it
//! shows, so after the first picture of a segment only what changed is sent.
//!
//! ```
//! # fn play<D>(clip: &[u8], display: D) -> Result<(), decoder_core::FrameError<D::Error>>
//! # where D: embedded_graphics_core::draw_target::DrawTarget<Color = embedded_graphics_core::pixelcolor::Rgb565> {
//! use decoder_core::{Decoder, Limits, Stream};
//! use nvl_embedded_graphics::DisplayRows;
//!
//! let stream = Stream::open(clip, &Limits::HOST)?;
//! let mut scratch = vec![0; stream.scratch_len() / 4];
//! let mut decoder = Decoder::new(&stream, &mut scratch)?;
//! let mut line = [0; 240];
//! let mut rows = DisplayRows::centred(display, &mut line, stream.header().width, stream.header().height);
//! for segment in stream.segments() {
//!     decoder.begin(segment?)?;
//!     while decoder.next_frame(&mut rows)? {}
//! }
//! # Ok(()) }
//! ```
#![no_std]
#![forbid(unsafe_code)]

use decoder_core::{Place, Rgb565Rows, RowPair, RowSink};
use embedded_graphics_core::draw_target::DrawTarget;
use embedded_graphics_core::geometry::{Point, Size};
use embedded_graphics_core::pixelcolor::Rgb565;
use embedded_graphics_core::pixelcolor::raw::RawU16;
use embedded_graphics_core::primitives::Rectangle;

/// Draws decoded rows on a display. What lies outside the display is left out.
#[derive(Debug)]
pub struct DisplayRows<'a, D> {
    display: D,
    line: &'a mut [u16],
    origin: Point,
}

impl<'a, D: DrawTarget> DisplayRows<'a, D>
where
    D::Color: From<Rgb565>,
{
    /// Draws pictures with their upper left corner at `origin`; `line` holds a row of them.
    pub fn at(display: D, line: &'a mut [u16], origin: Point) -> Self {
        Self { display, line, origin }
    }

    /// Draws pictures of `width` x `height` in the middle of the display; `line` holds a row of them.
    pub fn centred(display: D, line: &'a mut [u16], width: u16, height: u16) -> Self {
        let area = display.bounding_box();
        let margin = |room: u32, picture: u16| (room as i32 - i32::from(picture)) / 2;
        let margin = Point::new(margin(area.size.width, width), margin(area.size.height, height));
        Self::at(display, line, area.top_left + margin)
    }

    /// The display, to draw on it between two pictures.
    pub fn display(&mut self) -> &mut D {
        &mut self.display
    }

    /// The display back.
    pub fn release(self) -> D {
        self.display
    }
}

impl<D: DrawTarget> RowSink for DisplayRows<'_, D>
where
    D::Color: From<Rgb565>,
{
    type Error = D::Error;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), D::Error> {
        let Self { display, line, origin } = self;
        let draw = |place: Place, pixels: &[u16]| {
            let corner = *origin + Point::new(place.column.into(), place.row.into());
            let area = Rectangle::new(corner, Size::new(pixels.len() as u32, 1));
            display.fill_contiguous(&area, pixels.iter().map(|&pixel| Rgb565::from(RawU16::new(pixel)).into()))
        };
        Rgb565Rows::new(line, draw).row_pair(rows)
    }

    fn takes_changes(&self) -> bool {
        true
    }
}
