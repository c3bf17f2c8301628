//! The clip that the page opens with.

use std::io::Write;

use anyhow::{Context, Result};
use host_encoder::cli::{Progress, encode_clip, install_interrupt_handler};
use host_encoder::io::OutputFile;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::EncodeSettings;

use super::sources;

/// Frames: four seconds.
const FRAMES: usize = 96;
/// Frames of a segment: one second, so that there are some to jump between and to lose.
const SEGMENT_FRAMES: u16 = 24;

/// Encodes it and replaces the file in the repository.
pub fn remake() -> Result<()> {
    install_interrupt_handler();
    let clip = sample_clip(&SampleSettings { frames: FRAMES, ..SampleSettings::default() });
    let settings = EncodeSettings { segment_frames: SEGMENT_FRAMES, ..EncodeSettings::default() };
    let mut progress = Progress::new(false);
    let encoded = encode_clip(&clip, &settings, &mut progress)?;
    drop(progress);
    let path = sources().join("web/clip.nvl");
    let mut file = OutputFile::create(&path, true)?;
    file.write_all(&encoded.bytes).with_context(|| format!("cannot write {}", path.display()))?;
    file.commit()?;
    println!("{}\n  {}", encoded.table(), path.display());
    Ok(())
}
