//! Two products, two extensions or four magnitudes at once, on processors that have such an instruction.

/// `sum` and the products of the halves of two words.
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn add_products(a: u32, b: u32, sum: i32) -> i32 {
    let result;
    // SAFETY: the instruction only computes; build.rs has seen that the processor has it.
    unsafe {
        core::arch::asm!(
            "smlad {}, {}, {}, {}",
            lateout(reg) result, in(reg) a, in(reg) b, in(reg) sum,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    result
}

/// `sum` and the products of the halves of two words.
#[cfg(not(arm_dsp))]
#[inline(always)]
pub(crate) fn add_products(a: u32, b: u32, sum: i32) -> i32 {
    let low = i32::from(a as i16) * i32::from(b as i16);
    let high = ((a as i32) >> 16) * ((b as i32) >> 16);
    sum.wrapping_add(low).wrapping_add(high)
}

/// The sum of the magnitudes of four numbers of 8 bits with sign.
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn sum_magnitudes(four: u32) -> u32 {
    let zeros = 0x8080_8080u32;
    let result;
    // SAFETY: the instruction only computes; build.rs has seen that the processor has it.
    unsafe {
        core::arch::asm!(
            "usad8 {}, {}, {}",
            lateout(reg) result, in(reg) four ^ zeros, in(reg) zeros,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    result
}

/// The sum of the magnitudes of four numbers of 8 bits with sign.
#[cfg(not(arm_dsp))]
#[inline(always)]
pub(crate) fn sum_magnitudes(four: u32) -> u32 {
    four.to_le_bytes().map(|byte| u32::from((byte as i8).unsigned_abs())).iter().sum()
}

/// The lowest byte of each half of a word, with sign.
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn even_bytes(four: u32) -> u32 {
    let result;
    // SAFETY: the instruction only computes; build.rs has seen that the processor has it.
    unsafe {
        core::arch::asm!(
            "sxtb16 {}, {}", lateout(reg) result, in(reg) four, options(pure, nomem, nostack, preserves_flags)
        );
    }
    result
}

/// The lowest byte of each half of a word, with sign.
#[cfg(not(arm_dsp))]
#[inline(always)]
pub(crate) fn even_bytes(four: u32) -> u32 {
    let half = |byte: u32| i16::from(byte as i8) as u16;
    u32::from(half(four)) | u32::from(half(four >> 16)) << 16
}

/// The highest byte of each half of a word, with sign.
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn odd_bytes(four: u32) -> u32 {
    let result;
    // SAFETY: the instruction only computes; build.rs has seen that the processor has it.
    unsafe {
        core::arch::asm!(
            "sxtb16 {}, {}, ror #8", lateout(reg) result, in(reg) four, options(pure, nomem, nostack, preserves_flags)
        );
    }
    result
}

/// The highest byte of each half of a word, with sign.
#[cfg(not(arm_dsp))]
#[inline(always)]
pub(crate) fn odd_bytes(four: u32) -> u32 {
    even_bytes(four >> 8)
}
