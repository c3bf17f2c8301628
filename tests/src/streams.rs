//! Random streams that use every element of the format.

use decoder_core::Level;
use decoder_core::splits::{SELECTORS, selected};
use decoder_core::wire::{
    Architecture, FileHeader, Geometry, Grid, Interpolation, Layer, LayerKind, LoopFilter, Motion, Stage, Temporal,
};
use host_encoder::bitstream::{SegmentModel, Update, file_bytes, segment_bytes};
use ndarray::Axis;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

/// A stream and what it was made from.
#[derive(Clone, Debug)]
pub struct RandomStream {
    /// Its header.
    pub header: FileHeader,
    /// Its segments.
    pub models: Vec<SegmentModel>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Numbers of a seed.
#[derive(Debug)]
pub struct Numbers(TestRng);

impl Numbers {
    /// Of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &bytes))
    }

    /// One of `range`.
    pub fn within(&mut self, range: std::ops::RangeInclusive<i32>) -> i32 {
        let (low, high) = (i64::from(*range.start()), i64::from(*range.end()));
        (low + i64::from(self.0.next_u32()) % (high - low + 1)) as i32
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: i32) -> bool {
        self.within(1..=n) == 1
    }

    /// Zero most of the time, small else, rarely up to `limit`.
    pub fn sparse(&mut self, limit: i32) -> i32 {
        match self.within(0..=99) {
            0..80 => 0,
            80..99 => self.within(-3.max(-limit)..=3.min(limit)),
            _ => self.within(-limit..=limit),
        }
    }
}

/// Any architecture.
pub fn architecture(numbers: &mut Numbers) -> Architecture {
    let root_depth = numbers.within(0..=3) as u8;
    let octaves = numbers.within(0..=5) as u8;
    let mut grids = Vec::new();
    for stride_log2 in (0..=octaves).rev() {
        // The coarsest grid opens the first stage; any other may be missing.
        if stride_log2 == octaves || !numbers.once_in(4) {
            let temporal = if numbers.once_in(5) {
                Temporal::Whole
            } else {
                Temporal::Every(numbers.within(0..=root_depth.into()) as u8)
            };
            grids.push(Grid { stride_log2, temporal, channels: numbers.within(1..=2) as u8 });
        }
    }
    let motion = numbers.once_in(2).then(|| Motion {
        interpolation: if numbers.once_in(2) { Interpolation::Bilinear } else { Interpolation::Cubic },
        reach: numbers.within(0..=31) as u8,
        sees_prediction: numbers.once_in(2),
        pyramid: if root_depth == 0 { any_pyramid(numbers) } else { 0 },
        splits: root_depth == 0 && numbers.once_in(2),
    });
    let mut architecture = Architecture {
        root_depth,
        flag_levels: numbers.within(0..=3) as u8,
        context_hidden: numbers.within(0..=4) as u8,
        grids: grids.into_iter().collect(),
        stages: (0..=octaves).map(|_| Stage::default()).collect(),
        motion,
    };
    let mut width = 0;
    for number in 0..architecture.stages.len() {
        width += architecture.injected(number);
        let last = number + 1 == architecture.stages.len();
        let count = if last { numbers.within(0..=3) } else { i32::from(numbers.once_in(3)) };
        for _ in 0..count {
            let layer = any_layer(numbers, width);
            width = layer.outputs.into();
            let _ = architecture.stages[number].layers.push(layer);
        }
        if last {
            let kind = if numbers.once_in(2) { LayerKind::Point } else { LayerKind::Full };
            let layer = Layer { kind, outputs: 6, relu: false, residual: false, bias: numbers.once_in(2) };
            let _ = architecture.stages[number].layers.push(layer);
        }
    }
    architecture
}

fn any_pyramid(numbers: &mut Numbers) -> u8 {
    numbers.within(-1..=2).max(0) as u8
}

fn any_layer(numbers: &mut Numbers, width: usize) -> Layer {
    let kind = [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise][numbers.within(0..=2) as usize];
    let square = kind == LayerKind::Depthwise || numbers.once_in(2);
    Layer {
        kind,
        outputs: if square { width as u8 } else { numbers.within(1..=9) as u8 },
        relu: numbers.once_in(2),
        residual: square && numbers.once_in(2),
        bias: numbers.once_in(2),
    }
}

