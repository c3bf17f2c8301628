//! The small network that turns what a latent sees into a Laplace distribution: SPEC section 7, in real units.

use super::lanes::LaneMath;
use crate::autodiff::kernels::{Arith, LANES, Lanes, fma_lanes, map_lanes};

/// Inputs of the network.
pub const INPUTS: usize = 9;
/// Largest number of hidden units.
pub const MAX_HIDDEN: usize = 16;
/// Positions that go through it at once.
pub const BLOCK: usize = 64;

/// One number for each position of a block.
pub type Row<T> = [Lanes<T>; BLOCK / LANES];

/// The parameters.
#[derive(Clone, Debug)]
pub struct Network<T> {
    w1: Vec<[T; INPUTS]>,
    b1: Vec<T>,
    w2: [Vec<T>; 2],
    linear: [[T; INPUTS]; 2],
}

/// Their gradient, with one partial sum for each lane.
#[derive(Clone, Debug)]
pub struct NetworkGradient<T> {
    w1: Vec<[Lanes<T>; INPUTS]>,
    b1: Vec<Lanes<T>>,
    w2: [Vec<Lanes<T>>; 2],
    linear: [[Lanes<T>; INPUTS]; 2],
}

/// What is computed for a block of positions.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// Inputs; after [`Network::backward`] their gradients.
    pub x: [Row<T>; INPUTS],
    /// Location and `log2` of the scale, without the biases of type and pass. For [`Network::backward`] the gradients.
    pub out: [Row<T>; 2],
    hidden: [Row<T>; MAX_HIDDEN],
}

/// A row of zeros.
pub fn zero_row<T: LaneMath>() -> Row<T> {
    [[T::ZERO; LANES]; BLOCK / LANES]
}

impl<T: LaneMath> Rows<T> {
    /// All zero.
    pub fn new() -> Self {
        Rows { x: [zero_row(); INPUTS], out: [zero_row(); 2], hidden: [zero_row(); MAX_HIDDEN] }
    }
}

#[inline(always)]
fn add_scaled<T: LaneMath, A: Arith>(sum: &mut Lanes<T>, factor: T, row: &Lanes<T>) {
    for (s, &r) in sum.iter_mut().zip(row) {
        *s = A::fma(factor, r, *s);
    }
}

#[inline(always)]
fn add_product<T: LaneMath, A: Arith>(sum: &mut Lanes<T>, a: &Lanes<T>, b: &Lanes<T>) {
    for ((s, &a), &b) in sum.iter_mut().zip(a).zip(b) {
        *s = A::fma(a, b, *s);
    }
}

impl<T: LaneMath> Network<T> {
    /// All parameters zero.
    ///
    /// # Panics
    /// If there are more than [`MAX_HIDDEN`] hidden units.
    pub fn new(hidden: usize) -> Self {
        assert!(hidden <= MAX_HIDDEN, "at most {MAX_HIDDEN} hidden units");
        Network {
            w1: vec![[T::ZERO; INPUTS]; hidden],
            b1: vec![T::ZERO; hidden],
            w2: [vec![T::ZERO; hidden], vec![T::ZERO; hidden]],
            linear: [[T::ZERO; INPUTS]; 2],
        }
    }

    /// Takes over `w1[hidden][9]`, `b1[hidden]` and `w2[2][hidden]`.
    pub fn set_hidden(&mut self, w1: &[T], b1: &[T], w2: &[T]) {
        self.w1.as_flattened_mut().copy_from_slice(w1);
        self.b1.copy_from_slice(b1);
        for (to, from) in self.w2.iter_mut().zip(w2.chunks_exact(b1.len())) {
            to.copy_from_slice(from);
        }
    }

    /// Takes over `linear[2][9]`.
    pub fn set_linear(&mut self, linear: &[T]) {
        self.linear.as_flattened_mut().copy_from_slice(linear);
    }

    /// `rows.out` from `rows.x`.
    #[inline(always)]
    pub fn forward<A: Arith>(&self, rows: &mut Rows<T>) {
        for chunk in 0..BLOCK / LANES {
            let mut x = [[T::ZERO; LANES]; INPUTS];
            for (x, row) in x.iter_mut().zip(&rows.x) {
                *x = row[chunk];
            }
            let mut out = [[T::ZERO; LANES]; 2];
            for (out, linear) in out.iter_mut().zip(&self.linear) {
                for (&w, x) in linear.iter().zip(&x) {
                    add_scaled::<T, A>(out, w, x);
                }
            }
            let units = self.w1.iter().zip(&self.b1).zip(self.w2[0].iter().zip(&self.w2[1]));
            for (((w1, &b1), (&to_location, &to_scale)), hidden) in units.zip(&mut rows.hidden) {
                let mut h = [b1; LANES];
                for (&w, x) in w1.iter().zip(&x) {
                    add_scaled::<T, A>(&mut h, w, x);
                }
                for h in &mut h {
                    *h = h.max(T::ZERO);
                }
                add_scaled::<T, A>(&mut out[0], to_location, &h);
                add_scaled::<T, A>(&mut out[1], to_scale, &h);
                hidden[chunk] = h;
            }
            rows.out[0][chunk] = out[0];
            rows.out[1][chunk] = out[1];
        }
    }

