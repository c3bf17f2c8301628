//! Decoded rows on a display, row by row: there is no framebuffer of RGB.

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, SpiDevice};
use mipidsi::interface::{SpiError, SpiInterface};
use mipidsi::models::{ILI9341Rgb565, ST7789};
use mipidsi::options::{ColorInversion, ColorOrder, Orientation, Rotation};
use mipidsi::{Builder, Display, InitError, NoResetPin};
pub use nvl_embedded_graphics::DisplayRows;

/// An ST7789 panel over SPI.
pub type St7789<'a, S, D, R> = Display<SpiInterface<'a, S, D>, ST7789, R>;

/// Why a panel did not start.
pub type StartError<S, D, R> = InitError<
    SpiError<<S as spi::ErrorType>::Error, <D as digital::ErrorType>::Error>,
    <R as digital::ErrorType>::Error,
>;

/// An ILI9341 panel over SPI without a wire for its reset.
pub type Ili9341<'a, S, D> = Display<SpiInterface<'a, S, D>, ILI9341Rgb565, NoResetPin>;

/// Starts an ILI9341 panel, turned so that it has 320x240. `buffer` collects bytes for the bus, a few dozen at least.
///
/// # Errors
/// Those of the bus and the pins.
pub fn ili9341<'a, S: SpiDevice, D: OutputPin>(
    spi: S,
    data_or_command: D,
    delay: &mut impl DelayNs,
    buffer: &'a mut [u8],
) -> Result<Ili9341<'a, S, D>, StartError<S, D, NoResetPin>> {
    let interface = SpiInterface::new(spi, data_or_command, buffer);
    let panel = Builder::new(ILI9341Rgb565, interface).color_order(ColorOrder::Bgr);
    panel.orientation(Orientation::new().rotate(Rotation::Deg90)).init(delay)
}

/// Starts an ST7789 panel of `width` x `height`; one that is higher than wide is turned. `buffer` collects bytes for the bus, a few dozen at least.
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
    let rotation = if height > width { Rotation::Deg90 } else { Rotation::Deg0 };
    panel.orientation(Orientation::new().rotate(rotation)).reset_pin(reset).init(delay)
}
