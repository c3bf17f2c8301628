//! The cost of one root of the octree, and what it gives back to latents, parent and parameters.

use super::context_net::{BLOCK, INPUTS, Network, NetworkGradient, Row, Rows, zero_row};
use super::lanes::LaneMath;
use super::laplace;
use super::layout::{Group, Layout, PASSES};
use super::stencil::Bordered;
use crate::autodiff::kernels::{Arith, Job};

/// Range of the location, in latent units.
const LOCATION: [f64; 2] = [-127.0, 127.0];
/// Range of `log2` of the scale.
const LOG2_SCALE: [f64; 2] = [-4.5, 6.0];

/// Factors of the magnitudes in the logarithmic inputs: SPEC's sums of 8.
const MAGNITUDE_FACTOR: [f64; 6] = [8.0, 8.0, 8.0, 2.0, 2.0, 8.0];

/// What a root is computed from.
pub struct Source<'a, T> {
    /// The octree.
    pub layout: &'a Layout,
    /// Latents `[tau][y][x]` from the past, `tau = 0`, to the last slice.
    pub window: &'a [T],
    /// Signs of the window, 0 for 0.
    pub signs: &'a [T],
    /// 1 for each latent of the root that is coded, else 0; empty if all are.
    pub coded: &'a [T],
    /// All of the parent variable.
    pub parent: &'a [T],
    /// Where in it the parent's slice of each slice starts; empty if there is no parent.
    pub parent_starts: &'a [usize],
    /// Index into the parent's slice for each latent of a slice.
    pub parent_index: &'a [u32],
    /// Bias of `log2` of the scale for each latent of the root, by pass.
    pub pass_bias: &'a [T],
    /// The same for each type of slice.
    pub type_bias: [T; 2],
    /// Type of each slice.
    pub types: &'a [u8],
    /// The network.
    pub network: &'a Network<T>,
    /// Which gradients are wanted.
    pub gradients: Gradients,
}

/// Gradients that are computed with the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradients {
    /// None.
    None,
    /// All but those by the network's parameters.
    ByLatents,
    /// All.
    All,
}

/// A root: its place and its results.
#[derive(Clone, Debug)]
pub struct Root<T> {
    /// First slice.
    pub first: usize,
    /// Number of slices, a power of two.
    pub slices: usize,
    /// Bits of each slice.
    pub bits: Vec<f64>,
    /// Gradient of the bits by the window.
    pub by_window: Vec<T>,
    /// By the parent, one value for each latent; empty if there is no parent.
    pub by_parent: Vec<T>,
    /// By the network's parameters.
    pub by_network: NetworkGradient<T>,
    /// By the bias of each pass.
    pub by_pass: [T; PASSES],
    /// By the bias of each type.
    pub by_type: [T; 2],
    height: usize,
    width: usize,
    /// Bits of each latent.
    pub latent_bits: Vec<T>,
}

/// Slices of a [`Scratch`].
pub const SCRATCH: usize = 11;

