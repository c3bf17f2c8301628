//! Vectors, what those of quarters are made of, and sides: where they are shown, and where they are coded.

use decoder_core::order::MAX_PYRAMID;
use decoder_core::splits::selected;
use ndarray::{Array3, ArrayView3, ArrayView4, Axis, RemoveAxis};

use super::{Network, between};
use crate::autodiff::Var;

/// The motion of all pictures, and what it is coded with.
pub(super) struct MotionField {
    /// `[slices, 2, rows, columns]`.
    pub(super) field: Var,
    /// What is before each root, `[roots, 2, rows, columns]`.
    pub(super) pasts: Var,
    /// Slices of each root.
    pub(super) roots: Vec<usize>,
    /// Motion of the last picture before all of them that is predicted from one.
    pub(super) past: Option<Array3<f32>>,
}

/// A vector's component to a picture half as far away, as the decoder has it.
fn halved(component: f32) -> f32 {
    (0.5 * (component + 1.0)).floor()
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
}

#[cfg(test)]
mod tests {
    use decoder_core::Level;
    use decoder_core::order::Order;
    use decoder_core::splits::PARTS;
    use decoder_core::wire::Geometry;
    use ndarray::{Array4, IxDyn};

    use super::super::{CONTEXT_STEP, CONTEXT_TENSORS};
    use super::*;
    use crate::bitstream::{CodedBits, CostMeter, SegmentModel};
    use crate::settings::EncodeSettings;
    use crate::train::presets::architecture;
    use crate::train::random::Random;

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
}
