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
/// Logarithms of lambda that are as good as the same.
const NEAR: f64 = REACH / 100.0;
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
        lambda = search.next().map_or(lambda, |next| next.lambda);
    }
    let (found, _) = passes.search("try", clip, settings, target, lambda, (TRIES, 1.0))?;
    Ok(found)
}

/// The tries so far: logarithms of lambdas and the excesses that they gave, in groups of those that go on from one state, which is that of the first.
///
/// The firsts are on a line, about. Those that go on from one have a line of their own, which is not as steep: what the part of the fit that they share has found, all of them have.
#[derive(Clone, Debug)]
struct Secant {
    slope: f64,
    groups: Vec<Vec<(f64, f64)>>,
}

/// What is tried next.
#[derive(Clone, Copy, Debug)]
struct Next {
    lambda: f64,
    /// Whether it begins anew, or goes on from the last state.
    begins: bool,
}

impl Secant {
    fn new(target: Target) -> Self {
        Self { slope: target.slope(), groups: vec![] }
    }

    /// Adds what a try gave.
    fn add(&mut self, Next { lambda, begins }: Next, excess: f64) {
        if begins {
            self.groups.push(vec![]);
        }
        if let Some(group) = self.groups.last_mut() {
            group.push((lambda.ln(), excess));
        }
    }

    /// A slope that two tries may give: noise may turn near ones round, but never away from the target, never far.
    fn bounded(&self, slope: f64) -> f64 {
        slope.clamp(4.0 * self.slope, 0.25 * self.slope)
    }

    /// What to try next, if there is anything that has not been tried.
    fn next(&self) -> Option<Next> {
        let last = self.groups.last()?;
        let firsts: Vec<(f64, f64)> = self.groups.iter().filter_map(|group| group.first().copied()).collect();
        let of_firsts = self.bounded(slope(&firsts).unwrap_or(self.slope));
        let of_a_group = self.groups.iter().rev().find_map(|group| slope(group));
        let of_group = of_a_group.map_or(of_firsts, |slope| self.bounded(slope));
        let (at, excess) = nearest(last)?;
        let goal = at - excess / of_group;
        // As far as the state reaches, if that is enough.
        let (first, _) = *last.first()?;
        let within = first + (goal - first).clamp(-WITHIN_REACH, WITHIN_REACH);
        let is_new = |tries: &[(f64, f64)], at: f64| tries.iter().all(|(other, _)| (other - at).abs() > NEAR);
        if is_new(last, within) && (excess + of_group * (within - at)).abs() <= 1.0 {
            return Some(Next { lambda: lambda_of(within), begins: false });
        }
        let (at, excess) = nearest(&firsts)?;
        let anew = at - excess / of_firsts;
        let others = [anew, goal, 0.5 * (goal + at)].map(|next| lambda_of(next).ln());
        let next = others.into_iter().find(|&next| is_new(&firsts, next))?;
        Some(Next { lambda: lambda_of(next), begins: true })
    }
}

fn lambda_of(logarithm: f64) -> f64 {
    logarithm.exp().clamp(LAMBDAS.0, LAMBDAS.1)
}

/// The try with the least excess.
fn nearest(tries: &[(f64, f64)]) -> Option<(f64, f64)> {
    tries.iter().copied().min_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
}

/// The slope at the target by two tries: between them rather than beyond them.
fn slope(tries: &[(f64, f64)]) -> Option<f64> {
    let mut near = tries.to_vec();
    near.sort_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let other = near.iter().position(|&(_, excess)| excess * near[0].1 < 0.0).unwrap_or(1);
    let (&a, &b) = (near.first()?, near.get(other)?);
    ((a.0 - b.0).abs() > NEAR).then(|| (a.1 - b.1) / (a.0 - b.0))
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
        let mut base = (1, first);
        let mut secant = Secant::new(target);
        let mut best: Option<(f64, Found)> = None;
        let mut next = Next { lambda: first, begins: true };
        for number in 1..=tries {
            let Next { lambda, begins } = next;
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
            secant.add(next, excess);
            if best.as_ref().is_none_or(|(least, _)| excess.abs() < *least) {
                best = Some((excess.abs(), Found { encoded, lambda, met: excess.abs() <= 1.0 }));
            }
            match secant.next() {
                Some(another) if excess.abs() > tolerance => next = another,
                _ => break,
            }
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
    use crate::train::random::Random;

    /// Tries until it is met, and returns how many it took; none if that is more than `most`. `bytes` are those at a logarithm of lambda that goes on from another, in a group of a number.
    fn tries(wanted: f64, pixels: f64, most: usize, bytes: impl Fn(f64, f64, usize) -> f64) -> Option<usize> {
        let target = Target::Bytes(wanted);
        let mut secant = Secant::new(target);
        let mut next = Next { lambda: target.first(pixels), begins: true };
        (1..=most).find(|_| {
            let now = next.lambda.ln();
            let (group, first) = match secant.groups.last() {
                Some(group) if !next.begins => (secant.groups.len() - 1, group[0].0),
                _ => (secant.groups.len(), now),
            };
            assert!((now - first).abs() <= REACH);
            let excess = target.excess(bytes(now, first, group), 0.0);
            secant.add(next, excess);
            next = secant.next().unwrap_or(next);
            excess.abs() <= 1.0
        })
    }

    #[test]
    fn the_secant_meets_curved_and_noisy_targets() {
        // Bytes as clips have them: steeper at small lambdas, and each fit a little off.
        let bytes = |ln_lambda: f64, _: f64, group: usize| {
            let off = [0.004, -0.006, 0.003, -0.002][group % 4];
            (12.0 - 0.55 * ln_lambda - 0.03 * ln_lambda * ln_lambda + off).exp()
        };
        for wanted in [700.0, 4000.0, 20_000.0, 90_000.0] {
            let tries = tries(wanted, 160.0 * 96.0 * 48.0, 5, bytes);
            assert!(tries.is_some(), "{wanted}");
        }
    }

    #[test]
    fn states_that_lead_to_other_sizes_are_no_obstacle() {
        // As very small clips are. One secant through all tries misses one of sixteen.
        let random = &mut Random::new(1);
        let mut missed = 0;
        for _ in 0..100 {
            let off: Vec<f64> = (0..TRIES).map(|_| 0.04 * f64::from(random.normal())).collect();
            for wanted in [600.0, 800.0, 900.0, 1000.0, 1100.0, 1200.0, 1500.0, 2000.0] {
                let bytes =
                    |now: f64, first: f64, group: usize| (8.2 - 0.33 * first - 0.22 * (now - first) + off[group]).exp();
                missed += usize::from(tries(wanted, 48.0 * 32.0 * 3.0, TRIES, bytes).is_none());
            }
        }
        assert!(missed <= 4, "{missed} of 800");
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
