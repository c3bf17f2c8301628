//! The mean of the predictions from both sides (SPEC section 8, "Prediction").

/// Makes `own` its mean with `other`, samples from an even column on. Halves go up in even columns and down in odd ones.
#[inline(never)]
pub(super) fn mean(own: &mut [u8], other: &[u8]) {
    let (words, rest) = own.as_chunks_mut::<4>();
    let (other_words, other_rest) = other.as_chunks::<4>();
    for (own, &other) in words.iter_mut().zip(other_words) {
        let (a, b) = (u32::from_le_bytes(*own), u32::from_le_bytes(other));
        // What both have, and half of what one has: four samples at a time without a carry between them.
        let apart = a ^ b;
        *own = ((a & b) + ((apart >> 1) & 0x7f7f_7f7f) + (apart & 0x0001_0001)).to_le_bytes();
    }
    for (column, (own, &other)) in rest.iter_mut().zip(other_rest).enumerate() {
        *own = ((u16::from(*own) + u16::from(other) + 1 - (column & 1) as u16) >> 1) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_in_even_columns_and_down_in_odd_ones() {
        for a in 0..=255u8 {
            for b in 0..=255 {
                let mut own = [a; 7];
                mean(&mut own, &[b; 7]);
                let sum = u16::from(a) + u16::from(b);
                let expected = [0, 1, 2, 3, 4, 5, 6].map(|column| ((sum + 1 - column % 2) >> 1) as u8);
                assert_eq!(own, expected, "{a} and {b}");
            }
        }
    }
}
