//! The self-check of a board: does it decode what the host decodes, and how good is that?

use core::convert::Infallible;

use decoder_core::{RowPair, RowSink};
use embedded_io::{Read, Seek};
use micromath::F32Ext;

use crate::checksum::RowChecksum;
use crate::player::{Event, Player, Unpaced};

/// What a self-check has found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Report {
    /// Pictures that were decoded.
    pub frames: u32,
    /// The first picture that is lost, or that is not what it should be.
    pub first_wrong: Option<u32>,
    /// Luma against the reference in dB; `None` if there was no reference, or no difference at all.
    pub luma_psnr: Option<f32>,
}

impl Report {
    /// Whether every picture is what it should be.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.first_wrong.is_none()
    }
}

/// Decodes a clip as fast as it goes and compares each picture's [`RowChecksum`] with `expected`, and the first pictures'
/// luma with `reference`, which holds them one after the other, row after row.
///
/// The reference is the picture that was encoded, so that the figure says how good the clip is and not only that it is intact.
pub fn run<R: Read + Seek>(player: &mut Player<'_, '_, R>, expected: &[u32], reference: &[u8]) -> Report {
    let mut report = Report::default();
    let mut sink = Both { checksum: RowChecksum::new(), difference: LumaDifference::new(reference) };
    if player.restart().is_err() {
        report.first_wrong = Some(0);
        return report;
    }
    loop {
        let Ok(event) = player.step(&mut sink, &mut Unpaced);
        let wrong = match event {
            Event::Shown { frame, .. } => {
                report.frames += 1;
                let right = expected.get(frame as usize) == Some(&sink.checksum.take());
                (!right).then_some(frame)
            }
            Event::Lost { frame, .. } => Some(frame),
            Event::End => break,
        };
        report.first_wrong = report.first_wrong.or(wrong);
    }
    report.luma_psnr = sink.difference.psnr();
    report
}

/// A sink for both comparisons.
struct Both<'a> {
    checksum: RowChecksum,
    difference: LumaDifference<'a>,
}

impl RowSink for Both<'_> {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        self.difference.row_pair(rows)?;
        self.checksum.row_pair(rows)
    }
}

/// Compares decoded luma with a reference.
#[derive(Clone, Debug)]
pub struct LumaDifference<'a> {
    /// What has not been compared yet.
    reference: &'a [u8],
    samples: u64,
    squared: u64,
}

impl<'a> LumaDifference<'a> {
    /// `reference` holds pictures, one after the other, row after row; it may end early.
    #[must_use]
    pub fn new(reference: &'a [u8]) -> Self {
        Self { reference, samples: 0, squared: 0 }
    }

    /// The peak signal-to-noise ratio in dB, to about 0.05 dB; `None` if nothing differs.
    #[must_use]
    pub fn psnr(&self) -> Option<f32> {
        let signal = 255.0 * 255.0 * self.samples as f32;
        (self.squared > 0).then(|| 10.0 * F32Ext::log10(signal / self.squared as f32))
    }
}

impl RowSink for LumaDifference<'_> {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        for row in rows.luma {
            let (reference, rest) = self.reference.split_at_checked(row.len()).unwrap_or_default();
            self.reference = rest;
            for (&decoded, &reference) in row.iter().zip(reference) {
                self.samples += 1;
                self.squared += u64::from(decoded.abs_diff(reference)).pow(2);
            }
        }
        Ok(())
    }
}
