//! Pointers of the caller, checked as far as pointers can be.

use core::ptr::NonNull;

use crate::player::Player;
use crate::status::Nvl;

/// Alignment of lent memory once its start is rounded up: that of everything that is put there.
const ALIGN: usize = align_of::<Decoder>();
/// Marks an open decoder, together with its own address.
const OPEN: usize = 0x4e56_4c21;

/// An open clip. It lives at the start of the lent memory, which must stay where it is until `nvl_close`.
pub struct Decoder {
    tag: usize,
    /// Whether a call is under way, whose callback must not call again.
    busy: bool,
    player: Player<'static, 'static>,
}

/// Bytes to lend for a clip with this scratch, wherever they begin.
pub(crate) fn needed(scratch: usize) -> usize {
    (ALIGN - 1).saturating_add(size_of::<Decoder>()).saturating_add(scratch)
}

/// The bytes at `data`.
///
/// # Safety
/// If `data` is not null, `len` bytes there can be read and do not change while the slice lives.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Nvl> {
    check(data.addr(), len, 1)?;
    // SAFETY: not null, of a possible length; the rest is this function's own contract.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// The pixels at `data`.
///
/// # Safety
/// If `data` is not null and aligned, `len` pixels there can be written, and nobody else uses them while the slice lives.
pub(crate) unsafe fn pixels<'a>(data: *mut u16, len: usize) -> Result<&'a mut [u16], Nvl> {
    check(data.addr(), len.checked_mul(size_of::<u16>()).ok_or(Nvl::BadArgument)?, align_of::<u16>())?;
    // SAFETY: not null, aligned, of a possible length; the contents are overwritten because they may be uninitialised. The rest is
    // this function's own contract.
    unsafe {
        data.write_bytes(0, len);
        Ok(core::slice::from_raw_parts_mut(data, len))
    }
}

/// Where a result goes.
///
/// # Safety
/// If `place` is not null and aligned, a `T` can be written there.
pub(crate) unsafe fn write<T>(place: *mut T, value: T) -> Result<(), Nvl> {
    check(place.addr(), size_of::<T>(), align_of::<T>())?;
    // SAFETY: not null and aligned; the rest is this function's own contract.
    unsafe { place.write(value) };
    Ok(())
}

/// Refuses null, unaligned and endless memory.
pub(crate) fn check(address: usize, bytes: usize, align: usize) -> Result<(), Nvl> {
    if address == 0 {
        return Err(Nvl::NullPointer);
    }
    if !address.is_multiple_of(align) || bytes > isize::MAX as usize || address.checked_add(bytes).is_none() {
        return Err(Nvl::BadArgument);
    }
    Ok(())
}

/// Opens a clip at the start of `memory`.
///
/// # Safety
/// If `memory` is not null, `len` bytes there can be written. Until the decoder is closed, nobody else uses them, and the bytes of
/// the clip stay as they are.
pub(crate) unsafe fn open(clip: &'static [u8], memory: *mut u8, len: usize) -> Result<NonNull<Decoder>, Nvl> {
    check(memory.addr(), len, 1)?;
    let (begin, end) = (clip.as_ptr().addr(), clip.as_ptr().addr() + clip.len());
    if memory.addr() < end && begin < memory.addr() + len {
        return Err(Nvl::BadArgument);
    }
    let skipped = memory.addr().next_multiple_of(ALIGN) - memory.addr();
    let words = len.checked_sub(skipped + size_of::<Decoder>()).ok_or(Nvl::MemoryTooSmall)? / size_of::<u32>();
    // SAFETY: the place and the words behind it lie within the memory, are aligned and apart from each other and from the clip; the
    // words are initialised before there is a slice of them. The rest is this function's own contract.
    unsafe {
        let place = memory.add(skipped).cast::<Decoder>();
        let scratch = place.add(1).cast::<u32>();
        scratch.write_bytes(0, words);
        let player = Player::open(clip, core::slice::from_raw_parts_mut(scratch, words))?;
        place.write(Decoder { tag: OPEN ^ place.addr(), busy: false, player });
        NonNull::new(place).ok_or(Nvl::NullPointer)
    }
}

/// A decoder during a call.
pub(crate) struct Call(NonNull<Decoder>);

impl Call {
    /// Begins a call.
    ///
    /// # Safety
    /// If `decoder` is not null and aligned, it is of [`open`], or at least the bytes of a [`Decoder`] can be read there.
    pub(crate) unsafe fn begin(decoder: *mut Decoder) -> Result<Self, Nvl> {
        check(decoder.addr(), size_of::<Decoder>(), ALIGN)?;
        // SAFETY: not null and aligned; the rest is this function's own contract. No reference is made before the tag is right, and
        // none while another call is under way.
        unsafe {
            if (&raw const (*decoder).tag).read() != OPEN ^ decoder.addr() {
                return Err(Nvl::NotOpen);
            }
            if (&raw const (*decoder).busy).cast::<u8>().read() != 0 {
                return Err(Nvl::Busy);
            }
            (&raw mut (*decoder).busy).write(true);
        }
        NonNull::new(decoder).map(Self).ok_or(Nvl::NullPointer)
    }

    pub(crate) fn player(&mut self) -> &mut Player<'static, 'static> {
        // SAFETY: it is open, and `busy` keeps every other call away.
        unsafe { &mut (*self.0.as_ptr()).player }
    }

    /// Closes the decoder: nothing of it needs to be dropped.
    pub(crate) fn close(self) {
        // SAFETY: as above.
        unsafe { (&raw mut (*self.0.as_ptr()).tag).write(0) };
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // SAFETY: the bytes are the caller's memory, also after closing.
        unsafe { (&raw mut (*self.0.as_ptr()).busy).write(false) };
    }
}
