//! The cost of a latent under a Laplace distribution.

use super::lanes::LaneMath;
use crate::autodiff::kernels::Arith;

/// From here on, in nats beyond the half step around the location, the cost grows only with the square root.
///
/// No symbol of a trained model costs this much. In an untrained one the linear growth would let a few outliers
/// outweigh all other gradients, and the coder's escape codes grow still slower.
const LINEAR_NATS: f64 = 40.0;

/// Cost of a symbol and its slopes.
#[derive(Clone, Copy, Debug)]
pub struct Cost<T> {
    /// Bits: `-log2` of the mass on `[value - 1/2, value + 1/2]`.
    pub bits: T,
    /// Bits per unit of the value; the negative is the slope by the location.
    pub by_value: T,
    /// Bits per unit of `log2` of the scale.
    pub by_log2_scale: T,
}

/// The cost of `value` when the location is `location` and the scale `2^log2_scale`, for scales from `2^-4.5` to `2^6`.
#[inline(always)]
pub fn cost<T: LaneMath, A: Arith>(value: T, location: T, log2_scale: T) -> Cost<T> {
    let half = T::of(0.5);
    let inverse = (log2_scale * T::of(-std::f64::consts::LN_2)).lane_exp::<A>();
    let distance = value - location;
    let d = distance.abs();
    // All of the interval lies on one side of the location, or both do.
    let t = inverse * (d - half);
    let one_sided = t >= T::ZERO;

    // e^-|t|, e^(-1/b) and, where both sides count, e^(-(d + 1/2)/b).
    let near = (-t.abs()).lane_exp::<A>();
    let step = (-inverse).lane_exp::<A>();
    let far = step / near;
    let one_side = half * (T::ONE - step);
    let both_sides = T::ONE - half * (near + far);
    let mass = if one_sided { one_side } else { both_sides };

    let limit = T::of(LINEAR_NATS);
    let excess = (t - limit).max(T::ZERO);
    let root = (excess + excess + T::ONE).sqrt();
    let slope = T::ONE / root;
    let tail = if one_sided { t.min(limit) + root - T::ONE } else { T::ZERO };

    let half_inverse_mass = half / mass;
    let by_distance = if one_sided { slope * inverse } else { inverse * (near - far) * half_inverse_mass };
    let by_inverse = if one_sided {
        slope * (d - half) - step * half_inverse_mass
    } else {
        ((d - half) * near - (d + half) * far) * half_inverse_mass
    };
    let log2_e = T::of(std::f64::consts::LOG2_E);
    let by_distance = by_distance * log2_e;
    Cost {
        bits: (tail - mass.lane_ln::<A>()) * log2_e,
        by_value: if distance < T::ZERO { -by_distance } else { by_distance },
        // d(1/b) / d(log2 b) = -ln 2 / b: the two logarithms cancel.
        by_log2_scale: -inverse * by_inverse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::kernels::Plain;

    fn cost<T: LaneMath>(value: T, location: T, log2_scale: T) -> Cost<T> {
        super::cost::<T, Plain>(value, location, log2_scale)
    }

    fn cases() -> impl Iterator<Item = (f64, f64)> {
        let scales = [-4.5, -3.1, -1.0, 0.0, 0.7, 2.5, 6.0];
        scales.into_iter().flat_map(|s| (-400..400).map(move |i| (f64::from(i) * 0.0313 + 0.007, s)))
    }

    #[test]
    fn the_masses_of_all_integers_add_up_to_one() {
        for scale in [-4.5, -2.0, 0.0, 1.3, 4.0, 6.0] {
            for location in [0.0, 0.3, -0.5, 5.49] {
                let all: f64 = (-2000..=2000).map(|v| (-cost(f64::from(v), location, scale).bits).exp2()).sum();
                assert!((all - 1.0).abs() < 1e-9, "{scale} {location}: {all}");
            }
        }
    }

    #[test]
    fn the_slopes_are_those_of_the_bits() {
        let h = 1e-6;
        for (v, s) in cases() {
            let c = cost(v, 0.4, s);
            let by_value = (cost(v + h, 0.4, s).bits - cost(v - h, 0.4, s).bits) / (2.0 * h);
            let by_scale = (cost(v, 0.4, s + h).bits - cost(v, 0.4, s - h).bits) / (2.0 * h);
            assert!((c.by_value - by_value).abs() < 1e-5 * by_value.abs().max(1.0), "{v} {s}");
            assert!((c.by_log2_scale - by_scale).abs() < 1e-5 * by_scale.abs().max(1.0), "{v} {s}");
        }
    }

    #[test]
    fn single_precision_follows_double() {
        for (v, s) in cases() {
            let (a, b) = (cost(v as f32, 0.4, s as f32), cost(v, 0.4, s));
            for (a, b) in [(a.bits, b.bits), (a.by_value, b.by_value), (a.by_log2_scale, b.by_log2_scale)] {
                assert!((f64::from(a) - b).abs() < 1e-4 * b.abs().max(1.0), "{v} {s}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_farthest_symbols_have_finite_slopes() {
        let c = cost(127.0f32, -127.0, -4.5);
        assert!(c.bits.is_finite() && c.bits > 58.0 && c.bits < 1000.0);
        assert!(c.by_value.is_finite() && c.by_value > 0.0);
        assert!(c.by_log2_scale.is_finite() && c.by_log2_scale < 0.0);
    }
}
