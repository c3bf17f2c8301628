//! The tape of one segment: from latents and weights to pictures, their distortion and their bits.

mod loss;
mod motion;
mod pictures;
mod rates;
mod start;

use decoder_core::order::Order;
use decoder_core::weights::{BIAS_LIMIT, CONTEXT_LIMIT, GAIN_LIMIT};
use decoder_core::wire::{Architecture, Geometry, LoopFilter, ROOT_LOG2, Temporal};
use ndarray::{Array2, Array3, ArrayD};

use crate::autodiff::ops::SoftRound;
use crate::autodiff::ops::loop_filter::{REACHES, STRENGTHS};
use crate::autodiff::{Graph, Var};

use super::parameters::Parameters;
use super::random::Random;
pub use loss::Objective;
use motion::MotionField;
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
    /// All of their segment, each `[6, rows, columns]` in code values, as they are coded.
    pub targets: &'a [Array3<f32>],
    /// The order of all pictures of their segment.
    pub order: Order,
    /// Which they are, ascending.
    pub numbers: &'a [usize],
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

/// A picture's motion field, and of one between two references the same reversed and the sides.
pub type Motion = (Var, Option<[Var; 2]>);

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
    /// Of each predicted picture.
    pub motion: Vec<Motion>,
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

/// Slices of a grid in a segment.
pub fn slices(temporal: Temporal, frames: usize) -> usize {
    match temporal {
        Temporal::Whole => 1,
        Temporal::Every(log2) => frames.div_ceil(1 << log2),
    }
}

/// Numbers of the pictures between two.
fn between(levels: &[u8]) -> impl Iterator<Item = usize> {
    levels.iter().enumerate().filter(|&(_, &level)| level > 0).map(|(number, _)| number)
}

/// Numbers of the pictures that are predicted from one, where the first of them `begins` a segment or does not.
fn from_one(levels: &[u8], begins: bool) -> Vec<usize> {
    (usize::from(begins)..levels.len()).filter(|&number| levels[number] == 0).collect()
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
        let frames = pictures.numbers.len();
        let mut network = Self::bare(graph, layers, architecture, geometry, frames, [true, begins]);
        if !begins {
            network.fixed_bits = rates::update_bits(architecture);
        }
        network.levels = pictures.numbers.iter().map(|&number| pictures.order.level(number)).collect();
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
        network.levels = (0..frames).map(|number| order.level(number)).collect();
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
    use decoder_core::wire::SITE;

    use super::loss::{EXCHANGE, STRUCTURAL_SHARE};
    use super::*;
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
        let pictures =
            Pictures { targets: &targets, order, numbers: &[0, 1, 2], loop_filter, colour: [100; 3], past: None };
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
