//! The tape.

mod passes;
mod shelves;

use std::any::Any;
use std::ops::Range;

use ndarray::ArrayD;

use super::{Op, Real};
use passes::{Forward, Lanes, Way, clear, forward_nodes};
use shelves::{Shelves, none};

/// Most inputs of an operation; references to them are gathered on the stack.
const MAX_INPUTS: usize = 64;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(usize);

/// What the operations of one name have cost.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// [`Op::name`].
    pub name: &'static str,
    /// Backward passes, else forward ones.
    pub backward: bool,
    /// Passes.
    pub calls: u64,
    /// Wall-clock time, summed over lanes that are computed at the same time.
    pub seconds: f64,
    /// Floating-point operations.
    pub flops: u64,
}

/// Values, how they are computed from each other, and their gradients.
///
/// Nodes are pushed once, inputs before what uses them. Then every step writes the leaves that change, and calls
/// [`Graph::forward`] and [`Graph::backward`]; neither allocates, when the first way back has found how many gradients there are at a time.
pub struct Graph<T> {
    /// Without elements where it is another's.
    values: Vec<ArrayD<T>>,
    /// Without elements where nobody wants one; an operation's has elements on its way back alone.
    gradients: Vec<ArrayD<T>>,
    shelves: Shelves<T>,
    nodes: Vec<Node<T>>,
    groups: Vec<Group>,
    /// The last group's last lane is open.
    in_lane: bool,
    /// Number of the last backward pass.
    pass: u64,
    profiled: bool,
    /// Whether the last forward pass left what a backward pass needs.
    differentiable: bool,
}

/// Lanes that follow one another.
struct Group {
    first: usize,
    /// One after the last node of each lane.
    ends: Vec<usize>,
}

impl Group {
    fn range(&self) -> Range<usize> {
        self.first..self.ends.last().copied().unwrap_or(self.first)
    }
}

/// Where a value comes from.
enum Origin<T> {
    /// From outside.
    Leaf,
    /// It is that of the only input.
    Relay,
    Op(Box<dyn Op<T>>),
}

impl<T: Real> Origin<T> {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Leaf => None,
            Self::Relay => Some("relay"),
            Self::Op(op) => Some(op.name()),
        }
    }
}

struct Node<T> {
    origin: Origin<T>,
    inputs: Vec<Var>,
    /// Whose values they are.
    sources: Vec<Var>,
    /// Places in `inputs`, by the number of the node.
    by_number: Vec<usize>,
    /// Floating-point operations of a forward and of a backward pass.
    flops: [u64; 2],
    /// Passes, forward and backward, and their seconds.
    cost: [(u64, f64); 2],
    /// A trainable leaf is among what this node depends on.
    wants_gradient: bool,
    /// In a lane, an input that wants a gradient is outside of it.
    imports: bool,
    enabled: bool,
    /// The backward pass that wrote the gradient last; 0 if it is all zeros.
    written: u64,
}

impl<T: Real> Default for Graph<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Graph<T> {
    /// An empty tape.
    pub fn new() -> Self {
        Self {
            values: Vec::new(),
            gradients: Vec::new(),
            shelves: Shelves::new(),
            nodes: Vec::new(),
            groups: Vec::new(),
            in_lane: false,
            pass: 0,
            profiled: false,
            differentiable: false,
        }
    }

    /// A value from outside; `trainable` if its gradient is wanted.
    pub fn leaf(&mut self, value: ArrayD<T>, trainable: bool) -> Var {
        let value = value.as_standard_layout().into_owned();
        self.add(value, Origin::Leaf, &[], [0; 2], trainable)
    }

    /// The value of `op` of `inputs`. It is computed by the next [`Graph::forward`].
    ///
    /// # Panics
    /// If the inputs do not fit the operation, one appears twice, or one is in another lane of the group.
    pub fn push(&mut self, op: impl Op<T> + 'static, inputs: &[Var]) -> Var {
        assert!((1..=MAX_INPUTS).contains(&inputs.len()), "{} inputs", inputs.len());
        let shapes: Vec<&[usize]> = inputs.iter().map(|&v| self.value(v).shape()).collect();
        let value = ArrayD::from_elem(op.output_shape(&shapes), T::ZERO);
        let flops = [op.forward_flops(&shapes), op.backward_flops(&shapes)];
        let wants = inputs.iter().any(|v| self.nodes[v.0].wants_gradient);
        self.add(value, Origin::Op(Box::new(op)), inputs, flops, wants)
    }

