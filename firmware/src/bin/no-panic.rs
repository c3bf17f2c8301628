//! An image that links only if nothing in the decoder can panic: its panic handler calls a function that does not exist.
//!
//! `cargo xtask no-panic` builds it; it is never run.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::panic::PanicInfo;

use decoder_core::{Decoder, Error, Limits, Place, Rgb565Rows, Stream};

unsafe extern "C" {
    fn the_decoder_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: this cannot be linked, so it is never called.
    unsafe { the_decoder_can_panic() }
}

/// Where everything that the decoder gives goes, so that none of it is optimised away.
///
/// # Safety
/// All pointers must be valid for their lengths.
#[unsafe(no_mangle)]
unsafe extern "C" fn decode_all(bytes: *const u8, len: usize, scratch: *mut u32, words: usize, shown: *mut u16) -> u32 {
    // SAFETY: by this function's own contract.
    let (bytes, scratch) =
        unsafe { (core::slice::from_raw_parts(bytes, len), core::slice::from_raw_parts_mut(scratch, words)) };
    let draw = |_: Place, pixels: &[u16]| -> Result<(), Infallible> {
        // SAFETY: by this function's own contract.
        pixels.iter().for_each(|&pixel| unsafe { shown.write_volatile(pixel) });
        Ok(())
    };
    u32::from(decode(bytes, scratch, draw).is_ok())
}

fn decode(
    bytes: &[u8],
    scratch: &mut [u32],
    draw: impl FnMut(Place, &[u16]) -> Result<(), Infallible>,
) -> Result<u64, Error> {
    let mut line = [0; 64];
    let mut sink = Rgb565Rows::new(&mut line, draw);
    let stream = Stream::open(bytes, &Limits::HOST)?;
    let mut decoder = Decoder::new(&stream, scratch)?;
    let last = stream.header().segments.saturating_sub(1);
    let mut bits = 0;
    for segment in stream.segments().chain([stream.segment(last)]) {
        decoder.begin(segment?)?;
        while decoder.next_frame(&mut sink).map_err(|error| error.into_stream_error())? {
            bits ^= decoder.bits().weights;
        }
    }
    Ok(bits)
}
