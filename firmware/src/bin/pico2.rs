//! Raspberry Pi Pico 2 with an ST7789 panel: one core decodes, the other converts and draws.
//!
//! | | pin |
//! |---|---|
//! | panel | SCK 18, MOSI 19, CS 17, DC 16, RST 20 (SPI0); backlight to 3V3 |
//! | SD card, if there is one | SCK 10, MOSI 11, MISO 12, CS 13 (SPI1) |
//!
//! The card's `CLIP.NVL` is played; without it the clip in flash.
#![no_std]
#![no_main]

use core::mem;
use core::sync::atomic::{AtomicU32, Ordering};

use defmt_rtt as _;
use embedded_hal::spi::MODE_0;
use embedded_hal_bus::spi::ExclusiveDevice;
use embedded_io::{Read, Seek};
use embedded_sdmmc::SdCard;
use firmware::board::{Memory, flash_clip, picture_size};
use firmware::card::with_file;
use firmware::display::{DisplayRows, st7789};
use firmware::player::Clock;
use firmware::queue::{QueueRows, Strip, WIDTH, drain};
use hal::Clock as _;
use hal::block::ImageDef;
use hal::fugit::RateExtU32;
use hal::gpio::{FunctionSpi, Pins};
use hal::multicore::{Multicore, Stack};
use hal::{Sio, Spi, Timer, Watchdog};
use heapless::spsc::Queue;
use panic_probe as _;
use rp235x_hal as hal;

/// Where the clip lies: behind the program, up to the end of the 4 MiB.
const CLIP: usize = 0x1008_0000;
const CLIP_BYTES: usize = (4 << 20) - (512 << 10);
/// Words of the decoder's memory.
const SCRATCH: usize = 75 << 10;
/// Strips between the cores.
const STRIPS: usize = 16;
/// Words of the second core's stack.
const STACK: usize = 2048;
/// The panel, as `NVL_PANEL` was when this was built.
const PANEL: [u16; 2] = if cfg!(nvl_panel = "320x240") { [240, 320] } else { [240, 240] };
/// Hertz of the crystal, of the panel's bus, of the card's bus at first and later.
const CRYSTAL: u32 = 12_000_000;
const PANEL_HZ: u32 = 62_500_000;
const CARD_HZ: [u32; 2] = [400_000, 16_000_000];

/// Tells the boot ROM what the flash holds.
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE: ImageDef = ImageDef::secure_exe();

/// Width and height of the pictures, once they are known: 16 bits each.
static SIZE: AtomicU32 = AtomicU32::new(0);

static CORE1_STACK: Stack<STACK> = Stack::new();
static mut MEMORY: Memory<SCRATCH> = Memory::new();
static mut QUEUE: Queue<Strip, STRIPS> = Queue::new();

/// The microseconds of the chip.
struct Micros(Timer<hal::timer::CopyableTimer0>);

impl Clock for Micros {
    fn now(&mut self) -> u64 {
        self.0.get_counter().ticks()
    }

    fn wait_until(&mut self, time: u64) {
        while self.now() < time {
            core::hint::spin_loop();
        }
    }
}

#[hal::entry]
fn main() -> ! {
    let mut chip = hal::pac::Peripherals::take().expect("this is the first and only time");
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    let clocks = hal::clocks::init_clocks_and_plls(
        CRYSTAL,
        chip.XOSC,
        chip.CLOCKS,
        chip.PLL_SYS,
        chip.PLL_USB,
        &mut chip.RESETS,
        &mut watchdog,
    );
    let Ok(clocks) = clocks else { panic!("the crystal does not swing") };
    let mut sio = Sio::new(chip.SIO);
    let pins = Pins::new(chip.IO_BANK0, chip.PADS_BANK0, sio.gpio_bank0, &mut chip.RESETS);
    let timer = Timer::new_timer0(chip.TIMER0, &mut chip.RESETS, &clocks);
    let bus_clock = clocks.peripheral_clock.freq();

    let wires = (pins.gpio19.into_function::<FunctionSpi>(), pins.gpio18.into_function::<FunctionSpi>());
    let bus = Spi::<_, _, _, 8>::new(chip.SPI0, wires).init(&mut chip.RESETS, bus_clock, PANEL_HZ.Hz(), MODE_0);
    let panel = ExclusiveDevice::new_no_delay(bus, pins.gpio17.into_push_pull_output());
    let Ok(panel) = panel;
    let (select, reset) = (pins.gpio16.into_push_pull_output(), pins.gpio20.into_push_pull_output());

    let queue = &raw mut QUEUE;
    // SAFETY: the only reference, because this function runs once.
    let (producer, mut consumer) = unsafe { &mut *queue }.split();
    let draw = move || {
        let (mut collected, mut line, mut timer) = ([0; 512], [0; WIDTH], timer);
        let Ok(panel) = st7789(panel, select, reset, &mut timer, &mut collected, PANEL) else {
            panic!("the panel does not answer")
        };
        let size = loop {
            match SIZE.load(Ordering::Acquire) {
                0 => core::hint::spin_loop(),
                size => break size,
            }
        };
        let mut rows = DisplayRows::centred(panel, &mut line, (size >> 16) as u16, size as u16);
        loop {
            if drain(&mut consumer, &mut rows).is_err() {
                defmt::error!("the panel cannot be written");
            }
        }
    };
    let mut cores = Multicore::new(&mut chip.PSM, &mut chip.PPB, &mut sio.fifo);
    let stack = CORE1_STACK.take().expect("it is taken once");
    if cores.cores()[1].spawn(stack, move || draw()).is_err() {
        panic!("the second core does not start");
    }

    let memory = &raw mut MEMORY;
    // SAFETY: the only reference, because this function runs once.
    let memory = unsafe { &mut *memory };
    let (mut rows, mut clock) = (QueueRows::new(producer), Micros(timer));
    let wires = (
        pins.gpio11.into_function::<FunctionSpi>(),
        pins.gpio12.into_function::<FunctionSpi>(),
        pins.gpio10.into_function::<FunctionSpi>(),
    );
    let bus = Spi::<_, _, _, 8>::new(chip.SPI1, wires).init(&mut chip.RESETS, bus_clock, CARD_HZ[0].Hz(), MODE_0);
    let Ok(device) = ExclusiveDevice::new(bus, pins.gpio13.into_push_pull_output(), timer);
    let card = SdCard::new(device, timer);
    if card.num_bytes().is_ok() {
        card.spi(|device| device.bus_mut().set_baudrate(bus_clock, CARD_HZ[1].Hz()));
        if with_file(card, "CLIP.NVL", |file| play(file, memory, &mut rows, &mut clock)).is_err() {
            defmt::warn!("the card has no CLIP.NVL");
        }
    }
    // SAFETY: this is flash, and nothing writes it.
    play(unsafe { flash_clip(CLIP, CLIP_BYTES) }, memory, &mut rows, &mut clock);
    // Nothing is left to be played; what was lent to the second core stays lent.
    mem::forget(cores);
    loop {
        hal::arch::wfi();
    }
}

/// Plays a clip after it has told the second core its size, which stays that of the first clip.
fn play<R: Read + Seek>(mut clip: R, memory: &mut Memory<SCRATCH>, rows: &mut QueueRows<'_>, clock: &mut Micros) {
    let Some([width, height]) = picture_size(&mut clip) else {
        defmt::error!("this is no clip");
        return;
    };
    SIZE.store(u32::from(width) << 16 | u32::from(height), Ordering::Release);
    memory.play(clip, rows, clock);
}
