//! What the octree's emptiness flags cost in bytes and save in latents and time.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Result, anyhow};
use decoder_core::wire::{Architecture, FileHeader, ROOT_LOG2, Temporal};
use host_encoder::autodiff::ops::octree_rate::grid_roots;
use host_encoder::bitstream::{SegmentModel, file_bytes, segment_bytes};
use host_encoder::cli::grouped;
use ndarray::{ArrayView3, s};

use super::clock::least_time;
use super::encodes::{Encodes, Subject, models};
use super::variants::Variant;

/// Levels of the octree that can have flags.
const MOST_LEVELS: u8 = 3;

/// A Markdown table. The files stay in `target/bench/ablation`, for `cargo xtask run` to count their instructions.
pub fn table(subject: &Subject, encodes: &Encodes) -> Result<String> {
    let mut text = String::from("| clip | lambda | no flags |");
    for levels in 1..=MOST_LEVELS {
        let _ = write!(text, " flags at {levels} {} |", if levels == 1 { "level" } else { "levels" });
    }
    let _ = writeln!(text, "\n|---|---:|---|{}", "---|".repeat(MOST_LEVELS.into()));
    for (name, clip, lambda) in subject.points() {
        let (header, models) = models(&encodes.get(subject, clip, lambda, &Variant::default())?)?;
        let _ = write!(text, "| {name} | {lambda} |");
        let (mut plain_bytes, mut plain_time) = (0, Duration::ZERO);
        for levels in 0..=MOST_LEVELS {
            let bytes = with_flags(&header, &models, levels)?;
            let time = reading(&bytes)?;
            encodes.put(&format!("{name}-{lambda}-flags-{levels}.nvl"), &bytes)?;
            if levels == 0 {
                let micros = time.as_secs_f64() * 1e6 / clip.frames.len() as f64;
                let _ = write!(text, " {} bytes, {micros:.0} us a picture |", grouped(bytes.len() as u64));
                (plain_bytes, plain_time) = (bytes.len(), time);
                continue;
            }
            let change = 100.0 * (bytes.len() as f64 / plain_bytes as f64 - 1.0);
            let left = models
                .iter()
                .map(|model| coded(&header.architecture, levels, model))
                .fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
            let left = 100.0 * left[0] as f64 / left[1] as f64;
            let time = 100.0 * time.as_secs_f64() / plain_time.as_secs_f64();
            let _ = write!(text, " {change:+.1} % bytes, {left:.0} % of the latents, {time:.0} % of the time |");
        }
        text.push('\n');
    }
    Ok(text)
}

/// The file with these segments and with flags at some levels of the octree.
pub fn with_flags(header: &FileHeader, models: &[SegmentModel], levels: u8) -> Result<Vec<u8>> {
    let mut header = header.clone();
    header.architecture.flag_levels = levels;
    let mut first = 0;
    let segments = models.iter().enumerate().map(|(index, model)| {
        let segment = segment_bytes(&header, index as u32, first, model);
        first += model.frames as u32;
        segment.map_err(|error| anyhow!("the format does not have this: {error}"))
    });
    Ok(file_bytes(&header, &segments.collect::<Result<Vec<_>>>()?))
}

/// Time to read weights, motion and latents.
pub fn reading(bytes: &[u8]) -> Result<Duration> {
    least_time(|| models(bytes).map(drop))
}

/// Latents of the grids that are coded, because the node of the finest of `levels` levels that they lie in is not empty, and all.
fn coded(architecture: &Architecture, levels: u8, model: &SegmentModel) -> [usize; 2] {
    let mut counts = [0; 2];
    for (grid, latents) in architecture.grids.iter().zip(&model.grids) {
        let root_slices = match grid.temporal {
            Temporal::Every(log2) => 1 << (architecture.root_depth - log2),
            Temporal::Whole => 1,
        };
        for channel in latents.axis_iter(ndarray::Axis(1)) {
            let mut first = 0;
            for slices in grid_roots(channel.shape()[0], root_slices) {
                counts[0] += in_full_nodes(
                    channel.slice(s![first..first + slices, .., ..]),
                    1 << (ROOT_LOG2 + 1 - u32::from(levels)),
                );
                first += slices;
            }
            counts[1] += channel.len();
        }
    }
    counts
}

/// Latents of a root in nodes of `size` rows and columns that have one that is not zero.
fn in_full_nodes(root: ArrayView3<'_, i8>, size: usize) -> usize {
    let (_, rows, columns) = root.dim();
    let nodes = (0..rows).step_by(size).flat_map(|y| (0..columns).step_by(size).map(move |x| (y, x)));
    let node = |(y, x)| root.slice(s![.., y..rows.min(y + size), x..columns.min(x + size)]);
    nodes.map(node).filter(|node| node.iter().any(|&latent| latent != 0)).map(|node| node.len()).sum()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn nodes_at_the_edge_are_smaller() {
        let mut root = Array3::zeros((2, 9, 10));
        assert_eq!(in_full_nodes(root.view(), 8), 0);
        root[(1, 8, 9)] = -1;
        assert_eq!(in_full_nodes(root.view(), 8), 2 * 2);
        root[(0, 0, 0)] = 3;
        assert_eq!(in_full_nodes(root.view(), 8), 2 * (2 + 64));
        assert_eq!(in_full_nodes(root.view(), 2), 2 * (2 + 4));
    }
}
