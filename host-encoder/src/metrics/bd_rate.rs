//! Bjontegaard's delta rate: how many more bits one codec takes than another, at equal quality.
//!
//! The logarithm of the rate is interpolated over quality by a piecewise cubic (PCHIP, as the JVET's common test
//! conditions do), so that any number of points from two up can be used, and no curve swings between them.

/// One point of a rate-distortion curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// Bytes, or any other measure of rate that is the same for both curves. Above 0.
    pub rate: f64,
    /// Quality in dB, larger is better. Points with infinite quality are left out.
    pub quality: f64,
}

/// The mean difference of two curves, over the qualities that both reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BdRate {
    /// Mean difference of the rates in per cent: -10 where the tested codec takes a tenth less.
    pub percent: f64,
    /// Lowest quality in dB that both curves reach.
    pub from: f64,
    /// Highest quality in dB that both curves reach.
    pub to: f64,
}

/// The rate of `test` relative to `reference` at equal quality, averaged in log rate over the qualities that both reach;
/// nothing where there are none, or where a curve has less than two points.
///
/// # Examples
/// ```
/// use host_encoder::metrics::{RatePoint, bd_rate};
/// let curve = |factor: f64| [(1000.0, 30.0), (2000.0, 33.0), (4000.0, 36.0)].map(|(rate, quality)| RatePoint { rate: factor * rate, quality });
/// let difference = bd_rate(&curve(1.0), &curve(0.9)).expect("the curves meet");
/// assert!((difference.percent + 10.0).abs() < 1e-9);
/// ```
#[must_use]
pub fn bd_rate(reference: &[RatePoint], test: &[RatePoint]) -> Option<BdRate> {
    let (reference, test) = (Curve::new(reference)?, Curve::new(test)?);
    let from = reference.lowest().max(test.lowest());
    let to = reference.highest().min(test.highest());
    if from >= to {
        return None;
    }
    let mean = (test.integral(from, to) - reference.integral(from, to)) / (to - from);
    Some(BdRate { percent: 100.0 * mean.exp_m1(), from, to })
}

/// The logarithm of the rate over quality.
struct Curve {
    /// Qualities, rising.
    x: Vec<f64>,
    /// Natural logarithms of the rates, rising too.
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl Curve {
    /// The curve through the points that no other point beats in rate and quality at once.
    fn new(points: &[RatePoint]) -> Option<Self> {
        let mut points: Vec<_> =
            points.iter().filter(|point| point.quality.is_finite() && point.rate > 0.0).copied().collect();
        points.sort_by(|a, b| a.rate.total_cmp(&b.rate).then(b.quality.total_cmp(&a.quality)));
        let mut best = f64::NEG_INFINITY;
        points.retain(|point| {
            let better = point.quality > best;
            best = best.max(point.quality);
            better
        });
        if points.len() < 2 {
            return None;
        }
        let x: Vec<f64> = points.iter().map(|point| point.quality).collect();
        let y: Vec<f64> = points.iter().map(|point| point.rate.ln()).collect();
        let slopes = slopes(&x, &y);
        Some(Self { x, y, slopes })
    }

    fn lowest(&self) -> f64 {
        self.x[0]
    }

    fn highest(&self) -> f64 {
        self.x[self.x.len() - 1]
    }

    /// The integral of the curve from `from` to `to`, which lie within it.
    fn integral(&self, from: f64, to: f64) -> f64 {
        (0..self.x.len() - 1)
            .map(|piece| {
                let (x0, x1) = (self.x[piece], self.x[piece + 1]);
                let (low, high) = (from.max(x0), to.min(x1));
                if low >= high {
                    return 0.0;
                }
                let width = x1 - x0;
                let primitive = |x: f64| {
                    let t = (x - x0) / width;
                    let (t2, t3, t4) = (t.powi(2), t.powi(3), t.powi(4));
                    self.y[piece] * (t4 / 2.0 - t3 + t)
                        + self.y[piece + 1] * (t3 - t4 / 2.0)
                        + width * self.slopes[piece] * (t4 / 4.0 - 2.0 * t3 / 3.0 + t2 / 2.0)
                        + width * self.slopes[piece + 1] * (t4 / 4.0 - t3 / 3.0)
                };
                width * (primitive(high) - primitive(low))
            })
            .sum()
    }
}

/// The slopes of the piecewise cubic at its points, after Fritsch and Butland.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let widths: Vec<f64> = x.windows(2).map(|x| x[1] - x[0]).collect();
    let secants: Vec<f64> = y.windows(2).zip(&widths).map(|(y, width)| (y[1] - y[0]) / width).collect();
    let last = secants.len() - 1;
    let inner = widths.windows(2).zip(secants.windows(2)).map(|(widths, secants)| {
        if secants[0] * secants[1] <= 0.0 {
            return 0.0;
        }
        let (before, after) = (widths[0] + 2.0 * widths[1], 2.0 * widths[0] + widths[1]);
        (before + after) / (before / secants[0] + after / secants[1])
    });
    if last == 0 {
        return vec![secants[0]; 2];
    }
    let first = end_slope([widths[0], widths[1]], [secants[0], secants[1]]);
    let end = end_slope([widths[last], widths[last - 1]], [secants[last], secants[last - 1]]);
    std::iter::once(first).chain(inner).chain([end]).collect()
}

