//! What a segment is fitted to.

use decoder_core::order::{Order, Prediction};
use decoder_core::wire::{Architecture, Geometry, LoopFilter, Motion};
use ndarray::{Array3, Array4, Axis};

use crate::frame::Frame;
use crate::settings::{Ablation, EncodeSettings, Metric};

use super::motion_search::{self, Planes};
use super::network::Objective;
use super::presets::loop_filter;

/// Price of a bit of motion in absolute differences, for each root of lambda.
const MOTION_PRICE: f64 = 3.0;

/// How much more a larger pyramid may leave to say, as the search counts it, and still be taken: pictures that no other is predicted from need not say it. Of clips that
/// nothing is measured on none lost by two levels instead of one at up to 1.09 (docs/measurements.md).
const DEARER: f64 = 1.1;

/// What a segment is fitted to.
pub struct Source<'a> {
    /// What the segment is made of.
    pub architecture: &'a Architecture,
    /// Its size.
    pub geometry: Geometry,
    /// The order in which its pictures are coded, which is that of `targets` and `motion`.
    pub order: Order,
    /// Its pictures, as `[Y00 Y01 Y10 Y11 U V][row][column]` in code values.
    pub targets: Vec<Array3<f32>>,
    /// The motion to each picture from those that it is predicted from: `[frame][vertical, horizontal][row][column]`.
    pub motion: Option<Array4<i8>>,
    /// Where the blocks of pictures between two references are predicted from: `[frame][row][column]`, -1 before, 1 after, 0 both.
    pub sides: Option<Array3<i8>>,
    /// What is done to luma where a residual was added, at first.
    pub loop_filter: LoopFilter,
    /// The mean of the first picture's planes.
    pub colour: [u8; 3],
    /// What is minimised.
    pub objective: Objective,
    /// What is left out.
    pub ablation: Ablation,
}

impl<'a> Source<'a> {
    /// Whether integer latents are tried when a block is fitted: by squared errors, as structure has no place.
    pub fn tries_latents(&self) -> bool {
        !self.objective.structural && !self.ablation.without_rdoq
    }

    /// Of pictures, of which there is at least one.
    pub fn new(
        frames: &[Frame],
        architecture: &'a Architecture,
        geometry: Geometry,
        settings: &EncodeSettings,
    ) -> Self {
        let flat = Order { frames: frames.len(), predicted: architecture.motion.is_some(), pyramid: 0 };
        let motion = architecture.motion.map(|motion| best_motion(frames, flat, motion, geometry, settings.lambda));
        let order = motion.as_ref().map_or(flat, |motion| motion.order);
        let coded = coded(frames, order);
        let (motion, sides) = motion.map(|motion| (motion.field, motion.sides)).unzip();
        Self {
            architecture,
            geometry,
            order,
            targets: coded.iter().map(|frame| lattice(frame, geometry)).collect(),
            motion,
            sides: sides.filter(|_| order.pyramid > 0),
            loop_filter: loop_filter(settings),
            colour: mean_colour(&frames[0]),
            objective: objective(&frames[0], settings),
            ablation: settings.ablation,
        }
    }
}

/// A picture as `[Y00 Y01 Y10 Y11 U V][row][column]`, edges replicated to even sizes.
fn lattice(frame: &Frame, geometry: Geometry) -> Array3<f32> {
    let Geometry { width, height } = geometry;
    Array3::from_shape_fn((6, height, width), |(c, row, column)| match c {
        0..4 => {
            let y = (2 * row + c / 2).min(frame.height - 1);
            let x = (2 * column + c % 2).min(frame.width - 1);
            frame.y[y * frame.width + x].into()
        }
        4 => frame.u[row * width + column].into(),
        _ => frame.v[row * width + column].into(),
    })
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

/// The mean of each plane.
fn mean_colour(frame: &Frame) -> [u8; 3] {
    frame.planes().map(|plane| {
        let sum: u64 = plane.iter().map(|&sample| u64::from(sample)).sum();
        ((2 * sum + plane.len() as u64) / (2 * plane.len() as u64)) as u8
    })
}

/// Pictures in an order.
fn coded(frames: &[Frame], order: Order) -> Vec<&Frame> {
    (0..frames.len()).map(|coded| &frames[order.shown(coded)]).collect()
}

/// The motion of pictures in an order.
struct SourceMotion {
    order: Order,
    /// To each picture, `[frame][vertical, horizontal][row][column]`.
    field: Array4<i8>,
    /// Of those between two references, `[frame][row][column]`.
    sides: Array3<i8>,
    /// What it leaves to say, in absolute differences, with the price of its bits.
    cost: f64,
}

/// The motion in the largest pyramid that is worth it.
fn best_motion(frames: &[Frame], flat: Order, motion: Motion, geometry: Geometry, lambda: f64) -> SourceMotion {
    let of = |pyramid: u8| source_motion(frames, Order { pyramid, ..flat }, motion, geometry, lambda);
    let first = of(motion.pyramid.min(1));
    (first.order.pyramid + 1..=motion.pyramid).fold(first, |best, pyramid| {
        let larger = of(pyramid);
        if larger.cost <= DEARER * best.cost { larger } else { best }
    })
}

/// The motion of pictures in one order.
fn source_motion(frames: &[Frame], order: Order, motion: Motion, geometry: Geometry, lambda: f64) -> SourceMotion {
    let coded = coded(frames, order);
    let sources: Vec<Planes> = coded.iter().map(|frame| planes(frame, geometry)).collect();
    let (rows, columns) = geometry.motion();
    let (mut field, mut sides) =
        (Array4::zeros((coded.len(), 2, rows, columns)), Array3::zeros((coded.len(), rows, columns)));
    let mut cost = 0.0;
    for (number, source) in sources.iter().enumerate() {
        let references = match order.prediction(number) {
            Prediction::None => continue,
            Prediction::Before(before) => (&sources[before], None),
            Prediction::Between([before, after]) => (&sources[before], Some(&sources[after])),
        };
        let (field, sides) = (field.index_axis_mut(Axis(0), number), sides.index_axis_mut(Axis(0), number));
        // Far where a picture is far from what it is predicted from.
        let within = i32::from(motion.reach) >> order.level(number);
        let price = MOTION_PRICE * lambda.sqrt();
        cost += motion_search::search(references, source, motion, within, price, field, sides) as f64;
    }
    SourceMotion { order, field, sides, cost }
}

/// What an encode of pictures like `frame` minimises.
fn objective(frame: &Frame, settings: &EncodeSettings) -> Objective {
    let structural = settings.metric == Metric::MsSsim;
    Objective { lambda: settings.lambda, structural, parameter_price: 1.0, size: [frame.width, frame.height] }
}
