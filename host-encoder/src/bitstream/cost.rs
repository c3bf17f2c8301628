//! What decisions would cost, without writing them.

use std::collections::BTreeMap;

use decoder_core::entropy::tables::ZERO;
use decoder_core::entropy::{Coder, laplace};

/// Adds up ideal code lengths.
#[derive(Clone, Copy, Debug, Default)]
pub struct CostMeter {
    /// Bits so far.
    pub bits: f64,
}

impl Coder for CostMeter {
    const DECODES: bool = false;

    fn decision(&mut self, zero_probability: u32, value: bool) -> bool {
        let zero = f64::from(zero_probability) / 65536.0;
        self.bits -= if value { 1.0 - zero } else { zero }.log2();
        value
    }

    fn scale_class(&self, items: impl Iterator<Item = i32>) -> u32 {
        cheapest_class(items)
    }
}

/// The scale class with which items with location 0 take the fewest bits, the first of those that are alike. Most of an update is zero: the scale with its mean magnitude takes
/// a tenth to a third more.
pub(super) fn cheapest_class(items: impl Iterator<Item = i32>) -> u32 {
    let mut counts = BTreeMap::<i32, u32>::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    let bits = |class: usize| {
        let of = |(&item, &count): (&i32, &u32)| {
            let mut meter = CostMeter::default();
            // What the format does not have is refused where it is written.
            laplace(&mut meter, 0, class, item).map_or(f64::INFINITY, |_| f64::from(count) * meter.bits)
        };
        counts.iter().map(of).sum::<f64>()
    };
    let costs = (0..ZERO.len()).map(bits).enumerate();
    costs.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(class, _)| class as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of items whose Laplace distribution has this scale.
    fn entropy(items: &[i32], scale: f64) -> f64 {
        let below = |x: f64| if x < 0.0 { 0.5 * (x / scale).exp() } else { 1.0 - 0.5 * (-x / scale).exp() };
        let probability = |item: i32| {
            let far = -f64::from(item.abs());
            below(far + 0.5) - below(far - 0.5)
        };
        -items.iter().map(|&item| probability(item).log2()).sum::<f64>()
    }

    #[test]
    fn a_class_is_as_good_as_the_best_scale() {
        // From an update in which one of sixty items changes to weights of a layer.
        for (step, largest) in [(60, 1), (30, 4), (7, 3), (2, 2), (1, 6), (1, 14)] {
            let item = |at: i32| if at % step == 0 { (at / step * 5) % (2 * largest + 1) - largest } else { 0 };
            let items: Vec<i32> = (0..300).map(item).collect();
            let mut meter = CostMeter::default();
            let class = meter.scale_class(items.iter().copied()) as usize;
            for &item in &items {
                laplace(&mut meter, 0, class, item).expect("the format has it");
            }
            let scales = (0..600).map(|step| 2f64.powf(f64::from(step) / 50.0 - 5.0));
            let least = scales.map(|scale| entropy(&items, scale)).fold(f64::INFINITY, f64::min);
            assert!(meter.bits < 1.01 * least, "one in {step} up to {largest}: {} bits, {least} at best", meter.bits);
        }
    }
}
