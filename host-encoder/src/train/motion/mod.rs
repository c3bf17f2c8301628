//! The motion of a segment, which is chosen before anything is fitted: in which order its pictures are coded, and the vectors and sides of their blocks.

mod bits;
mod costs;
mod field;
mod overlap;
mod places;
mod refinement;
mod search;
mod splits;

use std::collections::{BTreeMap, BTreeSet};

use decoder_core::order::{Order, Prediction};
use decoder_core::splits::PARTS;
use decoder_core::wire::{Architecture, Geometry, Motion};
use ndarray::{Array2, Array3, Array4, Axis};
use rayon::prelude::*;

use crate::frame::Frame;
use crate::settings::EncodeSettings;

use bits::MotionBits;
use costs::Costs;
use places::Places;
use refinement::Refinement;
use search::{Block, Phases, Planes, Search, search};
use splits::splits;

/// How much more a larger pyramid may leave to say, as the search counts it, and still be taken: pictures that no other is predicted from need not say it. Of clips that
/// nothing is measured on none lost by two levels instead of one at up to 1.09 (docs/measurements.md).
const DEARER: f64 = 1.1;

/// Pictures that are refined at a time, a number of whole pyramids: a reference takes 16 times the memory of its luma.
const WINDOW: usize = 64;

/// The motion of a segment's pictures.
pub struct SourceMotion {
    /// The order in which they are coded, which is that of the arrays.
    pub order: Order,
    /// To each picture from those that it is predicted from, `[frame][vertical, horizontal][row][column]` in quarter luma samples.
    pub field: Array4<i8>,
    /// What the vectors of the quarters of blocks are made of, where blocks may be split: `[frame][selector, vertical, horizontal][row][column]`, zero in pictures that are
    /// not predicted from one.
    pub splits: Option<Array4<i8>>,
    /// Where the blocks of pictures between two references are predicted from, `[frame][row][column]`: -1 before, 1 after, 0 both.
    pub sides: Array3<i8>,
}

impl SourceMotion {
    /// The motion in the largest pyramid that is worth it; none if the architecture has none.
    pub fn of(
        frames: &[Frame],
        architecture: &Architecture,
        geometry: Geometry,
        settings: &EncodeSettings,
    ) -> Option<Self> {
        let motion = architecture.motion?;
        let in_pyramid = |pyramid: u8| {
            let order = Order { frames: frames.len(), predicted: true, pyramid };
            Searched::new(frames, order, geometry, motion, Costs::absolute(settings.lambda))
        };
        let first = in_pyramid(motion.pyramid.min(1));
        let mut best = (first.order.pyramid + 1..=motion.pyramid).fold(first, |best, pyramid| {
            let larger = in_pyramid(pyramid);
            if larger.cost <= DEARER * best.cost { larger } else { best }
        });
        // The bits are counted of pictures that are coded one by one.
        let refined = architecture.root_depth == 0 && !settings.ablation.guessed_motion;
        best.finish(architecture, Costs::coded(settings.lambda), refined);
        Some(best.motion(geometry))
    }
}

/// Pictures in an order.
pub fn coded(frames: &[Frame], order: Order) -> Vec<&Frame> {
    (0..frames.len()).map(|coded| &frames[order.shown(coded)]).collect()
}

/// A picture with edges replicated to even sizes.
fn planes(frame: &Frame, geometry: Geometry) -> Planes {
    let (rows, columns) = (2 * geometry.height, 2 * geometry.width);
    let row = |y: usize| {
        let y = y.min(frame.height - 1) * frame.width;
        (0..columns).map(move |x| frame.y[y + x.min(frame.width - 1)])
    };
    Planes { geometry, luma: (0..rows).flat_map(row).collect(), chroma: [frame.u.clone(), frame.v.clone()] }
}

/// What a picture is predicted from: one before it, and perhaps one after it.
fn references(order: Order, number: usize) -> Option<(usize, Option<usize>)> {
    match order.prediction(number) {
        Prediction::None => None,
        Prediction::Before(before) => Some((before, None)),
        Prediction::Between([before, after]) => Some((before, Some(after))),
    }
}

