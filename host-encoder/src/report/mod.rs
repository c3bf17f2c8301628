//! One page that shows what an encode made of a clip: film and source side by side, plots, costs. It stands alone in
//! one HTML file, needs no network, and is drawn by the script in `page.js` from the data that stand in it.

mod compare;
mod film;
mod page;

use anyhow::{Result, anyhow, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::describe::{counted, layer_in_words, motion_in_words, temporal_in_words};
use crate::device::DEVICES;
use crate::frame::Clip;
use crate::metrics::{Psnr, Quality};
use crate::playback::{BytesByKind, DecodeReport, PlaybackError, decode_file};

pub use compare::{Comparison, compare};
pub use film::Film;
pub use page::html;

/// Everything that the page shows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the file.
    pub name: String,
    /// Name of the source.
    pub source_name: String,
    /// The program that made the page.
    pub program: String,
    /// Luma samples a row.
    pub width: u16,
    /// Luma rows.
    pub height: u16,
    /// Frames of the file.
    pub frames: u32,
    /// Frames per second, numerator and denominator.
    pub rate: (u32, u32),
    /// Figures of the whole file.
    pub totals: Totals,
    /// The source's pictures, the first ones if all were too much for a page.
    pub source: Film,
    /// The decoded ones, as many.
    pub decoded: Film,
    /// PSNR in dB of each frame: Y, U, V; nothing where it is infinite.
    pub psnr: Vec<[Option<f64>; 3]>,
    /// Bytes of each frame.
    pub pictures: Vec<Picture>,
    /// Bytes of the whole file by kind.
    pub parts: Vec<Part>,
    /// What the file is made of, in words.
    pub facts: Vec<(&'static str, String)>,
    /// What decoding costs, device by device.
    pub devices: Vec<OnDevice>,
    /// Other codecs on the same frames, or why there are none.
    pub comparison: Comparison,
    /// What `encode --json` said, if it was kept.
    pub encode: Option<Value>,
}

/// Figures of the whole file.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Totals {
    /// Size of the file.
    pub bytes: usize,
    /// Bytes of the raw pictures.
    pub raw_bytes: usize,
    /// Thousands of bits for a second.
    pub kilobits_per_second: f64,
    /// Bits for a luma sample.
    pub bits_per_pixel: f64,
    /// PSNR of luma in dB; nothing if it is infinite.
    pub psnr_y: Option<f64>,
    /// `(6 Y + U + V) / 8` in dB.
    pub psnr_yuv: Option<f64>,
    /// MS-SSIM of luma.
    pub ms_ssim: f64,
    /// Multiply-accumulates for a luma sample.
    pub mac_per_pixel: u32,
    /// Memory of the decoder in bytes.
    pub scratch_bytes: usize,
}

/// Bytes of a frame.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// Weights, with the first frame of a segment.
    pub weights: f64,
    /// Motion.
    pub motion: f64,
    /// Latents, coarse to fine.
    pub grids: Vec<f64>,
}

/// A kind of bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// A few words more.
    pub note: String,
    /// How many.
    pub bytes: f64,
}

/// What a device makes of the file.
#[derive(Clone, Debug, Serialize)]
pub struct OnDevice {
    /// Its name.
    pub title: &'static str,
    /// Its processor.
    pub core: &'static str,
    /// Frames per second that it decodes, estimated.
    pub frames_per_second: f64,
    /// Memory that it can lend, bytes.
    pub scratch: usize,
}

/// The names that a report gives.
#[derive(Clone, Debug)]
pub struct Names {
    /// Of the file.
    pub file: String,
    /// Of the source.
    pub source: String,
}

