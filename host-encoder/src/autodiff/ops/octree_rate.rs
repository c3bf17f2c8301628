//! The bits that the latents of one channel cost under the octree's context model (SPEC sections 6 and 7).

use std::ops::Range;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::octree::context_net::{INPUTS, Network};
pub use super::octree::lanes::LaneMath;
pub use super::octree::laplace::{Cost as LaplaceCost, cost as laplace_cost};
pub use super::octree::layout::{Group, Layout, PASSES};
use super::octree::root::{Evaluate, Gradients, Root, Source, sign};
use super::{items, items_mut};
use crate::autodiff::Op;
use crate::autodiff::kernels::{dispatch, with_scratch};

/// Latents below which a task is not worth a thread of its own.
const TASK: usize = 1024;
/// Operations of a latent besides the network: neighbours, logarithms and the Laplace distribution, about.
const FIXED_FLOPS: u64 = 90;

/// Where the parent of a latent is.
#[derive(Clone, Debug)]
pub enum Parent {
    /// There is none: its magnitude counts as zero.
    None,
    /// This channel of the same latents, at the same place.
    Same(usize),
    /// In another variable, which is then the second input.
    Other {
        /// Its shape `[slices, channels, height, width]`.
        shape: [usize; 4],
        /// Its channel.
        channel: usize,
        /// Difference of the strides' logarithms: the parent of `(y, x)` is at `(y >> shift, x >> shift)`.
        shift: u32,
        /// Its slice for each slice of the latents.
        slices: Vec<usize>,
    },
}

/// Which slices have the biases of type 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceTypes {
    /// None: the segment is not predicted.
    Intra,
    /// All but the first: a grid of a predicted segment.
    Predicted,
    /// All: the motion field, and grids whose first slice here has one before it.
    AllPredicted,
}

/// What is before a root in time.
#[derive(Clone, Debug, PartialEq)]
pub enum Before {
    /// The last slice of the root before it; before the first this one, `height * width` latents, or none if all of them are zero.
    Slices(Vec<f32>),
    /// A slice of another variable for each root, `[roots, channels, height, width]`: the input after latents and parent, which gets no gradient.
    Input,
}

/// What [`OctreeRate`] codes.
#[derive(Clone, Debug)]
pub struct OctreeRateConfig {
    /// Shape of the latents `[slices, channels, height, width]`, all slices of a segment.
    pub shape: [usize; 4],
    /// The channel of the latents that is coded.
    pub channel: usize,
    /// Column of `type_bias` for it.
    pub type_channel: usize,
    /// Slices of each root, powers of two, in order: from [`grid_roots`] or [`motion_roots`].
    pub roots: Vec<usize>,
    /// Types of the slices.
    pub types: SliceTypes,
    /// The parent.
    pub parent: Parent,
    /// Hidden units of the network, 0..=16.
    pub hidden: usize,
    /// The past.
    pub before: Before,
    /// Whether the parameters have gradients, which are a third of the work.
    pub fits_parameters: bool,
    /// Log2 of the side of the nodes with emptiness flags, if latents are integers and those of empty nodes are not to be counted.
    pub flagged: Option<u32>,
}

/// Roots of a grid of `slices` slices with `root_slices`, a power of two, in a full chunk: `2^root_depth / 2^log2`, or
/// 1 for the slice of a whole segment.
pub fn grid_roots(slices: usize, root_slices: usize) -> Vec<usize> {
    let mut roots = vec![root_slices; slices / root_slices];
    append_roots(&mut roots, slices % root_slices);
    roots
}

/// Roots of a motion field of `slices` slices, with `root_slices` frames in a full chunk. The first chunk has a slice
/// less, because the first frame is not predicted.
pub fn motion_roots(slices: usize, root_slices: usize) -> Vec<usize> {
    let first = slices.min(root_slices - 1);
    let mut roots = Vec::new();
    append_roots(&mut roots, first);
    roots.extend(grid_roots(slices - first, root_slices));
    roots
}

/// Cuts the `slices` of an incomplete chunk, largest roots first.
fn append_roots(roots: &mut Vec<usize>, slices: usize) {
    let bits = (0..usize::BITS).rev().map(|bit| 1usize << bit);
    roots.extend(bits.filter(|root| slices & root != 0));
}

