//! What is particular to the emulated RISC-V machine: start, clock, faults.

use core::arch::asm;

use riscv::register::minstret;
use riscv_rt::{TrapFrame, entry};

#[entry]
fn main() -> ! {
    // SAFETY: called once.
    unsafe { super::run(ticks) }
}

/// Instructions, counted by the processor.
fn ticks() -> u64 {
    minstret::read64()
}

#[unsafe(no_mangle)]
extern "C" fn ExceptionHandler(_frame: &TrapFrame) -> ! {
    super::exit_after_fault()
}

/// Executes what is no instruction.
pub(super) fn fault() {
    // SAFETY: it ends in the handler of exceptions, which does not return.
    unsafe { asm!("unimp") }
}
