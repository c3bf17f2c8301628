//! One picture, row after row: each node computes a row when the node after it needs one.

use super::arithmetic::{Arithmetic, LayerRow};
use super::plan::{MAX_NODES, Node, NodeKind, Plan};
use super::store::{Source, Store};
use crate::fixed::clip8;
use crate::latents::{Group, LatentPlan};
use crate::sink::{RowPair, RowSink};
use crate::weights::Scalars;
use crate::wire::{Architecture, LayerKind, SITE, Temporal};

/// What a picture is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) architecture: &'a Architecture,
    pub(crate) latent_plan: &'a LatentPlan,
    pub(crate) latents: &'a [i8],
    pub(crate) scalars: &'a Scalars,
    pub(crate) weights: &'a [i16],
    pub(crate) biases: &'a [i16],
    /// Number of the picture in its segment, and in its chunk.
    pub(crate) frame: usize,
    pub(crate) frame_of_chunk: usize,
    /// Whether it is predicted.
    pub(crate) predicted: bool,
    /// What it is predicted to be if it is not.
    pub(crate) colour: [u8; 3],
    /// Size of the picture in luma samples.
    pub(crate) size: [usize; 2],
}

/// The line buffers at work.
#[derive(Debug)]
pub(crate) struct Pipeline<'a, A: Arithmetic> {
    plan: &'a Plan,
    inputs: Inputs<'a>,
    activations: &'a mut [A::Activation],
    store: Store<'a>,
    /// For each node, how many rows have been computed.
    done: [usize; MAX_NODES],
}

impl<'a, A: Arithmetic> Pipeline<'a, A> {
    pub(crate) fn new(
        plan: &'a Plan,
        inputs: Inputs<'a>,
        activations: &'a mut [A::Activation],
        pictures: &'a mut [u8],
    ) -> Self {
        Self { plan, inputs, activations, store: Store::new(plan, pictures), done: [0; MAX_NODES] }
    }

    /// Makes the picture and hands its rows to `sink`.
    pub(crate) fn run<S: RowSink>(mut self, sink: &mut S) -> Result<(), S::Error> {
        for row in 0..self.plan.geometry.height {
            self.advance(row);
            if !self.sees_prediction() {
                self.store.predict(row, self.source(), self.inputs.colour);
            }
            self.finish(row);
            self.emit(row, sink)?;
        }
        if self.plan.stored {
            self.store.flush();
        }
        Ok(())
    }

    fn sees_prediction(&self) -> bool {
        self.inputs.architecture.motion.is_some_and(|motion| motion.sees_prediction)
    }

