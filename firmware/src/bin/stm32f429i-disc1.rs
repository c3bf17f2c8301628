//! STM32F429I-DISC1 with its own panel, an ILI9341 of 240x320 on SPI5; the clip is in flash.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use defmt_rtt as _;
use embedded_hal::spi::MODE_0;
use embedded_hal_bus::spi::ExclusiveDevice;
use firmware::board::{Memory, flash_clip, picture_size};
use firmware::display::{DisplayRows, ili9341};
use firmware::player::Clock;
use firmware::queue::WIDTH;
use panic_probe as _;
use stm32f4xx_hal::gpio::Speed;
use stm32f4xx_hal::pac;
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc::Config;
use stm32f4xx_hal::spi::Spi;
use stm32f4xx_hal::timer::Counter;

/// Where the clip lies: behind the program, up to the end of the 2 MiB.
const CLIP: usize = 0x0804_0000;
const CLIP_BYTES: usize = (2 << 20) - (256 << 10);
/// Words of the decoder's memory.
const SCRATCH: usize = 36 << 10;

static mut MEMORY: Memory<SCRATCH> = Memory::new();

/// Microseconds, of a timer of 32 bits.
struct Micros {
    timer: Counter<pac::TIM2, 1_000_000>,
    last: u32,
    wraps: u64,
}

impl Clock for Micros {
    fn now(&mut self) -> u64 {
        let now = self.timer.now().ticks();
        self.wraps += u64::from(now < self.last);
        self.last = now;
        (self.wraps << 32) | u64::from(now)
    }

    fn wait_until(&mut self, time: u64) {
        while self.now() < time {
            core::hint::spin_loop();
        }
    }
}

#[entry]
fn main() -> ! {
    let chip = pac::Peripherals::take().expect("this is the first and only time");
    let core = cortex_m::Peripherals::take().expect("this is the first and only time");
    let mut rcc = chip.RCC.freeze(Config::hse(8.MHz()).sysclk(180.MHz()));
    let mut delay = core.SYST.delay(&rcc.clocks);
    let (c, d, f) = (chip.GPIOC.split(&mut rcc), chip.GPIOD.split(&mut rcc), chip.GPIOF.split(&mut rcc));
    let wires = (
        Some(f.pf7.into_alternate().speed(Speed::VeryHigh)),
        pac::SPI5::NoMiso,
        Some(f.pf9.into_alternate().speed(Speed::VeryHigh)),
    );
    // At most 45 MHz: the half of APB2.
    let bus = Spi::new(chip.SPI5, wires, MODE_0, 45.MHz(), &mut rcc);
    let Ok(device) = ExclusiveDevice::new_no_delay(bus, c.pc2.into_push_pull_output());
    let (mut collected, mut line) = ([0; 512], [0; WIDTH]);
    let Ok(panel) = ili9341(device, d.pd13.into_push_pull_output(), &mut delay, &mut collected) else {
        panic!("the panel does not answer")
    };
    let mut timer = chip.TIM2.counter::<1_000_000>(&mut rcc);
    if timer.start(u32::MAX.micros()).is_err() {
        panic!("the timer does not start");
    }
    let memory = &raw mut MEMORY;
    // SAFETY: the only reference, because this function runs once.
    let memory = unsafe { &mut *memory };
    // SAFETY: this is flash, and nothing writes it.
    let mut clip = unsafe { flash_clip(CLIP, CLIP_BYTES) };
    match picture_size(&mut clip) {
        Some([width, height]) => {
            let mut rows = DisplayRows::centred(panel, &mut line, width, height);
            memory.play(clip, &mut rows, &mut Micros { timer, last: 0, wraps: 0 });
        }
        None => defmt::error!("the flash holds no clip"),
    }
    loop {
        cortex_m::asm::wfi();
    }
}
