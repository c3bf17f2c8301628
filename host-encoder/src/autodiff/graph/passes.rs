//! The passes over the nodes of a tape, forward and backward, lane by lane.

use std::time::Instant;

use ndarray::ArrayD;

use super::shelves::Shelves;
use super::{MAX_INPUTS, Node, Origin, Var};
use crate::autodiff::Real;
use crate::autodiff::kernels::add_assign;
use crate::autodiff::ops::items_mut;

impl<T> Node<T> {
    fn record(&mut self, backward: bool, start: Option<Instant>) {
        if let Some(start) = start {
            let (calls, seconds) = &mut self.cost[usize::from(backward)];
            *calls += 1;
            *seconds += start.elapsed().as_secs_f64();
        }
    }
}

/// Sets all to zero.
pub(super) fn clear<T: Real>(array: &mut ArrayD<T>) {
    // `ArrayD::fill` goes from element to element.
    items_mut(array).fill(T::ZERO);
}

/// A forward pass.
#[derive(Clone, Copy)]
pub(super) struct Forward {
    pub profiled: bool,
    /// Whether a backward pass may follow.
    pub differentiable: bool,
}

/// Computes `nodes`, the first of which is number `first`; `values` are those from number 0 on.
pub(super) fn forward_nodes<T: Real>(pass: Forward, nodes: &mut [Node<T>], values: &mut [ArrayD<T>], first: usize) {
    let (before, own) = values.split_at_mut(first);
    forward_lane(pass, nodes, before, own, first);
}

/// Computes `nodes`, the first of which is number `first` and has the value `own[0]`. Inputs are in `before`, from number 0
/// on, or among `own`.
fn forward_lane<T: Real>(
    pass: Forward,
    nodes: &mut [Node<T>],
    before: &[ArrayD<T>],
    own: &mut [ArrayD<T>],
    first: usize,
) {
    for (i, node) in nodes.iter_mut().enumerate() {
        let Origin::Op(op) = &mut node.origin else { continue };
        if !node.enabled {
            continue;
        }
        let clock = pass.profiled.then(Instant::now);
        let (earlier, this) = own.split_at_mut(i);
        let value = |var: &Var| before.get(var.0).unwrap_or_else(|| &earlier[var.0 - first]);
        let mut inputs = [value(&node.sources[0]); MAX_INPUTS];
        for (slot, source) in inputs.iter_mut().zip(&node.sources) {
            *slot = value(source);
        }
        let inputs = &inputs[..node.inputs.len()];
        if pass.differentiable {
            op.forward(inputs, &mut this[0]);
        } else {
            op.value(inputs, &mut this[0]);
        }
        node.record(false, clock);
    }
}

/// Some lanes of a group that follow one another.
#[derive(Clone, Copy)]
pub(super) struct Lanes<'a> {
    /// First node.
    pub start: usize,
    /// One after the last node of each lane.
    pub ends: &'a [usize],
}

impl Lanes<'_> {
    /// Two halves.
    fn halves(&self) -> [Self; 2] {
        let (left, right) = self.ends.split_at(self.ends.len() / 2);
        let middle = left.last().copied().unwrap_or(self.start);
        [Self { start: self.start, ends: left }, Self { start: middle, ends: right }]
    }

    /// `before` holds the values before the group; `nodes` and `values` are those of the lanes.
    pub(super) fn forward<T: Real>(
        self,
        pass: Forward,
        nodes: &mut [Node<T>],
        before: &[ArrayD<T>],
        values: &mut [ArrayD<T>],
    ) {
        if self.ends.len() <= 1 {
            return forward_lane(pass, nodes, before, values, self.start);
        }
        let [left, right] = self.halves();
        let (left_nodes, right_nodes) = nodes.split_at_mut(right.start - self.start);
        let (left_values, right_values) = values.split_at_mut(right.start - self.start);
        rayon::join(
            || left.forward(pass, left_nodes, before, left_values),
            || right.forward(pass, right_nodes, before, right_values),
        );
    }

    /// All backward passes but those whose gradients go out of the lanes. `nodes` and `gradients` are those of the lanes.
    pub(super) fn backward<T: Real>(self, way: &Way<'_, T>, nodes: &mut [Node<T>], gradients: &mut [ArrayD<T>]) {
        if self.ends.len() <= 1 {
            for i in (0..nodes.len()).rev() {
                if !nodes[i].imports {
                    way.back(nodes, gradients, self.start, self.start + i);
                }
            }
            return;
        }
        let [left, right] = self.halves();
        let (left_nodes, right_nodes) = nodes.split_at_mut(right.start - self.start);
        let (left_gradients, right_gradients) = gradients.split_at_mut(right.start - self.start);
        rayon::join(
            || left.backward(way, left_nodes, left_gradients),
            || right.backward(way, right_nodes, right_gradients),
        );
    }
}

/// A backward pass.
pub(super) struct Way<'a, T> {
    pub values: &'a [ArrayD<T>],
    pub shelves: &'a Shelves<T>,
    /// Its number.
    pub pass: u64,
    pub profiled: bool,
}

impl<T: Real> Way<'_, T> {
    /// Node `number`'s part. `nodes` and `gradients` begin with number `first`; inputs before that want no gradient.
    pub(super) fn back(&self, nodes: &mut [Node<T>], gradients: &mut [ArrayD<T>], first: usize, number: usize) {
        let (before, this) = nodes.split_at_mut(number - first);
        let node = &mut this[0];
        if !node.enabled || node.written != self.pass {
            return;
        }
        let clock = self.profiled.then(Instant::now);
        let (mut rest, this_gradient) = gradients.split_at_mut(number - first);
        let op = match &mut node.origin {
            Origin::Leaf => return,
            Origin::Relay => {
                if let Some(input) = node.inputs[0].0.checked_sub(first) {
                    self.back_relay(&mut before[input], &mut rest[input], &mut this_gradient[0]);
                }
                self.shelves.put(&mut this_gradient[0]);
                node.record(true, clock);
                return;
            }
            Origin::Op(op) => op,
        };
        let mut inputs = [&self.values[0]; MAX_INPUTS];
        for (slot, source) in inputs.iter_mut().zip(&node.sources) {
            *slot = &self.values[source.0];
        }
        let mut slots = [const { None }; MAX_INPUTS];
        let mut next = first;
        for &place in &node.by_number {
            let number = node.inputs[place].0;
            if number < first {
                continue;
            }
            let (head, tail) = rest.split_at_mut(number - next + 1);
            let input = &mut before[number - first];
            if input.wants_gradient {
                let gradient = &mut head[number - next];
                if input.written != self.pass {
                    // Not all at the beginning: what was just cleared is still in the cache.
                    if gradient.is_empty() {
                        *gradient = self.shelves.take(inputs[place].shape());
                    } else {
                        clear(gradient);
                    }
                    input.written = self.pass;
                }
                slots[place] = Some(gradient);
            }
            (rest, next) = (tail, number + 1);
        }
        let count = node.inputs.len();
        op.backward(&inputs[..count], &self.values[number], &this_gradient[0], &mut slots[..count]);
        self.shelves.put(&mut this_gradient[0]);
        node.record(true, clock);
    }

    /// A relay's part: the first gradient that is added to its input's becomes the sum. Nobody looks at its own any more.
    fn back_relay(&self, input: &mut Node<T>, sum: &mut ArrayD<T>, own: &mut ArrayD<T>) {
        if input.written == self.pass {
            add_assign(items_mut(sum), items_mut(own));
        } else {
            std::mem::swap(sum, own);
            input.written = self.pass;
        }
    }
}
