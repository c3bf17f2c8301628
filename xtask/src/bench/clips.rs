//! The clips that something is measured on.

use std::path::PathBuf;

use anyhow::{Result, bail};
use host_encoder::frame::Clip;
use host_encoder::io::{ClipRange, Input, read_clip};
use host_encoder::sample::{SampleSettings, sample_clip};

use crate::clips;

/// Where a clip comes from.
#[derive(Debug, PartialEq)]
pub enum Source {
    /// It is made.
    Sample,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// What results call it.
    pub fn name(&self) -> String {
        match self {
            Self::Sample => "sample".into(),
            Self::File(path) => path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        }
    }

    /// Its first `frames` frames.
    pub fn read(&self, frames: u16) -> Result<Clip> {
        match self {
            Self::Sample => {
                let default = SampleSettings::default();
                Ok(sample_clip(&SampleSettings { frames: usize::from(frames).min(default.frames), ..default }))
            }
            Self::File(path) => {
                let range = ClipRange { skip: 0, frames: Some(frames.into()) };
                Ok(read_clip(&Input::File(path.clone()), range)?.clip)
            }
        }
    }
}

/// The clips that `paths` mean, files and folders, each with a name of its own; the demo's clip if there are none.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = clips::files(paths)?.into_iter().map(Source::File).collect();
    if sources.is_empty() {
        sources.push(Source::Sample);
    }
    for (number, source) in sources.iter().enumerate() {
        if sources[..number].iter().any(|other| other.name() == source.name()) {
            bail!("two clips have the name {}: results go by the name", source.name());
        }
    }
    Ok(sources)
}

/// A lambda of a command line.
pub fn lambda(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("it has to be a number above 0".into()),
    }
}
