//! One picture, row after row: each node computes a row when the node after it needs one.

use core::ops::Range;

use super::arithmetic::{Arithmetic, LayerRow};
use super::inputs::{Inputs, see_prediction};
use super::loop_filter::{Filtering, lines_len, marks_len};
use super::plan::{MAX_NODES, Node, NodeKind, Plan, RELAY, TILE};
use super::store::{Roles, Source, Store, is_set};
use crate::latents::Group;
use crate::mask::{self, AnyMask, MAX_WORDS, runs, words};
use crate::sink::{RowPair, RowSink};
use crate::wire::{Layer, SITE};

/// Zeros between two runs of a row that are not worth a second run.
const GAP: usize = 6;
/// Fewest sites of a run, where the row has them: kernels work on several.
const RUN: usize = 3;

/// Words of the masks of narrow pictures, up to 512 luma samples.
const NARROW: usize = 8;

/// The memory of the synthesis.
#[derive(Debug)]
pub(crate) struct Memory<'a, T> {
    pub(crate) activations: &'a mut [T],
    pub(crate) masks: &'a mut [u32],
    pub(crate) changes: &'a mut [u32],
    pub(crate) pictures: &'a mut [u8],
}

/// How much of a picture was worked on, in tiles of 16x2 luma samples and their chroma.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tiles {
    /// In the picture.
    pub all: u32,
    /// That a latent speaks in, so that the network was run.
    pub synthesised: u32,
    /// That are what they were in the picture before: neither predicted nor handed to a sink that takes changes only.
    pub unchanged: u32,
}

/// The line buffers at work.
#[derive(Debug)]
pub(crate) struct Pipeline<'a, A: Arithmetic> {
    plan: &'a Plan,
    inputs: Inputs<'a>,
    activations: &'a mut [A::Activation],
    masks: &'a mut [u32],
    store: Store<'a>,
    filtering: Filtering<'a>,
    /// For each node, how many rows have been computed.
    done: [usize; MAX_NODES],
    /// For each node, whether a latent speaks in it anywhere; where none does, everything is zero.
    speaks: [bool; MAX_NODES],
    tiles: Tiles,
}

impl<'a, A: Arithmetic> Pipeline<'a, A> {
    pub(crate) fn new(plan: &'a Plan, inputs: Inputs<'a>, roles: Roles, memory: Memory<'a, A::Activation>) -> Self {
        let Memory { activations, masks, changes, pictures } = memory;
        let mut speaks = [!plan.keeps_zero; MAX_NODES];
        let mut before = false;
        for (speaks, node) in speaks.iter_mut().zip(&plan.nodes) {
            *speaks |= before || inputs.speaks(node);
            before = *speaks;
        }
        if before {
            // What is not computed is zero.
            activations.fill(bytemuck::Zeroable::zeroed());
        }
        masks.fill(0);
        // The store takes what is before these.
        let width = plan.geometry.width;
        let (changes, marks) = changes.split_at_mut(changes.len().saturating_sub(marks_len(width)));
        let (pictures, lines) = pictures.split_at_mut(pictures.len().saturating_sub(lines_len(width)));
        let filtering = Filtering::new(plan, inputs.loop_filter, marks, lines);
        let store = Store::new(plan, roles, pictures, changes);
        Self {
            plan,
            inputs,
            activations,
            masks,
            store,
            filtering,
            done: [0; MAX_NODES],
            speaks,
            tiles: Tiles::default(),
        }
    }

