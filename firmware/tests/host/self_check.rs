//! The self-check on the host, where there is an exact logarithm.

use decoder_core::{Limits, RowPair, RowSink};
use firmware::checksum::RowChecksum;
use firmware::mapped::Mapped;
use firmware::player::{Event, Player, Unpaced};
use firmware::self_check::{LumaDifference, Report, run};

use crate::streams::{BUFFER, clip, pictures, scratch};

#[test]
fn decibels_are_those_of_an_exact_logarithm() {
    let reference: Vec<u8> = (0..=255).cycle().take(4096).collect();
    for step in 1..=200u8 {
        // Every `step`-th sample is wrong, by more and more.
        let mut decoded = reference.clone();
        decoded.iter_mut().step_by(step.into()).for_each(|sample| *sample = sample.wrapping_add(1 + step / 2));
        let squared = |(&a, &b): (&u8, &u8)| f64::from(a.abs_diff(b)).powi(2);
        let mean = decoded.iter().zip(&reference).map(squared).sum::<f64>() / reference.len() as f64;
        let exact = 10.0 * (255.0 * 255.0 / mean).log10();
        let mut difference = LumaDifference::new(&reference);
        for (row, luma) in decoded.chunks(128).enumerate() {
            let (upper, lower) = luma.split_at(64);
            let Ok(()) = difference.row_pair(RowPair {
                frame: 0,
                row: row as u16,
                column: 0,
                luma: [upper, lower],
                u: &[],
                v: &[],
            });
        }
        let measured = f64::from(difference.psnr().expect("samples differ"));
        assert!((measured - exact).abs() < 0.1, "{measured} instead of {exact} dB");
    }
}

#[test]
fn no_difference_has_no_decibels() {
    let mut difference = LumaDifference::new(&[1, 2, 3]);
    let Ok(()) = difference.row_pair(RowPair { frame: 0, row: 0, column: 0, luma: [&[1, 2, 3], &[4]], u: &[], v: &[] });
    assert_eq!(difference.psnr(), None);
}

#[test]
fn a_check_passes_or_names_the_first_wrong_picture() {
    let clip = clip(21, 2);
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(&clip));
    let mut player = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let mut expected = vec![];
    let mut checksum = RowChecksum::new();
    while let Ok(Event::Shown { .. }) = player.step(&mut checksum, &mut Unpaced) {
        expected.push(checksum.take());
    }
    let mut reference: Vec<u8> = pictures(&clip).iter().flat_map(|picture| picture.0[0].clone()).collect();
    let frames = expected.len() as u32;
    let passed = Report { frames, first_wrong: None, luma_psnr: None };
    assert_eq!(run(&mut player, &expected, &reference), passed);

    expected[5] ^= 1;
    reference[7] ^= 0x40;
    let failed = run(&mut player, &expected, &reference);
    assert_eq!((failed.passed(), failed.first_wrong), (false, Some(5)));
    assert!(failed.luma_psnr.is_some_and(|psnr| psnr > 40.0));
    assert_eq!(run(&mut player, &expected[..3], &[]).first_wrong, Some(3), "a list that is too short");
}