    /// From the gradients in `rows.out`: adds those of the parameters to `gradient`, if there is one, and leaves those of the inputs in
    /// `rows.x`. `rows` is otherwise what `forward` left.
    #[inline(always)]
    pub fn backward<A: Arith>(&self, rows: &mut Rows<T>, mut gradient: Option<&mut NetworkGradient<T>>) {
        let Rows { x, out, hidden } = rows;
        if let Some(gradient) = &mut gradient {
            for (gradient, out) in gradient.linear.iter_mut().zip(out.iter()) {
                add_outer::<T, A>(gradient, out, x);
            }
        }
        for (j, row) in hidden.iter_mut().take(self.b1.len()).enumerate() {
            if let Some(gradient) = &mut gradient {
                for (sums, out) in gradient.w2.iter_mut().zip(out.iter()) {
                    let mut sum = sums[j];
                    for (g, h) in out.iter().zip(row.iter()) {
                        add_product::<T, A>(&mut sum, g, h);
                    }
                    sums[j] = sum;
                }
            }
            let weights = [self.w2[0][j], self.w2[1][j]];
            for (chunk, h) in row.iter_mut().enumerate() {
                *h = through_relu::<T, A>(h, weights, [&out[0][chunk], &out[1][chunk]]);
            }
            if let Some(gradient) = &mut gradient {
                let mut sum = gradient.b1[j];
                for g in row.iter() {
                    add_scaled::<T, A>(&mut sum, T::ONE, g);
                }
                gradient.b1[j] = sum;
                add_outer::<T, A>(&mut gradient.w1[j], row, x);
            }
        }
        for chunk in 0..BLOCK / LANES {
            let mut by_x = [[T::ZERO; LANES]; INPUTS];
            for (linear, out) in self.linear.iter().zip(out.iter()) {
                for (sum, &w) in by_x.iter_mut().zip(linear) {
                    add_scaled::<T, A>(sum, w, &out[chunk]);
                }
            }
            for (w1, row) in self.w1.iter().zip(hidden.iter()) {
                for (sum, &w) in by_x.iter_mut().zip(w1) {
                    add_scaled::<T, A>(sum, w, &row[chunk]);
                }
            }
            for (x, by_x) in x.iter_mut().zip(by_x) {
                x[chunk] = by_x;
            }
        }
    }
}

/// The gradient by a hidden unit, of value `h`, from those by location and scale. Lane by lane, because the compiler makes branches of choices in a loop.
#[inline(always)]
fn through_relu<T: LaneMath, A: Arith>(h: &Lanes<T>, weights: [T; 2], out: [&Lanes<T>; 2]) -> Lanes<T> {
    let by_location = map_lanes(out[0], |g| g * weights[0]);
    let by_unit = fma_lanes::<T, A>(out[1], &[weights[1]; LANES], &by_location);
    let gated = |lane: usize| if h[lane] > T::ZERO { by_unit[lane] } else { T::ZERO };
    [gated(0), gated(1), gated(2), gated(3), gated(4), gated(5), gated(6), gated(7)]
}

/// Adds, for every input, its products with `row`.
#[inline(always)]
fn add_outer<T: LaneMath, A: Arith>(sums: &mut [Lanes<T>; INPUTS], row: &Row<T>, x: &[Row<T>; INPUTS]) {
    let mut local = *sums;
    for (chunk, g) in row.iter().enumerate() {
        for (sum, x) in local.iter_mut().zip(x) {
            add_product::<T, A>(sum, g, &x[chunk]);
        }
    }
    *sums = local;
}

impl<T: LaneMath> NetworkGradient<T> {
    /// All zero.
    pub fn new(hidden: usize) -> Self {
        let zero = [T::ZERO; LANES];
        NetworkGradient {
            w1: vec![[zero; INPUTS]; hidden],
            b1: vec![zero; hidden],
            w2: [vec![zero; hidden], vec![zero; hidden]],
            linear: [[zero; INPUTS]; 2],
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        let zero = [T::ZERO; LANES];
        self.w1.fill([zero; INPUTS]);
        self.b1.fill(zero);
        self.w2.iter_mut().for_each(|w| w.fill(zero));
        self.linear = [[zero; INPUTS]; 2];
    }

    /// Adds `factor` times the gradients to those of `w1`, `b1`, `w2` and `linear`; all but the last may be absent.
    pub fn add_to(&self, factor: T, into: [Option<&mut [T]>; 4]) {
        let add = |into: Option<&mut [T]>, lanes: &mut dyn Iterator<Item = &Lanes<T>>| {
            for (to, lanes) in into.into_iter().flatten().zip(lanes) {
                *to += factor * lanes.iter().copied().sum::<T>();
            }
        };
        let [w1, b1, w2, linear] = into;
        add(w1, &mut self.w1.as_flattened().iter());
        add(b1, &mut self.b1.iter());
        add(w2, &mut self.w2.iter().flatten());
        add(linear, &mut self.linear.as_flattened().iter());
    }
}
