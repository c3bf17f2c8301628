//! Fixed point against float, on streams that were trained and on the golden vectors.
//!
//! `cargo test -p nvl-tests --test conformance -- --nocapture` prints the figures.

use decoder_core::synthesis::{Arithmetic, Float, Integer};
use host_encoder::progress::Silent;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::{Effort, EncodeSettings};
use host_encoder::train::encode;
use nvl_tests::frames::{Picture, decode_with};
use nvl_tests::vectors;

/// The least PSNR between the two, for each frame and plane, in dB (SPEC section 10).
const LEAST_PSNR: f64 = 48.0;
/// The largest difference of a sample: what a rounding turns a residual to, and whether the loop filter sees one there.
const LARGEST_DIFFERENCE: u8 = 5;

/// The codec with every layer's shift wrong by one.
struct WrongShift;

impl Arithmetic for WrongShift {
    type Activation = i16;
    type Sum = i32;

    fn latent(gain: u16, before: i8, after: i8, m: u32, log2: u32) -> i16 {
        Integer::latent(gain, before, after, m, log2)
    }

    fn sample(prediction: u8) -> i16 {
        Integer::sample(prediction)
    }

    fn column(near: i16, far: i16) -> i32 {
        Integer::column(near, far)
    }

    fn upsample(near: i32, far: i32) -> i16 {
        Integer::upsample(near, far)
    }

    fn start(start: i32) -> i32 {
        Integer::start(start)
    }

    fn multiply_add(sum: i32, activation: i16, weight: i16) -> i32 {
        Integer::multiply_add(sum, activation, weight)
    }

    fn finish(sum: i32, shift: u32, residual: Option<i16>, relu: bool) -> i16 {
        Integer::finish(sum, shift + 1, residual, relu)
    }

    fn code_value(activation: i16) -> i32 {
        Integer::code_value(activation)
    }
}

/// The least PSNR of a frame's plane, and the largest difference.
fn compare(a: &[Picture], b: &[Picture]) -> (f64, u8) {
    let planes = a.iter().zip(b).flat_map(|(a, b)| a.0.iter().zip(&b.0));
    planes.fold((f64::INFINITY, 0), |(least, largest), (a, b)| {
        let differences = a.iter().zip(b).map(|(&a, &b)| a.abs_diff(b));
        let sum: f64 = differences.clone().map(|d| f64::from(d).powi(2)).sum();
        let psnr = 10.0 * (255.0 * 255.0 * a.len() as f64 / sum).log10();
        (least.min(psnr), differences.max().unwrap_or(0).max(largest))
    })
}

fn trained(frames: usize, settings: &EncodeSettings) -> Vec<u8> {
    let clip = sample_clip(&SampleSettings { width: 96, height: 64, frames, rate: (24, 1) });
    let settings = EncodeSettings { effort: Effort::Draft, ..settings.clone() };
    encode(&clip, &settings, &mut Silent).expect("it fits").bytes
}

#[test]
fn the_integer_decoder_stays_with_its_float_twin() {
    for (motion, pyramid, loop_filter, seldom) in [
        (true, 2, true, SELDOM),
        (true, 1, true, usize::MAX),
        (true, 2, false, usize::MAX),
        (false, 0, true, usize::MAX),
    ] {
        let what = format!("motion {motion}, pyramid {pyramid}, loop filter {loop_filter}");
        let bytes = trained(8, &EncodeSettings { motion, pyramid, loop_filter, ..EncodeSettings::default() });
        let float = decode_with::<Float>(&bytes).expect("it decodes");
        let decoded = decode_with::<Integer>(&bytes).expect("it decodes");
        let samples: usize = float.iter().flat_map(|picture| &picture.0).map(Vec::len).sum();
        let (psnr, largest) = compare(&decoded, &float);
        let farther = farther_apart(&decoded, &float);
        println!("{what}: {psnr:.2} dB, {largest} apart, {farther} of {samples} more than the bound");
        assert!(psnr >= LEAST_PSNR && farther <= samples / seldom, "{what}: {psnr} dB, {farther} farther apart");
        // One decision of a filter, besides what roundings do.
        assert!(largest <= 2 * LARGEST_DIFFERENCE, "{what}: {largest} apart");
        let wrong = decode_with::<WrongShift>(&bytes).expect("it decodes");
        let (psnr, _) = compare(&wrong, &float);
        let is_seen = psnr < LEAST_PSNR || farther_apart(&wrong, &float) > samples / seldom;
        assert!(is_seen, "the test does not see a wrong shift: {psnr} dB");
    }
}

/// With a pyramid and the loop filter a sample in so many may be farther apart: where a rounding turns the filter on in one of the two alone, it moves as far as the
/// filter's reach allows, and pictures of the levels between are predicted from it.
const SELDOM: usize = 20_000;

