//! The operation against a slow reading of SPEC, position by position, and against finite differences.

use ndarray::{ArrayD, IxDyn};

use crate::autodiff::Op;
use crate::autodiff::ops::check::{Noise, check_gradients};
use crate::autodiff::ops::octree_rate::{Before, LaneMath, OctreeRate, OctreeRateConfig, Parent, SliceTypes};
use crate::autodiff::ops::octree_rate::{grid_roots, motion_roots};

fn latents(noise: &mut Noise, shape: &[usize]) -> ArrayD<f64> {
    // Mostly small, some large.
    let large = noise.array(shape, -2.0, 2.0);
    noise.array(shape, -0.3, 0.3) + large.mapv(|r| r * r * r)
}

/// A configuration with all its inputs.
struct Case {
    config: OctreeRateConfig,
    inputs: Vec<ArrayD<f64>>,
}

impl Case {
    fn new(slices: usize, root_slices: usize, [height, width]: [usize; 2], kind: usize, hidden: usize) -> Self {
        let seed = slices * 1000 + root_slices * 100 + height * 10 + width + kind + hidden;
        let mut noise = Noise(seed as u64);
        let shape = [slices, 2, height, width];
        let parent_slices = slices.div_ceil(2);
        let other = [parent_slices, 2, height.div_ceil(2), width.div_ceil(2)];
        let parent = match kind {
            0 => Parent::None,
            1 | 3 => Parent::Same(0),
            _ => Parent::Other { shape: other, channel: 1, shift: 1, slices: (0..slices).map(|s| s / 2).collect() },
        };
        let motion = matches!(kind, 1 | 3);
        let config = OctreeRateConfig {
            shape,
            channel: 1,
            type_channel: 2,
            roots: if motion { motion_roots(slices, root_slices) } else { grid_roots(slices, root_slices) },
            types: [SliceTypes::Intra, SliceTypes::AllPredicted, SliceTypes::Predicted, SliceTypes::AllPredicted][kind],
            parent,
            hidden,
            // Of a block that begins a segment there is none.
            before: match kind {
                0 => Before::Slices(vec![]),
                3 => Before::Input,
                _ => Before::Slices((0..height * width).map(|at| (at % 5) as f32 - 2.0).collect()),
            },
            fits_parameters: true,
            flagged: None,
        };
        let mut inputs = vec![latents(&mut noise, &shape)];
        if kind == 2 {
            inputs.push(latents(&mut noise, &other));
        }
        if kind == 3 {
            inputs.push(latents(&mut noise, &[config.roots.len(), 2, height, width]));
        }
        if hidden > 0 {
            inputs.push(noise.array(&[hidden, 9], -0.3, 0.3));
            inputs.push(noise.array(&[hidden], -0.5, 0.5));
            inputs.push(noise.array(&[2, hidden], -0.2, 0.2));
        }
        inputs.push(noise.array(&[2, 9], -0.1, 0.1));
        // Scales in the middle of their range: at its ends the gradients are not those of the value.
        inputs.push(noise.array(&[2, 3], 0.3, 1.1));
        inputs.push(noise.array(&[10], -0.6, 0.6));
        Case { config, inputs }
    }

    fn all() -> impl Iterator<Item = Self> {
        let sizes = [[5, 7], [11, 9], [1, 1], [3, 18]];
        let slices = [(1, 1), (3, 1), (5, 4), (3, 8), (5, 8), (11, 8), (6, 2)];
        let kinds = [(0, 3), (1, 0), (2, 3), (2, 0), (1, 3), (3, 3), (3, 0)];
        sizes.into_iter().flat_map(move |size| {
            slices
                .into_iter()
                .flat_map(move |(n, root)| kinds.map(|(kind, hidden)| Case::new(n, root, size, kind, hidden)))
        })
    }

    /// Inputs that are no parameters.
    fn variables(&self) -> usize {
        let pasts = usize::from(self.config.before == Before::Input);
        1 + usize::from(matches!(self.config.parent, Parent::Other { .. })) + pasts
    }

