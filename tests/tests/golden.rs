//! The golden vectors: what decoded once decodes so for ever.
//!
//! `NVL_BLESS=1 cargo test -p nvl-tests --test golden` makes them anew after a change of the format.

use std::sync::OnceLock;

use decoder_core::wire::{
    Architecture, FileHeader, Interpolation, Layer, LayerKind, MAX_CHANNELS, MAX_DIMENSION, MAX_GRIDS, MAX_LAYERS,
    MAX_STAGES, SegmentHeader, Temporal,
};
use decoder_core::{Level, Limits, Stream};
use nvl_tests::frames::{decode, decode_with};
use nvl_tests::portable::Portable;
use nvl_tests::vectors::{self, Vector, hashes};

#[cfg(feature = "encoder")]
fn bless() {
    let folder = vectors::folder();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    for (name, stream) in nvl_tests::golden::all() {
        let path = folder.join(name);
        let pictures = decode(&stream.bytes).expect("it decodes");
        std::fs::write(path.with_extension("sha256"), hashes(&pictures)).expect("writable");
        std::fs::write(path.with_extension("nvl"), stream.bytes).expect("writable");
    }
}

/// The vectors, made anew if that is asked for.
fn golden() -> &'static [Vector] {
    static GOLDEN: OnceLock<Vec<Vector>> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        #[cfg(feature = "encoder")]
        if std::env::var_os("NVL_BLESS").is_some() {
            bless();
        }
        vectors::load().expect("the vectors are there")
    })
}

/// Luma samples of all pictures.
fn samples(vector: &Vector) -> u64 {
    let stream = Stream::open(&vector.bytes, &Limits::HOST).expect("a vector is valid");
    let header = stream.header();
    u64::from(header.width) * u64::from(header.height) * u64::from(header.frames)
}

#[test]
fn vectors_decode_to_their_hashes() {
    let vectors = golden();
    // An interpreter takes minutes for the others.
    let affordable = |vector: &&Vector| !cfg!(miri) || (vector.bytes.len() < 800 && samples(vector) <= 5000);
    for vector in vectors.iter().filter(affordable) {
        for (kernels, pictures) in
            [("own", decode(&vector.bytes)), ("portable", decode_with::<Portable>(&vector.bytes))]
        {
            assert_eq!(hashes(&pictures.expect("it decodes")), vector.hashes, "{}, {kernels} kernels", vector.name);
        }
    }
    let bytes: usize = vectors.iter().map(|vector| vector.bytes.len() + vector.hashes.len()).sum();
    assert!(vectors.len() >= 18 && bytes < 300_000, "{} vectors of {bytes} bytes", vectors.len());
}

/// The vectors reach every element of the format and the edges of its limits.
#[test]
fn vectors_have_every_element() {
    let vectors = golden();
    let streams: Vec<_> = vectors
        .iter()
        .map(|vector| Stream::open(&vector.bytes, &Limits::HOST).expect("a vector is valid"))
        .map(|stream| (stream.clone(), stream.segments().map(|s| s.expect("it is valid").header).collect::<Vec<_>>()))
        .collect();
    let some = |what: &str, found: &dyn Fn(&FileHeader, &[SegmentHeader]) -> bool| {
        assert!(streams.iter().any(|(stream, segments)| found(stream.header(), segments)), "no vector has {what}");
    };
    for interpolation in [Interpolation::Bilinear, Interpolation::Cubic] {
        for reach in [0, 31] {
            some(&format!("{interpolation:?}, reach {reach}"), &|file, segments| {
                let own =
                    file.architecture.motion.is_some_and(|m| m.interpolation == interpolation && m.reach == reach);
                own && segments.iter().any(|segment| segment.predicted && segment.frames > 1)
            });
        }
    }
    some("no motion", &|file, _| file.architecture.motion.is_none());
    some("a segment without prediction in a file with motion", &|file, segments| {
        file.architecture.motion.is_some() && segments.iter().any(|segment| !segment.predicted)
    });
    some("a network that sees the prediction", &|file, _| file.architecture.motion.is_some_and(|m| m.sees_prediction));
    for (pyramid, rest) in [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)] {
        some(&format!("a pyramid of {pyramid} levels, and {rest} pictures in smaller ones"), &|file, segments| {
            let whole = |segment: &SegmentHeader| {
                segment.pyramid == pyramid && segment.frames > 4 && (segment.frames - 1) % (1 << pyramid) == rest
            };
            file.architecture.pyramid() >= pyramid && segments.iter().any(whole)
        });
    }
    for depth in 0..=3 {
        some(&format!("root depth {depth}"), &|file, _| file.architecture.root_depth == depth);
        some(&format!("{depth} flag levels"), &|file, _| file.architecture.flag_levels == depth);
        for log2 in 0..=depth {
            some(&format!("a slice for 2^{log2} frames of 2^{depth}"), &|file, _| {
                let architecture = &file.architecture;
                let slice = Temporal::Every(log2);
                architecture.root_depth == depth && architecture.grids.iter().any(|grid| grid.temporal == slice)
            });
        }
    }
    some("a grid for the segment", &|file, _| file.architecture.grids.iter().any(|g| g.temporal == Temporal::Whole));
    for stride in 0..=5 {
        some(&format!("a grid of stride 2^{stride}"), &|file, _| {
            file.architecture.grids.iter().any(|grid| grid.stride_log2 == stride)
        });
    }
    for kind in [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise] {
        for switch in [false, true] {
            for (what, of) in [
                ("relu", (|layer| layer.relu) as fn(Layer) -> bool),
                ("residual", |layer| layer.residual),
                ("bias", |layer| layer.bias),
            ] {
                some(&format!("a layer {kind:?}, {what} {switch}"), &|file, _| {
                    file.architecture.layers().any(|(.., layer)| layer.kind == kind && of(layer) == switch)
                });
            }
        }
    }
    for level in Level::ALL {
        some(level.name(), &|file, _| file.level == level);
        let edge = level.limits().mac_per_pixel;
        let at_edge = |stream: &Stream<'_>| stream.header().level == level && stream.mac_per_pixel() == edge;
        assert!(streams.iter().any(|(stream, _)| at_edge(stream)), "no vector has {edge} MAC/pixel");
    }
    for (parity, what) in [(0, "even"), (1, "odd")] {
        some(&format!("{what} widths"), &|file, _| file.width % 2 == parity);
        some(&format!("{what} heights"), &|file, _| file.height % 2 == parity);
    }
    some("the smallest size", &|file, _| (file.width, file.height) == (8, 8));
    some("the largest size", &|file, _| (file.width, file.height) == MAX_DIMENSION);
    some("a segment of one frame", &|_, segments| segments.iter().any(|segment| segment.frames == 1));
    some("a long segment", &|_, segments| segments.iter().any(|segment| segment.frames >= 100));
    some("many segments", &|_, segments| segments.len() >= 10);
    some("no hidden units", &|file, _| file.architecture.context_hidden == 0);
    some("the most hidden units", &|file, _| file.architecture.context_hidden == 16);
    some("the most grids, channels, stages and layers", &|file, _| {
        let Architecture { grids, stages, .. } = &file.architecture;
        let counts = [grids.len(), file.architecture.channels(), stages.len(), file.architecture.layers().count()];
        counts == [MAX_GRIDS, MAX_CHANNELS, MAX_STAGES, MAX_LAYERS]
    });
    some("the widest layer", &|file, _| file.architecture.layers().any(|(_, inputs, _)| inputs == 64));
}
