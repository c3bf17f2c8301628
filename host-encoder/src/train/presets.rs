//! The architecture of each level.

use decoder_core::Level;
use decoder_core::wire::{
    Architecture, FileHeader, Geometry, Grid, Interpolation, Layer, LayerKind, LoopFilter, Motion, Stage, Temporal,
};

use crate::settings::EncodeSettings;

/// Most octaves between the finest and the coarsest grid.
const OCTAVES: u8 = 5;
/// Reach of motion in luma samples, between pictures that follow one another and with a pyramid: where the decoder keeps one picture, rows wait as long as they can be reached.
const REACH: [u8; 2] = [15, 31];
/// Log2 of the frames of a chunk without motion: time is what the octree removes redundancy along.
const PURE_ROOT_DEPTH: u8 = 3;
/// The largest lambdas at which the finest grid has three channels and two; beyond it has one. Three instead of two lower
/// `J = D + lambda R` at lambda 30 by 5 % on one clip and raise it by 1 % on another, two instead of one lower it by 6 % at 50 and 3 % at 90 and do
/// not change it at 150 (docs/measurements.md).
const FINE_LAMBDAS: [f64; 2] = [70.0, 110.0];
/// The largest lambda at which micro has 32 and edge 48 hidden channels; beyond they have 16 and 32. At 270 and 810 micro's `J`
/// falls by 3 % with half as many MAC/pixel, because weights are a large part of small files; at 120, 24 instead of 32 lose 2 %
/// (docs/measurements.md).
const SPARSE_LAMBDA: f64 = 200.0;

/// Strength of the loop filter.
const FILTER_STRENGTH: u8 = 12;
/// Its reach at a lambda, and the power of lambda that it grows with: the lower the rate, the larger differences of pictures from their sources.
const FILTER_REACH: (f64, f64) = (36.0, 90.0);
/// See [`FILTER_REACH`].
const FILTER_GROWTH: f64 = 0.28;

/// The loop filter that a fit begins with.
#[must_use]
pub fn loop_filter(settings: &EncodeSettings) -> LoopFilter {
    if settings.loop_filter {
        let (reach, lambda) = FILTER_REACH;
        let reach = reach * (settings.lambda / lambda).powf(FILTER_GROWTH);
        LoopFilter { strength: FILTER_STRENGTH, reach: (reach.round() as u8).min(LoopFilter::MAX_REACH) }
    } else {
        LoopFilter::default()
    }
}

fn layer(kind: LayerKind, outputs: u8, bias: bool) -> Layer {
    Layer { kind, outputs, relu: false, residual: false, bias }
}

fn relu(kind: LayerKind, outputs: u8, bias: bool) -> Layer {
    Layer { relu: true, ..layer(kind, outputs, bias) }
}

fn residual(kind: LayerKind, outputs: u8, bias: bool) -> Layer {
    Layer { residual: true, ..layer(kind, outputs, bias) }
}

/// What the streams of an encode's level are made of.
///
/// The finest grid has a latent for four luma samples and two of chroma. At low rates most of them are 0, and more would
/// only cost time; at high rates two or three channels say what one cannot. A large picture may fit the level fewer times than the largest pyramid
/// keeps: then a smaller pyramid, or channels fewer than the rate asks for, which are worth less than a pyramid is.
#[must_use]
pub fn architecture(settings: &EncodeSettings, geometry: Geometry) -> Architecture {
    let finest = 1 + FINE_LAMBDAS.iter().filter(|&&most| settings.lambda <= most).count() as u8;
    let chunk = settings.root_depth.unwrap_or(0);
    let largest = if settings.motion && chunk == 0 { settings.pyramid } else { 0 };
    let pyramids = (1..=largest).rev().map(|pyramid| (finest, pyramid));
    let fewer = (1..finest).rev().map(|channels| (channels, 1)).filter(|_| largest > 0);
    let fits = |architecture: &Architecture| {
        scratch(architecture, geometry).is_none_or(|scratch| scratch <= settings.level.limits().scratch)
    };
    let of = |(finest, pyramid)| with(settings, geometry, finest, pyramid);
    pyramids.chain(fewer).map(of).find(fits).unwrap_or_else(|| of((finest, 0)))
}