    /// Makes the picture and hands its rows to `sink`, if there is one: a picture may be shown later.
    pub(crate) fn run<S: RowSink>(mut self, mut sink: Option<&mut S>) -> Result<Tiles, S::Error> {
        let source = self.source();
        let last = self.plan.nodes.len().saturating_sub(1);
        let silent = self.speaks.get(last) == Some(&false);
        let stays = silent && source.is_some_and(|source| source.is_still()) && self.store.is_in_place();
        if stays && sink.as_ref().is_some_and(|sink| sink.takes_changes()) {
            let all = (self.plan.tiles() * self.plan.geometry.height) as u32;
            return Ok(Tiles { all, synthesised: 0, unchanged: all });
        }
        for row in 0..self.plan.geometry.height {
            if !silent {
                self.advance(row);
            }
            if !self.sees_prediction() {
                let changed = self.changed(row, source);
                let changed = changed.get(..words(self.plan.tiles())).unwrap_or_default();
                self.store.predict(row, changed, source, self.inputs.colour);
            }
            self.finish(row);
            // A row is filtered when the one below it is there.
            let filters = self.filtering.is_on() && !silent;
            let done = if filters { row.checked_sub(1) } else { Some(row) };
            let last = (filters && row + 1 == self.plan.geometry.height).then_some(row);
            for row in [done, last].into_iter().flatten() {
                if filters {
                    self.filtering.apply(row, &mut self.store);
                }
                if let Some(sink) = sink.as_deref_mut() {
                    self.emit(row, sink)?;
                }
            }
        }
        if self.plan.references > 0 {
            self.store.flush();
        }
        Ok(self.tiles)
    }

    /// The tiles of a row that are not what they are in the reference.
    fn changed(&mut self, row: usize, source: Option<Source<'_>>) -> [u32; words(MAX_WORDS * 4)] {
        let mut changed = [0; _];
        let Some(node) = self.plan.nodes.last() else { return changed };
        let residual = self.masks.get(node.mask(row)).unwrap_or_default();
        let tiles = self.plan.tiles();
        if let Some(all) = changed.get_mut(..words(tiles)) {
            match source {
                Some(source) => source.mark_moving(row, tiles, all),
                None => mask::set_all(all, tiles),
            }
        }
        if let Some(all) = changed.get_mut(..words(tiles)) {
            self.store.mark_between(row, all);
        }
        // A byte of the mask is a tile.
        for tile in 0..tiles {
            let spoken = residual.get(tile / 4).is_some_and(|word| word >> (TILE * (tile % 4)) & 0xff != 0);
            self.tiles.synthesised += u32::from(spoken);
            if let Some(word) = changed.get_mut(tile / 32) {
                *word |= u32::from(spoken) << (tile % 32);
                self.tiles.unchanged += !*word >> (tile % 32) & 1;
            }
        }
        self.tiles.all += tiles as u32;
        changed
    }

    fn sees_prediction(&self) -> bool {
        self.inputs.architecture.motion.is_some_and(|motion| motion.sees_prediction)
    }

