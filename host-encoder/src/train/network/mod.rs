//! The tape of one segment: from latents and weights to pictures, their distortion and their bits.

mod loss;
mod pictures;
mod rates;
mod start;

use decoder_core::order::{MAX_PYRAMID, Order};
use decoder_core::splits::selected;
use decoder_core::weights::{BIAS_LIMIT, CONTEXT_LIMIT, GAIN_LIMIT};
use decoder_core::wire::{Architecture, Geometry, LoopFilter, ROOT_LOG2, Temporal};
use ndarray::{Array2, Array3, ArrayD, ArrayView3, ArrayView4, Axis, RemoveAxis};

use crate::autodiff::ops::SoftRound;
use crate::autodiff::ops::loop_filter::{REACHES, STRENGTHS};
use crate::autodiff::{Graph, Var};

use super::parameters::Parameters;
use super::random::Random;
pub use loss::Objective;
use start::{pair, scalar, zeros};

/// Steps of gains, biases and context parameters in real units.
pub const GAIN_STEP: f32 = 1.0 / 4096.0;
/// See [`GAIN_STEP`].
pub const BIAS_STEP: f32 = 1.0 / 128.0;
/// See [`GAIN_STEP`].
pub const CONTEXT_STEP: f32 = 1.0 / 32.0;
/// Tensors of a set of context parameters.
const CONTEXT_TENSORS: usize = 6;

/// What is decoded before the first picture of a block that does not begin a segment.
#[derive(Clone, Debug)]
pub struct Past {
    /// The last picture that others are predicted from, `[6, rows, columns]` in code values.
    pub picture: ArrayD<f32>,
    /// Each grid's last slice `[channels, rows, columns]`.
    pub latents: Vec<Array3<f32>>,
    /// The motion of the last picture that is predicted from one, `[vertical, horizontal][row][column]`.
    pub motion: Array3<f32>,
    /// Sides of the last picture between two references, `[row][column]`.
    pub sides: Option<Array2<f32>>,
    /// Gains, weights, biases and context parameters.
    pub parameters: Parameters,
}

/// What a network is fitted to.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a> {
    /// Each `[6, rows, columns]` in code values, as they are coded.
    pub targets: &'a [Array3<f32>],
    /// The order of all pictures of their segment.
    pub order: Order,
    /// Number of the first of them.
    pub start: usize,
    /// What is done to luma where a residual was added, at first; with a strength of 0 nothing.
    pub loop_filter: LoopFilter,
    /// What a picture without prediction is predicted to be.
    pub colour: [u8; 3],
    /// What is before them; context parameters stay what they were there, and all else that is not a latent begins with that.
    pub past: Option<&'a Past>,
}

/// One grid's variables.
#[derive(Debug)]
pub struct GridVars {
    /// `[slices, channels, rows, columns]`, trainable.
    pub latents: Var,
    /// Noise of the same shape.
    pub noise: Var,
    /// What the network sees.
    pub rounded: Var,
    /// `[1]`, trainable.
    pub gain: Var,
}

/// One layer's variables.
#[derive(Debug)]
pub struct LayerVars {
    /// `[outputs, inputs, k, k]` or `[channels, 1, 3, 3]`, trainable.
    pub weights: Var,
    /// `[outputs]`, trainable.
    pub biases: Option<Var>,
    /// (step, limit) of the weights; a step of 0 leaves them alone.
    pub quantiser: Var,
    /// The step that their rate is counted with.
    pub priced_step: Var,
}

/// The motion of all pictures, and what it is coded with.
struct MotionField {
    /// `[slices, 2, rows, columns]`.
    field: Var,
    /// What is before each root, `[roots, 2, rows, columns]`.
    pasts: Var,
    /// Slices of each root.
    roots: Vec<usize>,
    /// Motion of the last picture before all of them that is predicted from one.
    past: Option<Array3<f32>>,
}

