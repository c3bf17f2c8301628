//! What changes from step to step: rates, temperature, noise, and when weights and latents become integers.

use decoder_core::order::Order;

use crate::settings::Effort;

/// Rate of the latents, in steps of the quantiser.
const LATENT_RATE: f64 = 0.2;
/// Rate of the weights.
const WEIGHT_RATE: f64 = 0.03;
/// Rate of the gains.
const GAIN_RATE: f64 = 0.03;
/// What is left of these two in the blocks after the first, whose weights are good and dear to change.
const CHANGE: f64 = 0.2;
/// Steps until the full rate.
const WARM_UP: f64 = 20.0;
/// What is left of the rates at the end.
const LAST: f64 = 0.01;
/// When structure begins to count, where it is wanted: squared errors find the way there faster.
const STRUCTURE_FROM: f64 = 0.25;
/// When weights become integers, as a part of all steps.
const QUANTISED_FROM: f64 = 0.6;
/// When latents become integers and only the weights follow.
const SETTLED_FROM: f64 = 0.88;
/// What is left of the weights' rate when the latents become integers. With twice as much, flat areas end beside the threshold of a rounding, where the
/// least difference of arithmetic moves them all (docs/measurements.md).
const SETTLING: f64 = 0.1;
/// Temperature of the soft rounding at the start: nearly the identity, so that gradients are smooth.
const FIRST_TEMPERATURE: f32 = 0.8;
/// Temperature of the soft rounding when the latents settle.
const LAST_TEMPERATURE: f32 = 0.05;
/// Steps between two noises of one shape.
const NOISE_SHAPES: u64 = 32;
/// Steps between two times at which constants go from latents to biases.
const RECENTRING: u64 = 32;
/// Until when, as a part of all steps.
const RECENTRED: f64 = 0.25;

/// How many times more pictures each phase has than the one before, and how many the first has at most.
const GROWTH: usize = 2;
const FIRST_PICTURES: usize = 2;
/// Steps of the phases before the last, as a part of the last's: of those with the [`FIRST_PICTURES`], with up to a third of the block, and with more.
const EARLY_STEPS: [f64; 3] = [0.7, 0.7, 0.7];
/// The same of a draft, which has too few. In a pyramid of two levels the second are all that are predicted from one: most of the bits, in a quarter of the pictures.
const EARLY_STEPS_OF_DRAFT: [f64; 3] = [0.7, 2.1, 0.35];
/// How far on its way from smooth to hard rounding an early phase gets: what follows wants to change it again.
const EARLY_WAY: f64 = 0.5;
/// Price of a bit in an early phase, relative to lambda: its pictures are predicted from by all that follow.
const EARLY_PRICE: f64 = 0.5;

/// A part of a fit: some pictures of a block alone.
///
/// A step on few pictures is cheap, and weights and pictures that others are predicted from are what all stands on. So a fit begins with one or
/// two pictures and goes on with more when these are good, until it has all of its block; those between two others come when all that are predicted from one are
/// there. At the same time of 12 pictures that are predicted from one it lowers `D + lambda R` by 5 to 9 % (docs/measurements.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Number of its first picture, which is that of its block.
    pub start: usize,
    /// Pictures.
    pub frames: usize,
    /// Number of its first step, counted over all phases.
    pub first: u64,
    /// Steps.
    pub steps: u64,
    /// Pictures of its block.
    pub block: usize,
    /// Whether it is the one with all pictures of its block, which ends in integers.
    pub last: bool,
}

/// The plan of a segment's steps.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// In order; there is always one.
    pub phases: Vec<Phase>,
    /// Rounds at the end of each block, in which integer latents are tried.
    pub rounds: u64,
}

/// The state of one step.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Rate of the latents; 0 when they are integers.
    pub latent_rate: f64,
    /// Rate of weights, biases and context parameters.
    pub weight_rate: f64,
    /// Rate of the gains.
    pub gain_rate: f64,
    /// Temperature of the latents' soft rounding.
    pub temperature: f32,
    /// Shape of the noise.
    pub noise_shape: f64,
    /// Whether the noise's shape differs from the step's before.
    pub new_noise_shape: bool,
    /// Whether structure counts, if it is wanted at all, and whether this is the first such step.
    pub structure: bool,
    /// See [`Self::structure`].
    pub structure_begins: bool,
    /// Whether constants go from latents to biases before it.
    pub recentres: bool,
    /// Whether layers' weights are quantised and pictures rounded.
    pub quantised: bool,
    /// Whether latents are rounded for good, and gains, biases and context parameters with them.
    pub settled: bool,
}

