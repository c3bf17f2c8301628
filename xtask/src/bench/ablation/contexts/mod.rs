//! The octree's context against others, on the same latents.

mod histogram;
mod network;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Result, anyhow};
use decoder_core::entropy::{Coder, RangeDecoder};
use decoder_core::octree::ContextShape;
use decoder_core::wire::{Architecture, FileHeader};
use host_encoder::bitstream::{CostMeter, RangeEncoder, SegmentModel};
use host_encoder::cli::grouped;

use super::clock::least_time;
use super::emptiness::{reading, with_flags};
use super::encodes::{Encodes, Subject, models};
use super::variants::Variant;
use network::{Context, Counted};
use walk::{Known, Order, Walk};

/// Two Markdown tables: bytes, and what decoding takes.
pub fn table(subject: &Subject, encodes: &Encodes) -> Result<String> {
    let mut bytes = String::from(
        "| clip | lambda | octree, as in the file without flags | octree, fitted to the latents | raster, fitted to the latents | static |\n\
         |---|---:|---|---|---|---|\n",
    );
    let mut work = String::from(
        "| clip | lambda | multiplications for a network | networks run, octree | raster | steps a picture, octree | raster | ns a latent, octree | raster | octree in the decoder |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, clip, lambda) in subject.points() {
        eprintln!("{name}, lambda {lambda}: contexts");
        let (header, models) = models(&encodes.get(subject, clip, lambda, &Variant::default())?)?;
        let sums = models.iter().map(|model| compare(&header, model)).collect::<Result<Vec<_>>>()?;
        let sum =
            |bits: fn(&Comparison) -> [f64; 2]| sums.iter().map(bits).fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
        let fitted = sum(|of| of.octree.bits);
        let cell = |[latents, table]: [f64; 2]| {
            let change = 100.0 * ((latents + table) / (fitted[0] + fitted[1]) - 1.0);
            format!("{} + {}, {change:+.1} %", grouped((latents / 8.0) as u64), grouped((table / 8.0) as u64))
        };
        let _ = writeln!(
            bytes,
            "| {name} | {lambda} | {} | {} | {} | {} |",
            cell(sum(|of| of.file)),
            cell(fitted),
            cell(sum(|of| of.raster.bits)),
            cell(sum(|of| of.unconditional))
        );
        let pictures = clip.frames.len() as f64;
        let latents: f64 = sums.iter().map(|of| of.latents).sum();
        let mean = |of: fn(&Comparison) -> f64, whole: f64| sums.iter().map(of).sum::<f64>() / whole;
        let shape = ContextShape::latents(&header.architecture);
        let in_decoder = reading(&with_flags(&header, &models, 0)?)?;
        let _ = writeln!(
            work,
            "| {name} | {lambda} | {} | {:.1} % | {:.1} % | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} |",
            shape.macs(),
            100.0 * mean(|of| of.octree.networks, latents),
            100.0 * mean(|of| of.raster.networks, latents),
            mean(|of| of.octree.steps, pictures),
            mean(|of| of.raster.steps, pictures),
            1e9 * mean(|of| of.octree.time.as_secs_f64(), latents),
            1e9 * mean(|of| of.raster.time.as_secs_f64(), latents),
            1e9 * in_decoder.as_secs_f64() / latents,
        );
    }
    Ok(format!("{bytes}\n{work}"))
}

/// A segment's latents under each context. Bits are of latents and of parameters.
struct Comparison {
    latents: f64,
    file: [f64; 2],
    octree: Fitted,
    raster: Fitted,
    unconditional: [f64; 2],
}

/// A context that was fitted to latents.
struct Fitted {
    bits: [f64; 2],
    /// Latents that know of something that is not zero: for all others the law is one of a few.
    networks: f64,
    steps: f64,
    /// Decoding all latents.
    time: Duration,
}

fn compare(header: &FileHeader, model: &SegmentModel) -> Result<Comparison> {
    let architecture = &header.architecture;
    let shape = ContextShape::latents(architecture);
    let values = Walk::values(model);
    let mut by_law = BTreeMap::<(usize, bool), Vec<i8>>::new();
    let order = Walk::new(Order::Raster, architecture, model);
    order.visit(&mut values.clone(), |known, value| {
        by_law.entry((known.channel, known.predicted)).or_default().push(value);
        value
    });
    let unconditional = by_law.into_values().map(histogram::bits).fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    Ok(Comparison {
        latents: values.iter().map(Vec::len).sum::<usize>() as f64,
        file: [file_bits(header, model)?, Context::new(shape, &model.context).parameter_bits()],
        octree: fitted(Order::Octree, architecture, model)?,
        raster: fitted(Order::Raster, architecture, model)?,
        unconditional,
    })
}

