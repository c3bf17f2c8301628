//! Arm with DSP: upsampling a channel, adding residuals to samples, and RGB565.

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

/// Rows of samples on their way to RGB565, and the conversion, in 1/65536 of a step of each colour: two factors to a word.
#[repr(C)]
struct Colours {
    luma: *const u8,
    u: *const u8,
    v: *const u8,
    out: *mut u16,
    /// Of luma: for red and blue, which have steps of 8 code values, and for green, which has steps of 4.
    of_luma: u32,
    /// Of v for red, of u for blue.
    of_chroma: u32,
    /// Of u and of v for green.
    of_green: u32,
    /// What green and blue begin with.
    green: i32,
    blue: i32,
    /// Where `out` is when all is done.
    end: *mut u16,
    /// What red begins with.
    red: i32,
}

/// Two factors in a word.
const fn factors(low: i32, high: i32) -> u32 {
    (low as u16 as u32) | (high as u32) << 16
}

/// Converts pixels, four at a time, to RGB565; how many it did.
pub(super) fn rgb565(luma: &[u8], u: &[u8], v: &[u8], out: &mut [u16]) -> usize {
    let pixels = out.len().min(luma.len()).min(2 * u.len()).min(2 * v.len()) & !3;
    if pixels == 0 {
        return 0;
    }
    // As in the portable conversion; 16 and 128 are where luma and chroma begin.
    let black = 128 - 16 * 298;
    let mut colours = Colours {
        luma: luma.as_ptr(),
        u: u.as_ptr(),
        v: v.as_ptr(),
        out: out.as_mut_ptr(),
        of_luma: factors(298 << 5, 298 << 6),
        of_chroma: factors(409 << 5, 516 << 5),
        of_green: factors(-100 << 6, -208 << 6),
        green: (black + (100 + 208) * 128) << 6,
        blue: (black - 516 * 128) << 5,
        end: out.as_mut_ptr().wrapping_add(pixels),
        red: (black - 409 * 128) << 5,
    };
    // SAFETY: all rows have `pixels` pixels, as computed above; single words may be unaligned here.
    unsafe { rgb565_fours(&raw mut colours) };
    pixels
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

/// Four pixels at a time, two to a word: sums, their upper halves, limits.
///
/// r0 to r3 are luma, u, v and `out`, r4 to r6 the factors, r8 and r9 what green and blue begin with, r12, lr and r10 red, green and blue of a
/// pair, first of its chroma, r11 its luma, r7 a sum.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn rgb565_fours(colours: *mut Colours) {
    naked_asm!(
        "push {{r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldrd r1, r2, [r0, #36]",
        "push {{r1, r2}}",
        "ldm r0, {{r0, r1, r2, r3, r4, r5, r6, r8, r9}}",
        "2:",
        ".rept 2",
        "ldrb r10, [r1], #1",
        "ldrb r11, [r2], #1",
        "ldr r12, [sp, #4]",
        "smlabb lr, r10, r6, r8",
        "smlabb r12, r11, r5, r12",
        "smlabt lr, r11, r6, lr",
        "smlabt r10, r10, r5, r9",
        "ldrh r11, [r0], #2",
        "orr r11, r11, r11, lsl #8",
        "uxtb16 r11, r11",
        "smlabb r7, r11, r4, r12",
        "smlatb r12, r11, r4, r12",
        "pkhtb r12, r12, r7, asr #16",
        "usat16 r12, #5, r12",
        "smlabt r7, r11, r4, lr",
        "smlatt lr, r11, r4, lr",
        "pkhtb lr, lr, r7, asr #16",
        "usat16 lr, #6, lr",
        "smlabb r7, r11, r4, r10",
        "smlatb r10, r11, r4, r10",
        "pkhtb r10, r10, r7, asr #16",
        "usat16 r10, #5, r10",
        "orr lr, r10, lr, lsl #5",
        "orr lr, lr, r12, lsl #11",
        "str lr, [r3], #4",
        ".endr",
        "ldr r7, [sp]",
        "cmp r3, r7",
        "bne 2b",
        "add sp, sp, #8",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
    )
}