/// The motion of pictures in one order, looked for picture by picture.
struct Searched {
    order: Order,
    settings: Motion,
    sources: Vec<Planes>,
    /// Of each picture but the first.
    blocks: Vec<Array2<Block>>,
    /// What the vectors of quarters are made of, `[selector, vertical, horizontal][row][column]`, in pictures whose blocks may be split, by their numbers.
    splits: BTreeMap<usize, Array3<i8>>,
    /// What it leaves to say and a guess of its bits.
    cost: f64,
}

impl Searched {
    fn new(frames: &[Frame], order: Order, geometry: Geometry, settings: Motion, costs: Costs) -> Self {
        let sources: Vec<Planes> = coded(frames, order).into_iter().map(|frame| planes(frame, geometry)).collect();
        let of = |(number, source): (usize, &Planes)| {
            let (before, after) = references(order, number)?;
            // Far where a picture is far from what it is predicted from.
            let within = i32::from(settings.reach) >> order.level(number);
            let references = (&sources[before], after.map(|after| &sources[after]));
            Some(search(references, source, settings, within, costs))
        };
        let found: Vec<_> = sources.par_iter().enumerate().filter_map(of).collect();
        let cost = found.iter().map(|&(_, cost)| cost as f64).sum();
        let blocks = found.into_iter().map(|(blocks, _)| blocks).collect();
        Self { order, settings, sources, blocks, splits: BTreeMap::new(), cost }
    }

    /// Changes blocks with which the pictures' errors and the bits of all motion cost less, if they are to be `refined`, and splits some.
    fn finish(&mut self, architecture: &Architecture, costs: Costs, refined: bool) {
        let geometry = self.sources[0].geometry;
        for (number, window) in self.blocks.chunks_mut(WINDOW).enumerate() {
            let first = 1 + number * WINDOW;
            let of = |number: usize| references(self.order, first + number);
            let seen: BTreeSet<usize> = (0..window.len())
                .filter_map(of)
                .flat_map(|(before, after)| [before].into_iter().chain(after))
                .collect();
            let phases: BTreeMap<usize, Phases> =
                seen.into_par_iter().map(|at| (at, Phases::new(&self.sources[at], self.settings))).collect();
            let search = |number: usize| {
                let (before, after) = of(number)?;
                let after = after.map(|after| &phases[&after]);
                Some(Search::new(&phases[&before], after, &self.sources[first + number], self.settings, costs))
            };
            if refined {
                let searches = (0..window.len()).filter_map(search).collect();
                let order = Order { frames: 1 + window.len(), ..self.order };
                let (places, coded) = (Places::new(order, geometry), MotionBits::new(architecture, geometry, order));
                Refinement::new(searches, window, places, coded, costs.bit).run();
            }
            if self.settings.splits {
                let from_one: Vec<usize> =
                    (0..window.len()).filter(|number| self.order.is_from_one(first + number)).collect();
                let searches: Vec<Search<'_>> = from_one.iter().filter_map(|&number| search(number)).collect();
                let pictures: Vec<_> =
                    searches.iter().zip(&from_one).map(|(search, &number)| (search, &window[number])).collect();
                let numbers = from_one.iter().map(|number| first + number);
                self.splits.extend(numbers.zip(splits(&pictures, geometry.quarters())));
            }
        }
    }

    fn motion(self, geometry: Geometry) -> SourceMotion {
        let (rows, columns) = geometry.motion();
        let frames = self.sources.len();
        let block = |frame: usize, at: [usize; 2]| match frame.checked_sub(1) {
            Some(number) => self.blocks[number][at],
            None => Block::default(),
        };
        let splits = self.settings.splits.then(|| {
            let (rows, columns) = geometry.quarters();
            let mut splits = Array4::zeros((frames, PARTS, rows, columns));
            self.splits.iter().for_each(|(&number, of)| splits.index_axis_mut(Axis(0), number).assign(of));
            splits
        });
        SourceMotion {
            splits,
            order: self.order,
            field: Array4::from_shape_fn((frames, 2, rows, columns), |(frame, c, y, x)| {
                block(frame, [y, x]).vector[c] as i8
            }),
            sides: Array3::from_shape_fn((frames, rows, columns), |(frame, y, x)| {
                if self.order.is_between(frame) { block(frame, [y, x]).side } else { 0 }
            }),
        }
    }
}