    fn source(&self) -> Option<Source<'a>> {
        let motion = self.inputs.architecture.motion.filter(|_| self.inputs.predicted)?;
        let plan = self.inputs.latent_plan;
        let slice =
            |channel: usize, number: usize| self.inputs.latents.get(plan.slice(channel, number)).unwrap_or_default();
        let both = |first: usize, number: usize| [first, first + 1].map(|channel| slice(channel, number));
        let sides = if motion.pyramid > 0 { slice(plan.first_channel(Group::Sides), 1) } else { &[] };
        let geometry = self.plan.geometry;
        let quarters = motion.splits && !self.store.is_between();
        let (vectors, columns) = match quarters {
            true => (both(plan.first_channel(Group::Splits) + 1, 1), geometry.quarters().1),
            false => (both(plan.first_channel(Group::Motion), 1 + self.inputs.frame_of_chunk), geometry.motion().1),
        };
        Some(Source { interpolation: motion.interpolation, vectors, quarters, columns, sides })
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
        if self.speaks.get(at) != Some(&true) {
            return;
        }
        if let NodeKind::Input { sees_prediction: true, .. } = node.kind {
            let tiles = self.plan.tiles();
            let all = [u32::MAX; words(MAX_WORDS * 4)];
            self.store.predict(row, all.get(..words(tiles)).unwrap_or_default(), self.source(), self.inputs.colour);
            (self.tiles.all, self.tiles.synthesised) =
                (self.tiles.all + tiles as u32, self.tiles.synthesised + tiles as u32);
        }
        // Most pictures are narrow, and a short mask is soon cleared.
        let mut reached = [0; NARROW];
        match reached.get_mut(..words(node.width)) {
            Some(reached) => self.compute_row(at, node, row, reached),
            None => self.compute_wide_row(at, node, row),
        }
    }

    #[inline(never)]
    fn compute_wide_row(&mut self, at: usize, node: &Node, row: usize) {
        let mut reached: AnyMask = [0; MAX_WORDS];
        self.compute_row(at, node, row, reached.get_mut(..words(node.width)).unwrap_or_default());
    }

    /// Computes a row of a node; `reached` is its mask, all zero.
    #[inline(never)]
    fn compute_row(&mut self, at: usize, node: &Node, row: usize, reached: &mut [u32]) {
        let before = at.checked_sub(1).and_then(|at| self.plan.nodes.get(at));
        self.reach(node, before, row, reached);
        let Some(mask) = self.masks.get_mut(node.mask(row)) else { return };
        if node.relay {
            return mask.iter_mut().zip(&*reached).for_each(|(old, new)| *old = *new);
        }
        let (earlier, own) = self.activations.split_at_mut(node.offset.min(self.activations.len()));
        let (channels, len) = (node.channels.max(1), node.row_len());
        let Some(out) = own.get_mut(node.slot(row) * len..).and_then(|rest| rest.get_mut(..len)) else { return };
        // The row that was here may have been reached elsewhere.
        let mut touched = false;
        for (old, new) in mask.iter_mut().zip(&*reached) {
            *old &= !new;
            touched |= *old != 0;
        }
        if touched {
            for run in runs(mask, GAP) {
                sites_mut(out, channels, &run).fill(bytemuck::Zeroable::zeroed());
            }
        }
        mask.iter_mut().zip(&*reached).for_each(|(old, new)| *old = *new);
        let layer = self.inputs.layer_row(node.kind);
        for run in runs(mask, GAP) {
            let run = widened(run, node);
            touched = true;
            match (node.kind, before) {
                (NodeKind::Input { upsampled, sees_prediction, .. }, before) => {
                    let inner = sites_mut(out, channels, &run);
                    if let Some(before) = before.filter(|_| upsampled > 0) {
                        upsample_run::<A>(before, earlier, row, upsampled, channels, run.start, inner);
                    }
                    let filled = self.inputs.inject_run::<A>(node, row, upsampled, run.clone(), inner);
                    if sees_prediction {
                        see_prediction::<A>(inner, channels, filled, self.store.row(row));
                    }
                }
                (NodeKind::Layer { .. }, Some(before)) if before.relay => {
                    let source = at.checked_sub(2).and_then(|at| self.plan.nodes.get(at));
                    let (earlier, relay) = earlier.split_at_mut(before.offset.min(earlier.len()));
                    let source = source.map_or(&[][..], |source| ring_row(source, earlier, row));
                    if let (Some(first), Some(second)) = (self.inputs.layer_row(before.kind), layer) {
                        run_relay::<A>([first, second], source, relay, &run, out);
                    }
                }
                (NodeKind::Layer { layer: Layer { kind, .. }, inputs, .. }, Some(before)) => {
                    let taps = run.start * inputs..(run.end + 2) * inputs;
                    let rows = around(row, kind.radius(), before.height)
                        .map(|row| ring_row(before, earlier, row).get(taps.clone()).unwrap_or_default());
                    if let Some(layer) = layer {
                        A::layer_row(&LayerRow { rows, ..layer }, sites_mut(out, channels, &run));
                    }
                }
                (NodeKind::Layer { .. }, None) => {}
            }
        }
        if touched {
            replicate_edges(out, channels);
        }
    }

    /// The sites of a row of `node` that may be other than zero.
    fn reach(&self, node: &Node, before: Option<&Node>, row: usize, reached: &mut [u32]) {
        if !self.plan.keeps_zero {
            return mask::set_all(reached, node.width);
        }
        let mask = |node: &Node, row: usize| self.masks.get(node.mask(row)).unwrap_or_default();
        match (node.kind, before) {
            (NodeKind::Input { .. }, before) => {
                if let Some(before) = before {
                    let [near, far] = coarse_rows(row, before.height).map(|row| mask(before, row));
                    let coarse = |at: usize| near.get(at).zip(far.get(at)).map_or(0, |(near, far)| near | far);
                    mask::upsample(reached, node.width, coarse);
                }
                self.inputs.mark_latents(node, row, reached);
            }
            (NodeKind::Layer { layer, .. }, Some(before)) => {
                let radius = layer.kind.radius();
                let [above, at, below] = around(row, radius, before.height);
                mask::unite(reached, mask(before, at));
                if radius > 0 {
                    mask::unite(reached, mask(before, above));
                    mask::unite(reached, mask(before, below));
                    mask::dilate(reached, node.width);
                }
            }
            (NodeKind::Layer { .. }, None) => {}
        }
    }

    /// Adds the residual to the prediction.
    fn finish(&mut self, row: usize) {
        let Some(node) = self.plan.nodes.last() else { return };
        let residual = ring_row(node, self.activations, row).get(SITE..).unwrap_or_default();
        let mask = self.masks.get(node.mask(row)).unwrap_or_default();
        let [above, below, u, v] = self.store.row_mut(row);
        self.filtering.begin_row(row);
        for run in runs(mask, GAP) {
            let residual = residual.get(run.start * SITE..run.end * SITE).unwrap_or_default();
            if self.filtering.is_on() {
                self.filtering.mark::<A>(row, run.start, residual);
            }
            let luma = 2 * run.start..2 * run.end;
            let luma = [&mut *above, &mut *below].map(|row| row.get_mut(luma.clone()).unwrap_or_default());
            let chroma = [&mut *u, &mut *v].map(|row| row.get_mut(run.clone()).unwrap_or_default());
            let ([above, below], [u, v]) = (luma, chroma);
            A::add_residual(residual, [above, below, u, v]);
        }
    }

    fn emit<S: RowSink>(&mut self, row: usize, sink: &mut S) -> Result<(), S::Error> {
        if sink.takes_changes() {
            return runs(self.store.changed(row), 0).try_for_each(|tiles| self.emit_tiles(row, tiles, sink));
        }
        self.store.complete(row);
        self.emit_tiles(row, 0..self.plan.tiles(), sink)
    }

    fn emit_tiles<S: RowSink>(&self, row: usize, tiles: Range<usize>, sink: &mut S) -> Result<(), S::Error> {
        sink.row_pair(pair(self.store.row(row), self.inputs.size, [self.inputs.shown, row], tiles))
    }
}

