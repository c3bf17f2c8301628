//! Encodes of a wanted size or quality: a search over lambda that goes on from what was trained.
//!
//! Size and quality both fall as lambda rises, nearly along a line over its logarithm. So a search is a secant in there.
//! A cheap fit with few steps finds the neighbourhood; then one whole fit is made, whose state is kept in its middle, and
//! every further try fits the second part anew from there.

use std::ops::ControlFlow;

use crate::frame::Clip;
use crate::metrics::PsnrMeter;
use crate::playback::decode_file;
use crate::progress::{Observer, Step};
use crate::settings::{Effort, EncodeSettings};

use super::archive::{Archive, Trial};
use super::schedule::{Phase, Schedule};
use super::{EncodeError, Encoded, Outline, Span, blocks, encode_outline};

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Size of the whole file in bytes, above 0.
    Bytes(f64),
    /// PSNR of luma in dB over all frames.
    PsnrY(f64),
}

/// Where the state is kept, as a part of the steps with all pictures of the first block: what was learned about the clip is there, and latents still move.
const KEPT_AT: f64 = 0.25;
/// Largest change of the logarithm of lambda that goes on from a kept state; beyond, a fit begins anew.
const REACH: f64 = 0.4;
/// As far as that, without what a logarithm may be off by.
const WITHIN_REACH: f64 = 0.999 * REACH;
/// Tries with few steps.
const PILOTS: usize = 3;
/// Tries with all steps.
const TRIES: usize = 8;
/// Lambdas that are tried.
const LAMBDAS: (f64, f64) = (0.5, 50_000.0);
/// Where a search begins: what a lambda gives on an ordinary clip. It only has to be near.
const ORDINARY: (f64, f64, f64) = (90.0, 0.12, 35.0);

impl Target {
    /// How much a result is over the target, in units in which 1 is the most that is allowed. Falls as lambda rises.
    #[must_use]
    pub fn excess(&self, bytes: f64, psnr_y: f64) -> f64 {
        match *self {
            Self::Bytes(wanted) => (bytes / wanted).ln() / 1.03f64.ln(),
            Self::PsnrY(wanted) => (psnr_y - wanted) / 0.1,
        }
    }

    /// About how much the excess changes with the logarithm of lambda.
    fn slope(&self) -> f64 {
        match self {
            Self::Bytes(_) => -0.7 / 1.03f64.ln(),
            Self::PsnrY(_) => -2.7 / 0.1,
        }
    }

    /// A lambda to begin with.
    fn first(&self, pixels: f64) -> f64 {
        let (lambda, bits, psnr) = ORDINARY;
        let excess = self.excess(bits * pixels / 8.0, psnr);
        (lambda * (-excess / self.slope()).exp()).clamp(LAMBDAS.0, LAMBDAS.1)
    }
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file that is nearest to the target.
    pub encoded: Encoded,
    /// Its lambda.
    pub lambda: f64,
    /// Whether it is within the tolerance.
    pub met: bool,
}

/// Encodes a clip so that it meets a target within 3 % of the bytes, or 0.1 dB. The lambda of `settings` does not matter. What
/// `archive` has of an interrupted search for the same is not done again, and the result is the same.
///
/// # Errors
/// [`EncodeError`].
///
/// # Examples
/// ```no_run
/// use host_encoder::{progress::Silent, sample, settings::EncodeSettings, train::{Fleeting, Target, encode_to_target}};
/// let clip = sample::sample_clip(&sample::SampleSettings::default());
/// let found = encode_to_target(&clip, &EncodeSettings::default(), Target::Bytes(10_000.0), &Fleeting::default(), &mut Silent)?;
/// println!("{} bytes at lambda {}", found.encoded.bytes.len(), found.lambda);
/// # Ok::<(), host_encoder::train::EncodeError>(())
/// ```
pub fn encode_to_target(
    clip: &Clip,
    settings: &EncodeSettings,
    target: Target,
    archive: &dyn Archive,
    observer: &mut dyn Observer,
) -> Result<Found, EncodeError> {
    let mut passes = Passes { observer, archive, prefix: String::new(), done: 0, base: None, last: 0 };
    let mut lambda = target.first(clip.pixels() as f64);
    if settings.effort != Effort::Draft {
        let coarse = 0.25 * -target.slope();
        let pilot = EncodeSettings { effort: Effort::Draft, ..settings.clone() };
        let (_, search) = passes.search("trial", clip, &pilot, target, lambda, (PILOTS, coarse))?;
        lambda = search.next();
    }
    let (found, _) = passes.search("try", clip, settings, target, lambda, (TRIES, 1.0))?;
    Ok(found)
}

/// The tries so far: logarithms of lambdas and the excesses that they gave, in groups of those that go on from one state, which is that of the first. Each group has a line of its own: what
/// the part of the fit that they share has found, all of them have.
#[derive(Clone, Debug)]
struct Secant {
    slope: f64,
    groups: Vec<Vec<(f64, f64)>>,
}

