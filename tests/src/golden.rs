//! How the golden vectors are made: random streams, and streams at the edges of the format.

use decoder_core::Level;
use decoder_core::wire::{
    Architecture, FileHeader, Grid, Interpolation, Layer, LayerKind, MAX_DIMENSION, Motion, Stage, Temporal,
};
use host_encoder::bitstream::{SegmentModel, Update};

use crate::streams::{Numbers, RandomStream, add_pyramid, any_stream, segment};

/// Seeds of the random streams, without one whose weights multiply a rounding until nothing of the picture is left.
const SEEDS: [std::ops::Range<u64>; 2] = [101..102, 103..119];

/// All golden vectors: their names and their streams.
#[must_use]
pub fn all() -> Vec<(String, RandomStream)> {
    let mut streams: Vec<_> =
        SEEDS.into_iter().flatten().map(|seed| (format!("random-{seed}"), any_stream(seed))).collect();
    let mut push = |name: &str, stream| streams.push((name.to_owned(), stream));
    push("smallest", Sketch::default().stream());
    push(
        "widest",
        Sketch { size: [MAX_DIMENSION.0, 9], lengths: vec![2], ..moving(31, Interpolation::Cubic) }.stream(),
    );
    push(
        "tallest",
        Sketch { size: [9, MAX_DIMENSION.1], lengths: vec![2], ..moving(31, Interpolation::Bilinear) }.stream(),
    );
    push("largest", Sketch { size: [MAX_DIMENSION.0, MAX_DIMENSION.1], ..Sketch::default() }.stream());
    push("long-segment", Sketch { lengths: vec![150], ..moving(3, Interpolation::Bilinear) }.stream());
    push(
        "many-segments",
        Sketch { lengths: vec![1, 2, 1, 3, 1, 1, 9, 1, 2, 1, 1, 1], ..moving(0, Interpolation::Cubic) }.stream(),
    );
    for (pyramid, lengths) in [(1, vec![7, 1, 2]), (1, vec![8, 3]), (2, vec![9, 10, 11, 12, 1, 3, 6, 8])] {
        let mut sketch = moving(7, Interpolation::Cubic);
        sketch.size = [37, 30];
        sketch.architecture.root_depth = 0;
        if let Some(motion) = &mut sketch.architecture.motion {
            motion.pyramid = pyramid;
        }
        let name = format!("both-sides-{}", lengths[0]);
        sketch.lengths = lengths;
        let (header, mut models) = (sketch.header(), sketch.models());
        let numbers = &mut Numbers::new(8);
        for model in models.iter_mut().filter(|model| model.motion.is_some()) {
            add_pyramid(numbers, model, header.geometry(), pyramid);
        }
        push(&name, RandomStream::new(header, models));
    }
    push("most-of-everything", most_of_everything());
    push("largest-parameters", largest_parameters());
    for depth in 0..=3 {
        let mut sketch = Sketch { lengths: vec![7, 1 + (1 << depth)], ..moving(0, Interpolation::Bilinear) };
        sketch.architecture.root_depth = depth;
        let grids = (0..=depth).map(|log2| grid(5 - log2, Temporal::Every(log2), 1));
        sketch.architecture.grids = grids.collect();
        push(&format!("chunks-of-{}", 1 << depth), sketch.stream());
    }
    for level in Level::ALL {
        push(&format!("most-work-{}", level.name()), most_work(level));
    }
    streams
}

/// What a stream is made from where it is not random.
struct Sketch {
    size: [u16; 2],
    lengths: Vec<usize>,
    architecture: Architecture,
    level: Level,
    rate: [u32; 2],
}

impl Default for Sketch {
    /// One picture of 8x8, one latent, one layer.
    fn default() -> Self {
        let mut sketch = Self {
            size: [8, 8],
            lengths: vec![1],
            architecture: Architecture {
                root_depth: 0,
                flag_levels: 0,
                context_hidden: 0,
                grids: [grid(5, Temporal::Every(0), 1)].into_iter().collect(),
                stages: (0..6).map(|_| Stage::default()).collect(),
                motion: None,
            },
            level: Level::Full,
            rate: [1, 1_000_000],
        };
        sketch.last_stage([layer(LayerKind::Point, 6)]);
        sketch
    }
}