/// The tape.
pub struct Network {
    /// All nodes.
    pub graph: Graph<f32>,
    /// The grids.
    pub grids: Vec<GridVars>,
    /// The layers.
    pub layers: Vec<LayerVars>,
    /// Tensors of the latents' context parameters, in the order of the format, then those of motion, of splits and of sides. Trainable.
    pub context: Vec<Var>,
    /// (temperature, mode) of the latents' rounding.
    pub rounding: Var,
    /// Above 0, pictures and predictions are rounded as the decoder does.
    pub picture_rounding: Var,
    /// Strength and reach of the loop filter, if there is one. Trainable.
    pub loop_filter: Option<[Var; 2]>,
    /// (step, limit) of gains, of biases, of context parameters.
    pub scalar_quantisers: [Var; 3],
    /// The pictures.
    pictures: Vec<Var>,
    /// Whether context parameters are trained.
    trains_context: bool,
    /// Log2 of the side of nodes that cost no bits if they are empty; none before latents are integers.
    flagged: Option<u32>,
    /// For each predicted picture the motion field, and of one between two references the same reversed and the sides.
    pub motion: Vec<(Var, Option<[Var; 2]>)>,
    /// The level of each picture in its pyramid, 0 for one that is predicted from one.
    pub levels: Vec<u8>,
    /// What the vectors of the quarters of blocks are made of, and the numbers of the pictures that it is of.
    splits_field: Option<(Var, Vec<usize>)>,
    /// All their sides.
    sides_field: Option<Var>,
    /// All motion fields as they are coded.
    motion_field: Option<MotionField>,
    /// Luma's and chroma's distortion of each picture.
    distortion: [Vec<Var>; 2],
    /// Structural distortion of the luma of each picture; empty if it never counts.
    dissimilarity: Vec<Var>,
    /// Bits of latents, then of motion and sides.
    pub bits: Vec<Var>,
    /// How many of them are of latents.
    latent_bits: usize,
    /// What each of them counts.
    prices: Vec<f64>,
    /// Bits of the layers and, in a block after the first, of gains.
    layer_bits: Vec<Var>,
    /// Bits of the context parameters, if these are trained.
    context_bits: Vec<Var>,
    /// Bits that no training changes: gains, shifts, scale classes.
    fixed_bits: f64,
    /// What is minimised.
    loss: Var,
    /// The weights of its terms, [`loss::SUMMANDS`] a leaf: luma, structure, the rest.
    weights: Vec<Var>,
    /// Luma samples that a bit is counted against.
    pixels: f64,
}

/// A vector's component to a picture half as far away, as the decoder has it.
fn halved(component: f32) -> f32 {
    (0.5 * (component + 1.0)).floor()
}

/// Slices of a grid in a segment.
pub fn slices(temporal: Temporal, frames: usize) -> usize {
    match temporal {
        Temporal::Whole => 1,
        Temporal::Every(log2) => frames.div_ceil(1 << log2),
    }
}

/// The [levels](Order::level) of `frames` pictures from `start` on.
fn levels(order: Order, start: usize, frames: usize) -> Vec<u8> {
    (0..frames).map(|number| order.level(start + number)).collect()
}

/// Numbers of the pictures between two.
fn between(levels: &[u8]) -> impl Iterator<Item = usize> {
    levels.iter().enumerate().filter(|&(_, &level)| level > 0).map(|(number, _)| number)
}

/// Numbers of the pictures that are predicted from one, where the first of them `begins` a segment or does not.
fn from_one(levels: &[u8], begins: bool) -> Vec<usize> {
    (usize::from(begins)..levels.len()).filter(|&number| levels[number] == 0).collect()
}

/// The vectors of the quarters of blocks, `[vertical, horizontal][row][column]`, if the blocks have `vectors` and those of the quarters are made of `splits`.
fn of_quarters(vectors: ArrayView3<'_, i8>, splits: ArrayView3<'_, i8>) -> Array3<f32> {
    let ((_, rows, columns), (_, blocks_high, blocks_wide)) = (splits.dim(), vectors.dim());
    Array3::from_shape_fn((2, rows, columns), |(c, y, x)| {
        let block = selected(splits[[0, y, x]], [y, x], [blocks_high, blocks_wide]).unwrap_or([y / 2, x / 2]);
        f32::from(vectors[[c, block[0], block[1]]]) + f32::from(splits[[1 + c, y, x]])
    })
}