    /// What is before a root has none.
    fn has_gradient(&self, input: usize) -> bool {
        self.config.before != Before::Input || input != 1
    }

    fn forward<T: LaneMath>(&self, op: &mut OctreeRate<T>, inputs: &[ArrayD<T>]) -> T {
        let shapes: Vec<&[usize]> = inputs.iter().map(|i| i.shape()).collect();
        let mut output = ArrayD::from_elem(op.output_shape(&shapes), T::ZERO);
        op.forward(&inputs.iter().collect::<Vec<_>>(), &mut output);
        output[[0]]
    }

    /// Value and gradients, for an output gradient of `scale` and gradients that start at one.
    fn evaluate<T: LaneMath>(&self, scale: f64) -> (T, Vec<ArrayD<T>>) {
        let inputs: Vec<ArrayD<T>> = self.inputs.iter().map(|i| i.mapv(T::of)).collect();
        let mut op = OctreeRate::<T>::new(self.config.clone());
        // Twice, to find leftovers of the step before.
        self.forward(&mut op, &inputs);
        let value = self.forward(&mut op, &inputs);
        let mut gradients: Vec<_> = inputs.iter().map(|i| i.mapv(|_| T::ONE)).collect();
        let output = ArrayD::from_elem(IxDyn(&[1]), value);
        let by_output = ArrayD::from_elem(IxDyn(&[1]), T::of(scale));
        let refs: Vec<_> = inputs.iter().collect();
        op.backward(&refs, &output, &by_output, &mut gradients.iter_mut().map(Some).collect::<Vec<_>>());
        (value, gradients)
    }
}

/// `-log2` of the Laplace mass around `v`, where that is not too small.
fn naive_bits(v: f64, mu: f64, log2_scale: f64) -> f64 {
    let below = |x: f64| {
        let z = (x - mu) / log2_scale.exp2();
        if z < 0.0 { 0.5 * z.exp() } else { 1.0 - 0.5 * (-z).exp() }
    };
    // The mass is the same mirrored: on the left there is no cancellation.
    let d = -(v - mu).abs();
    let mass = below(mu + d + 0.5) - below(mu + d - 0.5);
    let bits = -mass.log2();
    assert!(bits < 57.0, "beyond the linear part, where this formula ends");
    bits
}

/// SPEC sections 6 and 7 with the slices of one root, position by position. `decoded[tau][y][x]` holds what is known.
struct Naive<'a> {
    case: &'a Case,
    decoded: Vec<Vec<Vec<Option<f64>>>>,
    first: usize,
    bits: Vec<f64>,
}

