//! What motion costs: what is left to say of each sample, and bits.

/// Price of a bit in absolute errors, for each root of lambda.
const ABSOLUTE_PRICE: f64 = 3.0;
/// Squared errors of luma samples that are a unit of `D`, where luma counts three quarters.
const SQUARED_ERRORS: f64 = 4.0 / 3.0;

/// The cost of the error of a predicted sample and that of a bit, in one unit.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// By the error's magnitude.
    errors: [u32; 256],
    /// The cost of a bit.
    pub bit: f64,
}

impl Costs {
    /// Absolute errors: a guess that takes little time.
    pub fn absolute(lambda: f64) -> Self {
        Self { errors: std::array::from_fn(|error| error as u32), bit: ABSOLUTE_PRICE * lambda.sqrt() }
    }

    /// What is left of an error and what is said about it, in squared errors, if samples are Gaussian and spread as far as the error: small ones stay as they are; of
    /// larger ones no more is left than of these, for the bits that it takes (reverse water-filling; Cover and Thomas, Elements of Information Theory, section 10.3).
    pub fn coded(lambda: f64) -> Self {
        let bit = SQUARED_ERRORS * lambda;
        let water = bit / (2.0 * std::f64::consts::LN_2);
        let of = |error: usize| {
            let squared = (error * error) as f64;
            if squared <= water { squared } else { water * (1.0 + (squared / water).ln()) }
        };
        Self { errors: std::array::from_fn(|error| of(error).round() as u32), bit }
    }

    /// The cost of an error of this magnitude.
    #[inline(always)]
    pub fn error(&self, magnitude: u8) -> u32 {
        self.errors[usize::from(magnitude)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_costs_the_least_of_what_is_left_and_what_is_said() {
        for lambda in [30.0, 270.0, 2000.0] {
            let costs = Costs::coded(lambda);
            for error in 1..=255u8 {
                let squared = f64::from(error).powi(2);
                // All that may be left of it, and the bits of a Gaussian source of that distortion.
                let choices = (0..400).map(|step| squared * (-f64::from(step) / 25.0).exp2());
                let least = choices.map(|left| left + costs.bit * 0.5 * (squared / left).log2());
                let least = least.fold(f64::INFINITY, f64::min);
                let found = f64::from(costs.error(error));
                assert!((found - least).abs() < 0.6 + 1e-3 * least, "{error}: {found} instead of {least}");
            }
        }
    }
}
