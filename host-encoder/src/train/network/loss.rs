//! What is minimised: distortion, and bits at their prices.

use ndarray::{ArrayD, IxDyn};

use super::Network;
use crate::autodiff::Var;
use crate::autodiff::ops::WeightedSum;
use crate::autodiff::ops::octree_rate::OctreeRate;

/// Terms of one node of the loss.
pub(super) const SUMMANDS: usize = 48;

/// Part of the structural distortion in that of the luma, where structure counts at all: the rest keeps the level of flat
/// areas, which structure does not see.
pub(super) const STRUCTURAL_SHARE: f64 = 0.9;

/// What a relative change of the structural distortion counts, against the same of squared errors: measured so that lambda
/// means about the same rate.
pub(super) const EXCHANGE: f64 = 0.7;

/// What is minimised.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// Weight of bits per pixel.
    pub lambda: f64,
    /// Whether structure counts, or squared errors alone.
    pub structural: bool,
    /// Price of a bit of a parameter, relative to one of a latent.
    pub parameter_price: f64,
    /// Luma columns and rows of the pictures.
    pub size: [usize; 2],
}

impl Network {
    /// A step's passes, forward and backward. `structure` says whether structure counts in it.
    pub fn run(&mut self, structure: bool) {
        for &var in &self.dissimilarity {
            self.graph.set_enabled(var, structure);
        }
        self.graph.forward();
        if !self.dissimilarity.is_empty() {
            self.weigh_structure(if structure { STRUCTURAL_SHARE } else { 0.0 });
        }
        self.differentiate();
    }

    /// The gradients alone, of values that are computed.
    pub fn differentiate(&mut self) {
        self.graph.backward(self.loss);
    }

    /// What is minimised, as it is now: [`Self::cost`], but that coarse latents cost more bits than they have.
    pub fn loss(&self) -> f64 {
        self.graph.value(self.loss)[0].into()
    }

    /// What the bits of each latent of a grid add to the loss, in the order of its array.
    pub fn latent_costs(&self, grid: usize, lambda: f64) -> Vec<f64> {
        let [slices, channels, rows, columns] = self.shape_of(grid);
        let mut costs = vec![0.0; slices * channels * rows * columns];
        let first: usize = (0..grid).map(|before| self.shape_of(before)[1]).sum();
        for channel in 0..channels {
            let price = self.prices[first + channel] * lambda / self.pixels;
            let Some(rate) = self.graph.op::<OctreeRate<f32>>(self.bits[first + channel]) else { continue };
            let of_channel = costs.chunks_exact_mut(rows * columns).skip(channel).step_by(channels);
            of_channel.flatten().zip(rate.latent_bits()).for_each(|(cost, bits)| *cost = price * f64::from(bits));
        }
        costs
    }

    /// Bits of each component of the vectors, `[frame][row][column]` from the first predicted picture on, then of the sides of the pictures between two.
    pub fn motion_bits(&self) -> impl Iterator<Item = Vec<f64>> {
        let ops = self.bits[self.latent_bits..].iter().filter_map(|&var| self.graph.op::<OctreeRate<f32>>(var));
        ops.map(|rate| rate.latent_bits().map(f64::from).collect())
    }

    /// Gives structure its share in the luma's distortion. Both are measured against their means over the segment: a
    /// change of structure by one per cent counts as one of squared errors by [`EXCHANGE`] per cent. What one is worth
    /// in the other follows the fit, and has no gradient.
    fn weigh_structure(&mut self, share: f64) {
        let luma = self.sum_of(&self.distortion[0]);
        let exchange = EXCHANGE * luma / self.sum_of(&self.dissimilarity).max(1e-6);
        let frames = self.dissimilarity.len();
        for term in 0..2 * frames {
            let weight = if term < frames { 1.0 - share } else { share * exchange };
            self.graph.value_mut(self.weights[term / SUMMANDS])[term % SUMMANDS] = (weight / frames as f64) as f32;
        }
    }

    pub(super) fn sum_of(&self, vars: &[Var]) -> f64 {
        vars.iter().map(|&var| f64::from(self.graph.value(var)[0])).sum()
    }

    /// Mean distortion of the pictures, squared errors alone.
    pub fn mean_distortion(&self) -> f64 {
        let [luma, chroma] = &self.distortion;
        (self.sum_of(luma) + self.sum_of(chroma)) / luma.len() as f64
    }

    /// Bits of the payload as the loss counts them: latents, motion and parameters.
    pub fn counted_bits(&self) -> f64 {
        self.sum_of(&self.bits) + self.counted_parameter_bits()
    }

    /// Those of them that do not grow with the pictures.
    pub fn counted_parameter_bits(&self) -> f64 {
        self.fixed_bits + self.sum_of(&self.layer_bits) + self.counted_context_bits()
    }

    /// Those of the context parameters, if these are trained.
    pub fn counted_context_bits(&self) -> f64 {
        self.sum_of(&self.context_bits)
    }

    /// `D + lambda bits / pixel`.
    pub fn cost(&self, lambda: f64) -> f64 {
        self.mean_distortion() + lambda * self.counted_bits() / self.pixels
    }

    pub(super) fn add_loss(&mut self, objective: &Objective) {
        let &Objective { lambda, parameter_price, .. } = objective;
        let [luma, chroma] = &self.distortion;
        let (of_distortion, of_bit) = (1.0 / luma.len() as f64, lambda / self.pixels);
        let terms = [(luma, of_distortion), (&self.dissimilarity, 0.0), (chroma, of_distortion)];
        let terms = terms.into_iter().flat_map(|(vars, weight)| vars.iter().map(move |&var| (var, weight)));
        let bits = self.bits.iter().zip(&self.prices).map(|(&var, &price)| (var, price * of_bit));
        let parameters = self.layer_bits.iter().chain(&self.context_bits);
        let parameters = parameters.map(|&var| (var, parameter_price * of_bit));
        let terms: Vec<(Var, f64)> = terms.chain(bits).chain(parameters).collect();
        let parts: Vec<(Var, Var)> = terms.chunks(SUMMANDS).map(|terms| self.sum(terms)).collect();
        self.weights = parts.iter().map(|&(weights, _)| weights).collect();
        let parts: Vec<(Var, f64)> = parts.into_iter().map(|(_, sum)| (sum, 1.0)).collect();
        (_, self.loss) = self.sum(&parts);
    }

    /// The leaf of the weights, and the sum.
    pub(super) fn sum(&mut self, terms: &[(Var, f64)]) -> (Var, Var) {
        let weights = ArrayD::from_shape_fn(IxDyn(&[terms.len()]), |at| terms[at[0]].1 as f32);
        let weights = self.graph.leaf(weights, false);
        let inputs: Vec<Var> = [weights].into_iter().chain(terms.iter().map(|&(var, _)| var)).collect();
        (weights, self.graph.push(WeightedSum, &inputs))
    }
}