impl Naive<'_> {
    fn latent(&self, slice: usize, y: i64, x: i64) -> f64 {
        self.case.inputs[0][[slice, self.case.config.channel, y as usize, x as usize]]
    }

    /// Whether the node of a latent has one that is not zero, or nodes have no flags.
    fn is_coded(&self, y: i64, x: i64) -> bool {
        let Some(log2) = self.case.config.flagged else { return true };
        let span = |at: i64, len: usize| (at >> log2 << log2)..(((at >> log2) + 1) << log2).min(len as i64);
        let (rows, columns) = (self.decoded[0].len(), self.decoded[0][0].len());
        (self.first..self.first + self.decoded.len() - 1)
            .any(|slice| span(y, rows).any(|y| span(x, columns).any(|x| self.latent(slice, y, x) != 0.0)))
    }

    /// `None` outside.
    fn known(&self, tau: i64, y: i64, x: i64) -> Option<f64> {
        let at = |i: i64, len: usize| usize::try_from(i).ok().filter(|&i| i < len);
        let plane = &self.decoded[at(tau, self.decoded.len())?];
        let row = &plane[at(y, plane.len())?];
        Some(row[at(x, row.len())?].expect("decoded before"))
    }

    fn mean(values: &[f64], full: usize) -> [f64; 2] {
        let full = full.max(1) as f64;
        [values.iter().map(|v| v.abs()).sum::<f64>() / full, values.iter().sum::<f64>() / full]
    }

    fn code(&mut self, [tau, y, x]: [i64; 3], odd: [bool; 3], half: [i64; 3], pass: usize) {
        let (mut corners, mut sides) = (Vec::new(), Vec::new());
        let position = [tau, y, x];
        let count = odd.iter().filter(|&&o| o).count();
        if count > 0 {
            for corner in 0..8 {
                let minus = [corner & 1 != 0, corner & 2 != 0, corner & 4 != 0];
                if (0..3).any(|a| minus[a] && !odd[a]) {
                    continue;
                }
                let limits = [self.decoded.len(), self.decoded[0].len(), self.decoded[0][0].len()];
                let p: [i64; 3] = std::array::from_fn(|a| match (odd[a], minus[a]) {
                    (false, _) => position[a],
                    (true, false) if position[a] + half[a] < limits[a] as i64 => position[a] + half[a],
                    _ => position[a] - half[a],
                });
                corners.push(self.known(p[0], p[1], p[2]).expect("inside"));
            }
        }
        let mut even = 0;
        for a in (0..3).filter(|&a| count > 0 && !odd[a] && half[a] > 0) {
            even += 1;
            for sign in [-1, 1] {
                let at = |s: i64| {
                    let mut p = position;
                    p[a] += s * half[a];
                    self.known(p[0], p[1], p[2])
                };
                sides.push(at(sign).or_else(|| at(-sign)).unwrap_or(0.0));
            }
        }
        let past = |dy: i64, dx: i64| self.known(0, y + dy, x + dx).unwrap_or(0.0);
        let across = past(-1, 0).abs() + past(1, 0).abs() + past(0, -1).abs() + past(0, 1).abs();
        let diagonal = past(-1, -1).abs() + past(1, 1).abs() + past(1, -1).abs() + past(-1, 1).abs();
        let corners = Self::mean(&corners, 1 << count);
        let sides = Self::mean(&sides, 2 * even);
        let slice = self.first + tau as usize - 1;
        let config = &self.case.config;
        let parent = match &config.parent {
            Parent::None => 0.0,
            Parent::Same(channel) => self.case.inputs[0][[slice, *channel, y as usize, x as usize]],
            Parent::Other { channel, shift, slices, .. } => {
                self.case.inputs[1][[slices[slice], *channel, (y >> shift) as usize, (x >> shift) as usize]]
            }
        };
        let l = |m: f64| {
            let power = (m + 1.0).log2().floor();
            power + (m + 1.0 - power.exp2()) / power.exp2()
        };
        let x = [
            l(8.0 * corners[0]),
            l(8.0 * sides[0]),
            l(8.0 * past(0, 0).abs()),
            l(2.0 * across),
            l(2.0 * diagonal),
            l(8.0 * parent.abs()),
            corners[1],
            sides[1],
            past(0, 0),
        ];
        let mut rest = self.case.inputs.iter().rev();
        let (pass_bias, type_bias, linear) = (rest.next().unwrap(), rest.next().unwrap(), rest.next().unwrap());
        let mut out = [0, 1].map(|c| (0..9).map(|i| linear[[c, i]] * x[i]).sum::<f64>());
        if config.hidden > 0 {
            let (w2, b1, w1) = (rest.next().unwrap(), rest.next().unwrap(), rest.next().unwrap());
            for j in 0..config.hidden {
                let h = b1[[j]] + (0..9).map(|i| w1[[j, i]] * x[i]).sum::<f64>();
                out[0] += w2[[0, j]] * h.max(0.0);
                out[1] += w2[[1, j]] * h.max(0.0);
            }
        }
        let slice_type = match config.types {
            SliceTypes::Intra => 0,
            SliceTypes::Predicted => usize::from(slice > 0),
            SliceTypes::AllPredicted => 1,
        };
        out[1] += type_bias[[slice_type, config.type_channel]] + pass_bias[[pass]];
        let value = self.latent(slice, y, position[2]);
        if self.is_coded(y, position[2]) {
            let [_, _, height, width] = self.case.config.shape;
            self.bits[(slice * height + y as usize) * width + position[2] as usize] =
                naive_bits(value, out[0].clamp(-127.0, 127.0), out[1].clamp(-4.5, 6.0));
        }
        let slot = &mut self.decoded[tau as usize][y as usize][position[2] as usize];
        assert!(slot.replace(value).is_none(), "coded twice");
    }

    fn code_root(&mut self, depth: u32) {
        let last = 1i64 << depth;
        let (height, width) = (self.decoded[0].len() as i64, self.decoded[0][0].len() as i64);
        for y in (0..height).step_by(8) {
            for x in (0..width).step_by(8) {
                self.code([last, y, x], [false; 3], [0; 3], 0);
            }
        }
        for level in 0..3 {
            let h = 4i64 >> level;
            let half = [if level < depth { 1 << (depth - 1 - level) } else { 0 }, h, h];
            for n in (1..=3).rev() {
                for tau in 1..=last {
                    for y in 0..height {
                        for x in 0..width {
                            let p = [tau, y, x];
                            let fits = |factor: i64| (0..3).all(|a| half[a] == 0 || p[a] % (factor * half[a]) == 0);
                            let odd = std::array::from_fn(|a| half[a] > 0 && p[a] / half[a] % 2 == 1);
                            if fits(1) && !fits(2) && odd.iter().filter(|&&o| o).count() == n {
                                self.code(p, odd, half, 1 + 3 * level as usize + n - 1);
                            }
                        }
                    }
                }
            }
        }
        assert!(self.decoded.iter().flatten().flatten().all(Option::is_some), "not coded");
    }
}