/// The bits of all latents of one channel: a value and, computed with it, all gradients.
///
/// Inputs, in this order; parameters in real units, the integers of SPEC / 32:
///
/// | input | shape | |
/// |---|---|---|
/// | latents | `[slices, channels, height, width]` | |
/// | parent | [`Parent::Other`]'s `shape` | only with [`Parent::Other`] |
/// | pasts | `[roots, channels, height, width]` | only with [`Before::Input`] |
/// | `w1` | `[hidden, 9]` | only if `hidden > 0` |
/// | `b1` | `[hidden]` | only if `hidden > 0` |
/// | `w2` | `[2, hidden]` | only if `hidden > 0` |
/// | `linear` | `[2, 9]` | |
/// | `type_bias` | `[2, type channels]` | |
/// | `pass_bias` | `[10]` | |
///
/// Output: `[1]`, bits. Magnitudes enter as `L(m) / 32` of SPEC, continued to real `m`, signed inputs in latent units;
/// location in latent units, scale as its base 2 logarithm. Nothing is rounded. Where the limits of location and scale
/// bind, gradients pass only if descending them leads back inside. Emptiness flags are not counted, and only with
/// [`OctreeRateConfig::flagged`] is a node empty.
#[derive(Debug)]
pub struct OctreeRate<T> {
    config: OctreeRateConfig,
    /// Latents of the channel, with the slice before the first or that before each root, and their signs.
    values: Vec<T>,
    signs: Vec<T>,
    /// 1 for each latent that is coded, 0 for those of empty nodes; empty if all are.
    coded: Vec<T>,
    types: Vec<u8>,
    network: Network<T>,
    /// By depth.
    tables: Vec<Option<Table<T>>>,
    roots: Vec<Root<T>>,
    /// Where the values of each root and of the slice before it are.
    windows: Vec<Range<usize>>,
    /// Root and place in it of each slice.
    places: Vec<(usize, usize)>,
    parent_starts: Vec<usize>,
    parent_index: Vec<u32>,
    /// With another variable as parent, for each of its slices those that it is the parent of.
    children: Vec<Vec<usize>>,
}

/// What all roots of one depth share.
#[derive(Debug)]
struct Table<T> {
    layout: Layout,
    /// Bias by pass for each latent of a root.
    bias: Vec<T>,
}

/// Positions of the inputs.
struct Inputs {
    parent: usize,
    pasts: usize,
    /// `w1`, then `b1`, `w2`.
    hidden: Option<usize>,
    /// Then `type_bias`, `pass_bias`.
    linear: usize,
}

