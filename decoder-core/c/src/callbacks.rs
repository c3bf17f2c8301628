//! Rows that go to functions of the caller.

use core::ffi::{c_int, c_void};

use decoder_core::{Rgb565Rows, RowPair, RowSink};

/// Two luma rows, or parts of them, and the chroma that belongs to them. The samples are there only during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Number of the picture in its segment.
    pub frame: u32,
    /// The luma row of the first samples, even.
    pub y: u16,
    /// The luma column of the first samples, even.
    pub x: u16,
    /// Luma samples in each row.
    pub width: u16,
    /// Luma rows: 2, or 1 at the end of a picture of odd height.
    pub height: u16,
    /// Samples of each row of `u` and `v`.
    pub chroma_width: u16,
    /// The luma rows; the second is null if `height` is 1.
    pub luma: [*const u8; 2],
    /// The first chroma row (Cb).
    pub u: *const u8,
    /// The second chroma row (Cr).
    pub v: *const u8,
}

/// Two rows of pixels, or parts of them, one after the other. They are there only during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Strip {
    /// Number of the picture in its segment.
    pub frame: u32,
    /// The row of the first pixel.
    pub y: u16,
    /// The column of the first pixel.
    pub x: u16,
    /// Pixels in each row.
    pub width: u16,
    /// Rows: 2, or 1 at the end of a picture of odd height.
    pub height: u16,
    /// `width * height` pixels, 5 bits red, 6 green, 5 blue, in the machine's byte order.
    pub pixels: *const u16,
}

/// Takes rows. Anything but 0 stops the decoder, which then returns `NVL_STOPPED`.
pub type RowsCallback = Option<unsafe extern "C" fn(user: *mut c_void, rows: *const Rows) -> c_int>;

/// Takes strips. Anything but 0 stops the decoder, which then returns `NVL_STOPPED`.
pub type StripCallback = Option<unsafe extern "C" fn(user: *mut c_void, strip: *const Strip) -> c_int>;

/// The caller's function asked to stop.
pub(crate) struct Stop;

fn stop_unless_zero(code: c_int) -> Result<(), Stop> {
    if code == 0 { Ok(()) } else { Err(Stop) }
}

/// Gives rows to a function.
pub(crate) struct RowsSink {
    pub(crate) callback: unsafe extern "C" fn(user: *mut c_void, rows: *const Rows) -> c_int,
    pub(crate) user: *mut c_void,
    pub(crate) changes: bool,
}

impl RowSink for RowsSink {
    type Error = Stop;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Stop> {
        let [first, second] = rows.luma;
        let rows = Rows {
            frame: rows.frame,
            y: rows.row * 2,
            x: rows.column,
            width: first.len() as u16,
            height: 1 + u16::from(!second.is_empty()),
            chroma_width: rows.u.len() as u16,
            luma: [first.as_ptr(), if second.is_empty() { core::ptr::null() } else { second.as_ptr() }],
            u: rows.u.as_ptr(),
            v: rows.v.as_ptr(),
        };
        // SAFETY: the caller gave the function for such calls; what it gets lives until it returns.
        stop_unless_zero(unsafe { (self.callback)(self.user, &raw const rows) })
    }

    fn takes_changes(&self) -> bool {
        self.changes
    }
}

/// Gives strips to a function.
pub(crate) struct StripSink<'a> {
    /// Two rows.
    pub(crate) strip: &'a mut [u16],
    pub(crate) callback: unsafe extern "C" fn(user: *mut c_void, strip: *const Strip) -> c_int,
    pub(crate) user: *mut c_void,
    pub(crate) changes: bool,
}

impl RowSink for StripSink<'_> {
    type Error = Stop;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Stop> {
        let [first, second] = rows.luma;
        let width = first.len();
        let (upper, lower) = self.strip.split_at_mut_checked(width).ok_or(Stop)?;
        for (luma, line) in [(first, upper), (second, lower)] {
            Rgb565Rows::new(line, |_, _: &[u16]| Ok::<_, Stop>(())).row_pair(RowPair { luma: [luma, &[]], ..rows })?;
        }
        let strip = Strip {
            frame: rows.frame,
            y: rows.row * 2,
            x: rows.column,
            width: width as u16,
            height: 1 + u16::from(!second.is_empty()),
            pixels: self.strip.as_ptr(),
        };
        // SAFETY: the caller gave the function for such calls; what it gets lives until it returns.
        stop_unless_zero(unsafe { (self.callback)(self.user, &raw const strip) })
    }

    fn takes_changes(&self) -> bool {
        self.changes
    }
}
