//! The bits of motion as the context model codes it (SPEC sections 6 and 7).

use decoder_core::order::Order;
use decoder_core::wire::{Architecture, Geometry, Motion};
use ndarray::{Array2, Array3, Array4};

use super::places::Places;
use super::search::Block;
use crate::autodiff::Var;
use crate::train::network::Network;
use crate::train::refit::improve;

/// Steps in which context parameters are fitted to motion.
const STEPS: u32 = 300;

/// The bits of the motion of pictures that are coded one after the other.
pub struct MotionBits {
    network: Network,
}

impl MotionBits {
    /// Of the pictures of an order after its first. An architecture with a root depth of 0.
    pub fn new(architecture: &Architecture, geometry: Geometry, order: Order) -> Self {
        let motion = architecture.motion.map(|motion| Motion { splits: false, ..motion });
        let motion_alone = Architecture { grids: Default::default(), motion, ..architecture.clone() };
        Self { network: Network::of_latents(&motion_alone, geometry, order, order.frames, false) }
    }

    /// The bits of each place.
    pub fn count(&mut self, motion: &[Array2<Block>], places: &Places) -> Vec<f64> {
        self.set(motion);
        self.network.graph.evaluate();
        let area = places.area();
        let mut bits = vec![0.0; places.len()];
        let mut parts = self.network.motion_bits();
        for of_component in parts.by_ref().take(2) {
            bits.iter_mut().zip(of_component).for_each(|(sum, bits)| *sum += bits);
        }
        let between = (0..places.pictures()).filter(|&picture| places.is_between(picture));
        let sides = between.flat_map(|picture| (0..area).map(move |block| places.of_block(picture, block)[1]));
        sides.zip(parts.flatten()).for_each(|(place, of_side)| bits[place] = of_side);
        bits
    }

    /// Fits the context parameters, from the start or from where they are.
    pub fn fit(&mut self, motion: &[Array2<Block>], from_the_start: bool) {
        self.set(motion);
        self.network.graph.evaluate();
        let vars: Vec<Var> = self.network.motion_context().collect();
        improve(&mut self.network, &vars, STEPS, |network| {
            if from_the_start {
                network.restart_motion_context();
            }
        });
    }

    fn set(&mut self, motion: &[Array2<Block>]) {
        let Some((rows, columns)) = motion.first().map(Array2::dim) else { return };
        let frames = 1 + motion.len();
        let block =
            |frame: usize, y, x| frame.checked_sub(1).map_or(Block::default(), |picture| motion[picture][[y, x]]);
        let vectors =
            Array4::from_shape_fn((frames, 2, rows, columns), |(frame, c, y, x)| block(frame, y, x).vector[c] as i8);
        self.network.set_motion(vectors.view(), None);
        let sides = Array3::from_shape_fn((frames, rows, columns), |(frame, y, x)| block(frame, y, x).side);
        self.network.set_sides(sides.view());
    }
}
