//! Memory that an instance takes and never gives back.

/// Bytes in whole words, all zero; `None` if there are not so many.
pub(crate) fn take(bytes: usize) -> Option<&'static mut [u32]> {
    words(bytes.div_ceil(4))
}

/// Makes `region` at least `bytes` long; `None` if that is not possible. What it had before is lost, so it at least doubles.
pub(crate) fn at_least(region: &mut &'static mut [u32], bytes: usize) -> Option<()> {
    let before = 4 * region.len();
    if before < bytes {
        *region = take(bytes.max(2 * before)).or_else(|| take(bytes))?;
    }
    Some(())
}

/// Whole pages from the end of the instance's memory, which is zero there.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
fn words(count: usize) -> Option<&'static mut [u32]> {
    const PAGE: usize = 1 << 16;
    let pages = count.checked_mul(4)?.div_ceil(PAGE);
    let before = core::arch::wasm32::memory_grow(0, pages);
    // SAFETY: these pages are new, so that nobody else has them, and a memory never shrinks.
    (before != usize::MAX).then(|| unsafe { core::slice::from_raw_parts_mut((before * PAGE) as *mut u32, count) })
}

/// From the allocator: on the host, for tests.
#[cfg(not(target_arch = "wasm32"))]
fn words(count: usize) -> Option<&'static mut [u32]> {
    Some(Box::leak(vec![0; count].into_boxed_slice()))
}
