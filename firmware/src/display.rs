//! Decoded rows on a display, row by row: there is no framebuffer of RGB.

use decoder_core::{Place, Rgb565Rows, RowPair, RowSink};
use embedded_graphics_core::draw_target::DrawTarget;
use embedded_graphics_core::geometry::{Point, Size};
use embedded_graphics_core::pixelcolor::Rgb565;
use embedded_graphics_core::pixelcolor::raw::RawU16;
use embedded_graphics_core::primitives::Rectangle;
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, SpiDevice};
use mipidsi::interface::{SpiError, SpiInterface};
use mipidsi::models::ST7789;
use mipidsi::options::ColorInversion;
use mipidsi::{Builder, Display, InitError};

/// An ST7789 panel over SPI.
pub type St7789<'a, S, D, R> = Display<SpiInterface<'a, S, D>, ST7789, R>;

/// Why a panel did not start.
pub type StartError<S, D, R> = InitError<
    SpiError<<S as spi::ErrorType>::Error, <D as digital::ErrorType>::Error>,
    <R as digital::ErrorType>::Error,
>;

/// Starts an ST7789 panel of `width` x `height`. `buffer` collects bytes for the bus, a few dozen at least.
///
/// # Errors
/// Those of the bus and the pins.
pub fn st7789<'a, S: SpiDevice, D: OutputPin, R: OutputPin>(
    spi: S,
    data_or_command: D,
    reset: R,
    delay: &mut impl DelayNs,
    buffer: &'a mut [u8],
    [width, height]: [u16; 2],
) -> Result<St7789<'a, S, D, R>, StartError<S, D, R>> {
    let interface = SpiInterface::new(spi, data_or_command, buffer);
    let panel = Builder::new(ST7789, interface).display_size(width, height).invert_colors(ColorInversion::Inverted);
    panel.reset_pin(reset).init(delay)
}

/// Draws decoded rows in the middle of a display.
#[derive(Debug)]
pub struct DisplayRows<'a, D> {
    display: D,
    line: &'a mut [u16],
    origin: Point,
}

impl<'a, D: DrawTarget<Color = Rgb565>> DisplayRows<'a, D> {
    /// Centres pictures of `width` x `height`; `line` holds a row of them.
    pub fn centred(display: D, line: &'a mut [u16], width: u16, height: u16) -> Self {
        let area = display.bounding_box();
        let margin = |room: u32, picture: u16| (room as i32 - i32::from(picture)) / 2;
        let margin = Point::new(margin(area.size.width, width), margin(area.size.height, height));
        Self { display, line, origin: area.top_left + margin }
    }
}

impl<D: DrawTarget<Color = Rgb565>> RowSink for DisplayRows<'_, D> {
    type Error = D::Error;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), D::Error> {
        let Self { display, line, origin } = self;
        let draw = |place: Place, pixels: &[u16]| {
            let corner = *origin + Point::new(place.column.into(), place.row.into());
            let area = Rectangle::new(corner, Size::new(pixels.len() as u32, 1));
            display.fill_contiguous(&area, pixels.iter().map(|&pixel| RawU16::new(pixel).into()))
        };
        Rgb565Rows::new(line, draw).row_pair(rows)
    }

    fn takes_changes(&self) -> bool {
        true
    }
}
