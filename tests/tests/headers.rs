//! File headers made to be refused, and the error that each has to give: every limit, every rule.

use std::collections::BTreeSet;

use decoder_core::{Corruption, Error, Limits, Quantity, Stream, Unsupported};
use nvl_tests::mend;

/// A file header as numbers, so that every one of them can be wrong.
#[derive(Clone)]
struct Raw {
    width: u64,
    height: u64,
    rate: [u64; 2],
    frames: u64,
    segments: u64,
    level: u64,
    root_depth: u8,
    flag_levels: u8,
    context_hidden: u8,
    /// Stride, 0 and log2 or 1 for the segment, channels.
    grids: Vec<Vec<u8>>,
    /// Of each stage its layers: kind, outputs, relu, residual, bias.
    stages: Vec<Vec<[u8; 5]>>,
    /// 0, or 1 and interpolation, reach, sees the prediction, pyramid, splits.
    motion: Vec<u8>,
    behind: Vec<u8>,
}

impl Raw {
    /// A header that is valid: 64x48, two strides, motion, level full.
    fn valid() -> Self {
        Self {
            width: 64,
            height: 48,
            rate: [25, 1],
            frames: 10,
            segments: 2,
            level: 3,
            root_depth: 2,
            flag_levels: 1,
            context_hidden: 2,
            grids: vec![vec![1, 0, 1, 2], vec![0, 1, 1]],
            stages: vec![vec![[1, 4, 1, 0, 1]], vec![[0, 8, 0, 0, 1], [2, 8, 0, 1, 0], [0, 6, 0, 0, 1]]],
            motion: vec![1, 0, 5, 0, 0, 0],
            behind: vec![],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![];
        let numbers = [self.width, self.height, self.rate[0], self.rate[1], self.frames, self.segments, self.level];
        numbers.into_iter().for_each(|number| varint(&mut bytes, number));
        bytes.extend([self.root_depth, self.flag_levels, self.context_hidden, self.grids.len() as u8]);
        bytes.extend(self.grids.concat());
        bytes.push(self.stages.len() as u8);
        for stage in &self.stages {
            bytes.push(stage.len() as u8);
            bytes.extend(stage.concat());
        }
        bytes.extend(&self.motion);
        bytes.extend(&self.behind);
        bytes
    }

    /// The beginning of a file with this header, and no index.
    fn file(&self) -> Vec<u8> {
        framed(&self.bytes())
    }
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn framed(header: &[u8]) -> Vec<u8> {
    let mut bytes = [&b"NVL\0"[..], &(header.len() as u16).to_le_bytes(), header, &[0; 4]].concat();
    mend::front(&mut bytes);
    bytes
}

const HEADER: Expected = Expected::Is(Error::Corrupt(Corruption::Header));

/// What a header has to give.
#[derive(Clone, Copy)]
enum Expected {
    /// This error.
    Is(Error),
    /// The error of this limit.
    Over(Quantity),
    /// None: only the index is missing.
    Opens,
}

use Expected::{Is, Opens, Over};

type Edit = fn(&mut Raw);

/// What is changed in the valid header, and what that gives.
const HEADERS: [(&str, Edit, Expected); 77] = [
    ("nothing", |_| (), Opens),
    ("width 0", |h| h.width = 0, HEADER),
    ("width 7", |h| h.width = 7, HEADER),
    ("width 8", |h| h.width = 8, Opens),
    ("width 1920", |h| h.width = 1920, Opens),
    ("width 1921", |h| h.width = 1921, Over(Quantity::Width)),
    ("width 65535", |h| h.width = 65535, Over(Quantity::Width)),
    ("width 65536", |h| h.width = 65536, HEADER),
    ("width 2^64 - 1", |h| h.width = u64::MAX, HEADER),
    ("height 0", |h| h.height = 0, HEADER),
    ("height 7", |h| h.height = 7, HEADER),
    ("height 1080", |h| h.height = 1080, Opens),
    ("height 1081", |h| h.height = 1081, Over(Quantity::Height)),
    ("height 65535", |h| h.height = 65535, Over(Quantity::Height)),
    ("both largest numbers", |h| (h.width, h.height) = (65535, 65535), Over(Quantity::Width)),
    ("rate 0 / 1", |h| h.rate = [0, 1], HEADER),
    ("rate 1 / 0", |h| h.rate = [1, 0], HEADER),
    ("rate over a million", |h| h.rate = [1_000_001, 1], HEADER),
    ("rate 1 / over a million", |h| h.rate = [1, 1_000_001], HEADER),
    ("rate beyond 32 bits", |h| h.rate = [1 << 32, 1], HEADER),
    ("no frames", |h| h.frames = 0, HEADER),
    ("most frames", |h| h.frames = 10_000_000, Opens),
    ("too many frames", |h| h.frames = 10_000_001, HEADER),
    ("frames that wrap 32 bits", |h| h.frames = (1 << 32) + 10, HEADER),
    ("no segments", |h| h.segments = 0, HEADER),
    ("more segments than frames", |h| h.segments = 11, HEADER),
    ("segments whose index wraps 32 bits", |h| (h.frames, h.segments) = (1 << 29, 1 << 29), HEADER),
    ("an index of 80 MB", |h| (h.frames, h.segments) = (10_000_000, 10_000_000), Opens),
    ("level 4", |h| h.level = 4, HEADER),
    ("level 2^32", |h| h.level = 1 << 32, HEADER),
    (
        "over the work of level nano",
        |h| (h.level, h.stages[1]) = (0, vec![[1, 64, 0, 0, 1], [0, 6, 0, 0, 1]]),
        Over(Quantity::MacPerPixel),
    ),
    ("the same at level edge", |h| (h.level, h.stages[1]) = (2, vec![[1, 64, 0, 0, 1], [0, 6, 0, 0, 1]]), Opens),
    ("root depth 4", |h| h.root_depth = 4, HEADER),
    ("root depth 255", |h| h.root_depth = 255, HEADER),
    ("4 flag levels", |h| h.flag_levels = 4, HEADER),
    ("17 hidden units", |h| h.context_hidden = 17, HEADER),
    ("255 hidden units", |h| h.context_hidden = 255, HEADER),
    ("no grids", |h| h.grids.clear(), HEADER),
    ("8 grids", |h| h.grids = [&vec![vec![1, 1, 1]; 7][..], &[vec![0, 1, 1]]].concat(), Opens),
    ("9 grids", |h| h.grids = vec![vec![1, 1, 1]; 9], HEADER),
    ("stride 2^6", |h| h.grids[0][0] = 6, HEADER),
    ("stride 2^255", |h| h.grids[0][0] = 255, HEADER),
    ("strides that increase", |h| h.grids.reverse(), HEADER),
    ("a slice for more than a chunk", |h| h.grids[0] = vec![1, 0, 3, 2], HEADER),
    ("a slice for 2^255 frames", |h| h.grids[0] = vec![1, 0, 255, 2], HEADER),
    ("a third kind of slice", |h| h.grids[0] = vec![1, 2, 2], HEADER),
    ("a grid without channels", |h| h.grids[1][2] = 0, HEADER),
    ("5 channels", |h| h.grids[1][2] = 5, HEADER),
    ("16 channels", |h| h.grids = [&vec![vec![1, 1, 4]; 3][..], &[vec![0, 1, 4]]].concat(), Opens),
    ("17 channels", |h| h.grids = [&vec![vec![1, 1, 4]; 4][..], &[vec![0, 1, 1]]].concat(), HEADER),
    ("no stages", |h| h.stages.clear(), HEADER),
    ("a stage too few", |h| drop(h.stages.remove(0)), HEADER),
    ("a stage too many", |h| h.stages.insert(0, vec![]), HEADER),
    ("7 stages", |h| h.stages = vec![vec![[0, 6, 0, 0, 0]]; 7], HEADER),
    ("a first stage without layers", |h| h.stages[0].clear(), Opens),
    ("no layers in the last stage", |h| h.stages[1].clear(), HEADER),
    ("no layers at all", |h| h.stages = vec![vec![]; 2], HEADER),
    ("7 layers in a stage", |h| h.stages[1] = vec![[0, 6, 0, 0, 0]; 7], HEADER),
    ("a fourth kind of layer", |h| h.stages[1][0][0] = 3, HEADER),
    ("a layer without outputs", |h| h.stages[1][0][1] = 0, HEADER),
    ("65 outputs", |h| h.stages[0][0][1] = 65, HEADER),
    ("255 outputs", |h| h.stages[0][0][1] = 255, HEADER),
    ("a switch that is 2", |h| h.stages[0][0][2] = 2, HEADER),
    ("a depthwise layer of other outputs", |h| h.stages[1][1] = [2, 7, 0, 0, 0], HEADER),
    ("a residual layer of other outputs", |h| h.stages[1][1] = [0, 7, 0, 1, 0], HEADER),
    ("5 outputs of the last layer", |h| h.stages[1][2][1] = 5, HEADER),
    ("a last layer that cuts negatives off", |h| h.stages[1][2][2] = 1, HEADER),
    ("reach 32", |h| h.motion[2] = 32, HEADER),
    ("both sides and chunks of 4", |h| h.motion[4] = 1, HEADER),
    ("a pyramid of three levels", |h| (h.root_depth, h.motion[4]) = (0, 3), HEADER),
    ("splits and chunks of 4", |h| h.motion[5] = 1, HEADER),
    ("splits and chunks of one", |h| (h.root_depth, h.grids[0][2], h.motion[5]) = (0, 0, 1), Opens),
    ("a switch of splits that is 2", |h| (h.root_depth, h.grids[0][2], h.motion[5]) = (0, 0, 2), HEADER),
    ("a third interpolation", |h| h.motion[1] = 2, HEADER),
    ("a header that ends in its motion", |h| h.motion.truncate(2), HEADER),
    ("a byte behind the header", |h| h.behind.push(0), HEADER),
    (
        "over the work of every level",
        |h| h.stages[1] = vec![[1, 64, 0, 0, 1], [1, 64, 0, 0, 1], [1, 64, 0, 0, 1], [0, 6, 0, 0, 1]],
        Over(Quantity::MacPerPixel),
    ),
];

#[test]
fn headers_are_refused_for_what_is_wrong_with_them() {
    for (name, edit, expected) in HEADERS {
        let mut header = Raw::valid();
        edit(&mut header);
        let bytes = header.file();
        let error = Stream::open(&bytes, &Limits::HOST).expect_err("there is no index");
        let right = match expected {
            Is(expected) => error == expected,
            Over(quantity) => matches!(error, Error::Limit { what, value, max } if what == quantity && value > max),
            Opens => error == Error::NeedMoreData { at_least: bytes.len() + 8 * header.segments as usize + 4 },
        };
        assert!(right, "{name}: {error:?}");
    }
}

#[test]
fn work_and_memory_are_bounded_at_the_last_unit() {
    let open = |edit: Edit, limits: &Limits| {
        let mut header = Raw::valid();
        edit(&mut header);
        let mut bytes = header.file();
        bytes.extend(vec![0; 8 * header.segments as usize + 4]);
        mend::front(&mut bytes);
        Stream::open(&bytes, limits).map(|stream| (stream.scratch_len(), stream.mac_per_pixel()))
    };
    let (scratch, work) = open(|_| (), &Limits::HOST).expect("it is valid");
    let over = |what, value: u64| Err(Error::Limit { what, value, max: value - 1 });
    let exact = Limits { width: 64, height: 48, scratch, mac_per_pixel: work, ..Limits::HOST };
    assert_eq!(open(|_| (), &exact), Ok((scratch, work)));
    let (width, height) = (Limits { width: 63, ..exact }, Limits { height: 47, ..exact });
    assert_eq!(open(|_| (), &width), over(Quantity::Width, 64));
    assert_eq!(open(|_| (), &height), over(Quantity::Height, 48));
    assert_eq!(open(|_| (), &Limits { scratch: scratch - 1, ..exact }), over(Quantity::Scratch, scratch as u64));
    assert_eq!(open(|_| (), &Limits { mac_per_pixel: work - 1, ..exact }), over(Quantity::MacPerPixel, work.into()));
    let busy = open(|h| h.rate = [1_000_000, 1], &Limits { mac_per_second: 1_000_000, ..exact });
    assert!(matches!(busy, Err(Error::Limit { what: Quantity::MacPerSecond, max: 1_000_000, .. })), "{busy:?}");
    // What the levels allow binds also where the caller allows more: memory of two pictures, work of a second.
    let memory = open(|h| (h.width, h.height, h.level) = (1920, 1080, 2), &Limits::HOST);
    assert!(matches!(memory, Err(Error::Limit { what: Quantity::Scratch, max, .. }) if max == 4 << 20), "{memory:?}");
    let rate = open(|h| (h.level, h.rate) = (2, [1_000_000, 1]), &Limits::HOST);
    let allowed = 3_500_000_000;
    assert!(matches!(rate, Err(Error::Limit { what: Quantity::MacPerSecond, max, .. }) if max == allowed), "{rate:?}");
}

/// Each error has a message of its own, with the numbers that it is about.
#[test]
fn messages_tell_errors_apart() {
    let corruptions = [
        Corruption::Magic,
        Corruption::HeaderChecksum,
        Corruption::Header,
        Corruption::Index,
        Corruption::Sync,
        Corruption::SegmentChecksum,
        Corruption::SegmentHeader,
        Corruption::PayloadChecksum,
        Corruption::PayloadLength,
        Corruption::Number,
        Corruption::Weight,
        Corruption::Overflow,
        Corruption::Latent,
        Corruption::Motion,
    ];
    let quantities =
        [Quantity::Width, Quantity::Height, Quantity::MacPerPixel, Quantity::MacPerSecond, Quantity::Scratch];
    let (more, less) = (7001, 6002);
    let numbered = quantities
        .map(|what| Error::Limit { what, value: more, max: less })
        .into_iter()
        .chain([Error::ScratchTooSmall { required: more as usize, lent: less as usize }]);
    let numbered: Vec<String> = numbered.map(|error| error.to_string()).collect();
    for message in &numbered {
        assert!(message.contains("7001") && message.contains("6002"), "{message}");
    }
    let others = corruptions.map(Error::Corrupt).into_iter().chain([
        Error::NeedMoreData { at_least: 6002 },
        Error::Unsupported(Unsupported::Version(3)),
        Error::Unsupported(Unsupported::WeightBase(3)),
    ]);
    let all: BTreeSet<String> = others.map(|error| error.to_string()).chain(numbered).collect();
    assert_eq!(all.len(), corruptions.len() + quantities.len() + 4, "{all:#?}");
}