/// Any segment of an architecture.
pub fn segment(numbers: &mut Numbers, architecture: &Architecture, geometry: Geometry, frames: usize) -> SegmentModel {
    let predicted = architecture.motion.is_some() && !numbers.once_in(4);
    let mut model = SegmentModel::zeros(architecture, geometry, frames, predicted);
    if predicted && architecture.is_bidirectional() && !numbers.once_in(4) {
        let pyramid = numbers.within(1..=architecture.pyramid().into()) as u8;
        add_pyramid(numbers, &mut model, geometry, pyramid);
    }
    model.scalars.gains.iter_mut().for_each(|gain| *gain = numbers.within(1..=16383) as u16);
    model.scalars.shifts.iter_mut().for_each(|shift| *shift = numbers.within(5..=9) as u8);
    model.weights.iter_mut().for_each(|weight| *weight = numbers.within(-100..=100) as i16);
    model.biases.iter_mut().for_each(|bias| *bias = numbers.within(-300..=300) as i16);
    for first in (0..frames).step_by(1 << architecture.root_depth).skip(1) {
        if numbers.once_in(3) {
            let update = update(numbers, &model, first);
            model.updates.push(update);
        }
    }
    for grid in &mut model.grids {
        grid.iter_mut().for_each(|latent| *latent = numbers.sparse(127) as i8);
    }
    model.colour = [0; 3].map(|_| numbers.within(0..=255) as u8);
    let reach = architecture.motion.map_or(0, |motion| 4 * i32::from(motion.reach));
    if let Some(motion) = &mut model.motion {
        for ((frame, component, ..), vector) in motion.indexed_iter_mut() {
            let limit = if component == 0 { reach } else { 127 };
            *vector = if frame == 0 { 0 } else { numbers.within(-limit..=limit) as i8 };
        }
    }
    add_splits(numbers, &mut model, reach, 2);
    if !numbers.once_in(3) {
        let strength = numbers.within(1..=LoopFilter::MAX_STRENGTH.into()) as u8;
        model.loop_filter = LoopFilter { strength, reach: numbers.within(0..=LoopFilter::MAX_REACH.into()) as u8 };
    }
    // Last, so that a first segment keeps its pictures when contexts change in size.
    model.context.iter_mut().for_each(|item| *item = numbers.within(-20..=20) as i8);
    model
}

/// Splits one in so many of the blocks of a segment that may be, so that vertical components reach no farther than `reach` quarter samples.
fn add_splits(numbers: &mut Numbers, model: &mut SegmentModel, reach: i32, one_in: i32) {
    let order = model.order();
    let SegmentModel { motion: Some(motion), splits: Some(splits), .. } = model else { return };
    splits.fill(0);
    let (_, _, rows, columns) = motion.dim();
    for frame in (0..order.frames).filter(|&frame| order.is_from_one(frame)) {
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            if !numbers.once_in(one_in) {
                continue;
            }
            for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let quarter = [2 * row + down, 2 * column + right];
                let Some(selector) = splits.get_mut((frame, 0, quarter[0], quarter[1])) else { continue };
                *selector = SELECTORS[numbers.within(0..=3) as usize];
                let [y, x] = selected(*selector, quarter, [rows, columns]).expect("it is a selector");
                for (component, limit) in [reach, 127].into_iter().enumerate() {
                    let vector = i32::from(motion[[frame, component, y, x]]);
                    let far = numbers.within(-limit..=limit);
                    let added = if numbers.once_in(2) { 0 } else { (far - vector).clamp(-127, 127) };
                    splits[[frame, 1 + component, quarter[0], quarter[1]]] = added as i8;
                }
            }
        }
    }
}

/// A change of some of a segment's gains and layers.
fn update(numbers: &mut Numbers, model: &SegmentModel, first: usize) -> Update {
    let mut change =
        |item: i16, limit: i32| if numbers.once_in(3) { numbers.within(-limit..=limit) as i16 } else { item };
    Update {
        first,
        weights: model.weights.iter().map(|&weight| change(weight, 100)).collect(),
        biases: model.biases.iter().map(|&bias| change(bias, 300)).collect(),
        gains: model.scalars.gains.iter().map(|_| numbers.within(1..=16383) as u16).collect(),
    }
}

/// Any of the levels whose bounds the stream keeps.
fn any_level(numbers: &mut Numbers, header: &FileHeader) -> Level {
    let demand = header.check().expect("the header is valid").limits;
    let levels: Vec<Level> = Level::ALL.into_iter().filter(|level| level.limits().check(&demand).is_ok()).collect();
    levels[numbers.within(0..=levels.len() as i32 - 1) as usize]
}

/// Any stream, small.
#[must_use]
pub fn any_stream(seed: u64) -> RandomStream {
    let numbers = &mut Numbers::new(seed);
    let architecture = architecture(numbers);
    let (width, height) = (numbers.within(8..=45) as u16, numbers.within(8..=45) as u16);
    let geometry = Geometry::new(width, height);
    let lengths: Vec<usize> = (0..numbers.within(1..=2)).map(|_| numbers.within(1..=11) as usize).collect();
    let models: Vec<SegmentModel> =
        lengths.iter().map(|&frames| segment(numbers, &architecture, geometry, frames)).collect();
    assemble(numbers, architecture, [width, height], models)
}

/// Gives biases to some of the layers after which they are centred.
fn centre(numbers: &mut Numbers, layers: &mut [Layer]) {
    for at in 1..layers.len() {
        let next = layers[at];
        let centred = next.kind == LayerKind::Point && !next.residual;
        layers[at - 1].bias = centred && layers[at - 1].relu && numbers.once_in(2);
    }
}