impl Network {
    /// The tape for some pictures.
    pub fn new(
        architecture: &Architecture,
        geometry: Geometry,
        pictures: Pictures<'_>,
        objective: &Objective,
        random: &mut Random,
    ) -> Self {
        let mut graph = Graph::new();
        let begins = pictures.past.is_none();
        let layers = start::layers(&mut graph, architecture, random);
        let frames = pictures.targets.len();
        let mut network = Self::bare(graph, layers, architecture, geometry, frames, [true, begins]);
        if !begins {
            network.fixed_bits = rates::update_bits(architecture);
        }
        network.levels = levels(pictures.order, pictures.start, frames);
        network.add_pictures(architecture, geometry, pictures, objective);
        network.add_rates(architecture, geometry, frames, pictures.order.predicted, pictures.past);
        network.add_loss(objective);
        if let Some(past) = pictures.past {
            network.set_parameters(&past.parameters);
        }
        network
    }

    /// The tape of finished latents and motion alone: what is trained are context parameters, what is minimised is all bits, or those of nodes that
    /// are not empty.
    pub fn of_latents(
        architecture: &Architecture,
        geometry: Geometry,
        order: Order,
        frames: usize,
        without_empty: bool,
    ) -> Self {
        let mut network = Self::bare(Graph::new(), vec![], architecture, geometry, frames, [false, true]);
        network.levels = levels(order, 0, frames);
        let finest = architecture.flag_levels.checked_sub(1).filter(|_| without_empty);
        network.flagged = finest.map(|level| ROOT_LOG2 - u32::from(level));
        network.add_rates(architecture, geometry, frames, order.predicted, None);
        let bits = network.bits.iter().chain(&network.context_bits);
        let terms: Vec<(Var, f64)> = bits.map(|&var| (var, 1.0)).collect();
        (_, network.loss) = network.sum(&terms);
        network
    }

    /// Grids and layers, and nothing that is made of them yet. `trains` says whether latents and gains, and whether context parameters are trained.
    fn bare(
        mut graph: Graph<f32>,
        layers: Vec<LayerVars>,
        architecture: &Architecture,
        geometry: Geometry,
        frames: usize,
        trains: [bool; 2],
    ) -> Self {
        let rounding = graph.leaf(pair(0.3, 0.0), false);
        let picture_rounding = graph.leaf(scalar(0.0), false);
        let quantiser = |graph: &mut Graph<f32>, limit: f32| graph.leaf(pair(0.0, limit), false);
        let scalar_quantisers = [
            quantiser(&mut graph, f32::from(GAIN_LIMIT)),
            quantiser(&mut graph, BIAS_LIMIT as f32),
            quantiser(&mut graph, CONTEXT_LIMIT as f32),
        ];
        let grids: Vec<GridVars> = architecture
            .grids
            .iter()
            .map(|grid| {
                let (rows, columns) = geometry.grid(grid.stride_log2.into());
                let shape = [slices(grid.temporal, frames), grid.channels.into(), rows, columns];
                let latents = graph.leaf(zeros(&shape), trains[0]);
                let noise = graph.leaf(zeros(&shape), false);
                let rounded = match trains[0] {
                    true => graph.push(SoftRound::new(), &[latents, noise, rounding]),
                    false => latents,
                };
                let gain = graph.leaf(scalar(start::GAIN), trains[0]);
                GridVars { latents, noise, rounded, gain }
            })
            .collect();
        Self {
            graph,
            grids,
            layers,
            context: vec![],
            rounding,
            picture_rounding,
            loop_filter: None,
            scalar_quantisers,
            pictures: vec![],
            trains_context: trains[1],
            flagged: None,
            motion: vec![],
            levels: vec![],
            splits_field: None,
            sides_field: None,
            motion_field: None,
            distortion: [vec![], vec![]],
            dissimilarity: vec![],
            bits: vec![],
            latent_bits: 0,
            prices: vec![],
            layer_bits: vec![],
            context_bits: vec![],
            fixed_bits: rates::fixed_bits(architecture),
            loss: rounding,
            weights: vec![],
            pixels: (4 * geometry.width * geometry.height * frames) as f64,
        }
    }

    /// All that is trained besides latents, in the order of the fit: gains, layers, context parameters, the loop filter.
    pub fn parameter_vars(&self) -> impl Iterator<Item = Var> {
        let gains = self.grids.iter().map(|grid| grid.gain);
        let layers = self.layers.iter().flat_map(|layer| [Some(layer.weights), layer.biases]).flatten();
        let context = self.context.iter().copied().filter(|&var| !self.graph.value(var).is_empty());
        gains.chain(layers).chain(context).chain(self.loop_filter.into_iter().flatten())
    }