/// Bits of each latent.
fn naive(case: &Case) -> Vec<f64> {
    let [slices, _, height, width] = case.config.shape;
    let mut naive = Naive { case, decoded: Vec::new(), first: 0, bits: vec![0.0; slices * height * width] };
    let first = match &case.config.before {
        Before::Slices(past) => past.clone(),
        Before::Input => vec![],
    };
    let plane = |of: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<_>> {
        (0..height).map(|y| (0..width).map(|x| Some(of(y, x))).collect()).collect()
    };
    let mut past = plane(&|y, x| first.get(y * width + x).map_or(0.0, |&v| f64::from(v)));
    for (root, &count) in case.config.roots.iter().enumerate() {
        if case.config.before == Before::Input {
            past = plane(&|y, x| case.inputs[1][[root, case.config.channel, y, x]]);
        }
        naive.decoded = vec![vec![vec![None; width]; height]; count + 1];
        naive.decoded[0] = past;
        naive.code_root(count.ilog2());
        past = naive.decoded.pop().unwrap();
        naive.first += count;
    }
    naive.bits
}

#[test]
fn the_bits_are_those_of_the_specification() {
    for case in Case::all() {
        let expected = naive(&case);
        let mut op = OctreeRate::<f64>::new(case.config.clone());
        let value = case.forward(&mut op, &case.inputs);
        let total: f64 = expected.iter().sum();
        assert!((value - total).abs() < 1e-9 * total, "{:?}: {value} {total}", case.config);
        for (a, b) in op.latent_bits().zip(expected) {
            assert!((a - b).abs() < 1e-9 * b.max(1.0), "{:?}", case.config);
        }
        let mut alone = ArrayD::from_elem(IxDyn(&[1]), 0.0);
        op.value(&case.inputs.iter().collect::<Vec<_>>(), &mut alone);
        assert_eq!(alone[[0]], value, "with or without gradients");
    }
}