/// Hands the rows of a reference to `sink`, which it is the picture `shown` of, of `size` luma samples.
#[inline(never)]
pub(crate) fn show_stored<S: RowSink>(
    plan: &Plan,
    (reference, differs): (usize, usize),
    (shown, size): (usize, [usize; 2]),
    (pictures, changes): (&mut [u8], &mut [u32]),
    sink: &mut S,
) -> Result<Tiles, S::Error> {
    let store = Store::new(plan, Roles { from: reference, beyond: None, to: None, differs }, pictures, changes);
    let (each, mut unchanged) = (plan.tiles(), 0);
    let takes_changes = sink.takes_changes();
    for row in 0..plan.geometry.height {
        let planes = store.stored_row(reference, row);
        let mut emit = |tiles| sink.row_pair(pair(planes, size, [shown, row], tiles));
        if takes_changes {
            runs(store.differs(row), 0).try_for_each(&mut emit)?;
        } else {
            emit(0..each)?;
        }
        unchanged += (0..each).filter(|&tile| !is_set(store.differs(row), tile)).count() as u32;
    }
    Ok(Tiles { all: (each * plan.geometry.height) as u32, synthesised: 0, unchanged })
}

/// Tiles of a row of a picture, `[shown, row]`, as a sink gets them.
fn pair<'a>(
    [above, below, u, v]: [&'a [u8]; 4],
    [width, height]: [usize; 2],
    [shown, row]: [usize; 2],
    tiles: Range<usize>,
) -> RowPair<'a> {
    let sites = tiles.start * TILE..(tiles.end * TILE).min(u.len());
    let luma = 2 * sites.start..(2 * sites.end).min(width);
    let second = if 2 * row + 1 < height { luma.clone() } else { 0..0 };
    RowPair {
        frame: shown as u32,
        row: row as u16,
        column: luma.start as u16,
        luma: [above.get(luma).unwrap_or_default(), below.get(second).unwrap_or_default()],
        u: u.get(sites.clone()).unwrap_or_default(),
        v: v.get(sites).unwrap_or_default(),
    }
}