/// The slope at an end, from the two pieces next to it, the nearest first; it keeps the shape of the data.
fn end_slope(widths: [f64; 2], secants: [f64; 2]) -> f64 {
    let slope = ((2.0 * widths[0] + widths[1]) * secants[0] - widths[0] * secants[1]) / (widths[0] + widths[1]);
    if slope * secants[0] <= 0.0 {
        0.0
    } else if secants[0] * secants[1] <= 0.0 && slope.abs() > 3.0 * secants[0].abs() {
        3.0 * secants[0]
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Vec<RatePoint> {
        points.iter().map(|&(rate, quality)| RatePoint { rate, quality }).collect()
    }

    /// Two curves of the shape that codecs have, in kb/s and dB.
    fn examples() -> [Vec<RatePoint>; 2] {
        [
            curve(&[(85.95, 31.42), (157.11, 34.24), (309.58, 37.18), (686.76, 40.28)]),
            curve(&[(112.75, 31.24), (204.93, 34.17), (407.8, 37.21), (893.34, 40.39)]),
        ]
    }

    /// Bjontegaard's first definition: one cubic through four points (Lagrange's form), integrated by the midpoint rule.
    fn single_cubic(reference: &[RatePoint], test: &[RatePoint]) -> f64 {
        let at = |points: &[RatePoint], quality: f64| -> f64 {
            let term = |i: usize| {
                let others = points.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, point)| point.quality);
                let basis: f64 = others.map(|other| (quality - other) / (points[i].quality - other)).product();
                basis * points[i].rate.ln()
            };
            (0..points.len()).map(term).sum()
        };
        let (from, to) = (reference[0].quality.max(test[0].quality), reference[3].quality.min(test[3].quality));
        const STEPS: usize = 10_000;
        let step = |number: usize| from + (to - from) * (number as f64 + 0.5) / STEPS as f64;
        let differences = (0..STEPS).map(step).map(|quality| at(test, quality) - at(reference, quality));
        100.0 * (differences.sum::<f64>() / STEPS as f64).exp_m1()
    }

    #[test]
    fn a_scaled_rate_is_that_many_per_cent() {
        let [reference, _] = examples();
        for factor in [0.5, 0.9, 1.0, 1.25, 3.0] {
            let scaled: Vec<_> =
                reference.iter().map(|point| RatePoint { rate: factor * point.rate, ..*point }).collect();
            let result = bd_rate(&reference, &scaled).unwrap();
            assert!((result.percent - 100.0 * (factor - 1.0)).abs() < 1e-9, "{factor}: {result:?}");
            assert_eq!((result.from, result.to), (31.42, 40.28));
        }
    }

    #[test]
    fn a_shifted_quality_is_a_known_rate_on_a_straight_line() {
        // 6 dB for a doubled rate; 3 dB less quality then costs a factor of the square root of two.
        let line = |shift: f64| -> Vec<RatePoint> {
            let point = |k: i32| RatePoint { rate: 100.0 * f64::from(k).exp2(), quality: 6.0 * f64::from(k) + shift };
            (0..5).map(point).collect()
        };
        let result = bd_rate(&line(30.0), &line(27.0)).unwrap();
        assert!((result.percent - 100.0 * (2.0f64.sqrt() - 1.0)).abs() < 1e-9, "{result:?}");
        assert_eq!((result.from, result.to), (30.0, 51.0));
    }

    #[test]
    fn it_agrees_with_a_single_cubic() {
        let [reference, test] = examples();
        let result = bd_rate(&reference, &test).unwrap().percent;
        let single = single_cubic(&reference, &test);
        assert!((result - single).abs() < 0.3, "{result} {single}");
        let back = bd_rate(&test, &reference).unwrap().percent;
        assert!(((1.0 + result / 100.0) * (1.0 + back / 100.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_points_and_points_that_are_beaten_change_nothing() {
        let [reference, mut test] = examples();
        let expected = bd_rate(&reference, &test);
        test.reverse();
        test.push(RatePoint { rate: 500.0, quality: 33.0 });
        test.push(RatePoint { rate: 5000.0, quality: f64::INFINITY });
        assert_eq!(bd_rate(&reference, &test), expected);
    }

    #[test]
    fn curves_that_do_not_meet_have_no_difference() {
        let [reference, test] = examples();
        let far: Vec<_> = test.iter().map(|point| RatePoint { quality: point.quality + 20.0, ..*point }).collect();
        assert_eq!(bd_rate(&reference, &far), None);
        assert_eq!(bd_rate(&reference, &test[..1]), None);
    }
}