impl<T: LaneMath> OctreeRate<T> {
    /// The operation with all its memory.
    ///
    /// # Panics
    /// If `config` contradicts itself.
    pub fn new(config: OctreeRateConfig) -> Self {
        let [slices, channels, height, width] = config.shape;
        let area = height * width;
        assert!(config.channel < channels, "the latents have no channel {}", config.channel);
        assert_eq!(config.roots.iter().sum::<usize>(), slices, "the roots must hold all slices");
        let has_parent = !matches!(config.parent, Parent::None);
        let (mut tables, mut roots, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (index, &count) in config.roots.iter().enumerate() {
            assert!(count.is_power_of_two() && count <= 8, "a root has 1, 2, 4 or 8 slices");
            let depth = count.ilog2();
            tables.resize_with(tables.len().max(depth as usize + 1), || None);
            tables[depth as usize].get_or_insert_with(|| Table {
                layout: Layout::new(depth, height, width),
                bias: vec![T::ZERO; count * area],
            });
            roots.push(Root::new(places.len(), count, [height, width], config.hidden, has_parent));
            places.extend((0..count).map(|place| (index, place)));
        }
        let types = (0..slices).map(|slice| match config.types {
            SliceTypes::Intra => 0,
            SliceTypes::Predicted => u8::from(slice > 0),
            SliceTypes::AllPredicted => 1,
        });
        let apart = usize::from(config.before == Before::Input);
        let window = |(index, root): (usize, &Root<T>)| {
            let first = root.first + apart * index;
            first * area..(first + 1 + root.slices) * area
        };
        let windows: Vec<Range<usize>> = roots.iter().enumerate().map(window).collect();
        let all = windows.last().map_or(0, |window| window.end);
        let mut op = OctreeRate {
            windows,
            values: vec![T::ZERO; all],
            signs: vec![T::ZERO; all],
            coded: config.flagged.map_or(vec![], |_| vec![T::ONE; slices * area]),
            types: types.collect(),
            network: Network::new(config.hidden),
            tables,
            roots,
            places,
            parent_starts: Vec::new(),
            parent_index: Vec::new(),
            children: Vec::new(),
            config,
        };
        op.find_parents();
        op.load_first();
        op
    }

    /// Loads the slice before the first.
    fn load_first(&mut self) {
        let Before::Slices(past) = &self.config.before else { return };
        assert!(past.is_empty() || past.len() == self.area(), "the past is a slice");
        for ((value, sign_), &v) in self.values.iter_mut().zip(&mut self.signs).zip(past) {
            *value = T::of(v.into());
            *sign_ = sign(*value);
        }
    }

    /// Tables of the parent.
    fn find_parents(&mut self) {
        let [slices, channels, height, width] = self.config.shape;
        let (shape, channel, shift, map) = match &self.config.parent {
            Parent::None => return,
            &Parent::Same(channel) => {
                assert!(channel < channels && channel != self.config.channel, "the parent is another channel");
                (self.config.shape, channel, 0, (0..slices).collect())
            }
            Parent::Other { shape, channel, shift, slices } => {
                self.children = vec![Vec::new(); shape[0]];
                for (slice, &parent) in slices.iter().enumerate() {
                    self.children[parent].push(slice);
                }
                (*shape, *channel, *shift, slices.clone())
            }
        };
        let [_, parent_channels, parent_height, parent_width] = shape;
        assert_eq!(map.len(), slices, "every slice needs a parent's slice");
        assert!(channel < parent_channels, "the parent has no channel {channel}");
        let covers = |parent: usize, own: usize| parent > (own - 1) >> shift;
        assert!(covers(parent_height, height) && covers(parent_width, width), "the parent is too small");
        let start = |slice: usize| (slice * parent_channels + channel) * parent_height * parent_width;
        self.parent_starts = map.into_iter().map(start).collect();
        let index = |at: usize| ((at / width) >> shift) * parent_width + ((at % width) >> shift);
        self.parent_index = (0..height * width).map(|at| index(at) as u32).collect();
    }

    /// Bits of each latent of the channel in the last forward pass, `[slices, height, width]`.
    pub fn latent_bits(&self) -> impl Iterator<Item = T> + '_ {
        self.roots.iter().flat_map(|root| root.latent_bits.iter().copied())
    }

    fn inputs(&self) -> Inputs {
        let parent = 1;
        let pasts = parent + usize::from(matches!(self.config.parent, Parent::Other { .. }));
        let hidden = pasts + usize::from(self.has_pasts());
        let linear = hidden + if self.config.hidden > 0 { 3 } else { 0 };
        Inputs { parent, pasts, hidden: (self.config.hidden > 0).then_some(hidden), linear }
    }

    /// Whether an input says what is before each root.
    fn has_pasts(&self) -> bool {
        self.config.before == Before::Input
    }

    fn area(&self) -> usize {
        self.config.shape[2] * self.config.shape[3]
    }

    /// Latents in a task of one thread, as a number of slices.
    fn slices_per_task(&self) -> usize {
        TASK.div_ceil(self.area())
    }

    fn load_latents(&mut self, latents: &[T], pasts: Option<&[T]>) {
        let area = self.area();
        let all_channels = self.config.shape[1] * area;
        let channel = self.config.channel * area;
        let mut slices = latents.chunks_exact(all_channels);
        let mut pasts = pasts.map(|pasts| pasts.chunks_exact(all_channels));
        for index in 0..self.roots.len() {
            let window = self.windows[index].clone();
            let (before, own) = self.values[window.clone()].split_at_mut(area);
            if let Some(past) = pasts.as_mut().and_then(Iterator::next) {
                before.copy_from_slice(&past[channel..][..area]);
            }
            for (values, from) in own.chunks_exact_mut(area).zip(slices.by_ref()) {
                values.copy_from_slice(&from[channel..][..area]);
            }
            // Those of what is before are there already if it is the root before.
            let unknown = window.start + if pasts.is_some() { 0 } else { area }..window.end;
            let signs = self.signs[unknown.clone()].iter_mut();
            signs.zip(&self.values[unknown]).for_each(|(sign_, &v)| *sign_ = sign(v));
        }
    }