/// What a root is evaluated in.
struct Scratch<'a, T> {
    /// For each latent the means of its corners' and sides' magnitudes and values, then the gradients by them.
    means: [&'a mut [T]; 4],
    /// For each latent the gradient by its `log2` of the scale.
    by_scale: &'a mut [T],
    /// Sums of the magnitudes around each latent of the past, across and diagonally, and the gradients by them.
    around: [&'a mut [T]; 2],
    by_around: [&'a mut [T]; 2],
    bordered: [Bordered<'a, T>; 2],
}

/// Which mean is which: magnitudes, then values; the index plus 1 is the sides'.
const MAGNITUDES: usize = 0;
const VALUES: usize = 2;

impl<'a, T: LaneMath> Scratch<'a, T> {
    /// Of slices of the lengths that [`Root::scratch`] says.
    #[inline(always)]
    fn new(width: usize, slices: [&'a mut [T]; SCRATCH]) -> Self {
        let [a, b, c, d, by_scale, cross, diagonal, by_cross, by_diagonal, first, second] = slices;
        let bordered = [first, second].map(|data| Bordered::new(width, data));
        Scratch {
            means: [a, b, c, d],
            by_scale,
            around: [cross, diagonal],
            by_around: [by_cross, by_diagonal],
            bordered,
        }
    }

    /// Means of the neighbours of a group.
    #[inline(always)]
    fn gather(&mut self, group: &Group, window: &[T]) {
        match (group.corners, group.sides) {
            (0, 0) => self.gather_some::<0, 0>(group, window),
            (2, 0) => self.gather_some::<2, 0>(group, window),
            (2, 2) => self.gather_some::<2, 2>(group, window),
            (2, 4) => self.gather_some::<2, 4>(group, window),
            (4, 0) => self.gather_some::<4, 0>(group, window),
            (4, 2) => self.gather_some::<4, 2>(group, window),
            _ => self.gather_some::<8, 0>(group, window),
        }
    }

    #[inline(always)]
    fn gather_some<const C: usize, const S: usize>(&mut self, group: &Group, window: &[T]) {
        let (corner, side) = (T::of(group.corner_weight), T::of(group.side_weight));
        let [corner_magnitudes, side_magnitudes, corner_values, side_values] = &mut self.means;
        for (i, &p) in group.positions.iter().enumerate() {
            let p = p as usize;
            let neighbours = &group.neighbours[i * (C + S)..][..C + S];
            let mut sums = [T::ZERO; 4];
            for (k, &n) in neighbours.iter().enumerate() {
                let value = window[n as usize];
                let of = usize::from(k >= C);
                sums[MAGNITUDES + of] += value.abs();
                sums[VALUES + of] += value;
            }
            corner_magnitudes[p] = sums[0] * corner;
            side_magnitudes[p] = sums[1] * side;
            corner_values[p] = sums[2] * corner;
            side_values[p] = sums[3] * side;
        }
    }
}

impl<T: LaneMath> Root<T> {
    /// A root of `slices` slices of `height` x `width` from slice `first` on.
    pub fn new(first: usize, slices: usize, [height, width]: [usize; 2], hidden: usize, has_parent: bool) -> Self {
        let area = height * width;
        let all = || vec![T::ZERO; slices * area];
        Root {
            first,
            slices,
            bits: vec![0.0; slices],
            by_window: vec![T::ZERO; (slices + 1) * area],
            by_parent: if has_parent { all() } else { Vec::new() },
            by_network: NetworkGradient::new(hidden),
            by_pass: [T::ZERO; PASSES],
            by_type: [T::ZERO; 2],
            height,
            width,
            latent_bits: all(),
        }
    }

    /// Lengths of what [`Evaluate`] works in.
    pub fn scratch(&self) -> [usize; SCRATCH] {
        let (area, bordered) = (self.height * self.width, Bordered::<T>::len(self.height, self.width));
        let all = self.slices * area;
        [all, all, all, all, all, area, area, area, area, bordered, bordered]
    }

    #[inline(always)]
    fn evaluate<A: Arith>(&mut self, source: &Source<'_, T>, scratch: &mut Scratch<'_, T>) {
        self.by_network.clear();
        self.by_pass = [T::ZERO; PASSES];
        self.by_type = [T::ZERO; 2];
        for group in &source.layout.groups {
            scratch.gather(group, source.window);
        }
        self.sum_around_past(source.window, scratch);
        let area = self.height * self.width;
        let mut rows = Rows::new();
        for slice in 0..self.slices {
            let (mut bits, mut by_type) = (0.0, T::ZERO);
            for start in (0..area).step_by(BLOCK) {
                let block = Block { slice, start, len: BLOCK.min(area - start), at: slice * area + start };
                let (b, g) = self.evaluate_block::<A>(source, block, &mut rows, scratch);
                bits += b.to_f64();
                by_type += g;
            }
            self.bits[slice] = bits;
            self.by_type[usize::from(source.types[slice])] += by_type;
        }
        if source.gradients == Gradients::None {
            return;
        }
        self.spread_around_past(source.signs, scratch);
        for group in &source.layout.groups {
            self.scatter(group, source.signs, scratch);
        }
    }

    /// Gives the gradients by the means of a group back to the neighbours, and those by its biases to its pass.
    #[inline(always)]
    fn scatter(&mut self, group: &Group, signs: &[T], scratch: &Scratch<'_, T>) {
        match (group.corners, group.sides) {
            (0, 0) => self.scatter_some::<0, 0>(group, signs, scratch),
            (2, 0) => self.scatter_some::<2, 0>(group, signs, scratch),
            (2, 2) => self.scatter_some::<2, 2>(group, signs, scratch),
            (2, 4) => self.scatter_some::<2, 4>(group, signs, scratch),
            (4, 0) => self.scatter_some::<4, 0>(group, signs, scratch),
            (4, 2) => self.scatter_some::<4, 2>(group, signs, scratch),
            _ => self.scatter_some::<8, 0>(group, signs, scratch),
        }
    }

    #[inline(always)]
    fn scatter_some<const C: usize, const S: usize>(&mut self, group: &Group, signs: &[T], scratch: &Scratch<'_, T>) {
        let (corner, side) = (T::of(group.corner_weight), T::of(group.side_weight));
        let [corner_magnitudes, side_magnitudes, corner_values, side_values] = &scratch.means;
        let by_window = &mut self.by_window[..signs.len()];
        let mut by_pass = T::ZERO;
        for (i, &p) in group.positions.iter().enumerate() {
            let p = p as usize;
            by_pass += scratch.by_scale[p];
            let by_magnitude = [corner_magnitudes[p] * corner, side_magnitudes[p] * side];
            let by_value = [corner_values[p] * corner, side_values[p] * side];
            let neighbours = &group.neighbours[i * (C + S)..][..C + S];
            for (k, &n) in neighbours.iter().enumerate() {
                let (n, of) = (n as usize, usize::from(k >= C));
                by_window[n] += by_value[of] + signs[n] * by_magnitude[of];
            }
        }
        self.by_pass[group.pass] += by_pass;
    }

    #[inline(always)]
    fn sum_around_past(&mut self, window: &[T], scratch: &mut Scratch<'_, T>) {
        let [magnitudes, _] = &mut scratch.bordered;
        magnitudes.set(&window[..self.height * self.width], T::abs);
        let [cross, diagonal] = &mut scratch.around;
        for y in 0..self.height {
            let row = y * self.width..(y + 1) * self.width;
            cross[row.clone()].iter_mut().zip(magnitudes.cross(y)).for_each(|(to, sum)| *to = sum);
            diagonal[row].iter_mut().zip(magnitudes.diagonal(y)).for_each(|(to, sum)| *to = sum);
        }
        scratch.by_around.iter_mut().for_each(|plane| plane.fill(T::ZERO));
        self.by_window[..self.height * self.width].fill(T::ZERO);
    }

    /// The way back of `sum_around_past`: the neighbours of a latent are those that it is a neighbour of.
    #[inline(always)]
    fn spread_around_past(&mut self, signs: &[T], scratch: &mut Scratch<'_, T>) {
        for (bordered, plane) in scratch.bordered.iter_mut().zip(&scratch.by_around) {
            bordered.set(plane, |v| v);
        }
        let [cross, diagonal] = &scratch.bordered;
        for y in 0..self.height {
            let row = y * self.width..(y + 1) * self.width;
            let sums = cross.cross(y).zip(diagonal.diagonal(y));
            let past = self.by_window[row.clone()].iter_mut().zip(&signs[row]);
            for ((to, &sign), (c, d)) in past.zip(sums) {
                *to += sign * (c + d);
            }
        }
    }

    /// Bits of a block and their gradient by the bias of `log2` of the scale.
    #[inline(always)]
    fn evaluate_block<A: Arith>(
        &mut self,
        source: &Source<'_, T>,
        block: Block,
        rows: &mut Rows<T>,
        scratch: &mut Scratch<'_, T>,
    ) -> (T, T) {
        let Block { slice, start, len, at } = block;
        let area = self.height * self.width;
        let mut slopes = [zero_row(); 6];
        let inputs: [&[T]; INPUTS] = [
            &scratch.means[MAGNITUDES][at..at + len],
            &scratch.means[MAGNITUDES + 1][at..at + len],
            &source.window[start..start + len],
            &scratch.around[0][start..start + len],
            &scratch.around[1][start..start + len],
            &[],
            &scratch.means[VALUES][at..at + len],
            &scratch.means[VALUES + 1][at..at + len],
            &source.window[start..start + len],
        ];
        for (row, input) in rows.x.iter_mut().zip(inputs) {
            load(row, input);
        }
        if let Some(&from) = source.parent_starts.get(slice) {
            let plane = &source.parent[from..];
            let index = &source.parent_index[start..start + len];
            for (to, &i) in rows.x[5].as_flattened_mut().iter_mut().zip(index) {
                *to = plane[i as usize];
            }
        }
        for ((row, slopes), factor) in rows.x.iter_mut().zip(&mut slopes).zip(MAGNITUDE_FACTOR) {
            take_logarithms(row, slopes, T::of(factor));
        }
        source.network.forward::<A>(rows);

        let mut values = zero_row();
        load(&mut values, &source.window[area + at..][..len]);
        let mut biases = zero_row();
        load(&mut biases, &source.pass_bias[at..at + len]);
        let mut bits = zero_row();
        let type_bias = source.type_bias[usize::from(source.types[slice])];
        costs::<T, A>(&mut values, &biases, type_bias, &mut rows.out, &mut bits);
        for row in rows.out.iter_mut().chain([&mut bits, &mut values]) {
            row.as_flattened_mut()[len..].fill(T::ZERO);
            for (item, &coded) in
                row.as_flattened_mut().iter_mut().zip(source.coded.get(at..at + len).unwrap_or_default())
            {
                *item *= coded;
            }
        }
        store(&mut self.latent_bits[at..at + len], &bits);
        if source.gradients == Gradients::None {
            return (sum(&bits), T::ZERO);
        }
        let by_network = (source.gradients == Gradients::All).then_some(&mut self.by_network);
        source.network.backward::<A>(rows, by_network);

        for (row, slopes) in rows.x.iter_mut().zip(&slopes) {
            for (g, s) in row.as_flattened_mut().iter_mut().zip(slopes.as_flattened()) {
                *g *= *s;
            }
        }
        let x = &rows.x;
        store(&mut scratch.means[MAGNITUDES][at..at + len], &x[0]);
        store(&mut scratch.means[MAGNITUDES + 1][at..at + len], &x[1]);
        store(&mut scratch.means[VALUES][at..at + len], &x[6]);
        store(&mut scratch.means[VALUES + 1][at..at + len], &x[7]);
        store(&mut scratch.by_scale[at..at + len], &rows.out[1]);
        store(&mut self.by_window[area + at..][..len], &values);
        add(&mut self.by_window[start..start + len], &x[2]);
        add(&mut self.by_window[start..start + len], &x[8]);
        add(&mut scratch.by_around[0][start..start + len], &x[3]);
        add(&mut scratch.by_around[1][start..start + len], &x[4]);
        if !source.parent_starts.is_empty() {
            store(&mut self.by_parent[at..at + len], &x[5]);
        }
        (sum(&bits), sum(&rows.out[1]))
    }
}

/// Latents of one slice that are evaluated together.
#[derive(Clone, Copy)]
struct Block {
    slice: usize,
    /// First latent in the slice, and how many.
    start: usize,
    len: usize,
    /// First latent in the root.
    at: usize,
}

/// Fills a row, with zeros after the end of `from`.
#[inline(always)]
fn load<T: LaneMath>(row: &mut Row<T>, from: &[T]) {
    let (to, rest) = row.as_flattened_mut().split_at_mut(from.len());
    to.copy_from_slice(from);
    rest.fill(T::ZERO);
}

#[inline(always)]
fn store<T: LaneMath>(to: &mut [T], row: &Row<T>) {
    to.copy_from_slice(&row.as_flattened()[..to.len()]);
}

#[inline(always)]
fn add<T: LaneMath>(to: &mut [T], row: &Row<T>) {
    for (to, &v) in to.iter_mut().zip(row.as_flattened()) {
        *to += v;
    }
}

/// Sum of a row, lane by lane first.
#[inline(always)]
fn sum<T: LaneMath>(row: &Row<T>) -> T {
    let mut lanes = row[0];
    for chunk in &row[1..] {
        for (sum, &v) in lanes.iter_mut().zip(chunk) {
            *sum += v;
        }
    }
    lanes.into_iter().sum()
}

/// Replaces `v` by the piecewise linear `log2(1 + factor |v|)`; `slopes` by `v`.
#[inline(always)]
fn take_logarithms<T: LaneMath>(row: &mut Row<T>, slopes: &mut Row<T>, factor: T) {
    for (v, slope) in row.as_flattened_mut().iter_mut().zip(slopes.as_flattened_mut()) {
        let (value, s) = (v.abs() * factor + T::ONE).log2_linear();
        *slope = sign(*v) * factor * s;
        *v = value;
    }
}

/// 1, -1, or 0 for 0.
#[inline(always)]
pub fn sign<T: LaneMath>(v: T) -> T {
    let negative = if v < T::ZERO { T::ONE } else { T::ZERO };
    let positive = if v > T::ZERO { T::ONE } else { T::ZERO };
    positive - negative
}

/// Turns values into the gradients by them, and location and scale into the gradients by those.
#[inline(always)]
fn costs<T: LaneMath, A: Arith>(
    values: &mut Row<T>,
    biases: &Row<T>,
    type_bias: T,
    [locations, scales]: &mut [Row<T>; 2],
    bits: &mut Row<T>,
) {
    for chunk in 0..values.len() {
        for lane in 0..values[chunk].len() {
            let location = Clamped::new(locations[chunk][lane], LOCATION);
            let scale = Clamped::new(scales[chunk][lane] + biases[chunk][lane] + type_bias, LOG2_SCALE);
            let cost = laplace::cost::<T, A>(values[chunk][lane], location.value, scale.value);
            bits[chunk][lane] = cost.bits;
            values[chunk][lane] = cost.by_value;
            locations[chunk][lane] = location.gate(-cost.by_value);
            scales[chunk][lane] = scale.gate(cost.by_log2_scale);
        }
    }
}

/// A number in its range.
struct Clamped<T> {
    value: T,
    /// How far the number was outside.
    excess: T,
}

impl<T: LaneMath> Clamped<T> {
    #[inline(always)]
    fn new(number: T, [low, high]: [f64; 2]) -> Self {
        let value = number.max(T::of(low)).min(T::of(high));
        Clamped { value, excess: number - value }
    }

    /// The gradient by the number: that by the value, unless its descent leads farther outside.
    #[inline(always)]
    fn gate(&self, gradient: T) -> T {
        if self.excess * gradient < T::ZERO { T::ZERO } else { gradient }
    }
}

/// Evaluates a root.
pub struct Evaluate<'a, T> {
    /// Where the results go.
    pub root: &'a mut Root<T>,
    /// What it is computed from.
    pub source: Source<'a, T>,
    /// Memory with the lengths that [`Root::scratch`] says.
    pub scratch: [&'a mut [T]; SCRATCH],
}

impl<T: LaneMath> Job for Evaluate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arith>(self) {
        let width = self.root.width;
        self.root.evaluate::<A>(&self.source, &mut Scratch::new(width, self.scratch));
    }
}
