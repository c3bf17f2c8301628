//! Arm with DSP: upsampling a channel, and adding residuals to samples.

use core::arch::naked_asm;

use crate::wire::SITE;

/// Bytes of an activation.
const BYTES: usize = size_of::<i16>();

/// What [`upsample_pairs`] works on.
#[repr(C)]
struct Channel {
    /// The nearer and the farther row, from the site before the first.
    rows: [*const i16; 2],
    /// Bytes from a site to the next.
    stride: usize,
    out: *mut i16,
    /// Bytes from a site to the next.
    out_stride: usize,
    /// How many pairs of sites, at least 1.
    pairs: usize,
}

/// Upsamples the first `count` channels of `inputs` into the first of `outputs`, all pairs of sites of `out`; how many sites.
///
/// The rows begin a site before that of the first pair.
pub(super) fn upsample(rows: [&[i16]; 2], inputs: usize, count: usize, outputs: usize, out: &mut [i16]) -> usize {
    let pairs = out.len() / outputs.max(1) / 2;
    let fits = count <= inputs && count <= outputs && rows.iter().all(|row| row.len() >= (pairs + 2) * inputs);
    if !fits || pairs == 0 {
        return 0;
    }
    for channel in 0..count {
        let of_channel = Channel {
            rows: rows.map(|row| row.as_ptr().wrapping_add(channel)),
            stride: inputs * BYTES,
            out: out.as_mut_ptr().wrapping_add(channel),
            out_stride: outputs * BYTES,
            pairs,
        };
        // SAFETY: `pairs + 2` sites are read from each row and `2 pairs` written, which the checks above say are there.
        unsafe { upsample_pairs(&raw const of_channel) };
    }
    2 * pairs
}

/// Adds the residuals of sites to their samples, as many as all have; `false` if they do not lie as they should.
pub(super) fn add_residual(residual: &[i16], samples: [&mut [u8]; 4]) -> bool {
    let [above, below, u, v] = samples;
    let sites = residual.len() / SITE;
    let fits = above.len() / 2 >= sites && below.len() / 2 >= sites && u.len() >= sites && v.len() >= sites;
    if !fits || sites == 0 || !residual.as_ptr().addr().is_multiple_of(2 * BYTES) {
        return false;
    }
    let places = [above, below, u, v].map(|samples| samples.as_mut_ptr());
    // SAFETY: all have `sites` sites, as checked above; residuals are aligned to two of them.
    unsafe { add_residual_sites(residual.as_ptr(), places.as_ptr(), sites) };
    true
}

/// A channel of pairs of sites.
///
/// r0 and r1 are the rows, r12 the place in both, r2 the stride, r3 the place in `out` and r4 its stride, r5 a count, r6 to r8 the sums
/// of three columns by turns, r11 what makes a multiplication the rounding shift by 4.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn upsample_pairs(channel: *const Channel) {
    naked_asm!(
        "push {{r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldm r0, {{r0, r1, r2, r3, r4, r5}}",
        "mov r11, #0x10000000",
        "ldrsh r9, [r0]",
        "ldrsh r10, [r1]",
        "add r9, r9, r9, lsl #1",
        "add r6, r9, r10",
        "ldrsh r9, [r0, r2]",
        "ldrsh r10, [r1, r2]",
        "add r9, r9, r9, lsl #1",
        "add r7, r9, r10",
        "lsl r12, r2, #1",
        "2:",
        ".irp next, 8, 6, 7",
        "ldrsh r9, [r0, r12]",
        "ldrsh r10, [r1, r12]",
        "add r12, r12, r2",
        "add r9, r9, r9, lsl #1",
        "add r\\next, r9, r10",
        ".if \\next == 8",
        "add r9, r7, r7, lsl #1",
        "add r10, r9, r6",
        ".endif",
        ".if \\next == 6",
        "add r9, r8, r8, lsl #1",
        "add r10, r9, r7",
        ".endif",
        ".if \\next == 7",
        "add r9, r6, r6, lsl #1",
        "add r10, r9, r8",
        ".endif",
        "add r9, r9, r\\next",
        "smmulr r10, r10, r11",
        "smmulr r9, r9, r11",
        "strh r10, [r3]",
        "strh r9, [r3, r4]",
        "add r3, r3, r4, lsl #1",
        "subs r5, r5, #1",
        "beq 3f",
        ".endr",
        "b 2b",
        "3:",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
    )
}

/// Sites, one after the other: `clip8((64 sample + 32 + residual) >> 6)`.
///
/// r0 are the residuals, r1 to r4 the two luma rows, Cb and Cr, r5 a count, r6 to r8 the residuals of a site, r11 is 32.
///
/// # Safety
/// All that is pointed to must be there.
#[unsafe(naked)]
unsafe extern "C" fn add_residual_sites(residual: *const i16, samples: *const *mut u8, sites: usize) {
    naked_asm!(
        "push {{r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "mov r5, r2",
        "ldm r1, {{r1, r2, r3, r4}}",
        "mov r11, #32",
        "2:",
        "ldm r0!, {{r6, r7, r8}}",
        ".irp plane, 1, 2",
        "ldrb r9, [r\\plane]",
        "ldrb r10, [r\\plane, #1]",
        "add r9, r11, r9, lsl #6",
        "add r10, r11, r10, lsl #6",
        ".if \\plane == 1",
        "sxtah r9, r9, r6",
        "sxtah r10, r10, r6, ror #16",
        ".else",
        "sxtah r9, r9, r7",
        "sxtah r10, r10, r7, ror #16",
        ".endif",
        "usat r9, #8, r9, asr #6",
        "usat r10, #8, r10, asr #6",
        "strb r9, [r\\plane], #1",
        "strb r10, [r\\plane], #1",
        ".endr",
        "ldrb r9, [r3]",
        "ldrb r10, [r4]",
        "add r9, r11, r9, lsl #6",
        "add r10, r11, r10, lsl #6",
        "sxtah r9, r9, r8",
        "sxtah r10, r10, r8, ror #16",
        "usat r9, #8, r9, asr #6",
        "usat r10, #8, r10, asr #6",
        "strb r9, [r3], #1",
        "strb r10, [r4], #1",
        "subs r5, r5, #1",
        "bne 2b",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
    )
}