    /// Finds the nodes that are not empty.
    fn find_coded(&mut self) {
        let Some(log2) = self.config.flagged else { return };
        let [_, _, height, width] = self.config.shape;
        let (area, columns) = (height * width, width.div_ceil(1 << log2));
        let node = |at: usize| ((at / width) >> log2) * columns + ((at % width) >> log2);
        let mut speaks = vec![false; height.div_ceil(1 << log2) * columns];
        for (index, root) in self.roots.iter().enumerate() {
            speaks.fill(false);
            let signs = &self.signs[self.windows[index].clone()][area..];
            for (at, _) in signs.iter().enumerate().filter(|(_, sign)| **sign != T::ZERO) {
                speaks[node(at % area)] = true;
            }
            let coded = &mut self.coded[root.first * area..][..root.slices * area];
            for (at, coded) in coded.iter_mut().enumerate() {
                *coded = if speaks[node(at % area)] { T::ONE } else { T::ZERO };
            }
        }
    }

    /// The bits, and gradients with them.
    fn evaluate(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>, gradients: Gradients) {
        let at = self.inputs();
        self.load_latents(items(inputs[0]), self.has_pasts().then(|| items(inputs[at.pasts])));
        self.find_coded();
        if let Some(first) = at.hidden {
            self.network.set_hidden(items(inputs[first]), items(inputs[first + 1]), items(inputs[first + 2]));
        }
        self.network.set_linear(items(inputs[at.linear]));
        let type_bias = [0, 1].map(|slice_type| inputs[at.linear + 1][[slice_type, self.config.type_channel]]);
        let pass_bias = items(inputs[at.linear + 2]);
        for table in self.tables.iter_mut().flatten() {
            for (bias, &pass) in table.bias.iter_mut().zip(&table.layout.passes) {
                *bias = pass_bias[usize::from(pass)];
            }
        }
        let parent = match self.config.parent {
            Parent::None => &[],
            Parent::Same(_) => items(inputs[0]),
            Parent::Other { .. } => items(inputs[at.parent]),
        };
        let (area, least) = (self.area(), self.slices_per_task());
        let roots = self.roots.par_iter_mut().zip(&self.windows).with_min_len(least);
        roots.for_each(|(root, window)| {
            let (first, slices) = (root.first, root.slices);
            let table = self.tables[slices.ilog2() as usize].as_ref().expect("every depth has its table");
            let source = Source {
                layout: &table.layout,
                window: &self.values[window.clone()],
                signs: &self.signs[window.clone()],
                coded: self.coded.get(first * area..(first + slices) * area).unwrap_or_default(),
                parent,
                parent_starts: self.parent_starts.get(first..first + slices).unwrap_or_default(),
                parent_index: &self.parent_index,
                pass_bias: &table.bias,
                type_bias,
                types: &self.types[first..first + slices],
                network: &self.network,
                gradients,
            };
            with_scratch(root.scratch(), |scratch| dispatch(Evaluate { root, source, scratch }));
        });
        output.fill(T::of(self.roots.iter().flat_map(|root| &root.bits).sum()));
    }

    /// Adds the gradients by the latents and, if it is among them, the parent.
    fn add_by_latents(&self, scale: T, into: &mut [T]) {
        let area = self.area();
        let channel = self.config.channel * area;
        let slices = into.par_chunks_exact_mut(self.config.shape[1] * area).with_min_len(self.slices_per_task());
        slices.zip(&self.places).for_each(|(into, &(index, place))| {
            let root = &self.roots[index];
            let own = &mut into[channel..][..area];
            add_scaled(own, scale, &root.by_window[(place + 1) * area..]);
            let follows = place + 1 == root.slices && !self.has_pasts();
            if let Some(next) = self.roots.get(index + 1).filter(|_| follows) {
                add_scaled(own, scale, &next.by_window);
            }
            if let Parent::Same(parent) = self.config.parent {
                add_scaled(&mut into[parent * area..][..area], scale, &root.by_parent[place * area..]);
            }
        });
    }

    /// Adds the gradients by the parent in another variable.
    fn add_by_parent(&self, scale: T, into: &mut [T]) {
        let Parent::Other { shape, channel, .. } = self.config.parent else { return };
        let area = self.area();
        let parent_area = shape[2] * shape[3];
        let slices = into.par_chunks_exact_mut(shape[1] * parent_area).zip(&self.children);
        slices.with_min_len(self.slices_per_task()).for_each(|(into, children)| {
            let into = &mut into[channel * parent_area..][..parent_area];
            for &child in children {
                let (index, place) = self.places[child];
                let from = &self.roots[index].by_parent[place * area..][..area];
                for (&g, &at) in from.iter().zip(&self.parent_index) {
                    into[at as usize] += scale * g;
                }
            }
        });
    }
}