impl Schedule {
    /// The steps of an effort on blocks of so many pictures.
    pub fn new(effort: Effort, blocks: &[usize]) -> Self {
        let early = if effort == Effort::Draft { EARLY_STEPS_OF_DRAFT } else { EARLY_STEPS };
        let (mut start, mut first) = (0, 0);
        let mut phases = vec![];
        for &block in blocks {
            let smaller = |&frames: &usize| (frames > FIRST_PICTURES).then(|| frames.div_ceil(GROWTH));
            let mut sizes: Vec<usize> = std::iter::successors(Some(block), smaller).collect();
            sizes.reverse();
            for (number, &frames) in sizes.iter().enumerate() {
                let last = number + 1 == sizes.len();
                let size = usize::from(frames > FIRST_PICTURES) + usize::from(frames > block.div_ceil(3));
                let part = match (last, start) {
                    (false, _) => early[size],
                    (true, 0) => 1.0,
                    // What settles when latents have is there already.
                    (true, _) => SETTLED_FROM,
                };
                let steps = (part * effort.steps() as f64) as u64;
                phases.push(Phase { start, frames, block, first, steps, last });
                first += steps;
            }
            start += block;
        }
        Self { phases, rounds: effort.rounds() }
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.phases.iter().map(|phase| phase.steps).sum()
    }

    /// Work in all: a step on n pictures counts n, and so does a round.
    pub fn work(&self) -> u64 {
        self.work_after(self.steps())
    }

    /// Work done after `step` steps, and after the rounds of the blocks whose steps these are.
    pub fn work_after(&self, step: u64) -> u64 {
        let done = |phase: &Phase| match step.saturating_sub(phase.first).min(phase.steps) {
            steps if steps == phase.steps && phase.last => steps + self.rounds,
            steps => steps,
        };
        self.phases.iter().map(|phase| done(phase) * phase.frames as u64).sum()
    }

    /// Work done after `step` steps, when `rounds` are still to be done of the block whose last step that is.
    pub fn work_before_rounds(&self, step: u64, rounds: u64) -> u64 {
        let block = self.phases.iter().find(|phase| phase.last && phase.end() == step);
        self.work_after(step) - block.map_or(0, |phase| rounds * phase.frames as u64)
    }

    /// Number of the phase of a step; the last for all beyond the end.
    pub fn phase_of(&self, step: u64) -> usize {
        self.phases.iter().rposition(|phase| phase.first <= step).unwrap_or(0)
    }
}

impl Phase {
    /// Number of the step after its last.
    pub fn end(&self) -> u64 {
        self.first + self.steps
    }

    /// Whether a block is before it, so that weights are there and context parameters stay.
    pub fn continues(&self) -> bool {
        self.start > 0
    }

    /// Numbers of its pictures, ascending: of its block the first of those that are predicted from one, then of those of each level between.
    pub fn pictures(&self, order: Order) -> Vec<usize> {
        let mut numbers: Vec<usize> = (self.start..self.start + self.block).collect();
        numbers.sort_by_key(|&number| order.level(number));
        numbers.truncate(self.frames);
        numbers.sort_unstable();
        numbers
    }

    /// Price of a bit, relative to lambda.
    pub fn price(&self) -> f64 {
        if self.last { 1.0 } else { EARLY_PRICE }
    }