    /// A node once more: what the many operations of a lane give back to something outside goes through it in one cheap step. It costs no copy: its value is that of the
    /// node, and it keeps no gradient.
    pub fn relay(&mut self, var: Var) -> Var {
        let wants = self.nodes[var.0].wants_gradient;
        let shape = self.value(var).raw_dim();
        self.add(ArrayD::from_elem(shape, T::ZERO), Origin::Relay, &[var], [0; 2], wants)
    }

    /// Opens a lane: the nodes that are pushed from now on, until the next lane or [`Graph::end_lanes`], need nothing of
    /// the other lanes of their group, and all lanes are computed at the same time.
    ///
    /// An operation whose gradients go to nodes outside of its lane has its backward pass after those of all lanes, on one
    /// thread and in the order of the tape: results do not depend on the number of threads. So it should be a cheap one,
    /// like [`Graph::relay`].
    pub fn begin_lane(&mut self) {
        let at = self.nodes.len();
        match self.groups.last_mut().filter(|_| self.in_lane) {
            Some(group) => group.ends.push(at),
            None => self.groups.push(Group { first: at, ends: vec![at] }),
        }
        self.in_lane = true;
    }

    /// Closes a group of lanes.
    pub fn end_lanes(&mut self) {
        self.in_lane = false;
    }

    /// First node of the open lane, and of its group.
    fn open_lane(&self) -> Option<[usize; 2]> {
        let group = self.groups.last().filter(|_| self.in_lane)?;
        let before = group.ends.len().checked_sub(2).map_or(group.first, |lane| group.ends[lane]);
        Some([before, group.first])
    }

    fn add(
        &mut self,
        value: ArrayD<T>,
        origin: Origin<T>,
        inputs: &[Var],
        flops: [u64; 2],
        wants_gradient: bool,
    ) -> Var {
        let mut by_number: Vec<usize> = (0..inputs.len()).collect();
        by_number.sort_unstable_by_key(|&i| inputs[i]);
        assert!(by_number.windows(2).all(|pair| inputs[pair[0]] != inputs[pair[1]]), "an input appears twice");
        let mut imports = false;
        if let Some([lane, group]) = self.open_lane() {
            assert!(inputs.iter().all(|v| v.0 < group || v.0 >= lane), "an input is in another lane");
            let wanting =
                |outside: bool| inputs.iter().any(|v| (v.0 < group) == outside && self.nodes[v.0].wants_gradient);
            imports = wanting(true);
            assert!(!imports || !wanting(false), "gradients go out of the lane and stay in it: relay the former");
        }
        let keeps = wants_gradient && matches!(origin, Origin::Leaf);
        self.gradients.push(if keeps { ArrayD::from_elem(value.shape(), T::ZERO) } else { none() });
        self.values.push(if matches!(origin, Origin::Relay) { none() } else { value });
        self.nodes.push(Node {
            origin,
            inputs: inputs.to_vec(),
            sources: inputs.iter().map(|&input| self.source(input)).collect(),
            by_number,
            flops,
            cost: [(0, 0.0); 2],
            wants_gradient,
            imports,
            enabled: true,
            written: 0,
        });
        if self.in_lane
            && let Some(end) = self.groups.last_mut().and_then(|group| group.ends.last_mut())
        {
            *end = self.nodes.len();
        }
        Var(self.nodes.len() - 1)
    }

    /// The node that has the value of this one.
    fn source(&self, var: Var) -> Var {
        let Node { origin, sources, .. } = &self.nodes[var.0];
        if matches!(origin, Origin::Relay) { sources[0] } else { var }
    }

    /// What a node was computed or set to last.
    pub fn value(&self, var: Var) -> &ArrayD<T> {
        &self.values[self.source(var).0]
    }