fn grid(stride_log2: u8, temporal: Temporal, channels: u8) -> Grid {
    Grid { stride_log2, temporal, channels }
}

fn layer(kind: LayerKind, outputs: u8) -> Layer {
    Layer { kind, outputs, relu: false, residual: false, bias: true }
}

/// Small pictures that move.
fn moving(reach: u8, interpolation: Interpolation) -> Sketch {
    let mut sketch = Sketch { size: [21, 19], ..Sketch::default() };
    sketch.architecture.root_depth = 3;
    sketch.architecture.flag_levels = 3;
    sketch.architecture.motion =
        Some(Motion { interpolation, reach, sees_prediction: false, pyramid: 0, splits: false });
    sketch
}

impl Sketch {
    fn last_stage(&mut self, layers: impl IntoIterator<Item = Layer>) {
        if let Some(stage) = self.architecture.stages.last_mut() {
            stage.layers = layers.into_iter().collect();
        }
    }

    fn header(&self) -> FileHeader {
        FileHeader {
            width: self.size[0],
            height: self.size[1],
            rate_num: self.rate[0],
            rate_den: self.rate[1],
            frames: self.lengths.iter().sum::<usize>() as u32,
            segments: self.lengths.len() as u32,
            level: self.level,
            architecture: self.architecture.clone(),
        }
    }

    /// With segments of random contents.
    fn models(&self) -> Vec<SegmentModel> {
        let header = self.header();
        let mut numbers = Numbers::new(7);
        let geometry = header.geometry();
        self.lengths.iter().map(|&frames| segment(&mut numbers, &self.architecture, geometry, frames)).collect()
    }

    fn stream(&self) -> RandomStream {
        RandomStream::new(self.header(), self.models())
    }

    /// What the header asks for.
    fn demand(&self) -> decoder_core::Limits {
        self.header().check().expect("the header is valid").limits
    }
}

/// As many grids, channels, stages, layers, hidden units and outputs as there can be.
fn most_of_everything() -> RandomStream {
    let mut sketch = Sketch { size: [35, 33], lengths: vec![9, 1], ..moving(31, Interpolation::Cubic) };
    let architecture = &mut sketch.architecture;
    if let Some(motion) = &mut architecture.motion {
        motion.sees_prediction = true;
    }
    architecture.context_hidden = 16;
    let every = |log2| Temporal::Every(log2);
    let grids =
        [(5, Temporal::Whole, 4), (5, every(3), 1), (4, every(2), 2), (3, every(1), 2), (3, Temporal::Whole, 1)];
    let grids = grids.into_iter().chain([(2, every(3), 2), (1, every(0), 2), (0, every(1), 2)]);
    architecture.grids = grids.map(|(stride, temporal, channels)| grid(stride, temporal, channels)).collect();
    let coarse = [layer(LayerKind::Depthwise, 5), layer(LayerKind::Point, 3)];
    architecture.stages[0].layers = coarse.into_iter().collect();
    for stage in &mut architecture.stages[1..5] {
        stage.layers = [layer(LayerKind::Point, 4), layer(LayerKind::Full, 3)].into_iter().collect();
    }
    let wide = Layer { residual: true, relu: true, ..layer(LayerKind::Depthwise, 64) };
    let middle = Layer { residual: true, bias: false, ..layer(LayerKind::Point, 64) };
    let finish = [layer(LayerKind::Full, 4), layer(LayerKind::Point, 6)];
    sketch.last_stage([layer(LayerKind::Point, 64), wide, middle, wide].into_iter().chain(finish));
    sketch.stream()
}

