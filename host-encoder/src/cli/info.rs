//! `info`.

use std::io::{self, Write as _};

use anyhow::Result;
use decoder_core::wire::{Interpolation, LayerKind, Temporal, VERSION};
use serde_json::{Value, json};

use super::args::InfoArgs;
use super::decode::{damaged, read_file};
use super::table::{Table, grouped, rate};
use crate::describe::{counted, layer_in_words, motion_in_words, temporal_in_words};
use crate::io::Input;
use crate::playback::{StreamInfo, inspect};

pub(super) fn run(args: &InfoArgs) -> Result<()> {
    let input = Input::from(args.input.as_os_str());
    let info = inspect(&read_file(&input)?).map_err(|error| damaged(&input, error))?;
    let text = match args.json {
        true => format!("{}\n", as_json(&info, &input)),
        false => as_text(&info, &input),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn as_text(info: &StreamInfo, input: &Input) -> String {
    let (header, architecture) = (&info.header, info.architecture());
    let level = header.level.limits();
    let (hidden, flags) = (architecture.context_hidden, architecture.flag_levels);
    let context = format!("{}, {} of emptiness flags", counted(hidden, "hidden unit"), counted(flags, "level"));
    let mut head = Table::default();
    let size = format!(
        "{}x{}, {} frames, {} frames/s, {:.2} s",
        header.width,
        header.height,
        header.frames,
        rate(header.rate_num, header.rate_den),
        info.seconds()
    );
    head.row([&"picture", &size])
        .row([&"segments", &header.segments])
        .row([&"bytes", &grouped(info.bytes as u64)])
        .row([&"bitrate", &format!("{:.2} kb/s, {:.4} bits/pixel", info.kilobits_per_second(), info.bits_per_pixel())])
        .row([&"level", &header.level.name()])
        .row([
            &"MAC/pixel",
            &format!("{} of {}", grouped(info.mac_per_pixel.into()), grouped(level.mac_per_pixel.into())),
        ])
        .row([
            &"scratch",
            &format!("{} of {} bytes", grouped(info.scratch_bytes as u64), grouped(level.scratch as u64)),
        ])
        .row([&"chunk", &counted(1 << architecture.root_depth, "frame")])
        .row([&"context", &context])
        .row([&"motion", &motion_in_words(architecture)]);

    let mut layers = Table::aligned_right(&[0, 1, 2]);
    layers.row([&"stage", &"stride", &"inputs", &"layer"]);
    for (stage, inputs, layer) in architecture.layers() {
        layers.row([&stage, &(1u32 << architecture.stage_stride_log2(stage)), &inputs, &layer_in_words(&layer)]);
    }

    let mut parts = Table::aligned_right(&[1, 2]);
    parts.row([&"part", &"bytes", &"share", &""]);
    let mut part = |name: &str, bytes: f64, note: &str| {
        parts.row([
            &name,
            &grouped(bytes.round().max(0.0) as u64),
            &format!("{:.1} %", 100.0 * bytes / info.bytes as f64),
            &note,
        ]);
    };
    part("header", info.parts.header, "file header, index, segment headers, checksums");
    part("weights", info.parts.weights, "network and context models");
    part("motion", info.parts.motion, "");
    for (number, (grid, bytes)) in architecture.grids.iter().zip(&info.parts.grids).enumerate() {
        let channels = if grid.channels == 1 { String::new() } else { format!(", {} channels", grid.channels) };
        let note = format!("stride {}, {}{channels}", 1u32 << grid.stride_log2, temporal_in_words(grid.temporal));
        part(&format!("grid {number}"), *bytes, &note);
    }
    format!("{input}: NVL version {VERSION}\n{head}\n{layers}\n{parts}")
}

fn as_json(info: &StreamInfo, input: &Input) -> Value {
    let (header, architecture) = (&info.header, info.architecture());
    let grids = architecture.grids.iter().zip(&info.parts.grids).map(|(grid, bytes)| {
        let frames = match grid.temporal {
            Temporal::Every(log2) => json!(1u32 << log2),
            Temporal::Whole => json!("whole"),
        };
        json!({ "stride": 1u32 << grid.stride_log2, "frames_per_slice": frames, "channels": grid.channels, "bytes": bytes })
    });
    let layers = architecture.layers().map(|(stage, inputs, layer)| {
        let kind = match layer.kind {
            LayerKind::Point => "point",
            LayerKind::Full => "full",
            LayerKind::Depthwise => "depthwise",
        };
        json!({
            "stage": stage, "stride": 1u32 << architecture.stage_stride_log2(stage), "kind": kind, "inputs": inputs,
            "outputs": layer.outputs, "relu": layer.relu, "residual": layer.residual, "bias": layer.bias,
        })
    });
    let motion = architecture.motion.map(|motion| {
        let interpolation = match motion.interpolation {
            Interpolation::Bilinear => "bilinear",
            Interpolation::Cubic => "cubic",
        };
        json!({
            "interpolation": interpolation,
            "reach": motion.reach,
            "sees_prediction": motion.sees_prediction,
            "pyramid": motion.pyramid,
            "splits": motion.splits,
        })
    });
    json!({
        "type": "info",
        "input": input.to_string(),
        "version": VERSION,
        "width": header.width,
        "height": header.height,
        "frames": header.frames,
        "rate": [header.rate_num, header.rate_den],
        "segments": header.segments,
        "level": header.level.name(),
        "bytes": info.bytes,
        "kilobits_per_second": info.kilobits_per_second(),
        "bits_per_pixel": info.bits_per_pixel(),
        "mac_per_pixel": info.mac_per_pixel,
        "scratch_bytes": info.scratch_bytes,
        "root_depth": architecture.root_depth,
        "flag_levels": architecture.flag_levels,
        "context_hidden": architecture.context_hidden,
        "motion": motion,
        "grids": grids.collect::<Vec<_>>(),
        "layers": layers.collect::<Vec<_>>(),
        "bytes_by_kind": {
            "header": info.parts.header, "weights": info.parts.weights, "motion": info.parts.motion, "grids": info.parts.grids,
        },
    })
}
