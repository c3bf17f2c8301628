//! The codecs that ffmpeg has, on the same frames, around the quality of ours.

use anyhow::Result;
use serde::Serialize;

use crate::frame::Clip;
use crate::metrics::ms_ssim_db;
use crate::reference::{self, RawClip, Reference};

/// Other codecs on the same frames.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// What was measured.
    Measured {
        /// ffmpeg's version.
        ffmpeg: String,
        /// The codecs.
        codecs: Vec<Codec>,
    },
    /// Why there is nothing, as the end of "not compared: ".
    Skipped(String),
}

/// A codec and what it was measured at.
#[derive(Clone, Debug, Serialize)]
pub struct Codec {
    /// What it is.
    pub title: &'static str,
    /// ffmpeg's arguments at the first point.
    pub arguments: String,
    /// Fewest bytes first.
    pub points: Vec<Point>,
    /// Bytes at our PSNR-Y, between two points by the logarithm of the bytes; nothing where the codec does not get there.
    pub bytes_at_our_psnr: Option<f64>,
    /// Why there are no points.
    pub failure: Option<String>,
}

/// Rate and distortion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// CRF or quantiser.
    pub parameter: u8,
    /// Size of the elementary stream.
    pub bytes: u64,
    /// PSNR of luma in dB.
    pub psnr_y: f64,
    /// MS-SSIM of luma in dB.
    pub ms_ssim_db: f64,
}

/// Measures the codecs at a few qualities around `psnr_y`. `progress` hears what comes next.
///
/// # Errors
/// Those of the file system; a codec that ffmpeg lacks is told in its place.
pub fn compare(clip: &Clip, psnr_y: f64, codecs: &[Reference], progress: &mut dyn FnMut(&str)) -> Result<Comparison> {
    let ffmpeg = match reference::build() {
        Ok(build) => build,
        Err(_) => return Ok(Comparison::Skipped("ffmpeg, which has the other codecs, is not installed".into())),
    };
    let raw = RawClip::write(clip)?;
    let codecs = codecs.iter().map(|&codec| {
        progress(codec.title());
        measure(&raw, codec, psnr_y)
    });
    Ok(Comparison::Measured { ffmpeg, codecs: codecs.collect() })
}

fn measure(raw: &RawClip<'_>, reference: Reference, psnr_y: f64) -> Codec {
    let parameters = reference.parameters();
    let mut codec = Codec {
        title: reference.title(),
        arguments: reference.arguments(parameters[0]),
        points: Vec::new(),
        bytes_at_our_psnr: None,
        failure: None,
    };
    let around = around(parameters, psnr_y, &mut |parameter| {
        let coded = raw.measure(reference, parameter)?;
        let similarity = ms_ssim_db(coded.quality.ms_ssim.mean());
        Ok(Point { parameter, bytes: coded.bytes, psnr_y: coded.quality.psnr.total().y, ms_ssim_db: similarity })
    });
    match around {
        Ok(points) => codec.points = points,
        Err(error) => codec.failure = Some(error.to_string()),
    }
    codec.points.retain(|point| point.psnr_y.is_finite() && point.ms_ssim_db.is_finite());
    codec.points.sort_by_key(|point| point.bytes);
    codec.bytes_at_our_psnr = bytes_at(&codec.points, psnr_y);
    codec
}

/// Points at the two parameters whose qualities enclose the wanted one, and at those beside them. Qualities fall along
/// the parameters.
fn around(parameters: &[u8], psnr_y: f64, measure: &mut dyn FnMut(u8) -> Result<Point>) -> Result<Vec<Point>> {
    let mut points: Vec<Option<Point>> = vec![None; parameters.len()];
    let mut at = |index: usize, points: &mut Vec<Option<Point>>| -> Result<Point> {
        match points[index] {
            Some(point) => Ok(point),
            None => Ok(*points[index].insert(measure(parameters[index])?)),
        }
    };
    // The first index whose quality is below.
    let (mut low, mut high) = (0, parameters.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if at(middle, &mut points)?.psnr_y < psnr_y { high = middle } else { low = middle + 1 }
    }
    for index in low.saturating_sub(2)..(low + 2).min(parameters.len()) {
        at(index, &mut points)?;
    }
    Ok(points.into_iter().flatten().collect())
}

fn bytes_at(points: &[Point], psnr_y: f64) -> Option<f64> {
    points.windows(2).find_map(|pair| {
        let [low, high] = [pair[0], pair[1]];
        let inside = low.psnr_y <= psnr_y && psnr_y <= high.psnr_y && low.psnr_y < high.psnr_y;
        let way = (psnr_y - low.psnr_y) / (high.psnr_y - low.psnr_y);
        inside.then(|| (low.bytes as f64) * (high.bytes as f64 / low.bytes as f64).powf(way))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A codec that loses a decibel and a fifth of the bytes a parameter.
    fn point(parameter: u8) -> Point {
        let bytes = (10_000.0 * 0.8f64.powi(parameter.into())) as u64;
        Point { parameter, bytes, psnr_y: 50.0 - f64::from(parameter), ms_ssim_db: 10.0 }
    }

    #[test]
    fn few_points_enclose_the_quality() {
        let parameters: Vec<u8> = (0..20).collect();
        for wanted in [49.5, 44.2, 37.0, 31.5] {
            let mut count = 0;
            let mut points = around(&parameters, wanted, &mut |parameter| {
                count += 1;
                Ok(point(parameter))
            })
            .unwrap();
            assert!(count <= 8, "{count} of 20 measured");
            points.sort_by_key(|point| point.bytes);
            let bytes = bytes_at(&points, wanted).unwrap();
            let expected = 10_000.0 * 0.8f64.powf(50.0 - wanted);
            assert!((bytes / expected - 1.0).abs() < 0.01, "{bytes} and not {expected}");
        }
        let out = around(&parameters, 60.0, &mut |parameter| Ok(point(parameter))).unwrap();
        assert_eq!(bytes_at(&out, 60.0), None);
    }
}
