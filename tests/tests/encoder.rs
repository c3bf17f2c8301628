//! The encoder as a whole: what it promises about its bytes.

use std::ops::ControlFlow;

use host_encoder::frame::Clip;
use host_encoder::progress::{Observer, Silent, Step};
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::{Effort, EncodeSettings};
use host_encoder::train::{EncodeError, encode};

fn clip() -> Clip {
    sample_clip(&SampleSettings { width: 80, height: 56, frames: 6, rate: (12, 1) })
}

fn settings(threads: usize, seed: u64) -> EncodeSettings {
    EncodeSettings { effort: Effort::Draft, threads: Some(threads), seed, ..EncodeSettings::default() }
}

#[test]
fn threads_do_not_change_a_byte_and_seeds_do() {
    let clip = clip();
    let one = encode(&clip, &settings(1, 0), &mut Silent).expect("it fits").bytes;
    let three = encode(&clip, &settings(3, 0), &mut Silent).expect("it fits").bytes;
    let other = encode(&clip, &settings(2, 1), &mut Silent).expect("it fits").bytes;
    assert!(one == three, "one and three threads differ");
    assert!(one != other, "two seeds give the same file");
}

#[test]
fn the_rate_of_the_loss_is_the_rate_of_the_file() {
    for motion in [true, false] {
        let clip = sample_clip(&SampleSettings { width: 96, height: 64, frames: 12, rate: (24, 1) });
        let encoded = encode(&clip, &EncodeSettings { motion, ..settings(2, 0) }, &mut Silent).expect("it fits");
        let counted: f64 = encoded.counted_bits.iter().sum();
        let written = 8.0 * encoded.bytes.len() as f64;
        let error = counted / written - 1.0;
        assert!(
            error.abs() < 0.03,
            "motion {motion}: counted {counted} bits, wrote {written}: {:+.2} %",
            100.0 * error
        );
    }
}

#[test]
fn an_observer_can_stop_it() {
    struct Impatient;
    impl Observer for Impatient {
        fn phase(&mut self, _: &str) {}
        fn step(&mut self, step: &Step) -> ControlFlow<()> {
            if step.step >= 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    assert!(matches!(encode(&clip(), &settings(1, 0), &mut Impatient), Err(EncodeError::Stopped)));
}
