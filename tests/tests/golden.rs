//! Streams that are kept, and the SHA-256 of each of their frames: what decoded once decodes so for ever.
//!
//! `NVL_BLESS=1 cargo test -p nvl-tests --test golden` makes them anew after a change of the format.

use nvl_tests::frames::decode;
use nvl_tests::streams::any_stream;
use nvl_tests::vectors::{folder, hashes};

/// Seeds of the streams: together they have every element of the format.
const SEEDS: std::ops::Range<u64> = 100..118;

#[test]
fn vectors_decode_to_their_hashes() {
    let bless = std::env::var_os("NVL_BLESS").is_some();
    for seed in SEEDS {
        let (stream, expected) = (folder().join(format!("{seed}.nvl")), folder().join(format!("{seed}.sha256")));
        if bless {
            let bytes = any_stream(seed).bytes;
            std::fs::create_dir_all(folder()).expect("the folder can be made");
            std::fs::write(&expected, hashes(&decode(&bytes).expect("it decodes"))).expect("writable");
            std::fs::write(&stream, bytes).expect("writable");
        }
        let bytes = std::fs::read(&stream).expect("the vector is there");
        let pictures = decode(&bytes).expect("it decodes");
        let expected = std::fs::read_to_string(&expected).expect("the hashes are there");
        assert_eq!(hashes(&pictures), expected, "{}", stream.display());
    }
}

/// The vectors' seeds reach every element of the format.
#[test]
fn vectors_have_every_element() {
    use decoder_core::wire::{Interpolation, LayerKind, Temporal};
    let streams: Vec<_> = SEEDS.map(any_stream).collect();
    let some = |what: &str, found: &dyn Fn(&nvl_tests::streams::RandomStream) -> bool| {
        assert!(streams.iter().any(found), "no vector has {what}");
    };
    for interpolation in [Interpolation::Bilinear, Interpolation::Cubic] {
        some("an interpolation", &|s| {
            let motion = s.header.architecture.motion;
            motion.is_some_and(|motion| motion.interpolation == interpolation)
                && s.models.iter().any(|m| m.motion.is_some())
        });
    }
    some("a file without motion", &|s| s.header.architecture.motion.is_none());
    some("a segment without prediction in a file with motion", &|s| {
        s.header.architecture.motion.is_some() && s.models.iter().any(|model| model.motion.is_none())
    });
    some("a network that sees the prediction", &|s| s.header.architecture.motion.is_some_and(|m| m.sees_prediction));
    for depth in 0..=3 {
        some("a root depth", &|s| s.header.architecture.root_depth == depth);
        some("a number of flag levels", &|s| s.header.architecture.flag_levels == depth);
    }
    some("a grid for the segment", &|s| {
        s.header.architecture.grids.iter().any(|grid| grid.temporal == Temporal::Whole)
    });
    some("a grid interpolated in time", &|s| {
        s.header.architecture.grids.iter().any(|grid| matches!(grid.temporal, Temporal::Every(1..)))
    });
    for kind in [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise] {
        for residual in [false, true] {
            some(&format!("a layer {kind:?}, residual {residual}"), &|s| {
                s.header.architecture.layers().any(|(.., layer)| layer.kind == kind && layer.residual == residual)
            });
        }
    }
    for level in decoder_core::Level::ALL {
        some(level.name(), &|s| s.header.level == level);
    }
    some("odd sizes", &|s| s.header.width % 2 == 1 && s.header.height % 2 == 1);
    some("even sizes", &|s| s.header.width % 2 == 0 && s.header.height % 2 == 0);
    some("a segment of one frame", &|s| s.models.iter().any(|model| model.frames == 1));
    some("two segments", &|s| s.models.len() == 2);
    some("no hidden units", &|s| s.header.architecture.context_hidden == 0);
}