/// Adds `scale * from` to all of `into`.
fn add_scaled<T: LaneMath>(into: &mut [T], scale: T, from: &[T]) {
    for (to, &v) in into.iter_mut().zip(from) {
        *to += scale * v;
    }
}

/// A gradient of the list, if it is wanted.
fn wanted<'a, T>(gradients: &'a mut [Option<&mut ArrayD<T>>], index: usize) -> Option<&'a mut [T]> {
    gradients[index].as_deref_mut().map(items_mut)
}

impl<T: LaneMath> Op<T> for OctreeRate<T> {
    fn name(&self) -> &'static str {
        "octree rate"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        let at = self.inputs();
        assert_eq!(inputs.len(), at.linear + 3, "wrong number of inputs");
        assert_eq!(inputs[0], self.config.shape, "latents");
        if let Parent::Other { shape, .. } = &self.config.parent {
            assert_eq!(inputs[at.parent], shape, "parent");
        }
        let hidden = self.config.hidden;
        if self.has_pasts() {
            let [_, channels, height, width] = self.config.shape;
            assert_eq!(inputs[at.pasts], [self.roots.len(), channels, height, width], "pasts");
        }
        if let Some(first) = at.hidden {
            assert_eq!(inputs[first], [hidden, INPUTS], "w1");
            assert_eq!(inputs[first + 1], [hidden], "b1");
            assert_eq!(inputs[first + 2], [2, hidden], "w2");
        }
        assert_eq!(inputs[at.linear], [2, INPUTS], "linear");
        let types = inputs[at.linear + 1];
        assert!(types.len() == 2 && types[0] == 2 && types[1] > self.config.type_channel, "type_bias");
        assert_eq!(inputs[at.linear + 2], [PASSES], "pass_bias");
        vec![1]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let gradients = if self.config.fits_parameters { Gradients::All } else { Gradients::ByLatents };
        self.evaluate(inputs, output, gradients);
    }

    fn value(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        self.evaluate(inputs, output, Gradients::None);
    }

    fn backward(
        &mut self,
        _: &[&ArrayD<T>],
        _: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let scale = items(output_gradient)[0];
        let at = self.inputs();
        if let Some(into) = wanted(gradients, 0) {
            self.add_by_latents(scale, into);
        }
        if let (Parent::Other { .. }, Some(into)) = (&self.config.parent, wanted(gradients, at.parent)) {
            self.add_by_parent(scale, into);
        }
        for root in &self.roots {
            let (before, rest) = gradients.split_at_mut(at.linear);
            let mut parts = [None, None, None, wanted(rest, 0)];
            if let Some(first) = at.hidden {
                for (part, array) in parts.iter_mut().zip(&mut before[first..]) {
                    *part = array.as_deref_mut().map(items_mut);
                }
            }
            assert!(
                self.config.fits_parameters || parts.iter().all(Option::is_none),
                "gradients are wanted of parameters that are not fitted"
            );
            root.by_network.add_to(scale, parts);
            if let Some(array) = &mut gradients[at.linear + 1] {
                for (slice_type, &g) in root.by_type.iter().enumerate() {
                    array[[slice_type, self.config.type_channel]] += scale * g;
                }
            }
            if let Some(into) = wanted(gradients, at.linear + 2) {
                add_scaled(into, scale, &root.by_pass);
            }
        }
    }

    fn forward_flops(&self, _: &[&[usize]]) -> u64 {
        let latents = (self.config.shape[0] * self.area()) as u64;
        let network = INPUTS * self.config.hidden + 2 * self.config.hidden + 2 * INPUTS;
        // The gradients are computed with the value: each multiplication for itself, its input and, where that is fitted, its weight.
        let times = 2 + u64::from(self.config.fits_parameters);
        latents * (times * 2 * network as u64 + FIXED_FLOPS)
    }

    /// The gradients are there; they are only handed on.
    fn backward_flops(&self, _: &[&[usize]]) -> u64 {
        4 * (self.config.shape[0] * self.area()) as u64
    }
}
