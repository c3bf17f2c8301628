//! Generation of the decoder's probability tables, with `libm` so that every host makes the same ones (SPEC section 3).

use std::fmt::Write;

/// Number of scale classes.
const CLASSES: usize = 64;
/// Locations 0, 1/16 .. 8/16.
const LOCATIONS: usize = 9;

/// A probability in 1/65536, never 0 or 1.
fn fixed(probability: f64) -> u16 {
    libm::round(probability * 65536.0).clamp(1.0, 65535.0) as u16
}

/// Scale of a class: `2^(k/6 - 4.5)`.
fn scale(class: usize) -> f64 {
    libm::exp2(class as f64 / 6.0 - 4.5)
}

/// Probability that a Laplace variable at `location` with scale `b` rounds to 0.
fn zero(b: f64, location: f64) -> f64 {
    1.0 - 0.5 * (libm::exp(-(0.5 - location) / b) + libm::exp(-(0.5 + location) / b))
}

/// Probability that it is negative when it does not.
fn sign(b: f64, location: f64) -> f64 {
    1.0 / (1.0 + libm::exp(2.0 * location / b))
}

/// The source text of `decoder-core/src/entropy/tables.rs`.
#[must_use]
pub fn source() -> String {
    let class_location = |f: fn(f64, f64) -> f64| -> Vec<[u16; LOCATIONS]> {
        (0..CLASSES).map(|k| std::array::from_fn(|m| fixed(f(scale(k), m as f64 / 16.0)))).collect()
    };
    let (zero, sign) = (class_location(zero), class_location(sign));
    let more: Vec<u16> = (0..CLASSES).map(|k| fixed(libm::exp(-1.0 / scale(k)))).collect();
    let numbers = zero.iter().chain(&sign).flatten().chain(&more);
    let bytes: Vec<u8> = numbers.flat_map(|n| n.to_le_bytes()).collect();
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes);

    let mut text = String::from(
        "//! Probabilities of the Laplace symbols in 1/65536 (SPEC section 3).\n\
         //!\n\
         //! Made by `cargo xtask tables` from `host-encoder/src/tables.rs`; a test compares the two.\n\n",
    );
    let _ = writeln!(
        text,
        "/// CRC-32 of the three tables, as little-endian 16-bit numbers.\npub const CHECKSUM: u32 = {checksum:#010x};\n"
    );
    for (name, doc, table) in [
        ("ZERO", "that the symbol is its centre: `[k][16 |location - centre|]`", &zero),
        ("SIGN", "that it is below its centre when it is not the centre: `[k][16 (location - centre)]`", &sign),
    ] {
        let _ = writeln!(
            text,
            "/// Probability {doc}.\n#[rustfmt::skip]\npub static {name}: [[u16; {LOCATIONS}]; {CLASSES}] = ["
        );
        for row in table {
            let _ = writeln!(text, "    {row:?},");
        }
        text.push_str("];\n\n");
    }
    let _ = writeln!(
        text,
        "/// Probability that a magnitude goes on: `[k]`.\n#[rustfmt::skip]\npub static MORE: [u16; {CLASSES}] = ["
    );
    for row in more.chunks(8) {
        let row: Vec<String> = row.iter().map(u16::to_string).collect();
        let _ = writeln!(text, "    {},", row.join(", "));
    }
    text.push_str("];\n");
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_tables_are_the_generated_ones() {
        assert_eq!(
            super::source(),
            include_str!("../../decoder-core/src/entropy/tables.rs"),
            "run `cargo xtask tables`"
        );
    }
}