#[test]
fn latents_of_empty_nodes_cost_nothing() {
    let mut empty = 0;
    for (log2, mut case) in Case::all().step_by(2).enumerate().map(|(i, case)| (1 + i as u32 % 3, case)) {
        case.inputs[0].mapv_inplace(|latent| (0.7 * latent).round());
        let all: f64 = naive(&case).iter().sum();
        case.config.flagged = Some(log2);
        let expected: f64 = naive(&case).iter().sum();
        empty += usize::from(expected < all);
        let mut op = OctreeRate::<f64>::new(case.config.clone());
        let value = case.forward(&mut op, &case.inputs);
        assert!((value - expected).abs() < 1e-9 * all, "{:?}: {value} {expected}", case.config);
        // Nodes do not change with the parameters.
        let wanted: Vec<bool> = (0..case.inputs.len()).map(|input| input >= case.variables()).collect();
        check_gradients(&mut op, &case.inputs, &wanted);
    }
    assert!(empty > 20, "there are empty nodes");
}

#[test]
fn the_gradients_are_central_differences() {
    // Every third: all sizes, kinds and roots, in most of their pairs.
    for (i, case) in Case::all().step_by(3).enumerate() {
        let mut op = OctreeRate::<f64>::new(case.config.clone());
        // Now and then nobody asks for one of them.
        let wanted: Vec<bool> =
            (0..case.inputs.len()).map(|input| i % 8 != input && case.has_gradient(input)).collect();
        check_gradients(&mut op, &case.inputs, &wanted);
        // Or of all parameters.
        let mut op = OctreeRate::<f64>::new(OctreeRateConfig { fits_parameters: false, ..case.config.clone() });
        let wanted: Vec<bool> =
            (0..case.inputs.len()).map(|input| input < case.variables() && case.has_gradient(input)).collect();
        check_gradients(&mut op, &case.inputs, &wanted);
    }
}

#[test]
fn single_precision_follows_double() {
    for case in Case::all() {
        let (value, gradients) = case.evaluate::<f32>(1.0);
        let (exact, exact_gradients) = case.evaluate::<f64>(1.0);
        assert!((f64::from(value) - exact).abs() < 1e-5 * exact, "{value} {exact}");
        for (a, b) in gradients.iter().zip(&exact_gradients) {
            let size = b.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            assert!(a.iter().zip(b).all(|(&a, &b)| (f64::from(a) - b).abs() < 1e-3 * size), "{:?}", case.config);
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let case = Case::new(9, 2, [41, 67], 2, 3);
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.evaluate::<f32>(0.3))
    };
    assert_eq!(with_threads(1), with_threads(3));
}

#[test]
fn limits_let_only_gradients_inwards_pass() {
    let mut case = Case::new(1, 1, [5, 7], 0, 0);
    // A scale far too large: its bias must come down, and nothing else asks for it to go up.
    let last = case.inputs.len() - 1;
    case.inputs[last].fill(40.0);
    let (_, gradients) = case.evaluate::<f64>(1.0);
    assert!(gradients[last].iter().all(|&g| g >= 1.0) && gradients[last][[8]] > 1.0);
    // Far too small for latents of this size: it must go up.
    case.inputs[last].fill(-40.0);
    let (_, gradients) = case.evaluate::<f64>(1.0);
    assert!(gradients[last].iter().all(|&g| g <= 1.0) && gradients[last][[8]] < 1.0);
}

#[test]
fn roots_are_cut_by_powers_of_two() {
    assert_eq!(grid_roots(5, 8), [4, 1]);
    assert_eq!(grid_roots(15, 8), [8, 4, 2, 1]);
    assert_eq!(grid_roots(3, 1), [1, 1, 1]);
    assert!(grid_roots(0, 4).is_empty());
    assert_eq!(motion_roots(31, 8), [4, 2, 1, 8, 8, 8]);
    assert_eq!(motion_roots(2, 8), [2]);
    assert_eq!(motion_roots(4, 1), [1, 1, 1, 1]);
}