/// A stream in which little happens: networks that leave alone what no latent speaks of, a few latents in a few places, and
/// mostly no motion. Wide enough for places that nothing reaches.
#[must_use]
pub fn sparse_stream(seed: u64) -> RandomStream {
    let numbers = &mut Numbers::new(seed);
    let mut architecture = architecture(numbers);
    architecture.stages.iter_mut().flat_map(|stage| &mut stage.layers).for_each(|layer| layer.bias = false);
    let any_motion = Motion {
        interpolation: Interpolation::Bilinear,
        reach: numbers.within(0..=31) as u8,
        sees_prediction: false,
        pyramid: if architecture.root_depth == 0 { any_pyramid(numbers) } else { 0 },
        splits: architecture.root_depth == 0 && numbers.once_in(2),
    };
    let motion = architecture.motion.get_or_insert(any_motion);
    if !numbers.once_in(8) {
        motion.sees_prediction = false;
    }
    let reach = 4 * i32::from(motion.reach);
    // What the network is made of may have changed with what it sees; the last layers are fitted to it again.
    let mut width = 0;
    for number in 0..architecture.stages.len() {
        width += architecture.injected(number);
        for layer in &mut architecture.stages[number].layers {
            if layer.kind == LayerKind::Depthwise || layer.residual {
                layer.outputs = width as u8;
            }
            width = layer.outputs.into();
        }
        centre(numbers, &mut architecture.stages[number].layers);
    }
    let (width, height) = (numbers.within(8..=220) as u16, numbers.within(8..=90) as u16);
    let geometry = Geometry::new(width, height);
    let frames = numbers.within(2..=6) as usize;
    let mut model = segment(numbers, &architecture, geometry, frames);
    for grid in &mut model.grids {
        let busy = [0, 0, 1, 4][numbers.within(0..=3) as usize];
        grid.fill(0);
        for _ in 0..busy {
            let place = numbers.within(0..=grid.len() as i32 - 1) as usize;
            *grid.iter_mut().nth(place).expect("within") = numbers.within(-9..=9) as i8;
        }
    }
    if let Some(motion) = &mut model.motion {
        let still = numbers.within(1..=4);
        for vector in motion {
            *vector = if numbers.once_in(still * 4) { *vector } else { 0 };
        }
        add_splits(numbers, &mut model, reach, still * 4);
    }
    assemble(numbers, architecture, [width, height], vec![model])
}

/// Makes pictures of a predicted segment come from both sides, with any sides.
pub fn add_pyramid(numbers: &mut Numbers, model: &mut SegmentModel, geometry: Geometry, pyramid: u8) {
    model.pyramid = pyramid;
    let mut sides = model.no_sides(geometry);
    let order = model.order();
    for frame in (0..model.frames).filter(|&frame| order.is_between(frame)) {
        sides.index_axis_mut(Axis(0), frame).mapv_inplace(|_| numbers.within(-1..=1) as i8);
    }
    model.sides = Some(sides);
}

/// The file of its segments.
fn assemble(
    numbers: &mut Numbers,
    architecture: Architecture,
    [width, height]: [u16; 2],
    models: Vec<SegmentModel>,
) -> RandomStream {
    let lengths: Vec<usize> = models.iter().map(|model| model.frames).collect();
    let mut header = FileHeader {
        width,
        height,
        rate_num: 25,
        rate_den: 1,
        frames: lengths.iter().sum::<usize>() as u32,
        segments: models.len() as u32,
        level: Level::Full,
        architecture,
    };
    header.level = any_level(numbers, &header);
    RandomStream::new(header, models)
}

impl RandomStream {
    /// The stream of these segments.
    ///
    /// # Panics
    /// If a model has a value that the format does not have.
    #[must_use]
    pub fn new(header: FileHeader, models: Vec<SegmentModel>) -> Self {
        let mut first = 0;
        let mut segments = vec![];
        for (index, model) in models.iter().enumerate() {
            segments.push(segment_bytes(&header, index as u32, first, model).expect("the model is valid"));
            first += model.frames as u32;
        }
        let bytes = file_bytes(&header, &segments);
        Self { header, models, bytes }
    }
}

/// A clip of 32x24 at 30000/1001 pictures a second: `segments` segments of `segment_frames` pictures.
#[must_use]
pub fn clip(seed: u64, segments: u32, segment_frames: u32) -> Vec<u8> {
    let numbers = &mut Numbers::new(seed);
    let architecture = architecture(numbers);
    let (width, height) = (32, 24);
    let frames = segments * segment_frames;
    let level = Level::Full;
    let header = FileHeader { width, height, rate_num: 30_000, rate_den: 1001, frames, segments, level, architecture };
    let payloads: Vec<_> = (0..segments)
        .map(|index| {
            let model = segment(numbers, &header.architecture, header.geometry(), segment_frames as usize);
            segment_bytes(&header, index, index * segment_frames, &model).expect("the model is valid")
        })
        .collect();
    file_bytes(&header, &payloads)
}

/// Runs `check` on `cases` seeds, and names the seed that fails.
///
/// # Panics
/// If one fails.
pub fn for_seeds(cases: u32, check: impl Fn(u64) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    runner.run(&any::<u64>(), check).unwrap_or_else(|error| panic!("{error}"));
}
