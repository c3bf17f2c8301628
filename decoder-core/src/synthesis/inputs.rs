//! What enters the synthesis of a picture: latents by their grids, the prediction, parameters.

use core::ops::Range;

use super::arithmetic::{Arithmetic, LayerRow};
use super::plan::{Node, NodeKind};
use crate::latents::LatentPlan;
use crate::mask;
use crate::weights::Scalars;
use crate::wire::{Architecture, Grid, LoopFilter, Temporal};

/// What a picture is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) architecture: &'a Architecture,
    pub(crate) latent_plan: &'a LatentPlan,
    pub(crate) latents: &'a [i8],
    pub(crate) scalars: &'a Scalars,
    pub(crate) weights: &'a [i16],
    pub(crate) starts: &'a [i32],
    /// Number of the picture among those of its segment as they are shown, as they are coded, and in its chunk.
    pub(crate) shown: usize,
    pub(crate) frame: usize,
    pub(crate) frame_of_chunk: usize,
    /// Whether it is predicted.
    pub(crate) predicted: bool,
    /// What it is predicted to be if it is not.
    pub(crate) colour: [u8; 3],
    /// What is done to its luma where a residual was added.
    pub(crate) loop_filter: LoopFilter,
    /// Size of the picture in luma samples.
    pub(crate) size: [usize; 2],
}

impl Inputs<'_> {
    /// The grids of a node's stride, the number of the first channel of each and its gain.
    fn grids(&self, node: &Node) -> impl Iterator<Item = (usize, &Grid, u16)> {
        let [first, count, mut channel] = match node.kind {
            NodeKind::Input { grids, .. } => grids,
            NodeKind::Layer { .. } => [0; 3],
        };
        let grids = self.architecture.grids.iter().zip(&self.scalars.gains).skip(first).take(count);
        grids.map(move |(grid, &gain)| {
            let number = channel;
            channel += usize::from(grid.channels);
            (number, grid, gain)
        })
    }

    /// The latents of a channel in a slice.
    fn plane(&self, channel: usize, slice: usize) -> &[i8] {
        self.latents.get(self.latent_plan.slice(channel, slice)).unwrap_or_default()
    }

    /// Whether a latent of a node's stride is not zero.
    pub(super) fn speaks(&self, node: &Node) -> bool {
        self.grids(node).any(|(channel, grid, _)| {
            let [before, after, ..] = self.slices(grid.temporal);
            (channel..channel + usize::from(grid.channels))
                .any(|channel| [before, after].iter().any(|&slice| any_set(self.plane(channel, slice))))
        })
    }

    /// The channels of a node's stride: the gain of each, and its latents before and after in a row, and how far between them.
    fn injected(&self, node: &Node, row: usize) -> impl Iterator<Item = Injected<'_>> {
        let place = row * node.width..(row + 1) * node.width;
        self.grids(node).flat_map(move |(channel, grid, gain)| {
            let [before, after, m, log2] = self.slices(grid.temporal);
            let place = place.clone();
            (channel..channel + usize::from(grid.channels)).map(move |channel| {
                let row = |slice| self.plane(channel, slice).get(place.clone()).unwrap_or_default();
                let after = row(after);
                let before = if log2 > 0 { row(before) } else { after };
                Injected { gain, before, after, m: m as u32, log2: log2 as u32 }
            })
        })
    }

    /// Marks the sites at which a latent of a node's stride speaks.
    pub(super) fn mark_latents(&self, node: &Node, row: usize, reached: &mut [u32]) {
        for injected in self.injected(node, row) {
            mask::mark_latents(reached, injected.after);
            if injected.log2 > 0 {
                mask::mark_latents(reached, injected.before);
            }
        }
    }

    /// Writes the grids of a node's stride after `first` channels; returns how many channels are filled.
    pub(super) fn inject_run<A: Arithmetic>(
        &self,
        node: &Node,
        row: usize,
        first: usize,
        run: Range<usize>,
        out: &mut [A::Activation],
    ) -> usize {
        let mut filled = first;
        for Injected { gain, before, after, m, log2 } in self.injected(node, row) {
            let [before, after] = [before, after].map(|latents| latents.get(run.clone()).unwrap_or_default());
            let to = out.get_mut(filled..).unwrap_or_default().iter_mut().step_by(node.channels.max(1));
            if log2 == 0 {
                to.zip(after).for_each(|(to, &latent)| *to = A::latent(gain, latent, latent, 1, 0));
            } else {
                let latents = before.iter().zip(after);
                to.zip(latents).for_each(|(to, (&before, &after))| *to = A::latent(gain, before, after, m, log2));
            }
            filled += 1;
        }
        filled
    }

    /// A row of a layer, all but what it is computed from.
    pub(super) fn layer_row<T>(&self, kind: NodeKind) -> Option<LayerRow<'_, T>> {
        let NodeKind::Layer { layer, number, inputs, weights, starts } = kind else { return None };
        let outputs = usize::from(layer.outputs);
        let weights = self.weights.get(weights..).unwrap_or_default();
        let starts = starts.and_then(|starts| self.starts.get(starts..starts + outputs));
        Some(LayerRow {
            kind: layer.kind,
            inputs,
            outputs,
            relu: layer.relu,
            residual: layer.residual,
            shift: self.scalars.shifts.get(number).copied().unwrap_or(1).into(),
            weights: weights.get(..layer.kind.weights(inputs, outputs)).unwrap_or_default(),
            starts: starts.unwrap_or_default(),
            rows: [&[]; 3],
        })
    }

    /// The two slices around the picture, how far it is from the first of them, and log2 of their distance.
    fn slices(&self, temporal: Temporal) -> [usize; 4] {
        match temporal {
            Temporal::Whole => [1, 1, 1, 0],
            Temporal::Every(0) => [self.frame_of_chunk + 1, self.frame_of_chunk + 1, 1, 0],
            Temporal::Every(log2) => {
                let log2 = usize::from(log2);
                let slice = self.frame_of_chunk >> log2;
                let first_of_segment = self.frame >> log2 == 0;
                let m = (self.frame_of_chunk & ((1 << log2) - 1)) + 1;
                [slice + usize::from(first_of_segment), slice + 1, m, log2]
            }
        }
    }
}

/// A channel of latents in a row.
struct Injected<'a> {
    gain: u16,
    before: &'a [i8],
    after: &'a [i8],
    m: u32,
    log2: u32,
}

/// Writes the predicted samples after `filled` channels of each site of a row.
pub(super) fn see_prediction<A: Arithmetic>(
    row: &mut [A::Activation],
    channels: usize,
    filled: usize,
    [above, below, u, v]: [&[u8]; 4],
) {
    let luma = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
    for (site, ((above, below), (u, v))) in row.chunks_exact_mut(channels).zip(luma.zip(u.iter().zip(v))) {
        let samples = above.iter().chain(below).chain([u, v]);
        for (activation, &sample) in site.iter_mut().skip(filled).zip(samples) {
            *activation = A::sample(sample);
        }
    }
}

/// Whether one of them is not zero.
fn any_set(latents: &[i8]) -> bool {
    let (eights, rest) = latents.as_chunks::<8>();
    eights.iter().any(|&eight| eight != [0; 8]) || rest.iter().any(|&latent| latent != 0)
}