impl Secant {
    fn new(target: Target) -> Self {
        Self { slope: target.slope(), groups: vec![] }
    }

    /// Whether a try goes on from the state of the last group.
    fn goes_on(&self, lambda: f64) -> bool {
        let first = self.groups.last().and_then(|group| group.first());
        first.is_some_and(|&(first, _)| (lambda.ln() - first).abs() <= REACH)
    }

    /// Adds a try.
    fn add(&mut self, lambda: f64, excess: f64) {
        if !self.goes_on(lambda) {
            self.groups.push(vec![]);
        }
        if let Some(group) = self.groups.last_mut() {
            group.push((lambda.ln(), excess));
        }
    }

    /// The lambda to try next, after a first.
    fn next(&self) -> f64 {
        let last = self.groups.last().map_or(&[][..], Vec::as_slice);
        let all = self.groups.concat();
        let of_a_group = self.groups.iter().rev().find_map(|group| slope(group));
        // Noise may turn two near tries round: never away from the target, never far.
        let bounded = |slope: f64| slope.clamp(4.0 * self.slope, 0.25 * self.slope);
        let slope = bounded(of_a_group.or_else(|| slope(&all)).unwrap_or(self.slope));
        let Some(&(at, excess)) = last.iter().min_by(|a, b| a.1.abs().total_cmp(&b.1.abs())) else { return 1.0 };
        let next = at - excess / slope;
        // A new state has another line. Where the slope of lines is known, first as far as this one goes.
        let first = last[0].0;
        let within = first + (next - first).clamp(-WITHIN_REACH, WITHIN_REACH);
        let is_new = last.iter().all(|&(at, _)| (at - within).abs() > WITHIN_REACH / 100.0);
        let next = if of_a_group.is_some() && is_new { within } else { next };
        next.exp().clamp(LAMBDAS.0, LAMBDAS.1)
    }
}

/// The slope at the target by two tries: between them rather than beyond them.
fn slope(tries: &[(f64, f64)]) -> Option<f64> {
    let mut near = tries.to_vec();
    near.sort_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let other = near.iter().position(|&(_, excess)| excess * near[0].1 < 0.0).unwrap_or(1);
    let (&a, &b) = (near.first()?, near.get(other)?);
    ((a.0 - b.0).abs() > 1e-6).then(|| (a.1 - b.1) / (a.0 - b.0))
}

/// Shows several fits as one.
struct Passes<'a> {
    observer: &'a mut dyn Observer,
    archive: &'a dyn Archive,
    prefix: String,
    /// Steps of the fits before.
    done: u64,
    /// The first step of this fit, less one.
    base: Option<u64>,
    last: u64,
}

impl Passes<'_> {
    /// Tries until the excess is at most `tolerance`, at most `tries` times. Returns the best.
    fn search(
        &mut self,
        name: &str,
        clip: &Clip,
        settings: &EncodeSettings,
        target: Target,
        first: f64,
        (tries, tolerance): (usize, f64),
    ) -> Result<(Found, Secant), EncodeError> {
        let Outline { header, segments, .. } = Outline::new(clip, settings)?;
        let kept_at =
            |span: &Span| kept_at(settings.effort, &blocks::lengths(&header.architecture, span.frames as usize));
        let at: Vec<u64> = segments.iter().map(kept_at).collect();
        // The try that left the states from which others go on, and its lambda.
        let mut base = (0, f64::NAN);
        let mut secant = Secant::new(target);
        let mut best: Option<(f64, Found)> = None;
        let mut lambda = first;
        for number in 1..=tries {
            let begins = !secant.goes_on(lambda);
            if begins {
                base = (number, lambda);
            }
            self.begin(format!("{name} {number}, lambda {lambda:.1}: "));
            let kept = EncodeSettings { lambda: base.1, ..settings.clone() };
            let settings = EncodeSettings { lambda, ..settings.clone() };
            let trial = Trial {
                own: self.archive.trial(&format!("{name}{number}"), clip, &settings)?,
                kept: self.archive.kept(&format!("{name}{}", base.0), clip, &kept)?,
                at: &at,
                begins,
            };
            // What the streams are made of depends on lambda, the segments do not.
            let outline = Outline::of_segments((clip.width, clip.height), clip.rate, segments.clone(), &settings)?;
            let encoded = encode_outline(&clip.frames, &outline, &settings, &trial, self)?;
            let excess = target.excess(encoded.bytes.len() as f64, psnr_y(clip, &encoded.bytes)?);
            secant.add(lambda, excess);
            if best.as_ref().is_none_or(|(least, _)| excess.abs() < *least) {
                best = Some((excess.abs(), Found { encoded, lambda, met: excess.abs() <= 1.0 }));
            }
            let next = secant.next();
            if excess.abs() <= tolerance || next == lambda {
                break;
            }
            lambda = next;
        }
        match best {
            Some((_, found)) => Ok((found, secant)),
            None => Err(EncodeError::Empty),
        }
    }

    fn begin(&mut self, prefix: String) {
        (self.done, self.base, self.prefix) = (self.done + self.last, None, prefix);
    }
}

