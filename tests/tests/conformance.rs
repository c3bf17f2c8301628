//! Fixed point against float, on a stream that was trained.

use decoder_core::synthesis::{Arithmetic, Float, Integer};
use host_encoder::progress::Silent;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::{Effort, EncodeSettings};
use host_encoder::train::encode;
use nvl_tests::frames::{Picture, decode_with};

/// The least PSNR between the two, for each frame and plane, in dB (SPEC section 10).
const LEAST_PSNR: f64 = 48.0;
/// The largest difference of a sample.
const LARGEST_DIFFERENCE: u8 = 3;

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

    fn start(bias: i16, shift: u32) -> i32 {
        Integer::start(bias, shift)
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

fn trained(motion: bool) -> Vec<u8> {
    let clip = sample_clip(&SampleSettings { width: 96, height: 64, frames: 8, rate: (24, 1) });
    let settings = EncodeSettings { effort: Effort::Draft, motion, ..EncodeSettings::default() };
    encode(&clip, &settings, &mut Silent).expect("it fits").bytes
}

#[test]
fn the_integer_decoder_stays_with_its_float_twin() {
    for motion in [true, false] {
        let bytes = trained(motion);
        let float = decode_with::<Float>(&bytes).expect("it decodes");
        let (psnr, difference) = compare(&decode_with::<Integer>(&bytes).expect("it decodes"), &float);
        assert!(
            psnr >= LEAST_PSNR && difference <= LARGEST_DIFFERENCE,
            "motion {motion}: {psnr} dB, {difference} apart"
        );
        let (psnr, difference) = compare(&decode_with::<WrongShift>(&bytes).expect("it decodes"), &float);
        assert!(psnr < LEAST_PSNR || difference > LARGEST_DIFFERENCE, "the test does not see a wrong shift: {psnr} dB");
    }
}
