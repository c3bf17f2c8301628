//! What is particular to the emulated Arm machines: start, clock, faults.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{ExceptionFrame, entry, exception};

/// How often the system timer has wrapped; it has 24 bits.
static WRAPS: AtomicU32 = AtomicU32::new(0);
/// The largest number of the system timer.
const LAST_TICK: u32 = (1 << 24) - 1;

#[entry]
fn main() -> ! {
    if let Some(mut peripherals) = cortex_m::Peripherals::take() {
        let timer = &mut peripherals.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(LAST_TICK);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
    }
    // SAFETY: called once.
    unsafe { super::run(ticks) }
}

/// Ticks of the processor's clock, which in QEMU goes on with the instructions.
fn ticks() -> u64 {
    loop {
        let wraps = WRAPS.load(Ordering::Relaxed);
        let tick = LAST_TICK - SYST::get_current();
        if wraps == WRAPS.load(Ordering::Relaxed) {
            return (u64::from(wraps) << 24) | u64::from(tick);
        }
    }
}

#[exception]
fn SysTick() {
    WRAPS.fetch_add(1, Ordering::Relaxed);
}

#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    super::exit_after_fault()
}

/// Executes what is no instruction.
pub(super) fn fault() {
    // SAFETY: it ends in the handler of faults, which does not return.
    unsafe { asm!("udf #0") }
}
