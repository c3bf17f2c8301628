//! What a segment is fitted to.

use decoder_core::wire::{Architecture, Geometry};
use ndarray::{Array3, Array4};

use crate::frame::Frame;
use crate::settings::{Ablation, EncodeSettings, Metric};

use super::motion_search::{self, Planes};
use super::network::Objective;

/// Price of a bit of motion in absolute differences, for each root of lambda.
const MOTION_PRICE: f64 = 3.0;

/// What a segment is fitted to.
pub struct Source<'a> {
    /// What the segment is made of.
    pub architecture: &'a Architecture,
    /// Its size.
    pub geometry: Geometry,
    /// Its pictures, as `[Y00 Y01 Y10 Y11 U V][row][column]` in code values.
    pub targets: Vec<Array3<f32>>,
    /// The motion from each source picture to the next: `[frame][vertical, horizontal][row][column]`.
    pub motion: Option<Array4<i8>>,
    /// The mean of the first picture's planes.
    pub colour: [u8; 3],
    /// What is minimised.
    pub objective: Objective,
    /// What is left out.
    pub ablation: Ablation,
}

impl<'a> Source<'a> {
    /// Of pictures, of which there is at least one.
    pub fn new(
        frames: &[Frame],
        architecture: &'a Architecture,
        geometry: Geometry,
        settings: &EncodeSettings,
    ) -> Self {
        Self {
            architecture,
            geometry,
            targets: frames.iter().map(|frame| lattice(frame, geometry)).collect(),
            motion: source_motion(frames, architecture, geometry, settings.lambda),
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

/// The motion from each source picture to the next: `[frame][vertical, horizontal][row][column]`.
fn source_motion(frames: &[Frame], architecture: &Architecture, geometry: Geometry, lambda: f64) -> Option<Array4<i8>> {
    let motion = architecture.motion?;
    let (rows, columns) = geometry.motion();
    let mut field = Array4::zeros((frames.len(), 2, rows, columns));
    let sources: Vec<Planes> = frames.iter().map(|frame| planes(frame, geometry)).collect();
    for (number, pair) in sources.windows(2).enumerate() {
        let slice = field.index_axis_mut(ndarray::Axis(0), number + 1);
        motion_search::search(&pair[0], &pair[1], motion, MOTION_PRICE * lambda.sqrt(), slice);
    }
    Some(field)
}

/// What an encode of pictures like `frame` minimises.
fn objective(frame: &Frame, settings: &EncodeSettings) -> Objective {
    let structural = settings.metric == Metric::MsSsim;
    Objective { lambda: settings.lambda, structural, parameter_price: 1.0, size: [frame.width, frame.height] }
}
