//! What a static library does in a panic.
//!
//! Nothing in the decoder panics; with the feature `no-panic` the linker proves it, because then a panic would call a
//! function that does not exist.

use core::panic::PanicInfo;

#[cfg(feature = "no-panic")]
unsafe extern "C" {
    fn nvl_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(feature = "no-panic")]
    // SAFETY: this cannot be linked, so it is never called.
    unsafe {
        nvl_can_panic()
    }
    #[cfg(not(feature = "no-panic"))]
    loop {
        core::hint::spin_loop();
    }
}