/// Samples that differ by more than the largest difference.
fn farther_apart(a: &[Picture], b: &[Picture]) -> usize {
    let samples = a.iter().zip(b).flat_map(|(a, b)| a.0.iter().flatten().zip(b.0.iter().flatten()));
    samples.filter(|(a, b)| a.abs_diff(**b) > LARGEST_DIFFERENCE).count()
}

/// Frames of the chain.
const CHAIN: usize = 24;
/// What a picture of a chain of predictions may add to the mean squared difference, in squared code values.
const GROWTH: f64 = 0.03;
/// Pictures of a chain after which a sample may be apart by one more: a few are rounded to the same side again and again.
const ONE_MORE: usize = 8;

/// Along a chain of predicted pictures the two drift apart: a sample that rounds to the other side is predicted from.
#[test]
fn the_difference_grows_slowly_along_a_chain() {
    for (pyramid, loop_filter, seldom) in
        [(1, false, usize::MAX), (0, true, usize::MAX), (1, true, SELDOM), (2, true, SELDOM), (2, false, usize::MAX)]
    {
        let bytes = trained(CHAIN, &EncodeSettings { pyramid, loop_filter, ..EncodeSettings::default() });
        let [integer, float] =
            [decode_with::<Integer>(&bytes), decode_with::<Float>(&bytes)].map(|p| p.expect("it decodes"));
        assert_eq!(integer.len(), CHAIN);
        let first = mean_squared_difference(&integer[0], &float[0]);
        let (mut samples, mut farther) = (0, 0);
        for (number, (a, b)) in integer.iter().zip(&float).enumerate() {
            let mean = mean_squared_difference(a, b);
            let (psnr, largest) = compare(std::slice::from_ref(a), std::slice::from_ref(b));
            println!("picture {number}: mean squared difference {mean:.4}, least PSNR {psnr:.2} dB, largest {largest}");
            assert!(mean <= first + GROWTH * number as f64, "picture {number}: {mean} after {first} at first");
            let most = usize::from(LARGEST_DIFFERENCE) + number / ONE_MORE;
            let differences =
                || a.0.iter().flatten().zip(b.0.iter().flatten()).map(|(a, b)| usize::from(a.abs_diff(*b)));
            samples += differences().count();
            farther += differences().filter(|&difference| difference > most).count();
            // One decision of a filter, besides what roundings do.
            let most = most + usize::from(LARGEST_DIFFERENCE);
            assert!(psnr >= LEAST_PSNR && usize::from(largest) <= most, "picture {number}: {psnr} dB, {largest} apart");
        }
        println!("pyramid {pyramid}, loop filter {loop_filter}: {farther} of {samples} more than the bound");
        assert!(farther <= samples / seldom, "pyramid {pyramid}: {farther} of {samples} are farther apart");
    }
}

fn mean_squared_difference(a: &Picture, b: &Picture) -> f64 {
    let samples = a.0.iter().flatten().zip(b.0.iter().flatten());
    let sum: f64 = samples.clone().map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2)).sum();
    sum / samples.count() as f64
}

/// Vectors of random networks whose weights multiply a rounding from picture to picture until it is seen, or a loop filter that a rounding turns on: least PSNR in dB,
/// largest difference.
const MULTIPLYING: [(&str, f64, u8); 2] = [("most-of-everything", LEAST_PSNR, 10), ("random-117", LEAST_PSNR, 4)];

#[test]
fn the_vectors_stay_with_their_twins() {
    let mut seen = 0;
    for vector in vectors::load().expect("the vectors are there") {
        let decoded = [decode_with::<Integer>, decode_with::<Float>, decode_with::<WrongShift>];
        let [integer, float, wrong] = decoded.map(|decode| decode(&vector.bytes).expect("it decodes"));
        assert_eq!(integer.len(), float.len());
        let (psnr, largest) = compare(&integer, &float);
        println!("{}: least PSNR {psnr:.2} dB, largest difference {largest}", vector.name);
        let own = MULTIPLYING.iter().find(|(name, ..)| *name == &vector.name[..]);
        let (least, most) = own.map_or((LEAST_PSNR, LARGEST_DIFFERENCE), |&(_, least, most)| (least, most));
        assert!(psnr >= least && largest <= most, "{}: {psnr} dB, {largest} apart", vector.name);
        let (psnr, largest) = compare(&wrong, &float);
        seen += usize::from(psnr < least || largest > most);
    }
    println!("a wrong shift leaves the bounds of {seen} vectors");
    assert!(seen >= 10, "a wrong shift leaves the bounds of {seen} vectors only");
}