/// Decodes a file, compares it with its source and collects everything but the comparison with other codecs.
///
/// # Errors
/// If the file does not decode, or the source has fewer or more frames.
///
/// # Panics
/// If the source has another size.
///
/// # Examples
/// ```
/// use host_encoder::{playback::decode_file, frame::Clip, report::{Names, collect, html}};
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
/// let mut source = Clip { width: 0, height: 0, rate: (25, 1), frames: vec![] };
/// decode_file(bytes, &mut |_, frame| Ok::<_, std::convert::Infallible>(source.frames.push(frame.clone())))?;
/// let names = Names { file: "a.nvl".into(), source: "a.y4m".into() };
/// let page = html(&collect(&names, bytes, &source, None)?);
/// assert!(page.contains("a.y4m"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn collect(names: &Names, bytes: &[u8], source: &Clip, encode: Option<Value>) -> Result<Report> {
    let mut quality = Quality::default();
    let mut decoded = Vec::new();
    let mut bytes_of_film = 0;
    let report = decode_file(bytes, &mut |number, frame| {
        let original = source
            .frames
            .get(number)
            .ok_or_else(|| anyhow!("{} has more frames than {}: is it the source?", names.file, names.source))?;
        quality.add(original, frame);
        bytes_of_film += frame.y.len();
        if decoded.is_empty() || bytes_of_film <= film::SAMPLES_MAX {
            decoded.push(frame.clone());
        }
        Ok(())
    });
    let report = report.map_err(|error: PlaybackError<anyhow::Error>| match error {
        PlaybackError::Consumer(error) => error,
        PlaybackError::Stream(error) => anyhow!("{} does not decode: {error}", names.file),
    })?;
    let (frames, own) = (report.pictures.len(), source.frames.len());
    ensure!(
        frames == own,
        "{} has {frames} frames and {} has {own}: give the frames that were encoded (--skip, --frames)",
        names.file,
        names.source
    );
    Ok(put_together(names, &report, &quality, (&source.frames[..decoded.len()], &decoded), encode))
}

fn put_together(
    names: &Names,
    report: &DecodeReport,
    quality: &Quality,
    (source, decoded): (&[crate::frame::Frame], &[crate::frame::Frame]),
    encode: Option<Value>,
) -> Report {
    let info = &report.info;
    let header = &info.header;
    let (width, height) = (header.width, header.height);
    let pixels = u64::from(width) * u64::from(height);
    let total = quality.psnr.total();
    Report {
        name: names.file.clone(),
        source_name: names.source.clone(),
        program: format!("nvl {}", env!("CARGO_PKG_VERSION")),
        width,
        height,
        frames: header.frames,
        rate: (header.rate_num, header.rate_den),
        totals: Totals {
            bytes: info.bytes,
            raw_bytes: crate::frame::Frame::len(width.into(), height.into()) * header.frames as usize,
            kilobits_per_second: info.kilobits_per_second(),
            bits_per_pixel: info.bits_per_pixel(),
            psnr_y: finite(total.y),
            psnr_yuv: finite(total.yuv()),
            ms_ssim: quality.ms_ssim.mean(),
            mac_per_pixel: info.mac_per_pixel,
            scratch_bytes: info.scratch_bytes,
        },
        source: Film::new(source),
        decoded: Film::new(decoded),
        psnr: quality.psnr.frames().iter().map(|&Psnr { y, u, v }| [y, u, v].map(finite)).collect(),
        pictures: report.pictures.iter().map(Picture::from).collect(),
        parts: parts(report),
        facts: facts(report),
        devices: DEVICES
            .iter()
            .map(|device| OnDevice {
                title: device.title,
                core: device.core,
                frames_per_second: device.frames_per_second(info.mac_per_pixel, pixels),
                scratch: device.scratch,
            })
            .collect(),
        comparison: Comparison::Skipped("it was not asked for".into()),
        encode,
    }
}

impl From<&BytesByKind> for Picture {
    fn from(bytes: &BytesByKind) -> Self {
        Self { weights: bytes.weights, motion: bytes.motion, grids: bytes.grids.clone() }
    }
}

/// JSON has no infinity.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn parts(report: &DecodeReport) -> Vec<Part> {
    let (info, parts) = (&report.info, &report.info.parts);
    let part = |name: &str, note: &str, bytes: f64| Part { name: name.into(), note: note.into(), bytes };
    let mut list = vec![
        part("header", "file header, index, segment headers, checksums", parts.header),
        part("weights", "network and context models", parts.weights),
        part("motion", "one vector a block", parts.motion),
    ];
    for (number, (grid, &bytes)) in info.architecture().grids.iter().zip(&parts.grids).enumerate() {
        let note = format!("latents, stride {}, {}", 1u32 << grid.stride_log2, temporal_in_words(grid.temporal));
        list.push(part(&format!("grid {number}"), &note, bytes));
    }
    list
}

fn facts(report: &DecodeReport) -> Vec<(&'static str, String)> {
    let (header, architecture) = (&report.info.header, report.info.architecture());
    let layers = architecture.layers().map(|(stage, inputs, layer)| {
        format!("stride {}: {inputs} inputs, {}", 1u32 << architecture.stage_stride_log2(stage), layer_in_words(&layer))
    });
    vec![
        ("level", header.level.name().into()),
        ("segments", header.segments.to_string()),
        ("chunk", counted(1 << architecture.root_depth, "frame")),
        ("motion", motion_in_words(architecture)),
        ("context models", counted(architecture.context_hidden, "hidden unit")),
        ("network", layers.collect::<Vec<_>>().join("\n")),
    ]
}
