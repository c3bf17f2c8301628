//! What integers lose against the float twin, which computes the same with activations that are not rounded.

use std::fmt::Write;

use anyhow::{Result, anyhow};
use decoder_core::synthesis::{Arithmetic, Float, Integer};
use host_encoder::frame::{Clip, Frame};
use host_encoder::metrics::{Psnr, PsnrMeter};
use nvl_tests::frames::decode_with;

use super::encodes::{Encodes, Subject};
use super::variants::Variant;

/// A Markdown table.
pub fn table(subject: &Subject, encodes: &Encodes) -> Result<String> {
    let mut text = String::from(
        "| clip | lambda | float: PSNR-Y, PSNR-YUV | fixed point | lost | the two apart |\n|---|---:|---|---|---|---:|\n",
    );
    for (name, clip, lambda) in subject.points() {
        let bytes = encodes.get(subject, clip, lambda, &Variant::default())?;
        let (float, fixed) = (pictures::<Float>(clip, &bytes)?, pictures::<Integer>(clip, &bytes)?);
        let [of_float, of_fixed] = [&float, &fixed].map(|pictures| psnr(&clip.frames, pictures));
        let lost = [of_float.y - of_fixed.y, of_float.yuv() - of_fixed.yuv()];
        let shown = |psnr: &Psnr| format!("{:.3} dB, {:.3} dB", psnr.y, psnr.yuv());
        let _ = writeln!(
            text,
            "| {name} | {lambda} | {} | {} | {:.3} dB, {:.3} dB | {:.1} dB |",
            shown(&of_float),
            shown(&of_fixed),
            lost[0],
            lost[1],
            psnr(&float, &fixed).y
        );
    }
    Ok(text)
}

fn pictures<A: Arithmetic>(clip: &Clip, bytes: &[u8]) -> Result<Vec<Frame>> {
    let decoded = decode_with::<A>(bytes).map_err(|error| anyhow!("an encode does not decode: {error}"))?;
    let frame = |[y, u, v]: [Vec<u8>; 3]| Frame { width: clip.width, height: clip.height, y, u, v };
    Ok(decoded.into_iter().map(|picture| frame(picture.0)).collect())
}

fn psnr(source: &[Frame], shown: &[Frame]) -> Psnr {
    let mut meter = PsnrMeter::default();
    source.iter().zip(shown).for_each(|(source, shown)| {
        meter.add(source, shown);
    });
    meter.total()
}
