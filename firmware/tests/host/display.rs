//! The bytes that an ST7789 gets, seen from the bus.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;

use decoder_core::{Limits, Place, Rgb565Rows};
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, Operation, SpiDevice};
use firmware::display::{DisplayRows, st7789};
use firmware::mapped::Mapped;
use firmware::player::{Player, Unpaced};

use crate::streams::{BUFFER, SEGMENT_FRAMES, clip, scratch};

/// Commands of the panel.
const COLUMNS: u8 = 0x2a;
const ROWS: u8 = 0x2b;
const WRITE: u8 = 0x2c;

/// A bus that notes each command with its bytes.
#[derive(Default)]
struct Bus {
    is_data: Cell<bool>,
    commands: RefCell<Vec<(u8, Vec<u8>)>>,
}

struct Spi<'a>(&'a Bus);
struct DataPin<'a>(&'a Bus);
struct Ignored;

impl spi::ErrorType for Spi<'_> {
    type Error = Infallible;
}

impl SpiDevice for Spi<'_> {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        let mut commands = self.0.commands.borrow_mut();
        for operation in operations {
            let Operation::Write(bytes) = operation else { panic!("a display is only written") };
            if self.0.is_data.get() {
                commands.last_mut().expect("a command comes first").1.extend(bytes.iter());
            } else {
                commands.extend(bytes.iter().map(|&command| (command, vec![])));
            }
        }
        Ok(())
    }
}

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

impl digital::ErrorType for Ignored {
    type Error = Infallible;
}

impl OutputPin for Ignored {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl DelayNs for Ignored {
    fn delay_ns(&mut self, _ns: u32) {}
}

/// A window of the panel's memory as its commands have it.
fn range(first: u16, last: u16) -> Vec<u8> {
    [first.to_be_bytes(), last.to_be_bytes()].concat()
}

#[test]
fn rows_arrive_in_the_middle_of_the_panel() {
    let clip = clip(31, 1);
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(&clip));
    let mut player = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let header = player.input().head().header();
    let [width, height] = [header.width, header.height];

    let mut expected = vec![];
    let mut line = [0; 32];
    let mut rows = Rgb565Rows::new(&mut line, |Place { row, .. }, pixels: &[u16]| -> Result<(), Infallible> {
        let (left, top) = ((240 - width) / 2, (240 - height) / 2 + row);
        expected.push((COLUMNS, range(left, left + width - 1)));
        expected.push((ROWS, range(top, top)));
        expected.push((WRITE, pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect()));
        Ok(())
    });
    player.play(&mut rows, &mut Unpaced).unwrap();

    let bus = Bus::default();
    let mut collected = [0; 48];
    let display = st7789(Spi(&bus), DataPin(&bus), Ignored, &mut Ignored, &mut collected, [240, 240]).unwrap();
    assert!(!bus.commands.borrow().is_empty(), "the panel is started");
    bus.commands.borrow_mut().clear();
    let mut line = [0; 32];
    player.restart().unwrap();
    player.play(&mut DisplayRows::centred(display, &mut line, width, height), &mut Unpaced).unwrap();
    assert_eq!(*bus.commands.borrow(), expected);
}

#[test]
fn pictures_larger_than_the_panel_lose_their_edges() {
    let clip = clip(31, 1);
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(&clip));
    let mut player = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let bus = Bus::default();
    let mut collected = [0; 48];
    let display = st7789(Spi(&bus), DataPin(&bus), Ignored, &mut Ignored, &mut collected, [16, 10]).unwrap();
    bus.commands.borrow_mut().clear();
    let mut line = [0; 32];
    player.play(&mut DisplayRows::centred(display, &mut line, 32, 24), &mut Unpaced).unwrap();
    let commands = bus.commands.borrow();
    let writes: Vec<_> = commands.iter().filter(|(command, _)| *command == WRITE).collect();
    assert_eq!(writes.len(), 10 * SEGMENT_FRAMES as usize);
    assert!(writes.iter().all(|(_, bytes)| bytes.len() == 2 * 16));
    assert!(commands.iter().filter(|(command, _)| *command == COLUMNS).all(|(_, bytes)| *bytes == range(0, 15)));
}