/// An architecture with so many channels in the finest grid and so large a pyramid.
fn with(settings: &EncodeSettings, geometry: Geometry, finest: u8, pyramid: u8) -> Architecture {
    use LayerKind::{Depthwise, Full, Point};
    let (level, motion) = (settings.level, settings.motion);
    let chunk = settings.root_depth.unwrap_or(if motion { 0 } else { PURE_ROOT_DEPTH });
    let sparse = settings.lambda > SPARSE_LAMBDA;
    // A network that does not see the prediction and whose biases are centred leaves alone what no latent speaks of: what does
    // not change costs nothing, and errors do not grow from picture to picture. Without prediction biases are free.
    let bias = !motion;
    let head = match level {
        Level::Nano => vec![relu(Point, 20, true), layer(Point, 6, bias), residual(Depthwise, 6, bias)],
        // Larger networks than edge's have not been found to be worth their weights (docs/measurements.md).
        Level::Micro | Level::Edge | Level::Full => {
            let hidden = match (level, finest, sparse) {
                (Level::Micro, 2.., _) => 40,
                (Level::Micro, _, false) => 32,
                (Level::Micro, _, true) => 16,
                (_, 2.., _) => 60,
                (_, _, false) => 48,
                (_, _, true) => 32,
            };
            vec![relu(Point, hidden, true), layer(Point, 6, bias), residual(Full, 6, bias)]
        }
    };
    // A grid of less than two rows or columns says nothing that the next does not.
    let coarsest = (0..=OCTAVES).rev().find(|&octave| {
        let (rows, columns) = geometry.grid(octave.into());
        rows.min(columns) >= 2
    });
    let coarsest = coarsest.unwrap_or(0);
    let stage =
        |octave: u8| Stage { layers: if octave == 0 { head.iter().copied().collect() } else { Default::default() } };
    Architecture {
        root_depth: chunk,
        // Flags are there for the decoder's time, which larger machines have: the bytes are the same to 1 % (docs/experiments.md).
        flag_levels: match level {
            Level::Nano | Level::Micro => 1,
            Level::Edge | Level::Full => 0,
        },
        context_hidden: match level {
            Level::Nano => 0,
            Level::Micro => 8,
            Level::Edge | Level::Full => 16,
        },
        grids: (0..=coarsest)
            .rev()
            .map(|stride_log2| {
                let channels = if stride_log2 == 0 { finest } else { 1 };
                Grid { stride_log2, temporal: Temporal::Every(0), channels }
            })
            .collect(),
        stages: (0..=coarsest).rev().map(stage).collect(),
        motion: motion.then_some(Motion {
            interpolation: if level == Level::Nano { Interpolation::Bilinear } else { Interpolation::Cubic },
            reach: reach(pyramid),
            sees_prediction: false,
            pyramid,
            splits: level != Level::Nano && chunk == 0,
        }),
    }
}

/// Reach of motion with a pyramid.
fn reach(pyramid: u8) -> u8 {
    REACH[usize::from(pyramid > 0)]
}

/// Bytes that a decoder needs for pictures of a size.
fn scratch(architecture: &Architecture, geometry: Geometry) -> Option<usize> {
    let [width, height] = [geometry.width, geometry.height].map(|sites| u16::try_from(2 * sites).ok());
    let header = FileHeader {
        width: width?,
        height: height?,
        rate_num: 1,
        rate_den: 1,
        frames: 1,
        segments: 1,
        level: Level::Full,
        architecture: architecture.clone(),
    };
    Some(header.check().ok()?.limits.scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_fit_a_level_once_are_predicted_from_one() {
        let of = |width, height, pyramid| {
            let settings = EncodeSettings { level: Level::Nano, pyramid, ..EncodeSettings::default() };
            let geometry = Geometry::new(width, height);
            let architecture = architecture(&settings, geometry);
            let fits = scratch(&architecture, geometry).expect("it is valid") <= Level::Nano.limits().scratch;
            (fits, architecture.pyramid())
        };
        assert_eq!(of(160, 96, 2), (true, 2));
        assert_eq!(of(160, 96, 0), (true, 0));
        assert_eq!(of(360, 288, 2), (true, 0), "two pictures take more than a decoder of this level has");
        assert!(!of(720, 576, 2).0, "not even one fits");
    }

    #[test]
    fn a_pyramid_is_worth_more_than_channels() {
        let geometry = Geometry::new(320, 180);
        let of = |lambda: f64, pyramid: u8| {
            let settings = EncodeSettings { level: Level::Nano, lambda, pyramid, ..EncodeSettings::default() };
            let architecture = architecture(&settings, geometry);
            assert!(scratch(&architecture, geometry).is_some_and(|scratch| scratch <= Level::Nano.limits().scratch));
            (architecture.pyramid(), architecture.grids.last().map(|grid| grid.channels))
        };
        assert_eq!(of(90.0, 2), (1, Some(2)), "as many as the rate asks for");
        assert_eq!(of(30.0, 2), (1, Some(2)), "one fewer");
        assert_eq!(of(30.0, 0), (0, Some(3)), "nobody asks for a pyramid");
    }
}
