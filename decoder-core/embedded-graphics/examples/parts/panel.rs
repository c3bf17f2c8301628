//! An ST7789 panel as its bus and its pins see it: what it would show is in memory.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;

use embedded_graphics_core::pixelcolor::raw::RawU16;
use embedded_graphics_core::pixelcolor::{Rgb565, RgbColor};
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, Operation, SpiDevice};

/// Commands of the panel (ST7789V data sheet, section 9.1).
const COLUMNS: u8 = 0x2a;
const ROWS: u8 = 0x2b;
const WRITE: u8 = 0x2c;

/// The panel.
pub struct Panel {
    is_data: Cell<bool>,
    state: RefCell<State>,
    width: usize,
}

struct State {
    pixels: Vec<Rgb565>,
    command: u8,
    data: Vec<u8>,
    /// First and last column and row of the window, and how many pixels were written into it.
    window: [[usize; 2]; 2],
    written: usize,
}

impl Panel {
    /// All black.
    pub fn new(width: usize, height: usize) -> Self {
        let pixels = vec![Rgb565::BLACK; width * height];
        let state = State { pixels, command: 0, data: vec![], window: [[0; 2]; 2], written: 0 };
        Self { is_data: Cell::new(false), state: RefCell::new(state), width }
    }

    /// What it shows.
    pub fn pixels(&self) -> Vec<Rgb565> {
        self.state.borrow().pixels.clone()
    }

    fn take(&self, byte: u8) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        if !self.is_data.get() {
            (state.command, state.written) = (byte, 0);
            state.data.clear();
            return;
        }
        state.data.push(byte);
        match (state.command, &state.data[..]) {
            (COLUMNS | ROWS, &[a, b, c, d]) => {
                let range = [[a, b], [c, d]].map(|bytes| u16::from_be_bytes(bytes).into());
                state.window[usize::from(state.command == ROWS)] = range;
            }
            (WRITE, &[high, low]) => {
                let [[left, right], [top, _]] = state.window;
                let columns = right - left + 1;
                let (row, column) = (top + state.written / columns, left + state.written % columns);
                state.pixels[row * self.width + column] = RawU16::new(u16::from_be_bytes([high, low])).into();
                state.written += 1;
                state.data.clear();
            }
            _ => {}
        }
    }
}

/// The bus.
pub struct Spi<'a>(pub &'a Panel);

impl spi::ErrorType for Spi<'_> {
    type Error = Infallible;
}

impl SpiDevice for Spi<'_> {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        for operation in operations {
            if let Operation::Write(bytes) = operation {
                bytes.iter().for_each(|&byte| self.0.take(byte));
            }
        }
        Ok(())
    }
}

/// The pin that tells data from commands.
pub struct DataPin<'a>(pub &'a Panel);

impl digital::ErrorType for DataPin<'_> {
    type Error = Infallible;
}

impl OutputPin for DataPin<'_> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.is_data.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.is_data.set(true);
        Ok(())
    }
}

/// The reset pin, and the time that passes.
pub struct Nothing;

impl digital::ErrorType for Nothing {
    type Error = Infallible;
}

impl OutputPin for Nothing {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl DelayNs for Nothing {
    fn delay_ns(&mut self, _ns: u32) {}
}
