//! The best that a distribution without context can do.

use std::collections::BTreeMap;

/// Bits of the least and of the largest value in a table.
const RANGE_BITS: f64 = 8.0;
/// Bits of a probability in a table: far less than what a coder computes with.
const PROBABILITY_BITS: f64 = 8.0;

/// Bits of the values that have one distribution: their empirical entropy, and a table with a probability for each value from the
/// least to the largest.
pub fn bits(values: impl IntoIterator<Item = i8>) -> [f64; 2] {
    let mut counts = BTreeMap::<i8, u32>::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let all: f64 = counts.values().map(|&count| f64::from(count)).sum();
    let entropy = counts.values().map(|&count| f64::from(count) * (all / f64::from(count)).log2()).sum();
    let (Some((&least, _)), Some((&largest, _))) = (counts.first_key_value(), counts.last_key_value()) else {
        return [0.0; 2];
    };
    let entries = f64::from(i16::from(largest) - i16::from(least) + 1);
    [entropy, 2.0 * RANGE_BITS + PROBABILITY_BITS * entries]
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_even_choice_costs_a_bit_and_a_rare_value_what_its_rarity_says() {
        assert_eq!(super::bits([]), [0.0, 0.0]);
        assert_eq!(super::bits([3; 50]), [0.0, 24.0]);
        assert_eq!(super::bits([-1, 1, 1, -1]), [4.0, 16.0 + 24.0]);
        // Four values with a quarter of zeros, a half of ones and two eighths: 2, 1 and 3 bits.
        let [entropy, table] = super::bits([0, 0, 1, 1, 1, 1, -2, 4]);
        assert!((entropy - (2.0 * 2.0 + 4.0 + 2.0 * 3.0)).abs() < 1e-12);
        assert_eq!(table, 16.0 + 7.0 * 8.0);
    }
}
