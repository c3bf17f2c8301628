//! A variant's rate and distortion against the preset's.

use std::fmt::Write;

use anyhow::Result;
use host_encoder::cli::grouped;
use host_encoder::metrics::{RatePoint, bd_rate};

use super::encodes::{Encodes, Subject, quality};
use super::variants::Variant;

/// One encode, measured.
#[derive(Clone, Copy, Debug)]
struct Point {
    bytes: u64,
    psnr_y: f64,
    /// `D + lambda bits / pixel`.
    cost: f64,
    mac_per_pixel: u32,
}

/// A Markdown table: for each clip a line of the preset, and one of the variant.
pub fn table(subject: &Subject, encodes: &Encodes, names: [&str; 2], variant: Variant) -> Result<String> {
    let mut text = String::from("| clip | | MAC/pixel |");
    for lambda in &subject.lambdas {
        let _ = write!(text, " lambda {lambda} |");
    }
    let lines = "---|".repeat(subject.lambdas.len());
    let _ = writeln!(text, " bytes at equal PSNR-Y | `J` |\n|---|---|---|{lines}---:|---:|");
    for (clip_name, clip) in &subject.clips {
        let curve = |variant: &Variant| -> Result<Vec<Point>> {
            let point = |&lambda| {
                let bytes = encodes.get(subject, clip, lambda, variant)?;
                let (psnr, mac_per_pixel) = quality(clip, &bytes)?;
                let psnr = psnr.total();
                let [y, u, v] = [psnr.y, psnr.u, psnr.v].map(|psnr| 255.0 * 255.0 / 10f64.powf(psnr / 10.0));
                let bits = 8.0 * bytes.len() as f64 / clip.pixels() as f64;
                let cost = (6.0 * y + u + v) / 8.0 + lambda * bits;
                Ok(Point { bytes: bytes.len() as u64, psnr_y: psnr.y, cost, mac_per_pixel })
            };
            subject.lambdas.iter().map(point).collect()
        };
        let [preset, variant] = [curve(&Variant::default())?, curve(&variant)?];
        let _ = writeln!(text, "{} | |", line(clip_name, names[0], &preset));
        let costs = preset.iter().zip(&variant).map(|(preset, variant)| (variant.cost / preset.cost).ln());
        let cost = (costs.sum::<f64>() / preset.len() as f64).exp_m1();
        let rate =
            bd_rate(&rates(&preset), &rates(&variant)).map_or("–".into(), |rate| format!("{:+.1} %", rate.percent));
        let _ = writeln!(text, "{} {rate} | {:+.1} % |", line(clip_name, names[1], &variant), 100.0 * cost);
    }
    Ok(text)
}

fn rates(points: &[Point]) -> Vec<RatePoint> {
    points.iter().map(|point| RatePoint { rate: point.bytes as f64, quality: point.psnr_y }).collect()
}

/// All but the last two cells.
fn line(clip: &str, name: &str, points: &[Point]) -> String {
    let macs = || points.iter().map(|point| point.mac_per_pixel);
    let (least, most) = (macs().min().unwrap_or(0), macs().max().unwrap_or(0));
    let macs = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let mut text = format!("| {clip} | {name} | {macs} |");
    for point in points {
        let _ = write!(text, " {} bytes, {:.2} dB |", grouped(point.bytes), point.psnr_y);
    }
    text
}
