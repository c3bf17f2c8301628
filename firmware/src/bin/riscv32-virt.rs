//! The emulated RISC-V machine `virt`, RV32IMAC.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use firmware::emulated;
use riscv_rt::entry;

#[entry]
fn main() -> ! {
    // SAFETY: called once.
    unsafe { emulated::run(ticks) }
}

/// Instructions, counted by the processor.
fn ticks() -> u32 {
    riscv::register::minstret::read() as u32
}

/// Ends the emulator after a fault of the processor.
#[unsafe(no_mangle)]
extern "C" fn ExceptionHandler(_frame: &riscv_rt::TrapFrame) -> ! {
    emulated::exit_after_fault()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    emulated::exit_after_panic(info)
}