/// Bits of the latents as the file codes them, were there no flags.
fn file_bits(header: &FileHeader, model: &SegmentModel) -> Result<f64> {
    let architecture = Architecture { flag_levels: 0, ..header.architecture.clone() };
    let bits = model.code(&architecture, header.geometry(), &mut CostMeter::default(), |meter| meter.bits);
    Ok(bits.map_err(|error| anyhow!("{error}"))?.grids.iter().sum())
}

fn fitted(order: Order, architecture: &Architecture, model: &SegmentModel) -> Result<Fitted> {
    let walk = Walk::new(order, architecture, model);
    let latents = counted(&walk, &mut Walk::values(model));
    let context = Context::fit(ContextShape::latents(architecture), &latents)?;
    let speaks = |known: &Known| known.inputs.iter().any(|&input| input != 0);
    let networks = latents.iter().filter(|(known, ..)| speaks(known)).map(|(.., count)| f64::from(*count)).sum();
    let bits = [context.bits(&latents)?, context.parameter_bits()];
    let payload = write(&walk, &context, model)?;
    let time = least_time(|| read(&walk, &context, &payload).map(drop))?;
    Ok(Fitted { bits, networks, steps: walk.steps() as f64, time })
}

/// All latents with what they know, equal ones together, in an order that is always the same.
fn counted(walk: &Walk, values: &mut [Vec<i8>]) -> Vec<Counted> {
    let mut places = HashMap::<(Known, i8), usize>::new();
    let mut all: Vec<Counted> = Vec::new();
    walk.visit(values, |known, value| {
        let place = *places.entry((*known, value)).or_insert(all.len());
        match all.get_mut(place) {
            Some((.., count)) => *count += 1,
            None => all.push((*known, value, 1)),
        }
        value
    });
    all
}

/// All latents, written with a context.
fn write(walk: &Walk, context: &Context, model: &SegmentModel) -> Result<Vec<u8>> {
    let mut encoder = RangeEncoder::default();
    code(walk, context, &mut encoder, &mut Walk::values(model))?;
    Ok(encoder.finish())
}

/// The latents that were written. Both orders are walked by the same plain code, so that their times can be compared with each other; the
/// decoder's own walk is another.
fn read(walk: &Walk, context: &Context, payload: &[u8]) -> Result<Vec<Vec<i8>>> {
    let mut values = walk.zeros();
    code(walk, context, &mut RangeDecoder::new(payload), &mut values)?;
    Ok(values)
}

fn code<C: Coder>(walk: &Walk, context: &Context, coder: &mut C, values: &mut [Vec<i8>]) -> Result<()> {
    let mut result = Ok(());
    walk.visit(values, |known, value| {
        context.code(coder, known, value).unwrap_or_else(|error| {
            result = Err(error);
            0
        })
    });
    result
}

#[cfg(test)]
mod tests {
    use nvl_tests::streams::any_stream;

    use super::*;

    #[test]
    fn the_octree_walked_here_costs_what_it_costs_in_the_format() {
        for stream in (0..30).map(any_stream) {
            let shape = ContextShape::latents(&stream.header.architecture);
            for model in &stream.models {
                let walk = Walk::new(Order::Octree, &stream.header.architecture, model);
                let latents = counted(&walk, &mut Walk::values(model));
                let bits = Context::new(shape, &model.context).bits(&latents).expect("the format has them");
                let expected = file_bits(&stream.header, model).expect("the format has them");
                assert!((bits - expected).abs() < 1e-6 * expected.max(1.0), "{bits} bits, {expected} in the format");
            }
        }
    }

    #[test]
    fn nothing_is_known_before_it_is_decoded() {
        for stream in (0..30).map(any_stream) {
            let shape = ContextShape::latents(&stream.header.architecture);
            for model in &stream.models {
                for order in [Order::Octree, Order::Raster] {
                    let walk = Walk::new(order, &stream.header.architecture, model);
                    let context = Context::new(shape, &model.context);
                    let payload = write(&walk, &context, model).expect("the format has them");
                    let latents = read(&walk, &context, &payload).expect("they were written");
                    assert!(latents == Walk::values(model), "{order:?}");
                }
            }
        }
    }

    #[test]
    fn a_fit_finds_what_predicts() {
        // A latent is twice what was there before, which is 1 or -1: a good context needs next to no bits.
        let shape = ContextShape { hidden: 4, channels: 1 };
        let latent = |past: i32| {
            let mut known = Known::default();
            (known.inputs[2], known.inputs[8]) = (101, 32 * past);
            (known, 2 * past as i8, 500)
        };
        let latents = [latent(1), latent(-1)];
        let bits = Context::fit(shape, &latents).expect("it is finite").bits(&latents).expect("the format has them");
        assert!(bits < 50.0, "{bits} bits for 1000 latents");
    }
}
