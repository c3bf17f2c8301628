//! What a stream is made of, in words for people.

use std::fmt::Write as _;

use decoder_core::wire::{Architecture, Interpolation, Layer, LayerKind, Temporal};

/// `1 frame`, `8 frames`.
pub(crate) fn counted(number: u8, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// How a frame is predicted from others.
pub(crate) fn motion_in_words(architecture: &Architecture) -> String {
    let Some(motion) = architecture.motion else { return "none: every frame stands for itself".into() };
    let mut text = match motion.interpolation {
        Interpolation::Bilinear => "bilinear".to_owned(),
        Interpolation::Cubic => "cubic".to_owned(),
    };
    let _ = write!(text, ", reach {} rows", motion.reach);
    match motion.pyramid {
        0 => {}
        1 => text += ", every second frame between two others",
        pyramid => {
            let _ = write!(text, ", {} of {} frames between two others", (1 << pyramid) - 1, 1 << pyramid);
        }
    }
    if motion.sees_prediction {
        text += ", the network sees the prediction";
    }
    text
}

/// A layer, such as `3x3 -> 6, residual`.
pub(crate) fn layer_in_words(layer: &Layer) -> String {
    let mut text = match layer.kind {
        LayerKind::Point => "1x1".to_owned(),
        LayerKind::Full => "3x3".to_owned(),
        LayerKind::Depthwise => "3x3 depthwise".to_owned(),
    };
    let _ = write!(text, " -> {}", layer.outputs);
    for (there, name) in [(layer.bias, " + bias"), (layer.residual, ", residual"), (layer.relu, ", ReLU")] {
        if there {
            text += name;
        }
    }
    text
}

/// How often a grid has a slice of its own.
pub(crate) fn temporal_in_words(temporal: Temporal) -> String {
    match temporal {
        Temporal::Every(0) => "every frame".into(),
        Temporal::Every(log2) => format!("every {} frames", 1u32 << log2),
        Temporal::Whole => "once a segment".into(),
    }
}