    /// For writing leaves.
    pub fn value_mut(&mut self, var: Var) -> &mut ArrayD<T> {
        &mut self.values[var.0]
    }

    /// Derivative of the last backward pass' loss with respect to a trainable leaf. Operations hand theirs on, and keep none.
    ///
    /// # Panics
    /// If the node is none.
    pub fn gradient(&self, var: Var) -> &ArrayD<T> {
        self.assert_trainable(var);
        &self.gradients[var.0]
    }

    /// A leaf's value and gradient, for the optimiser.
    ///
    /// # Panics
    /// As [`Self::gradient`].
    pub fn value_and_gradient(&mut self, var: Var) -> (&mut ArrayD<T>, &ArrayD<T>) {
        self.assert_trainable(var);
        (&mut self.values[var.0], &self.gradients[var.0])
    }

    fn assert_trainable(&self, var: Var) {
        let Node { origin, wants_gradient, .. } = &self.nodes[var.0];
        assert!(*wants_gradient && matches!(origin, Origin::Leaf), "node {} is no trainable leaf", var.0);
    }

    /// The operation of a node, if it is of this type: what it knows besides its value.
    pub fn op<O: Op<T>>(&self, var: Var) -> Option<&O> {
        let Origin::Op(op) = &self.nodes[var.0].origin else { return None };
        let op: &dyn Any = &**op;
        op.downcast_ref()
    }

    /// Switches an operation on or off. One that is off keeps its last value and passes no gradient back: for terms of
    /// the loss that are computed only now and then.
    pub fn set_enabled(&mut self, var: Var, enabled: bool) {
        self.nodes[var.0].enabled = enabled;
    }

    /// Computes all nodes that are enabled.
    pub fn forward(&mut self) {
        self.compute(true);
    }

    /// The same, where no backward pass follows, which takes less time.
    pub fn evaluate(&mut self) {
        self.compute(false);
    }

    fn compute(&mut self, differentiable: bool) {
        self.differentiable = differentiable;
        let pass = Forward { profiled: self.profiled, differentiable };
        let mut at = 0;
        for group in &self.groups {
            let Range { start, end } = group.range();
            forward_nodes(pass, &mut self.nodes[at..start], &mut self.values[..start], at);
            let (before, rest) = self.values.split_at_mut(start);
            let lanes = Lanes { start, ends: &group.ends };
            lanes.forward(pass, &mut self.nodes[start..end], before, &mut rest[..end - start]);
            at = end;
        }
        forward_nodes(pass, &mut self.nodes[at..], &mut self.values, at);
    }

    /// Computes the gradients of `loss`, one number, with respect to all trainable leaves.
    ///
    /// # Panics
    /// If `loss` is not a single number or depends on no trainable leaf, or if values were [evaluated](Self::evaluate) alone.
    pub fn backward(&mut self, loss: Var) {
        assert!(self.differentiable, "values were computed without what a backward pass needs");
        assert_eq!(self.value(loss).len(), 1, "a loss is one number");
        assert!(self.nodes[loss.0].wants_gradient, "the loss depends on no trainable leaf");
        self.pass += 1;
        let gradient = &mut self.gradients[loss.0];
        if gradient.is_empty() {
            *gradient = self.shelves.take(self.values[loss.0].shape());
        }
        gradient.fill(T::ONE);
        self.nodes[loss.0].written = self.pass;
        let way = Way { values: &self.values, shelves: &self.shelves, pass: self.pass, profiled: self.profiled };
        let mut end = loss.0 + 1;
        for group in self.groups.iter().rev() {
            let range = group.range();
            if range.start >= end {
                continue;
            }
            (range.end..end).rev().for_each(|i| way.back(&mut self.nodes, &mut self.gradients, 0, i));
            if range.end <= end {
                let (nodes, gradients) = (&mut self.nodes[range.clone()], &mut self.gradients[range.clone()]);
                Lanes { start: range.start, ends: &group.ends }.backward(&way, nodes, gradients);
                for i in range.clone().rev() {
                    if self.nodes[i].imports {
                        way.back(&mut self.nodes, &mut self.gradients, 0, i);
                    }
                }
            } else {
                // The loss is in a lane.
                (range.start..end).rev().for_each(|i| way.back(&mut self.nodes, &mut self.gradients, 0, i));
            }
            end = range.start;
        }
        (0..end).rev().for_each(|i| way.back(&mut self.nodes, &mut self.gradients, 0, i));
        for (node, gradient) in self.nodes.iter_mut().zip(&mut self.gradients) {
            if node.written != self.pass && node.written != 0 {
                clear(gradient);
                node.written = 0;
            }
        }
    }

