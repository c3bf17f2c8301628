//! Levels of the format and limits of the caller (SPEC section 9).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Quantity, Result};

/// A promise of the stream about its cost, as in other video standards. Named in the file header and checked from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Level {
    /// Small microcontrollers: Cortex-M4, Cortex-M33, 100 MAC/pixel.
    Nano,
    /// Large microcontrollers: Cortex-M7, Cortex-M55, 330 MAC/pixel.
    Micro,
    /// Application processors, browsers, 1500 MAC/pixel.
    Edge,
    /// Desktop machines, 10 000 MAC/pixel.
    Full,
}

impl Level {
    /// All levels, cheapest first.
    pub const ALL: [Self; 4] = [Self::Nano, Self::Micro, Self::Edge, Self::Full];

    /// The name that command lines use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nano => "nano",
            Self::Micro => "micro",
            Self::Edge => "edge",
            Self::Full => "full",
        }
    }

    /// What the level allows.
    #[must_use]
    pub const fn limits(self) -> Limits {
        let (mac_per_pixel, mac_per_second, scratch) = match self {
            Self::Nano => (100, 231_000_000, 256 << 10),
            Self::Micro => (330, 762_000_000, 512 << 10),
            Self::Edge => (1500, 3_500_000_000, 4 << 20),
            Self::Full => (10_000, 1_300_000_000_000, 64 << 20),
        };
        Limits { width: 1920, height: 1080, mac_per_pixel, mac_per_second, scratch }
    }
}

/// What a caller is ready to spend on a stream; a stream that asks for more is refused by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Largest width in luma samples.
    pub width: u16,
    /// Largest height in luma samples.
    pub height: u16,
    /// Largest work for a luma sample, multiply-accumulates.
    pub mac_per_pixel: u32,
    /// Largest work for a second of video, multiply-accumulates.
    pub mac_per_second: u64,
    /// Most memory to lend, bytes.
    pub scratch: usize,
}

impl Limits {
    /// All that the format allows.
    pub const HOST: Self = Level::Full.limits();

    /// Refuses what is over a limit.
    ///
    /// # Errors
    /// [`Error::Limit`] with the first quantity that is over.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::{Error, Level, Quantity};
    /// let error = Level::Nano.limits().check(&Level::Micro.limits()).unwrap_err();
    /// assert!(matches!(error, Error::Limit { what: Quantity::MacPerPixel, value: 330, max: 100 }));
    /// ```
    pub fn check(&self, demand: &Self) -> Result<()> {
        let pairs = [
            (Quantity::Width, u64::from(demand.width), u64::from(self.width)),
            (Quantity::Height, u64::from(demand.height), u64::from(self.height)),
            (Quantity::MacPerPixel, u64::from(demand.mac_per_pixel), u64::from(self.mac_per_pixel)),
            (Quantity::MacPerSecond, demand.mac_per_second, self.mac_per_second),
            (Quantity::Scratch, demand.scratch as u64, self.scratch as u64),
        ];
        match pairs.into_iter().find(|(_, value, max)| value > max) {
            Some((what, value, max)) => Err(Error::Limit { what, value, max }),
            None => Ok(()),
        }
    }
}