impl Observer for Passes<'_> {
    fn phase(&mut self, name: &str) {
        self.observer.phase(&format!("{}{name}", self.prefix));
    }

    fn note(&mut self, text: &str) {
        self.observer.note(text);
    }

    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        let base = *self.base.get_or_insert(step.step.saturating_sub(1));
        let own = |steps: u64| steps.saturating_sub(base);
        self.last = own(step.step);
        self.observer.step(&Step { step: self.done + own(step.step), steps: self.done + own(step.steps), ..*step })
    }
}

/// The step of a segment after which its state is kept.
fn kept_at(effort: Effort, blocks: &[usize]) -> u64 {
    let phases = Schedule::new(effort, blocks).phases;
    let kept = |phase: &Phase| phase.first + (KEPT_AT * phase.steps as f64) as u64;
    phases.iter().find(|phase| phase.last).map_or(0, kept)
}

/// What the integer decoder makes of a file.
fn psnr_y(clip: &Clip, bytes: &[u8]) -> Result<f64, EncodeError> {
    let mut meter = PsnrMeter::default();
    let decoded = decode_file::<std::convert::Infallible>(bytes, &mut |number, frame| {
        meter.add(&clip.frames[number], frame);
        Ok(())
    });
    match decoded {
        Ok(_) => Ok(meter.total().y),
        Err(crate::playback::PlaybackError::Stream(error)) => Err(EncodeError::Unwritable(error)),
        Err(crate::playback::PlaybackError::Consumer(never)) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::sample::{SampleSettings, sample_clip};
    use crate::train::Fleeting;

    #[test]
    fn the_secant_meets_curved_and_noisy_targets() {
        // Bytes as clips have them: steeper at small lambdas, and each fit a little off.
        let bytes = |ln_lambda: f64, number: usize| {
            let off = [0.004, -0.006, 0.003, -0.002][number % 4];
            (12.0 - 0.55 * ln_lambda - 0.03 * ln_lambda * ln_lambda + off).exp()
        };
        for wanted in [700.0, 4000.0, 20_000.0, 90_000.0] {
            let target = Target::Bytes(wanted);
            let mut secant = Secant::new(target);
            let mut lambda = target.first(160.0 * 96.0 * 48.0);
            let met = (0..PILOTS + TRIES).any(|number| {
                let excess = target.excess(bytes(lambda.ln(), number), 0.0);
                secant.add(lambda, excess);
                lambda = secant.next();
                excess.abs() <= 1.0
            });
            assert!(met, "{wanted}: {:?}", secant.groups);
            assert!(secant.groups.concat().len() <= 5, "{wanted}: {:?}", secant.groups);
        }
    }

    #[test]
    fn states_that_lead_to_other_sizes_are_no_obstacle() {
        // As very small clips are: each state leads to a line of its own, which is not as steep as lines through all.
        let off = |number: usize| [0.0, 0.1, -0.06, 0.05, -0.1, 0.08, -0.03, 0.1][number % 8];
        for wanted in [600.0, 800.0, 1000.0, 1200.0, 1500.0, 2000.0] {
            let target = Target::Bytes(wanted);
            let mut secant = Secant::new(target);
            let mut lambda = target.first(48.0 * 32.0 * 3.0);
            let met = (0..TRIES).any(|_| {
                let group = secant.groups.len() - usize::from(secant.goes_on(lambda));
                let first = if secant.goes_on(lambda) { secant.groups[group][0].0 } else { lambda.ln() };
                let bytes = (8.2 - 0.33 * first - 0.22 * (lambda.ln() - first) + off(group)).exp();
                let excess = target.excess(bytes, 0.0);
                secant.add(lambda, excess);
                lambda = secant.next();
                excess.abs() <= 1.0
            });
            assert!(met, "{wanted}: {:?}", secant.groups);
        }
    }

    #[test]
    fn a_small_clip_gets_its_size() {
        let clip = sample_clip(&SampleSettings { width: 48, height: 32, frames: 3, rate: (24, 1) });
        let settings = EncodeSettings { effort: Effort::Draft, ..EncodeSettings::default() };
        let wanted = 1100.0;
        let found =
            encode_to_target(&clip, &settings, Target::Bytes(wanted), &Fleeting::default(), &mut Silent).unwrap();
        let bytes = found.encoded.bytes.len() as f64;
        assert_eq!(found.met, (bytes / wanted).ln().abs() <= 1.03f64.ln());
        assert!(found.met, "{bytes} bytes at lambda {}", found.lambda);
    }
}
