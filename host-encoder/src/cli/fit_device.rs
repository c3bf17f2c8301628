//! `--device`: what has to change so that a clip plays on a machine.

use anyhow::{Result, anyhow};
use decoder_core::Level;
use decoder_core::wire::{FileHeader, Geometry};

use super::table::rate;
use crate::describe::counted;
use crate::device::Device;
use crate::io::{Conversion, Original};
use crate::settings::EncodeSettings;
use crate::train::architecture;

/// Fewest frames per second that a clip is thinned to before it is made smaller instead.
const FEWEST: f64 = 12.0;

/// What a clip becomes, and the words for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Adapted {
    pub conversion: Conversion,
    /// The largest pyramid that there is memory for.
    pub pyramid: u8,
    /// What was changed, one line each; nothing if the clip plays as it is.
    pub changes: Vec<String>,
}

/// The work that a stream of this size asks of a decoder.
struct Demand {
    mac_per_pixel: u32,
    scratch: usize,
}

/// Keeps fewer references, scales and thins a clip until it plays on a device; `wanted` is what a person asked for already.
///
/// # Errors
/// If it does not play there at any size.
pub(super) fn adapt(
    device: &Device,
    settings: &EncodeSettings,
    original: &Original,
    wanted: Conversion,
) -> Result<Adapted> {
    let size = wanted.size.unwrap_or((original.width, original.height));
    let frame_rate = wanted.rate.unwrap_or(original.rate);
    // Sizes in steps of a twentieth. A person's own size is kept, or refused.
    let smaller = (0..if wanted.size.is_some() { 1 } else { 19 }).map(|step| {
        let part = f64::from(20 - step) / 20.0;
        match step {
            0 => size,
            _ => original.scaled_to_width((size.0 as f64 * part / 4.0).round() as usize * 4),
        }
    });
    for (width, height) in smaller.filter(|size| size.0 >= 8 && size.1 >= 8) {
        let thinner =
            (1..=if wanted.rate.is_some() { 1 } else { 10 }).map(|every| (frame_rate.0, frame_rate.1 * every));
        for new_rate in thinner {
            let per_second = f64::from(new_rate.0) / f64::from(new_rate.1);
            if new_rate != frame_rate && per_second < FEWEST {
                break;
            }
            let pixels = (width * height) as u64;
            for pyramid in (0..=settings.pyramid).rev() {
                let fewer = EncodeSettings { pyramid, ..settings.clone() };
                let Some(demand) = demand(&fewer, (width, height), new_rate) else { continue };
                let speed = device.frames_per_second(demand.mac_per_pixel, pixels);
                if device.has_memory(demand.scratch) && speed >= per_second {
                    let mut adapted = adapted(original, (width, height), new_rate, pyramid);
                    if pyramid != settings.pyramid {
                        let references = counted(1 + pyramid, "reference");
                        adapted.changes.push(format!("predicted from {references}"));
                    }
                    return Ok(adapted);
                }
            }
        }
    }
    Err(anyhow!(
        "{}x{} at {} frames/s does not play on {} at level {}: give a smaller --scale or --fps, or a lower --level",
        size.0,
        size.1,
        rate(frame_rate.0, frame_rate.1),
        device.name,
        settings.level.name()
    ))
}

fn adapted(original: &Original, size: (usize, usize), new_rate: (u32, u32), pyramid: u8) -> Adapted {
    let mut changes = Vec::new();
    let (width, height) = (original.width, original.height);
    let scaled = (size != (width, height)).then_some(size);
    if scaled.is_some() {
        changes.push(format!("scaled from {width}x{height} to {}x{}", size.0, size.1));
    }
    let thinned = (new_rate != original.rate).then_some(new_rate);
    if thinned.is_some() {
        let [from, to] = [original.rate, new_rate].map(|(num, den)| rate(num, den));
        changes.push(format!("thinned from {from} to {to} frames/s"));
    }
    Adapted { conversion: Conversion { size: scaled, rate: thinned }, pyramid, changes }
}

/// Nothing where the level does not allow it.
fn demand(settings: &EncodeSettings, (width, height): (usize, usize), (num, den): (u32, u32)) -> Option<Demand> {
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    let geometry = Geometry::new(width, height);
    let architecture = architecture(settings, geometry);
    let level: Level = settings.level;
    let header =
        FileHeader { width, height, rate_num: num, rate_den: den, frames: 1, segments: 1, level, architecture };
    let limits = header.check().ok()?.limits;
    level.limits().check(&limits).ok()?;
    Some(Demand { mac_per_pixel: limits.mac_per_pixel, scratch: limits.scratch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plays_is_left_alone_and_what_does_not_is_made_smaller() {
        let settings = EncodeSettings { level: Level::Nano, ..EncodeSettings::default() };
        let pico = Device::named("pico2").unwrap();
        let plays = |conversion: Conversion, original: &Original| {
            let (width, height) = conversion.size.unwrap_or((original.width, original.height));
            let (num, den) = conversion.rate.unwrap_or(original.rate);
            let demand = demand(&settings, (width, height), (num, den)).unwrap();
            let speed = pico.frames_per_second(demand.mac_per_pixel, (width * height) as u64);
            pico.has_memory(demand.scratch) && speed >= f64::from(num) / f64::from(den)
        };
        let small = Original { width: 64, height: 48, rate: (10, 1) };
        let kept = adapt(&pico, &settings, &small, Conversion::default()).unwrap();
        assert_eq!(kept, Adapted { conversion: Conversion::default(), pyramid: settings.pyramid, changes: vec![] });
        let tight = Device::named("stm32f4").unwrap();
        let full = Original { width: 208, height: 160, rate: (10, 1) };
        let kept = adapt(&tight, &settings, &full, Conversion::default()).unwrap();
        assert!(kept.pyramid == 0 && kept.changes == ["predicted from 1 reference"], "{kept:?}");
        let large = Original { width: 1280, height: 720, rate: (30, 1) };
        let made = adapt(&pico, &settings, &large, Conversion::default()).unwrap();
        assert!(plays(made.conversion, &large) && made.changes.len() == 2, "{made:?}");
        let stubborn = Conversion { size: Some((1280, 720)), rate: Some((30, 1)) };
        let refused = adapt(&pico, &settings, &large, stubborn).unwrap_err().to_string();
        assert!(refused.contains("1280x720 at 30 frames/s does not play on pico2"), "{refused}");
    }
}