/// A run that suits the kernels. What it has more of is computed to be the zero that it is.
fn widened(run: Range<usize>, node: &Node) -> Range<usize> {
    let (unit, start) = match node.kind {
        // Both sites that are upsampled from one.
        NodeKind::Input { .. } => (2, run.start & !1),
        NodeKind::Layer { .. } => (RUN, run.start),
    };
    let end = (start + (run.end - start).max(RUN).next_multiple_of(unit)).min(node.width);
    let start = start.min(end.saturating_sub(RUN));
    (if unit == 2 { start & !1 } else { start })..end
}

/// Computes a run of two point layers from a row, a few sites at a time.
fn run_relay<A: Arithmetic>(
    [first, second]: [LayerRow<'_, A::Activation>; 2],
    source: &[A::Activation],
    between: &mut [A::Activation],
    run: &Range<usize>,
    out: &mut [A::Activation],
) {
    for start in run.clone().step_by(RELAY) {
        let end = (start + RELAY).min(run.end);
        // Kernels work on several sites: a short rest begins earlier.
        let start = start.min(end.saturating_sub(RUN)).max(run.start);
        let taps = source.get(start * first.inputs..(end + 2) * first.inputs).unwrap_or_default();
        let sites = 0..end - start;
        A::layer_row(&LayerRow { rows: [taps; 3], ..first }, sites_mut(between, first.outputs, &sites));
        let taps = between.get(..(sites.end + 2) * first.outputs).unwrap_or_default();
        A::layer_row(&LayerRow { rows: [taps; 3], ..second }, sites_mut(out, second.outputs, &(start..end)));
    }
}

/// The rows above, at and below; the nearest where there is none.
fn around(row: usize, radius: usize, height: usize) -> [usize; 3] {
    [row.saturating_sub(radius), row, (row + radius).min(height - 1)]
}

/// The nearer and the farther coarse row of a row.
fn coarse_rows(row: usize, height: usize) -> [usize; 2] {
    let near = row >> 1;
    [near, if row.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(height - 1) }]
}

/// A run of sites of a row with padding.
fn sites_mut<'a, T>(row: &'a mut [T], channels: usize, run: &Range<usize>) -> &'a mut [T] {
    row.get_mut((run.start + 1) * channels..(run.end + 1) * channels).unwrap_or_default()
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

/// Upsamples the sites of a row from `first`, which is even, on by two into the first `upsampled` of `channels` channels.
fn upsample_run<A: Arithmetic>(
    before: &Node,
    activations: &[A::Activation],
    row: usize,
    upsampled: usize,
    channels: usize,
    first: usize,
    out: &mut [A::Activation],
) {
    // Rows begin with a site of padding, so that this is the site before the first.
    let from = first / 2 * upsampled;
    let rows =
        coarse_rows(row, before.height).map(|row| ring_row(before, activations, row).get(from..).unwrap_or_default());
    A::upsample_row(rows, upsampled, channels, out);
}
