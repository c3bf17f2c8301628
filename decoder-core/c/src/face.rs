//! The functions.
//!
//! All of them have the same contract: pointers that are neither null nor unaligned point to as many bytes as their length
//! says (for a decoder: that of `nvl_open`), and what is lent is used by nobody else for as long as it is lent.

// Doc comments become the header's, whose readers have other words for this.
#![allow(clippy::missing_safety_doc)]

use core::ffi::{c_char, c_void};

use decoder_core::Limits;
use decoder_core::wire::Head;

use crate::callbacks::{RowsCallback, RowsSink, StripCallback, StripSink};
use crate::memory::{self, Call, Decoder};
use crate::status::Nvl;

/// Flag for `nvl_next_frame`: rows come as a whole.
pub const NVL_WHOLE_ROWS: u32 = 0;
/// Flag for `nvl_next_frame`: only parts of rows come that may differ from the picture before, which the caller still has.
/// The first picture of a segment comes as a whole.
pub const NVL_CHANGES: u32 = 1;

/// What a clip is and what it needs.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Luma samples a row.
    pub width: u16,
    /// Luma rows.
    pub height: u16,
    /// Pictures a second: `rate_num / rate_den`.
    pub rate_num: u32,
    /// See `rate_num`.
    pub rate_den: u32,
    /// Pictures.
    pub frames: u32,
    /// Segments.
    pub segments: u32,
    /// Work for a luma sample in multiply-accumulates, rounded up.
    pub mac_per_pixel: u32,
    /// Bytes to lend to `nvl_open`.
    pub memory: usize,
}

/// The code of a result.
fn code(result: Result<(), Nvl>) -> Nvl {
    result.err().unwrap_or(Nvl::Ok)
}

/// Reads what a clip is from its first bytes: a few hundred are enough.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_probe(data: *const u8, len: usize, info: *mut Info) -> Nvl {
    code((|| {
        // SAFETY: by this function's own contract.
        let (head, _) = Head::parse(unsafe { memory::bytes(data, len) }?, &Limits::HOST)?;
        let header = head.header();
        let value = Info {
            width: header.width,
            height: header.height,
            rate_num: header.rate_num,
            rate_den: header.rate_den,
            frames: header.frames,
            segments: header.segments,
            mac_per_pixel: head.mac_per_pixel(),
            memory: memory::needed(head.scratch_len()),
        };
        // SAFETY: by this function's own contract.
        unsafe { memory::write(info, value) }
    })())
}

/// Opens the clip of `len` bytes at `data` in `memory_len` bytes of lent memory with any alignment. Both stay as they are until
/// `nvl_close`. `decoder` becomes null if it fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_open(
    data: *const u8,
    len: usize,
    memory: *mut c_void,
    memory_len: usize,
    decoder: *mut *mut Decoder,
) -> Nvl {
    code((|| {
        // SAFETY: by this function's own contract, as all below.
        unsafe {
            memory::write(decoder, core::ptr::null_mut())?;
            let opened = memory::open(memory::bytes(data, len)?, memory.cast(), memory_len)?;
            memory::write(decoder, opened.as_ptr())
        }
    })())
}

/// Decodes the next picture and gives its rows to `callback`, top to bottom, planar YUV 4:2:0. `frame`, if it is not null, gets the
/// picture's number in the clip. `NVL_END` says that there is none. After an error of the clip, the next call goes on with
/// the next segment. `flags` is `NVL_WHOLE_ROWS` or `NVL_CHANGES`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_next_frame(
    decoder: *mut Decoder,
    callback: RowsCallback,
    user: *mut c_void,
    flags: u32,
    frame: *mut u32,
) -> Nvl {
    code((|| {
        let callback = callback.ok_or(Nvl::NullPointer)?;
        let changes = takes_changes(flags)?;
        // SAFETY: by this function's own contract.
        let mut call = unsafe { Call::begin(decoder) }?;
        let shown = call.player().next(&mut RowsSink { callback, user, changes })?;
        // SAFETY: by this function's own contract.
        if frame.is_null() { Ok(()) } else { unsafe { memory::write(frame, shown) } }
    })())
}

/// The same in RGB565: `callback` gets two rows of pixels at a time, made in `strip`, which has room for `strip_len` pixels, at least
/// two rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_next_frame_rgb565(
    decoder: *mut Decoder,
    strip: *mut u16,
    strip_len: usize,
    callback: StripCallback,
    user: *mut c_void,
    flags: u32,
    frame: *mut u32,
) -> Nvl {
    code((|| {
        let callback = callback.ok_or(Nvl::NullPointer)?;
        let changes = takes_changes(flags)?;
        // SAFETY: by this function's own contract.
        let mut call = unsafe { Call::begin(decoder) }?;
        // SAFETY: as above.
        let strip = unsafe { memory::pixels(strip, strip_len) }?;
        if strip.len() < 2 * call.player().width() {
            return Err(Nvl::StripTooSmall);
        }
        let shown = call.player().next(&mut StripSink { strip, callback, user, changes })?;
        // SAFETY: as above.
        if frame.is_null() { Ok(()) } else { unsafe { memory::write(frame, shown) } }
    })())
}

fn takes_changes(flags: u32) -> Result<bool, Nvl> {
    match flags {
        NVL_WHOLE_ROWS => Ok(false),
        NVL_CHANGES => Ok(true),
        _ => Err(Nvl::BadArgument),
    }
}

/// Goes to a segment, counted from 0: the next picture is its first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_seek_segment(decoder: *mut Decoder, segment: u32) -> Nvl {
    // SAFETY: by this function's own contract.
    code(unsafe { Call::begin(decoder) }.and_then(|mut call| call.player().seek(segment)))
}

/// The number in the clip of a segment's first picture.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_segment_start(decoder: *mut Decoder, segment: u32, frame: *mut u32) -> Nvl {
    code((|| {
        // SAFETY: by this function's own contract.
        let first = unsafe { Call::begin(decoder) }?.player().first_frame(segment)?;
        // SAFETY: by this function's own contract.
        unsafe { memory::write(frame, first) }
    })())
}

/// Closes a decoder: its memory is the caller's again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvl_close(decoder: *mut Decoder) -> Nvl {
    // SAFETY: by this function's own contract.
    code(unsafe { Call::begin(decoder) }.map(Call::close))
}

/// The name of a code, as this header has it, for ever; `NVL_UNKNOWN` for a number that is no code.
#[unsafe(no_mangle)]
pub extern "C" fn nvl_error_name(code: i32) -> *const c_char {
    Nvl::name_of(code).as_ptr()
}