    /// Starts to measure, from zero.
    pub fn enable_profile(&mut self) {
        self.take_profile();
        self.profiled = true;
    }

    /// What was measured since the last call, in the order of first use; empty if nobody enabled it.
    pub fn take_profile(&mut self) -> Vec<ProfileRow> {
        let mut rows: Vec<ProfileRow> = Vec::new();
        for node in &mut self.nodes {
            let Some(name) = node.origin.name() else { continue };
            for (direction, cost) in node.cost.iter_mut().enumerate().filter(|(_, cost)| cost.0 > 0) {
                let backward = direction == 1;
                let index = rows.iter().position(|row| row.name == name && row.backward == backward);
                let index = index.unwrap_or_else(|| {
                    rows.push(ProfileRow { name, backward, calls: 0, seconds: 0.0, flops: 0 });
                    rows.len() - 1
                });
                let (calls, seconds) = std::mem::take(cost);
                let row = &mut rows[index];
                row.calls += calls;
                row.seconds += seconds;
                row.flops += calls * node.flops[direction];
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::ops::{Affine, Concat, Distortion, WeightedSum};
    use super::*;

    fn scalar(value: f64) -> ArrayD<f64> {
        arr1(&[value]).into_dyn()
    }

    /// loss = w0 (2 a + 1) + w1 (3 a), with both terms through the same leaf.
    fn graph() -> (Graph<f64>, [Var; 5]) {
        let mut graph = Graph::new();
        let a = graph.leaf(scalar(5.0), true);
        let weights = graph.leaf(arr1(&[10.0, 100.0]).into_dyn(), false);
        let first = graph.push(Affine { scale: 2.0, offset: 1.0 }, &[a]);
        let second = graph.push(Affine { scale: 3.0, offset: 0.0 }, &[a]);
        let loss = graph.push(WeightedSum, &[weights, first, second]);
        (graph, [a, weights, first, second, loss])
    }

    #[test]
    fn gradients_of_a_shared_leaf_add_up() {
        let (mut graph, [a, weights, _, _, loss]) = graph();
        for _ in 0..2 {
            graph.forward();
            graph.backward(loss);
            assert_eq!(graph.value(loss)[[0]], 10.0 * 11.0 + 100.0 * 15.0);
            assert_eq!(graph.gradient(a)[[0]], 320.0);
        }
        graph.value_mut(weights).fill(1.0);
        graph.value_mut(a).fill(0.0);
        graph.forward();
        graph.backward(loss);
        assert_eq!((graph.value(loss)[[0]], graph.gradient(a)[[0]]), (1.0, 5.0));
    }

    #[test]
    fn a_disabled_node_keeps_its_value_and_stops_gradients() {
        let (mut graph, [a, _, first, second, loss]) = graph();
        graph.forward();
        graph.backward(loss);
        graph.set_enabled(second, false);
        graph.value_mut(a).fill(0.0);
        graph.forward();
        graph.backward(loss);
        assert_eq!(graph.value(second)[[0]], 15.0);
        assert_eq!(graph.gradient(a)[[0]], 20.0);
        graph.backward(first);
        assert_eq!(graph.gradient(a)[[0]], 2.0);
        graph.set_enabled(second, true);
        graph.backward(loss);
        assert_eq!(graph.gradient(a)[[0]], 320.0);
    }

    #[test]
    fn gradients_of_operations_share_memory() {
        let mut graph = Graph::new();
        let a = graph.leaf(ArrayD::<f64>::ones(vec![6, 2, 2]), true);
        let mut last = a;
        for _ in 0..20 {
            last = graph.push(Affine { scale: 2.0, offset: 0.0 }, &[last]);
        }
        let weight = graph.leaf(scalar(1.0), false);
        let target = graph.leaf(ArrayD::zeros(vec![6, 2, 2]), false);
        let distance = graph.push(Distortion::Luma, &[last, target]);
        let loss = graph.push(WeightedSum, &[weight, distance]);
        for _ in 0..3 {
            graph.forward();
            graph.backward(loss);
            // Those of the two numbers at the end, and of two links of the chain by turns.
            assert_eq!(graph.shelves.count(), 4);
        }
    }

    #[test]
    fn profiles() {
        let (mut graph, [.., loss]) = graph();
        assert!(graph.take_profile().is_empty());
        graph.enable_profile();
        graph.forward();
        graph.backward(loss);
        let rows = graph.take_profile();
        let affine = rows.iter().find(|row| row.name == "affine" && row.backward).unwrap();
        assert_eq!((affine.calls, affine.flops), (2, 4));
        assert!(graph.take_profile().is_empty());
    }

    #[test]
    #[should_panic(expected = "appears twice")]
    fn refuses_an_input_twice() {
        let mut graph = Graph::new();
        let a = graph.leaf(ArrayD::<f32>::zeros(vec![1, 2, 2]), true);
        graph.push(Concat, &[a, a]);
    }

    /// Three lanes that share two leaves, then their sum: the loss, and the gradients of the leaves.
    fn shared_by_lanes(lanes: bool, threads: usize) -> [f64; 3] {
        let mut graph = Graph::new();
        let (a, b) = (graph.leaf(scalar(2.0), true), graph.leaf(scalar(3.0), true));
        let mut ends = vec![];
        for lane in 0..3 {
            if lanes {
                graph.begin_lane();
            }
            let (a, b) = (graph.relay(a), graph.relay(b));
            let weights = graph.leaf(arr1(&[1.0, f64::from(lane)]).into_dyn(), false);
            let sum = graph.push(WeightedSum, &[weights, a, b]);
            ends.push(graph.push(Affine { scale: f64::from(lane) + 0.5, offset: 1.0 }, &[sum]));
        }
        graph.end_lanes();
        let weights = graph.leaf(arr1(&[1.0, 10.0, 100.0]).into_dyn(), false);
        let loss = graph.push(WeightedSum, &[weights, ends[0], ends[1], ends[2]]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            for _ in 0..2 {
                graph.forward();
                graph.backward(loss);
            }
        });
        [graph.value(loss)[[0]], graph.gradient(a)[[0]], graph.gradient(b)[[0]]]
    }

    #[test]
    fn lanes_change_nothing() {
        // Lane i: (i + 1/2) (a + i b) + 1.
        let expected = [2.0 + 10.0 * 8.5 + 100.0 * 21.0, 0.5 + 15.0 + 250.0, 15.0 + 500.0];
        for (lanes, threads) in [(false, 1), (true, 1), (true, 2), (true, 5)] {
            assert_eq!(shared_by_lanes(lanes, threads), expected);
        }
    }

    /// A tape in a lane, a leaf outside and its relay inside.
    fn in_a_lane() -> (Graph<f64>, Var, Var) {
        let mut graph = Graph::new();
        let outside = graph.leaf(scalar(1.0), true);
        graph.begin_lane();
        let inside = graph.relay(outside);
        (graph, outside, inside)
    }

    #[test]
    #[should_panic(expected = "relay the former")]
    fn refuses_gradients_that_leave_a_lane_beside_others() {
        let (mut graph, outside, inside) = in_a_lane();
        let weights = graph.leaf(arr1(&[1.0, 1.0]).into_dyn(), false);
        graph.push(WeightedSum, &[weights, inside, outside]);
    }

    #[test]
    #[should_panic(expected = "another lane")]
    fn refuses_inputs_of_another_lane() {
        let (mut graph, _, inside) = in_a_lane();
        graph.begin_lane();
        graph.relay(inside);
    }

    #[test]
    fn can_go_to_another_thread() {
        fn send<T: Send>(_: &T) {}
        send(&Graph::<f32>::new());
    }
}
