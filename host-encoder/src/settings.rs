//! What a person chooses about an encode.

use decoder_core::Level;
use decoder_core::order::MAX_PYRAMID;
use serde::{Deserialize, Serialize};

/// How long to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// A first look.
    Draft,
    /// The default.
    Normal,
    /// For what ships: several times longer than [`Effort::Normal`].
    Best,
}

impl Effort {
    /// Steps with all pictures of a segment; those with the first alone come before.
    #[must_use]
    pub const fn steps(self) -> u64 {
        match self {
            Self::Draft => 250,
            Self::Normal => 1200,
            Self::Best => 4800,
        }
    }

    /// Rounds of [rate-distortion optimised quantisation](crate::train) at the end of each block.
    #[must_use]
    pub const fn rounds(self) -> u64 {
        match self {
            Self::Draft => 30,
            Self::Normal => 60,
            Self::Best => 120,
        }
    }

    /// The name that command lines use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Normal => "normal",
            Self::Best => "best",
        }
    }
}

/// What is to be near the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Metric {
    /// Squared errors.
    Psnr,
    /// Structure: MS-SSIM of the luma, with a tenth of squared errors, and squared errors of the chroma.
    MsSsim,
}

/// What an encode leaves out that it could have, so that it can be measured what this brings. Nobody's files want that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ablation {
    /// Weights, biases, gains, context parameters and pictures stay real numbers to the end of the fitting and are rounded after it; else the last
    /// steps are made with what the decoder will have.
    pub rounds_afterwards: bool,
    /// Integer latents stay what the fit ends with; else one more and one less are tried.
    pub without_rdoq: bool,
    /// Motion is what is found picture by picture with a guess of its bits; else what is best with the context model's.
    pub guessed_motion: bool,
}

/// The settings of an encode. The same clip, settings and seed give the same bytes, whatever the number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodeSettings {
    /// Bound on what decoding may cost.
    #[serde(with = "level_name")]
    pub level: Level,
    /// Weight of the rate: the encoder minimises `D + lambda * bits / pixel`, where `D` is
    /// `(6 MSE-Y + MSE-U + MSE-V) / 8` in squared code values. Positive; smaller is better and larger.
    pub lambda: f64,
    /// What distortion means. With [`Metric::MsSsim`] lambda leads to about the same rates.
    pub metric: Metric,
    /// How long to fit.
    pub effort: Effort,
    /// Start of the random numbers.
    pub seed: u64,
    /// Threads to work with; all cores where there is none. They do not change the result.
    #[serde(skip)]
    pub threads: Option<usize>,
    /// Whether frames are predicted from other frames. Without it the file is the pure representation.
    pub motion: bool,
    /// Largest pyramid of frames that are predicted from both sides, which needs motion and chunks of one frame, and at the decoder memory for a picture more for each of its
    /// levels: 0 to [`MAX_PYRAMID`].
    pub pyramid: u8,
    /// Whether luma is filtered where a residual was added.
    pub loop_filter: bool,
    /// Log2 of the frames in a chunk, 0..=3; the encoder chooses where there is none.
    pub root_depth: Option<u8>,
    /// Most frames of a segment, at least 1: memory while encoding, and what a lost segment costs.
    pub segment_frames: u16,
    /// Whether scene cuts begin segments.
    pub scene_cuts: bool,
    /// What is left out for the sake of a measurement; no plan has it.
    #[serde(skip)]
    pub ablation: Ablation,
}

impl Default for EncodeSettings {
    fn default() -> Self {
        Self {
            level: Level::Micro,
            lambda: lambda_of_quality(DEFAULT_QUALITY),
            metric: Metric::Psnr,
            effort: Effort::Normal,
            seed: 0,
            threads: None,
            motion: true,
            pyramid: MAX_PYRAMID,
            loop_filter: true,
            root_depth: None,
            segment_frames: 128,
            scene_cuts: true,
            ablation: Ablation::default(),
        }
    }
}

/// A level as its name.
mod level_name {
    use decoder_core::Level;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(level.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        let name = String::deserialize(deserializer)?;
        let level = Level::ALL.into_iter().find(|level| level.name() == name);
        level.ok_or_else(|| serde::de::Error::custom(format!("there is no level {name}")))
    }
}

/// The quality of an encode that names none.
pub const DEFAULT_QUALITY: u8 = 50;

/// The lambda of a quality 1..=100: 150 at 50, and a third of it for every 20 steps up.
#[must_use]
pub fn lambda_of_quality(quality: u8) -> f64 {
    150.0 * libm::pow(3.0, (f64::from(DEFAULT_QUALITY) - f64::from(quality)) / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_geometric_in_lambda() {
        assert_eq!(lambda_of_quality(50), 150.0);
        assert!((lambda_of_quality(70) - 50.0).abs() < 1e-9);
        assert!((lambda_of_quality(30) - 450.0).abs() < 1e-9);
    }
}
