//! The emulated Cortex-M4F machine mps2-an386; the same image runs on mps2-an500, a Cortex-M7.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use core::ptr::{read_volatile, with_exposed_provenance_mut, write_volatile};

use cortex_m_rt::{ExceptionFrame, entry, exception};
use firmware::emulated;

/// Registers of the CMSDK timer 0, which counts down at 25 MHz: control, value, reload.
const TIMER: [usize; 3] = [0x4000_0000, 0x4000_0004, 0x4000_0008];

#[entry]
fn main() -> ! {
    let [control, value, reload] = TIMER.map(with_exposed_provenance_mut::<u32>);
    // SAFETY: the timer's registers, as the machine's manual (Arm DAI 0386) has them; nothing else uses the timer.
    unsafe {
        write_volatile(reload, u32::MAX);
        write_volatile(value, u32::MAX);
        write_volatile(control, 1);
    }
    // SAFETY: called once.
    unsafe { emulated::run(ticks) }
}

fn ticks() -> u32 {
    // SAFETY: a read of the timer's value has no effect.
    !unsafe { read_volatile(with_exposed_provenance_mut::<u32>(TIMER[1])) }
}

/// Ends the emulator.
#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    emulated::exit_after_fault()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    emulated::exit_after_panic(info)
}
