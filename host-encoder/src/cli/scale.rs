//! Sizes and frame rates on the command line.

use crate::io::Original;

/// A size to scale to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Luma samples a row.
    pub width: u16,
    /// Luma rows; by the aspect where there is none.
    pub height: Option<u16>,
}

impl Scale {
    /// Reads `WxH` or `W`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| match text.parse() {
            Ok(number) if number >= 8 => Ok(number),
            _ => Err("it has to be WxH or W, each at least 8".to_owned()),
        };
        match text.split_once('x') {
            Some((width, height)) => Ok(Self { width: number(width)?, height: Some(number(height)?) }),
            None => Ok(Self { width: number(text)?, height: None }),
        }
    }

    /// The size of a clip that is scaled so.
    pub(super) fn of(self, original: &Original) -> (usize, usize) {
        let width = self.width.into();
        self.height.map_or_else(|| original.scaled_to_width(width), |height| (width, height.into()))
    }
}

/// Reads a frame rate.
pub(super) fn frames_per_second(text: &str) -> Result<(u32, u32), String> {
    let wrong = || "it has to be a number above 0, such as 15, 12.5 or 30000/1001".to_owned();
    if let Some((num, den)) = text.split_once('/') {
        let term = |text: &str| text.parse().ok().filter(|term| (1..=1_000_000).contains(term)).ok_or_else(wrong);
        return Ok((term(num)?, term(den)?));
    }
    let rate: f64 = text.parse().map_err(|_| wrong())?;
    match (rate * 1000.0).round() {
        thousandths if (1.0..=1e6).contains(&thousandths) && thousandths % 1000.0 == 0.0 => Ok((rate as u32, 1)),
        thousandths if (1.0..=1e6).contains(&thousandths) => Ok((thousandths as u32, 1000)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_read() {
        let original = Original { width: 320, height: 180, rate: (25, 1) };
        assert_eq!(Scale::parse("240x240").unwrap().of(&original), (240, 240));
        assert_eq!(Scale::parse("160").unwrap().of(&original), (160, 90));
        assert!(Scale::parse("0x9").is_err() && Scale::parse("x").is_err() && Scale::parse("70000").is_err());
        assert_eq!(
            ["15", "12.5", "30000/1001"].map(frames_per_second),
            [Ok((15, 1)), Ok((12_500, 1000)), Ok((30_000, 1001))]
        );
        assert!(["0", "-1", "nan", "1/0", "x"].iter().all(|text| frames_per_second(text).is_err()));
    }
}
