//! What a segment is fitted to.

use decoder_core::order::Order;
use decoder_core::wire::{Architecture, Geometry, LoopFilter};
use ndarray::{Array3, Array4};

use crate::frame::Frame;
use crate::settings::{Ablation, EncodeSettings, Metric};

use super::motion::{SourceMotion, coded};
use super::network::Objective;
use super::presets::loop_filter;

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
    /// What the vectors of the quarters of blocks are made of in pictures that are predicted from one, `[frame][selector, vertical, horizontal][row][column]`.
    pub splits: Option<Array4<i8>>,
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
        let motion = SourceMotion::of(frames, architecture, geometry, settings);
        let order = motion.as_ref().map_or(flat, |motion| motion.order);
        let coded = coded(frames, order);
        let (motion, splits, sides) =
            motion.map_or((None, None, None), |motion| (Some(motion.field), motion.splits, Some(motion.sides)));
        Self {
            architecture,
            geometry,
            order,
            targets: coded.iter().map(|frame| lattice(frame, geometry)).collect(),
            motion,
            splits,
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

/// The mean of each plane.
fn mean_colour(frame: &Frame) -> [u8; 3] {
    frame.planes().map(|plane| {
        let sum: u64 = plane.iter().map(|&sample| u64::from(sample)).sum();
        ((2 * sum + plane.len() as u64) / (2 * plane.len() as u64)) as u8
    })
}

/// What an encode of pictures like `frame` minimises.
fn objective(frame: &Frame, settings: &EncodeSettings) -> Objective {
    let structural = settings.metric == Metric::MsSsim;
    Objective { lambda: settings.lambda, structural, parameter_price: 1.0, size: [frame.width, frame.height] }
}