    fn source(&self) -> Option<Source<'a>> {
        let motion = self.inputs.architecture.motion.filter(|_| self.inputs.predicted)?;
        let first = self.inputs.latent_plan.first_channel(Group::Motion);
        let vectors = [first, first + 1].map(|channel| {
            let place = self.inputs.latent_plan.slice(channel, 1 + self.inputs.frame_of_chunk);
            self.inputs.latents.get(place).unwrap_or_default()
        });
        Some(Source { interpolation: motion.interpolation, vectors })
    }

    /// Computes rows until the last node has row `row`.
    fn advance(&mut self, row: usize) {
        let last = self.plan.nodes.len().saturating_sub(1);
        let mut at = last;
        while self.done.get(last).is_some_and(|&done| done <= row) {
            let needed = self.plan.nodes.get(at).map_or(0, |node| self.needed(at, node));
            let ready = at == 0 || self.done.get(at - 1).is_some_and(|&done| done >= needed);
            if ready {
                self.compute(at);
                at = (at + 1).min(last);
            } else {
                at -= 1;
            }
        }
    }

    /// Rows that the node before must have for the next row of node `at`.
    fn needed(&self, at: usize, node: &Node) -> usize {
        let Some(before) = at.checked_sub(1).and_then(|at| self.plan.nodes.get(at)) else { return 0 };
        let row = self.done.get(at).copied().unwrap_or(0);
        let lowest = match node.kind {
            NodeKind::Input { .. } => (row >> 1) + (row & 1),
            NodeKind::Layer { layer, .. } => row + layer.kind.radius(),
        };
        lowest.min(before.height - 1) + 1
    }

    fn compute(&mut self, at: usize) {
        let (Some(node), Some(done)) = (self.plan.nodes.get(at), self.done.get_mut(at)) else { return };
        let row = *done;
        *done += 1;
        if let NodeKind::Input { sees_prediction: true, .. } = node.kind {
            self.store.predict(row, self.source(), self.inputs.colour);
        }
        let before = at.checked_sub(1).and_then(|at| self.plan.nodes.get(at));
        let (earlier, own) = self.activations.split_at_mut(node.offset.min(self.activations.len()));
        let ring = Ring { node, activations: own };
        let Some(out) = ring.into_row(row) else { return };
        let (channels, len) = (node.channels.max(1), node.row_len());
        let Some(inner) = out.get_mut(channels..len - channels) else { return };
        match node.kind {
            NodeKind::Input { upsampled, sees_prediction } => {
                if let Some(before) = before {
                    upsample_row::<A>(before, earlier, row, upsampled, channels, inner);
                }
                let filled = self.inputs.inject_row::<A>(node, row, upsampled, inner);
                if sees_prediction {
                    for (site, samples) in
                        inner.chunks_exact_mut(channels).zip(self.store.prediction(row).chunks_exact(SITE))
                    {
                        for (activation, &sample) in site.iter_mut().skip(filled).zip(samples) {
                            *activation = A::sample(sample);
                        }
                    }
                }
            }
            NodeKind::Layer { layer, number, inputs, weights, biases } => {
                let Some(before) = before else { return };
                let outputs = usize::from(layer.outputs);
                let weights = self.inputs.weights.get(weights..).unwrap_or_default();
                let biases = self.inputs.biases.get(biases..).unwrap_or_default();
                let above = if layer.kind == LayerKind::Point { row } else { row.saturating_sub(1) };
                let below = if layer.kind == LayerKind::Point { row } else { (row + 1).min(before.height - 1) };
                let layer_row = LayerRow {
                    kind: layer.kind,
                    inputs,
                    outputs,
                    relu: layer.relu,
                    residual: layer.residual,
                    shift: self.inputs.scalars.shifts.get(number).copied().unwrap_or(1).into(),
                    weights: weights.get(..layer.kind.weights(inputs, outputs)).unwrap_or_default(),
                    biases: if layer.bias { biases.get(..outputs).unwrap_or_default() } else { &[] },
                    rows: [above, row, below].map(|row| ring_row(before, earlier, row)),
                };
                A::layer_row(&layer_row, inner);
            }
        }
        replicate_edges(out, channels);
    }

    /// Adds the residual to the prediction.
    fn finish(&mut self, row: usize) {
        let Some(node) = self.plan.nodes.last() else { return };
        let residual = ring_row(node, self.activations, row).get(SITE..).unwrap_or_default();
        let width = self.plan.geometry.width;
        let (out, prediction) = self.store.finish(row);
        let (luma, chroma) = out.split_at_mut_checked(4 * width).unwrap_or_default();
        let (above, below) = luma.split_at_mut_checked(2 * width).unwrap_or_default();
        let (u, v) = chroma.split_at_mut_checked(width).unwrap_or_default();
        let sites = residual.chunks_exact(SITE).zip(prediction.chunks_exact(SITE));
        let luma = above.chunks_exact_mut(2).zip(below.chunks_exact_mut(2));
        for ((site, (above, below)), (u, v)) in sites.zip(luma).zip(u.iter_mut().zip(v)) {
            let (residual, prediction) = site;
            let samples = above.iter_mut().chain(below).chain([u, v]);
            for ((sample, &residual), &prediction) in samples.zip(residual).zip(prediction) {
                *sample = clip8(i32::from(prediction) + A::code_value(residual));
            }
        }
    }

    fn emit<S: RowSink>(&self, row: usize, sink: &mut S) -> Result<(), S::Error> {
        let lattice = self.plan.geometry.width;
        let [width, height] = self.inputs.size;
        let finished = self.store.finished(row);
        let part = |from: usize, len: usize| finished.get(from..from + len).unwrap_or_default();
        let second = if 2 * row + 1 < height { part(2 * lattice, width) } else { &[] };
        sink.row_pair(RowPair {
            frame: self.inputs.frame as u32,
            row: row as u16,
            luma: [part(0, width), second],
            u: part(4 * lattice, lattice),
            v: part(5 * lattice, lattice),
        })
    }
}