    /// Context parameters that are trained; none after the first block.
    pub fn trained_context(&self) -> impl Iterator<Item = Var> {
        let context = self.context.iter().copied().filter(|_| self.trains_context);
        context.filter(|&var| !self.graph.value(var).is_empty())
    }

    /// Those of motion and sides.
    pub fn motion_context(&self) -> impl Iterator<Item = Var> {
        let context = self.context.iter().copied().skip(CONTEXT_TENSORS).filter(|_| self.trains_context);
        context.filter(|&var| !self.graph.value(var).is_empty())
    }

    /// Makes the context parameters of motion and sides what they are at the start.
    pub fn restart_motion_context(&mut self) {
        for (number, &var) in self.context.iter().enumerate().skip(CONTEXT_TENSORS) {
            start::context(number % CONTEXT_TENSORS, self.graph.value_mut(var));
        }
    }

    /// Computes the bits of the latents no more: they stay what they are.
    pub fn leave_out_grids(&mut self) {
        for &var in &self.bits[..self.latent_bits] {
            self.graph.set_enabled(var, false);
        }
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> Parameters {
        Parameters::of(self.parameter_vars().map(|var| self.graph.value(var)))
    }

    /// Takes parameters; `false`, and nothing changed, if they are those of another network.
    pub fn set_parameters(&mut self, parameters: &Parameters) -> bool {
        let vars: Vec<Var> = self.parameter_vars().collect();
        let fits = parameters.fits(vars.iter().map(|&var| self.graph.value(var).shape()));
        if fits {
            for (var, array) in vars.into_iter().zip(parameters.arrays()) {
                self.graph.value_mut(var).assign(&array);
            }
        }
        fits
    }

    /// The loop filter as the format has it.
    #[must_use]
    pub fn loop_filter_settings(&self) -> LoopFilter {
        let Some(vars) = self.loop_filter else { return LoopFilter::default() };
        let [strength, reach] = vars.map(|var| f64::from(self.graph.value(var)[0]));
        let [strength, reach] = [strength * STRENGTHS, reach * REACHES].map(|steps| (steps + 0.5).floor() as u8);
        LoopFilter { strength, reach }
    }

    /// A picture, `[6, rows, columns]` in code values.
    pub fn picture(&self, number: usize) -> &ArrayD<f32> {
        self.graph.value(self.pictures[number])
    }

    /// Sets all vectors, `[frame][vertical, horizontal][row][column]`, and what those of quarters are made of if blocks may be split,
    /// `[frame][selector, vertical, horizontal][row][column]`; frame 0 is left out if nothing is before it.
    pub fn set_motion(&mut self, field: ArrayView4<'_, i8>, splits: Option<ArrayView4<'_, i8>>) {
        let first = field.shape()[0] - self.motion.len();
        for (frame, &(var, between)) in self.motion.iter().enumerate() {
            let whole = field.index_axis(Axis(0), frame + first);
            let vectors = match &splits {
                Some(splits) if between.is_none() => of_quarters(whole, splits.index_axis(Axis(0), frame + first)),
                _ => whole.mapv(f32::from),
            };
            self.graph.value_mut(var).assign(&vectors);
            if let Some([reversed, _]) = between {
                self.graph.value_mut(reversed).assign(&-vectors);
            }
        }
        if let Some(((var, pictures), splits)) = self.splits_field.as_ref().zip(splits) {
            for (slice, &picture) in pictures.iter().enumerate() {
                let of_picture = splits.index_axis(Axis(0), picture).mapv(f32::from);
                self.graph.value_mut(*var).index_axis_mut(Axis(0), slice).assign(&of_picture);
            }
        }
        if let Some(coded) = &self.motion_field {
            let first = field.shape()[0] - self.graph.value(coded.field).shape()[0];
            let vectors = field.slice(ndarray::s![first.., .., .., ..]).mapv(f32::from);
            self.graph.value_mut(coded.field).assign(&vectors);
            let pasts = self.graph.value_mut(coded.pasts);
            let none = || Array3::zeros(vectors.raw_dim().remove_axis(Axis(0)));
            // Of the last picture of each level.
            let mut last = [const { None }; 1 + MAX_PYRAMID as usize];
            last[0] = coded.past.clone();
            let mut end = 0;
            for (&slices, mut past) in coded.roots.iter().zip(pasts.outer_iter_mut()) {
                let level = usize::from(self.levels[first + end]);
                end += slices;
                past.assign(last[level.saturating_sub(1)].get_or_insert_with(none));
                if level > 0 {
                    past.mapv_inplace(halved);
                }
                last[level] = Some(vectors.index_axis(Axis(0), end - 1).to_owned());
            }
        }
    }

    /// Sets the sides of all pictures, `[frame][row][column]`; they count in those between two references.
    pub fn set_sides(&mut self, sides: ArrayView3<'_, i8>) {
        let first = sides.shape()[0] - self.motion.len();
        for (frame, &(_, between)) in self.motion.iter().enumerate() {
            if let Some([_, var]) = between {
                let sides = sides.index_axis(Axis(0), frame + first).mapv(f32::from);
                self.graph.value_mut(var).assign(&sides);
            }
        }
        if let Some(var) = self.sides_field {
            for (slice, frame) in between(&self.levels).enumerate() {
                let sides = sides.index_axis(Axis(0), frame).mapv(f32::from);
                self.graph.value_mut(var).slice_mut(ndarray::s![slice, 0, .., ..]).assign(&sides);
            }
        }
    }

    /// Adds to one latent of a grid.
    pub fn move_latent(&mut self, grid: usize, index: usize, by: f32) {
        if let Some(latents) = self.graph.value_mut(self.grids[grid].latents).as_slice_mut() {
            latents[index] += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::Level;
    use decoder_core::splits::PARTS;
    use decoder_core::wire::SITE;
    use ndarray::{Array4, IxDyn};

    use super::loss::{EXCHANGE, STRUCTURAL_SHARE};
    use super::*;
    use crate::bitstream::{CodedBits, CostMeter, SegmentModel};
    use crate::settings::EncodeSettings;
    use crate::train::presets::architecture;

    /// A network of three small pictures with latents that are not zero, after a step.
    fn network(level: Level, structural: bool) -> Network {
        let geometry = Geometry::new(46, 34);
        let architecture = architecture(&EncodeSettings { level, ..EncodeSettings::default() }, geometry);
        let shape = (SITE, geometry.height, geometry.width);
        let picture = |frame: usize| Array3::from_shape_fn(shape, |(c, y, x)| (60 + 20 * c + 3 * y + x + frame) as f32);
        let targets: Vec<_> = (0..3).map(picture).collect();
        // Bits count next to nothing, so that gradients tell of the pictures.
        let objective = Objective { lambda: 1e-6, structural, parameter_price: 1.0, size: [46, 34] };
        let random = &mut Random::new(1);
        let order = Order { frames: 3, predicted: true, pyramid: architecture.pyramid() };
        let loop_filter = LoopFilter { strength: 12, reach: 32 };
        let pictures = Pictures { targets: &targets, order, start: 0, loop_filter, colour: [100; 3], past: None };
        let mut network = Network::new(&architecture, geometry, pictures, &objective, random);
        for at in 0..network.grids.len() {
            let latents = network.graph.value_mut(network.grids[at].latents);
            latents.iter_mut().for_each(|latent| *latent = random.normal());
        }
        network.run(structural);
        network
    }

    #[test]
    fn everything_that_is_trained_counts() {
        for level in [Level::Nano, Level::Micro, Level::Edge, Level::Full] {
            let network = network(level, false);
            let layers = network.layers.iter().flat_map(|layer| [Some(layer.weights), layer.biases]).flatten();
            let grids = network.grids.iter().flat_map(|grid| [grid.latents, grid.gain]);
            for (number, var) in layers.chain(grids).enumerate() {
                let largest = network.graph.gradient(var).iter().fold(0.0, |most: f32, g| most.max(g.abs()));
                assert!(largest > 1e-3, "{level:?}, leaf {number}: {largest}");
            }
        }
    }

    /// Size and order of the pictures whose motion is coded.
    const MOVING: (Geometry, Order) =
        (Geometry { width: 88, height: 72 }, Order { frames: 7, predicted: true, pyramid: 2 });

    /// The bits of some motion and of `splits` as they are counted, and as they are written: their location is that of the past, their scale a quarter, and that of splits
    /// grows with their parent.
    fn bits_of_motion(field: Array4<i8>, splits: Array4<i8>) -> (f64, CodedBits) {
        let (geometry, order) = MOVING;
        let architecture = architecture(&EncodeSettings { level: Level::Edge, ..EncodeSettings::default() }, geometry);
        let mut network = Network::of_latents(&architecture, geometry, order, 7, false);
        network.set_motion(field.view(), Some(splits.view()));
        for (number, &var) in network.context.iter().enumerate() {
            let (value, is_of_splits) = (network.graph.value_mut(var), number / CONTEXT_TENSORS == 2);
            match number % CONTEXT_TENSORS {
                3 if is_of_splits => value[[1, 5]] = 0.5,
                3 => value.indexed_iter_mut().for_each(|(at, item)| *item = f32::from(u8::from(at == IxDyn(&[0, 8])))),
                4 => value.fill(if is_of_splits { 1.0 } else { -2.0 }),
                _ => value.fill(0.0),
            }
        }
        network.graph.forward();
        let mut model = SegmentModel::zeros(&architecture, geometry, 7, true);
        let context = network.context.iter().flat_map(|&var| network.graph.value(var).iter());
        model.context = context.map(|&item| (item / CONTEXT_STEP) as i8).collect();
        (model.pyramid, model.motion, model.splits) = (order.pyramid, Some(field), Some(splits));
        model.sides = Some(model.no_sides(geometry));
        let coded = model.code(&architecture, geometry, &mut CostMeter::default(), |meter| meter.bits).expect("valid");
        (network.counted_bits() - network.counted_parameter_bits(), coded)
    }

    /// The same from one that is predicted from one to the next, and half of it in each level between; and no splits.
    fn even_motion() -> (Array4<i8>, Array4<i8>) {
        let (geometry, order) = MOVING;
        let (rows, columns) = geometry.motion();
        let random = &mut Random::new(2);
        let noise = Array3::from_shape_simple_fn((2, rows, columns), || (2.0 * random.normal()) as i8);
        let field = Array4::from_shape_fn((7, 2, rows, columns), |(frame, c, y, x)| match noise[[c, y, x]] {
            _ if frame == 0 => 0,
            vector => (0..order.level(frame)).fold(vector, |vector, _| halved(vector.into()) as i8),
        });
        let (rows, columns) = geometry.quarters();
        (field, Array4::zeros((7, PARTS, rows, columns)))
    }

    #[test]
    fn motion_is_coded_with_that_of_the_level_before() {
        let (field, splits) = even_motion();
        let (counted, coded) = bits_of_motion(field, splits);
        let written = coded.total() - coded.weights;
        assert!((written / counted - 1.0).abs() < 0.01, "{written} bits written, {counted} counted");
        // The first reference's vectors have nothing before them, all others cost next to nothing.
        let (rows, columns) = MOVING.0.motion();
        let later = coded.motion / (12 * rows * columns) as f64;
        assert!((1.0..12.0).contains(&later), "{later} bits a component");
    }

    #[test]
    fn splits_cost_what_is_counted() {
        let ((field, none), (_, order)) = (even_motion(), MOVING);
        let random = &mut Random::new(3);
        // In each block something, so that flags say nothing.
        let splits = Array4::from_shape_fn(none.raw_dim(), |(frame, _, y, x)| match order.is_from_one(frame) {
            true if y % 2 == 0 && x % 2 == 0 => 1,
            true => (10.0 * random.normal()) as i8,
            false => 0,
        });
        let pictures = (0..order.frames).filter(|&frame| order.is_from_one(frame)).count();
        let items = (pictures * splits.index_axis(Axis(0), 0).len()) as f64;
        let [without, with] = [none, splits].map(|splits| bits_of_motion(field.clone(), splits));
        let [counted, written] = [with.0 - without.0, with.1.motion - without.1.motion];
        // Flags have to be learnt.
        assert!((-0.01..0.04).contains(&(written / counted - 1.0)), "{written} bits written, {counted} counted");
        assert!((3.0..12.0).contains(&(written / items)), "{written} bits of {items}");
    }

    #[test]
    fn structure_counts_as_much_as_squared_errors_do() {
        let network = network(Level::Micro, true);
        let [luma, structure] = [&network.distortion[0], &network.dissimilarity].map(|vars| network.sum_of(vars));
        let weight = |term: usize| f64::from(network.graph.value(network.weights[0])[term]);
        let expected = STRUCTURAL_SHARE * EXCHANGE * luma / 3.0;
        assert!((weight(3) * structure - expected).abs() < 1e-4 * expected);
        assert!((weight(0) - (1.0 - STRUCTURAL_SHARE) / 3.0).abs() < 1e-6);
    }
}