/// Parameters, latents and motion at both ends of their ranges, sums that just fit into 32 bits, and updates from end to end.
fn largest_parameters() -> RandomStream {
    let mut sketch = Sketch { size: [17, 16], lengths: vec![4], ..moving(31, Interpolation::Cubic) };
    sketch.architecture.root_depth = 0;
    sketch.architecture.context_hidden = 16;
    sketch.architecture.grids = [grid(0, Temporal::Every(0), 4)].into_iter().collect();
    sketch.architecture.stages = [Stage::default()].into_iter().collect();
    sketch.last_stage([layer(LayerKind::Point, 64), layer(LayerKind::Point, 64), layer(LayerKind::Point, 6)]);
    let mut models = sketch.models();
    let mut sign = Numbers::new(8);
    let mut end = |limit: i32| if sign.once_in(2) { limit } else { -limit };
    for model in &mut models {
        model.scalars.gains.iter_mut().zip([1, 16383].into_iter().cycle()).for_each(|(gain, end)| *gain = end);
        model.scalars.shifts.iter_mut().zip([15, 1, 8]).for_each(|(shift, end)| *shift = end);
        // 64 weights of 1023 are the largest sum that fits.
        model.weights.iter_mut().for_each(|weight| *weight = end(1023) as i16);
        model.biases.iter_mut().for_each(|bias| *bias = end(63) as i16);
        model.biases[64..128].iter_mut().for_each(|bias| *bias = end(4095) as i16);
        model.context.iter_mut().for_each(|item| *item = end(127) as i8);
        let turned = |items: &[i16]| items.iter().map(|&item| -item).collect();
        let far = Update {
            first: 1,
            gains: model.scalars.gains.iter().map(|&gain| 16384 - gain).collect(),
            weights: turned(&model.weights),
            biases: turned(&model.biases),
        };
        let back = Update {
            first: 3,
            gains: model.scalars.gains.to_vec(),
            weights: model.weights.clone(),
            biases: model.biases.clone(),
        };
        model.updates = vec![far, back];
        model.grids.iter_mut().flatten().for_each(|latent| *latent = end(127) as i8);
        if let Some(motion) = &mut model.motion {
            for ((frame, component, ..), vector) in motion.indexed_iter_mut() {
                *vector = if frame == 0 { 0 } else { end([124, 127][component]) as i8 };
            }
        }
    }
    RandomStream::new(sketch.header(), models)
}

/// The work for a pixel that a level allows, and the highest rate at that.
fn most_work(level: Level) -> RandomStream {
    let mut sketch = Sketch { size: [24, 16], level, lengths: vec![2], ..moving(4, Interpolation::Bilinear) };
    sketch.architecture.grids = [grid(0, Temporal::Every(0), 2)].into_iter().collect();
    sketch.architecture.stages = [Stage::default()].into_iter().collect();
    let limits = level.limits();
    let kind = if level >= Level::Edge { LayerKind::Full } else { LayerKind::Point };
    let outputs = || (1..=64).rev();
    let shapes = outputs().flat_map(|a| outputs().flat_map(move |b| outputs().map(move |c| [a, b, c])));
    let shapes = shapes.flat_map(|shape| (0..=16).map(move |hidden| (shape, hidden)));
    for ([a, b, c], hidden) in shapes {
        sketch.architecture.context_hidden = hidden;
        let layers = [(LayerKind::Point, a), (kind, b), (LayerKind::Point, c), (LayerKind::Point, 6)];
        sketch.last_stage(layers.map(|(kind, outputs)| layer(kind, outputs)));
        if sketch.demand().mac_per_pixel == limits.mac_per_pixel {
            break;
        }
    }
    assert_eq!(sketch.demand().mac_per_pixel, limits.mac_per_pixel, "a shape has exactly the work of {}", level.name());
    // The highest rate that the level allows: one more is over.
    sketch.rate = [1, 1];
    let rate = limits.mac_per_second / sketch.demand().mac_per_second;
    sketch.rate = [rate as u32 + 1, 1];
    assert!(limits.check(&sketch.demand()).is_err(), "{} allows more", level.name());
    sketch.rate = [rate as u32, 1];
    sketch.stream()
}