impl Inputs<'_> {
    /// Writes the grids of a node's stride after `first` channels; returns how many channels are filled.
    fn inject_row<A: Arithmetic>(&self, node: &Node, row: usize, first: usize, out: &mut [A::Activation]) -> usize {
        let mut filled = first;
        let mut channel = 0;
        for (grid, &gain) in self.architecture.grids.iter().zip(&self.scalars.gains) {
            for _ in 0..grid.channels {
                if u32::from(grid.stride_log2) == node.stride_log2 {
                    let [before, after, m, log2] = self.slices(grid.temporal);
                    let row_of = |slice: usize| {
                        let place = self.latent_plan.slice(channel, slice);
                        let plane = self.latents.get(place).unwrap_or_default();
                        plane.get(row * node.width..(row + 1) * node.width).unwrap_or_default()
                    };
                    let pairs = row_of(before).iter().zip(row_of(after));
                    for (site, (&before, &after)) in out.chunks_exact_mut(node.channels.max(1)).zip(pairs) {
                        if let Some(activation) = site.get_mut(filled) {
                            *activation = A::latent(gain, before, after, m as u32, log2 as u32);
                        }
                    }
                    filled += 1;
                }
                channel += 1;
            }
        }
        filled
    }

    /// The two slices around the picture, how far it is from the first of them, and log2 of their distance.
    fn slices(&self, temporal: Temporal) -> [usize; 4] {
        match temporal {
            Temporal::Whole => [1, 1, 1, 0],
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

/// A node's ring.
struct Ring<'a, T> {
    node: &'a Node,
    activations: &'a mut [T],
}

impl<'a, T> Ring<'a, T> {
    /// A row with its padding. The ring begins at the start of its activations.
    fn into_row(self, row: usize) -> Option<&'a mut [T]> {
        let len = self.node.row_len();
        self.activations.get_mut(self.node.slot(row) * len..)?.get_mut(..len)
    }
}

/// Fills the padding at both ends of a row with the nearest site.
fn replicate_edges<T: Copy>(row: &mut [T], channels: usize) {
    let Some((left, rest)) = row.split_at_mut_checked(channels) else { return };
    let Some((inner, right)) = rest.split_at_mut_checked(rest.len().saturating_sub(channels)) else { return };
    left.iter_mut().zip(&*inner).for_each(|(padding, &edge)| *padding = edge);
    right.iter_mut().rev().zip(inner.iter().rev()).for_each(|(padding, &edge)| *padding = edge);
}

/// A row of a node with its padding.
fn ring_row<'a, T>(node: &Node, activations: &'a [T], row: usize) -> &'a [T] {
    let len = node.row_len();
    activations.get(node.offset + node.slot(row) * len..).and_then(|rest| rest.get(..len)).unwrap_or_default()
}

/// Upsamples a row by two into the first `upsampled` of `channels` channels.
fn upsample_row<A: Arithmetic>(
    before: &Node,
    activations: &[A::Activation],
    row: usize,
    upsampled: usize,
    channels: usize,
    out: &mut [A::Activation],
) {
    let near = row >> 1;
    let far = if row.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(before.height - 1) };
    let (near, far) = (ring_row(before, activations, near), ring_row(before, activations, far));
    for (x, site) in out.chunks_exact_mut(channels.max(1)).enumerate() {
        // Rows begin with a site of padding, so that the site before the first is there.
        let own = (1 + (x >> 1)) * upsampled;
        let beside = if x % 2 == 0 { own - upsampled } else { own + upsampled };
        let at = |row: &[A::Activation], from: usize, c: usize| {
            row.get(from + c).copied().unwrap_or(bytemuck::Zeroable::zeroed())
        };
        for (c, activation) in site.iter_mut().take(upsampled).enumerate() {
            *activation = A::upsample(at(near, own, c), at(near, beside, c), at(far, own, c), at(far, beside, c));
        }
    }
}
