//! Measurements of a training step, for `xtask bench train`.

use std::time::Instant;

use crate::autodiff::ProfileRow;
use crate::frame::Clip;
use crate::settings::EncodeSettings;
use decoder_core::wire::Geometry;

use super::blocks::Finished;
use super::presets::architecture;
use super::random::{Random, segment_seed};
use super::run::Run;
use super::schedule::Schedule;
use super::source::Source;

/// Steps before the measuring: caches are warm then, and the latents no longer zero.
const WARM_UP: u64 = 8;
/// Floating-point operations of Adam for one number: two means, a root, a quotient, and whether it is finite.
const ADAM_FLOPS: u64 = 12;

/// What a training step costs.
#[derive(Clone, Debug)]
pub struct StepCost {
    /// Wall-clock time of the fastest of the steps measured.
    pub seconds: f64,
    /// Processor time of all threads in the mean of the steps measured; other work on the machine disturbs it less.
    /// NaN where the system does not tell.
    pub processor_seconds: f64,
    /// Floating-point operations of a step.
    pub flops: u64,
    /// Numbers that are trained.
    pub parameters: usize,
    /// Parts of the step, each with the time of the fastest of the steps measured: the operations of the tape, then
    /// what is around it.
    pub parts: Vec<ProfileRow>,
}

/// Measures `steps` steps in the midst of an encode of `clip`, as one block, with the threads of the current pool.
#[must_use]
pub fn measure_steps(clip: &Clip, settings: &EncodeSettings, steps: u64) -> StepCost {
    let geometry = Geometry::new(clip.width as u16, clip.height as u16);
    let architecture = architecture(settings, geometry);
    let mut random = Random::new(segment_seed(settings.seed, 0));
    let source = Source::new(&clip.frames, &architecture, geometry, settings);
    let schedule = Schedule::new(settings.effort, &[clip.frames.len()]);
    let phase = schedule.phases[schedule.phases.len() - 1];
    let mut run = Run::new(&source, phase, &Finished::default(), &mut random);
    let parameters = run.parameters();
    run.network.graph.enable_profile();
    let mut cost =
        StepCost { seconds: f64::INFINITY, processor_seconds: f64::NAN, flops: 0, parameters, parts: vec![] };
    let mut processor = None;
    for step in 0..WARM_UP + steps {
        if step == WARM_UP {
            processor = processor_seconds();
            run.network.graph.take_profile();
        }
        let start = Instant::now();
        let moment = run.prepare(phase.first + step, &mut random);
        let prepared = start.elapsed().as_secs_f64();
        run.network.run(source.objective.structural);
        let before = start.elapsed().as_secs_f64();
        run.descend(&moment);
        let seconds = start.elapsed().as_secs_f64();
        if step >= WARM_UP {
            cost.seconds = cost.seconds.min(seconds);
            let part = |name, seconds, flops| ProfileRow { name, backward: false, calls: 1, seconds, flops };
            let mut parts = run.network.graph.take_profile();
            parts.push(part("noise", prepared, 0));
            parts.push(part("optimiser", seconds - before, ADAM_FLOPS * parameters as u64));
            keep_fastest(&mut cost.parts, parts);
        }
    }
    if let (Some(before), Some(after)) = (processor, processor_seconds()) {
        cost.processor_seconds = (after - before) / steps as f64;
    }
    cost.flops = cost.parts.iter().map(|part| part.flops).sum();
    cost
}

fn keep_fastest(fastest: &mut Vec<ProfileRow>, parts: Vec<ProfileRow>) {
    if fastest.is_empty() {
        *fastest = parts;
    } else {
        for (fastest, part) in fastest.iter_mut().zip(parts) {
            fastest.seconds = fastest.seconds.min(part.seconds);
        }
    }
}

/// Processor time that this process has used in user mode, where `/proc` tells.
fn processor_seconds() -> Option<f64> {
    // Linux counts in hundredths of a second in this file on every architecture.
    const TICK: f64 = 0.01;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold spaces; user time is the twelfth field after it.
    let after_name = &stat[stat.rfind(')')? + 1..];
    Some(after_name.split_whitespace().nth(11)?.parse::<f64>().ok()? * TICK)
}
