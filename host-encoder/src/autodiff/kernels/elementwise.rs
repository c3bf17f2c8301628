//! Small loops over rows.

use super::{Arith, Job, LANES, dispatch};
use crate::autodiff::Real;

struct AddAssign<'a, T>(&'a mut [T], &'a [T]);

impl<T: Real> Job for AddAssign<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for (target, &term) in self.0.iter_mut().zip(self.1) {
            *target += term;
        }
    }
}

/// `target += terms`.
#[inline]
pub fn add_assign<T: Real>(target: &mut [T], terms: &[T]) {
    dispatch(AddAssign(target, terms));
}

struct SubAssign<'a, T>(&'a mut [T], &'a [T]);

impl<T: Real> Job for SubAssign<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for (target, &term) in self.0.iter_mut().zip(self.1) {
            *target -= term;
        }
    }
}

/// `target -= terms`.
#[inline]
pub fn sub_assign<T: Real>(target: &mut [T], terms: &[T]) {
    dispatch(SubAssign(target, terms));
}

struct MaskOpen<'a, T> {
    target: &'a mut [T],
    gradient: &'a [T],
    output: &'a [T],
    low: T,
    high: T,
}

impl<T: Real> Job for MaskOpen<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for ((target, &gradient), &y) in self.target.iter_mut().zip(self.gradient).zip(self.output) {
            let inside = (y > self.low) & (y < self.high);
            *target = if inside { gradient } else { T::ZERO };
        }
    }
}

/// `target = gradient` where `low < output < high`, else 0: the way back through a clamp.
#[inline]
pub fn mask_open<T: Real>(target: &mut [T], gradient: &[T], output: &[T], low: T, high: T) {
    dispatch(MaskOpen { target, gradient, output, low, high });
}

struct Sum<'a, T>(&'a [T]);

impl<T: Real> Job for Sum<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run<A: Arith>(self) -> T {
        let (vectors, rest) = self.0.as_chunks::<LANES>();
        let mut lanes = [T::ZERO; LANES];
        for vector in vectors {
            for l in 0..LANES {
                lanes[l] += vector[l];
            }
        }
        let tail: T = rest.iter().copied().sum();
        tail + lanes.into_iter().sum()
    }
}

/// Sum of a row, always in the same order.
#[inline]
pub fn sum<T: Real>(row: &[T]) -> T {
    dispatch(Sum(row))
}

/// Products that are summed in the scalar itself before they go to `f64`.
const RUN: usize = 1024;

struct Dot<'a, T>(&'a [T], &'a [T]);

impl<T: Real> Job for Dot<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run<A: Arith>(self) -> f64 {
        sum_of(self.0, self.1, |a, b, sum| A::fma(a, b, sum))
    }
}

struct SquaredDistance<'a, T>(&'a [T], &'a [T]);

impl<T: Real> Job for SquaredDistance<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run<A: Arith>(self) -> f64 {
        sum_of(self.0, self.1, |a, b, sum| {
            let difference = a - b;
            A::fma(difference, difference, sum)
        })
    }
}

#[inline(always)]
fn sum_of<T: Real>(a: &[T], b: &[T], add: impl Fn(T, T, T) -> T) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let mut lanes = [T::ZERO; LANES];
        for (a, b) in a.iter().zip(b) {
            for l in 0..LANES {
                lanes[l] = add(a[l], b[l], lanes[l]);
            }
        }
        let rest = a_rest.iter().zip(b_rest).fold(T::ZERO, |sum, (&a, &b)| add(a, b, sum));
        total += (rest + lanes.into_iter().sum()).to_f64();
    }
    total
}

/// Sum of products, always in the same order.
pub fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    dispatch(Dot(a, b))
}

/// Sum of squared differences, always in the same order.
pub fn squared_distance<T: Real>(a: &[T], b: &[T]) -> f64 {
    dispatch(SquaredDistance(a, b))
}
