//! What instructions of Thumb-2 cost on a Cortex-M4, by its manual (Arm DDI 0439, "Instruction set summary"); memory without
//! wait states. A Cortex-M33 is close to it.

/// Cycles more when the next instruction is another one: the pipeline fills in 1 to 3.
pub const TAKEN: u64 = 2;

/// What matters to the instruction behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A load or store of one register: the next such takes one cycle only.
    Single,
}

/// Cycles of the instruction that `code` begins with, and what it is for the next; `before` is what the one before it is.
pub fn cycles(code: [u16; 2], before: Option<Kind>) -> (u64, Option<Kind>) {
    let [first, second] = code;
    let registers = |list: u16| 1 + u64::from(list.count_ones());
    let load = || (if before == Some(Kind::Single) { 1 } else { 2 }, Some(Kind::Single));
    let store = (1, Some(Kind::Single));
    let single = |loads: bool| if loads { load() } else { store };
    let bit = |number: u32| first >> number & 1 == 1;
    match first >> 11 {
        // Narrow: from a table of constants; by registers; by offsets; from the stack.
        0b01001 => load(),
        0b01010 | 0b01011 => single(first >> 9 & 7 >= 3),
        0b01100..=0b10011 => single(bit(11)),
        // Push and pop.
        0b10110 | 0b10111 if first >> 9 & 3 == 2 => (registers(first & 0x1ff), None),
        0b11000 | 0b11001 => (registers(first & 0xff), None),
        // Wide: several registers, two, a table of branches.
        0b11101 if first >> 9 & 3 == 0 => match bit(6) {
            false => (registers(second), None),
            true if bit(8) || bit(5) => (3, None),
            true => (2, None),
        },
        0b11111 if first >> 9 & 3 == 0 => single(bit(4)),
        // Division, 2 to 12.
        0b11111 if first & 0xffd0 == 0xfb90 => (7, None),
        _ => (1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_cost_what_the_manual_says() {
        let cost = |first, second| cycles([first, second], None).0;
        let cases = [
            ("adds r0, r1, r2", 0x1888, 0, 1),
            ("ldr r0, [r1, #4]", 0x6848, 0, 2),
            ("str r0, [r1, #4]", 0x6048, 0, 1),
            ("ldrsh r0, [r1, r2]", 0x5e88, 0, 2),
            ("strh r0, [r1, r2]", 0x5288, 0, 1),
            ("push {r4, r5, lr}", 0xb530, 0, 4),
            ("pop {r4, r5, pc}", 0xbd30, 0, 4),
            ("ldm r0!, {r1, r2, r3}", 0xc80e, 0, 4),
            ("ldm.w r0, {r10, r11, r12}", 0xe890, 0x1c00, 4),
            ("ldrd r2, r3, [r0, #8]", 0xe9d0, 0x2302, 3),
            ("ldr.w r12, [r0], #4", 0xf850, 0xcb04, 2),
            ("strh.w r4, [r10]", 0xf8aa, 0x4000, 1),
            ("smlad r4, r12, r10, r4", 0xfb2c, 0x440a, 1),
            ("udiv r0, r1, r2", 0xfbb1, 0xf0f2, 7),
            ("sdiv r0, r1, r2", 0xfb91, 0xf0f2, 7),
            ("b.w", 0xf000, 0xb800, 1),
        ];
        for (text, first, second, expected) in cases {
            assert_eq!(cost(first, second), expected, "{text}");
        }
        assert_eq!(cycles([0x6848, 0], Some(Kind::Single)).0, 1, "loads one after the other");
    }
}