    /// What holds at a step, counted over all phases.
    pub fn at(&self, step: u64) -> Moment {
        let step = step - self.first;
        // An early phase is a beginning: all that comes late in a fit does not come in it.
        let steps = match (self.last, self.continues()) {
            (true, false) => self.steps as f64,
            (true, true) => self.steps as f64 / SETTLED_FROM,
            (false, _) => self.steps as f64 / (EARLY_WAY * SETTLED_FROM),
        };
        let part = step as f64 / steps;
        let settled = part >= SETTLED_FROM;
        // Latents and noise reach their ends when the latents settle.
        let way = (part / SETTLED_FROM).min(1.0);
        // The root of the usual half cosine: where steps are few, large rates for longer get farther.
        let cosine = LAST + (1.0 - LAST) * (0.5 * (1.0 + (std::f64::consts::PI * way).cos())).sqrt();
        let warm = ((step + 1) as f64 / WARM_UP).min(1.0);
        let settling = SETTLING * (1.0 - (part - SETTLED_FROM) / (1.0 - SETTLED_FROM)).max(LAST);
        let factor = if settled { settling } else { cosine.max(LAST) * warm };
        let shape_at = |step: u64| {
            let way = (step / NOISE_SHAPES * NOISE_SHAPES) as f64 / steps / SETTLED_FROM;
            2.0 - way.min(1.0)
        };
        let parameters = if self.continues() { CHANGE } else { 1.0 };
        let structure_at = |step: f64| self.last && step / steps >= STRUCTURE_FROM;
        Moment {
            latent_rate: if settled { 0.0 } else { LATENT_RATE * factor },
            weight_rate: WEIGHT_RATE * factor * parameters,
            gain_rate: GAIN_RATE * factor * parameters,
            temperature: FIRST_TEMPERATURE + (LAST_TEMPERATURE - FIRST_TEMPERATURE) * way as f32,
            noise_shape: shape_at(step),
            new_noise_shape: step == 0 || shape_at(step) != shape_at(step - 1),
            structure: structure_at(step as f64),
            structure_begins: structure_at(step as f64) && !structure_at(step as f64 - 1.0),
            recentres: step.is_multiple_of(RECENTRING) && part < RECENTRED,
            quantised: self.last && part >= QUANTISED_FROM,
            settled: self.last && settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::order::Prediction;

    use super::*;

    #[test]
    fn phases_grow_to_all_pictures_of_a_block_and_only_the_first_block_settles() {
        for blocks in [&[1][..], &[2], &[3], &[12], &[96], &[16, 16, 15], &[2, 1]] {
            let schedule = Schedule::new(Effort::Draft, blocks);
            let (mut work, mut start) = (0, 0);
            for (number, phase) in schedule.phases.iter().enumerate() {
                assert_eq!(phase.continues(), start > 0);
                let block = blocks[schedule.phases[..number].iter().filter(|phase| phase.last).count()];
                assert_eq!((phase.start, phase.last), (start, phase.frames == block));
                assert!(phase.frames <= FIRST_PICTURES || schedule.phases[number - 1].frames < phase.frames);
                for step in phase.first..phase.end() {
                    assert_eq!((schedule.phase_of(step), schedule.work_after(step)), (number, work));
                    assert_eq!(schedule.work_before_rounds(step + 1, schedule.rounds), work + phase.frames as u64);
                    let moment = phase.at(step);
                    assert!(phase.last || !(moment.settled || moment.quantised || moment.structure));
                    assert!(!(phase.continues() && moment.settled));
                    work += phase.frames as u64;
                }
                let last = phase.at(phase.end() - 1);
                assert_eq!(last.settled, phase.last && start == 0);
                assert!(!phase.last || last.temperature < 1.2 * LAST_TEMPERATURE);
                start += if phase.last { block } else { 0 };
                work += if phase.last { schedule.rounds * phase.frames as u64 } else { 0 };
            }
            assert_eq!((schedule.work(), start), (work, blocks.iter().sum()));
        }
    }

    #[test]
    fn a_phase_has_what_its_pictures_are_predicted_from() {
        for (frames, pyramid) in (1..80).flat_map(|frames| [0, 1, 2].map(|pyramid| (frames, pyramid))) {
            let order = Order { frames, predicted: true, pyramid };
            // Blocks end where pyramids do.
            let mut blocks = vec![17.min(frames), 16, 16, 16];
            blocks.iter_mut().skip(1).fold(frames - 17.min(frames), |rest, block| {
                *block = (*block).min(rest);
                rest - *block
            });
            blocks.retain(|&block| block > 0);
            let mut before: Option<Vec<usize>> = None;
            for phase in Schedule::new(Effort::Draft, &blocks).phases {
                let numbers = phase.pictures(order);
                assert!(numbers.len() == phase.frames && numbers.is_sorted());
                assert!(before.iter().flatten().all(|number| numbers.contains(number)));
                let one = numbers.iter().filter(|&&number| order.level(number) == 0).count();
                let is_all =
                    (phase.start..phase.start + phase.block).filter(|&number| order.level(number) == 0).count();
                assert!(one == is_all || one == phase.frames, "those between two come last");
                for &number in &numbers {
                    let references = match order.prediction(number) {
                        Prediction::None => vec![],
                        Prediction::Before(before) => vec![before],
                        Prediction::Between(both) => both.to_vec(),
                    };
                    assert!(
                        references.iter().all(|at| *at < phase.start || numbers.contains(at)),
                        "{number}: {numbers:?}"
                    );
                }
                before = (!phase.last).then_some(numbers);
            }
        }
    }
}
