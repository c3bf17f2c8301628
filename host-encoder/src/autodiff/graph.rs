//! The tape.

use std::time::Instant;

use ndarray::ArrayD;

use super::{Op, Real};

/// Most inputs of an operation; references to them are gathered on the stack.
const MAX_INPUTS: usize = 64;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(usize);

/// What the operations of one name have cost since [`Graph::enable_profile`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// [`Op::name`].
    pub name: &'static str,
    /// Backward passes, else forward ones.
    pub backward: bool,
    /// Passes.
    pub calls: u64,
    /// Wall-clock time.
    pub seconds: f64,
    /// Floating-point operations.
    pub flops: u64,
}

/// Values, how they are computed from each other, and their gradients.
///
/// Nodes are pushed once, inputs before what uses them. Then every step writes the leaves that change, and calls
/// [`Graph::forward`] and [`Graph::backward`]; neither allocates.
pub struct Graph<T> {
    values: Vec<ArrayD<T>>,
    /// Without elements where nobody wants one.
    gradients: Vec<ArrayD<T>>,
    nodes: Vec<Node<T>>,
    /// Number of the last backward pass.
    pass: u64,
    profile: Option<Vec<ProfileRow>>,
}

struct Node<T> {
    /// `None` for leaves.
    op: Option<Box<dyn Op<T>>>,
    inputs: Vec<Var>,
    /// Places in `inputs`, by the number of the node.
    by_number: Vec<usize>,
    /// Floating-point operations of a forward and of a backward pass.
    flops: [u64; 2],
    /// A trainable leaf is among what this node depends on.
    wants_gradient: bool,
    enabled: bool,
    held: bool,
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
        Self { values: Vec::new(), gradients: Vec::new(), nodes: Vec::new(), pass: 0, profile: None }
    }

    /// A value from outside; `trainable` if its gradient is wanted.
    pub fn leaf(&mut self, value: ArrayD<T>, trainable: bool) -> Var {
        let value = value.as_standard_layout().into_owned();
        self.add(value, None, &[], [0; 2], trainable)
    }

    /// The value of `op` of `inputs`. It is computed by the next [`Graph::forward`].
    ///
    /// # Panics
    /// If the inputs do not fit the operation, or one appears twice.
    pub fn push(&mut self, op: impl Op<T> + 'static, inputs: &[Var]) -> Var {
        assert!((1..=MAX_INPUTS).contains(&inputs.len()), "{} inputs", inputs.len());
        let shapes: Vec<&[usize]> = inputs.iter().map(|v| self.values[v.0].shape()).collect();
        let value = ArrayD::from_elem(op.output_shape(&shapes), T::ZERO);
        let flops = [op.forward_flops(&shapes), op.backward_flops(&shapes)];
        let wants = inputs.iter().any(|v| self.nodes[v.0].wants_gradient);
        self.add(value, Some(Box::new(op)), inputs, flops, wants)
    }

    fn add(
        &mut self,
        value: ArrayD<T>,
        op: Option<Box<dyn Op<T>>>,
        inputs: &[Var],
        flops: [u64; 2],
        wants_gradient: bool,
    ) -> Var {
        let mut by_number: Vec<usize> = (0..inputs.len()).collect();
        by_number.sort_unstable_by_key(|&i| inputs[i]);
        assert!(by_number.windows(2).all(|pair| inputs[pair[0]] != inputs[pair[1]]), "an input appears twice");
        let shape = if wants_gradient { value.shape() } else { &[0] };
        self.gradients.push(ArrayD::from_elem(shape, T::ZERO));
        self.values.push(value);
        let inputs = inputs.to_vec();
        self.nodes.push(Node { op, inputs, by_number, flops, wants_gradient, enabled: true, held: false, written: 0 });
        Var(self.nodes.len() - 1)
    }

    /// What a node was computed or set to last.
    pub fn value(&self, var: Var) -> &ArrayD<T> {
        &self.values[var.0]
    }

    /// For writing leaves.
    pub fn value_mut(&mut self, var: Var) -> &mut ArrayD<T> {
        &mut self.values[var.0]
    }

    /// Derivative of the last backward pass' loss with respect to a node.
    ///
    /// # Panics
    /// If the node does not depend on any trainable leaf: it has no gradient.
    pub fn gradient(&self, var: Var) -> &ArrayD<T> {
        assert!(self.nodes[var.0].wants_gradient, "node {} depends on no trainable leaf", var.0);
        &self.gradients[var.0]
    }

    /// A leaf's value and gradient, for the optimiser.
    ///
    /// # Panics
    /// As [`Self::gradient`].
    pub fn value_and_gradient(&mut self, var: Var) -> (&mut ArrayD<T>, &ArrayD<T>) {
        assert!(self.nodes[var.0].wants_gradient, "node {} depends on no trainable leaf", var.0);
        (&mut self.values[var.0], &self.gradients[var.0])
    }

    /// Switches an operation on or off. One that is off keeps its last value and passes no gradient back: for terms of
    /// the loss that are computed only now and then.
    pub fn set_enabled(&mut self, var: Var, enabled: bool) {
        self.nodes[var.0].enabled = enabled;
    }

    /// Holds an operation: it keeps what it has computed, and its backward pass goes on from that. For operations that
    /// compute gradients together with values, when inputs change slowly from step to step.
    pub fn set_held(&mut self, var: Var, held: bool) {
        self.nodes[var.0].held = held;
    }

    /// Computes all nodes that are enabled and not held.
    pub fn forward(&mut self) {
        for (i, node) in self.nodes.iter_mut().enumerate() {
            let Some(op) = node.op.as_mut().filter(|_| node.enabled && !node.held) else {
                continue;
            };
            let start = self.profile.as_ref().map(|_| Instant::now());
            let (before, this) = self.values.split_at_mut(i);
            let mut inputs = [&before[0]; MAX_INPUTS];
            for (slot, input) in inputs.iter_mut().zip(&node.inputs) {
                *slot = &before[input.0];
            }
            op.forward(&inputs[..node.inputs.len()], &mut this[0]);
            record(&mut self.profile, op.name(), false, start, node.flops[0]);
        }
    }

    /// Computes the gradients of `loss`, one number, with respect to all nodes between it and the trainable leaves. All
    /// other gradients become zero.
    ///
    /// # Panics
    /// If `loss` is not a single number or depends on no trainable leaf.
    pub fn backward(&mut self, loss: Var) {
        assert_eq!(self.values[loss.0].len(), 1, "a loss is one number");
        assert!(self.nodes[loss.0].wants_gradient, "the loss depends on no trainable leaf");
        self.pass += 1;
        let pass = self.pass;
        self.gradients[loss.0].fill(T::ONE);
        self.nodes[loss.0].written = pass;
        for i in (0..=loss.0).rev() {
            let (before, this) = self.nodes.split_at_mut(i);
            let node = &mut this[0];
            let Some(op) = node.op.as_mut().filter(|_| node.enabled && node.written == pass) else {
                continue;
            };
            let start = self.profile.as_ref().map(|_| Instant::now());
            let mut inputs = [&self.values[0]; MAX_INPUTS];
            for (slot, input) in inputs.iter_mut().zip(&node.inputs) {
                *slot = &self.values[input.0];
            }
            let (mut rest, this_gradient) = self.gradients.split_at_mut(i);
            let mut slots = [const { None }; MAX_INPUTS];
            let mut first = 0;
            for &place in &node.by_number {
                let number = node.inputs[place].0;
                let (head, tail) = rest.split_at_mut(number - first + 1);
                let input = &mut before[number];
                if input.wants_gradient {
                    let gradient = &mut head[number - first];
                    if input.written != pass {
                        // Not all at the beginning: what was just cleared is still in the cache.
                        clear(gradient);
                        input.written = pass;
                    }
                    slots[place] = Some(gradient);
                }
                (rest, first) = (tail, number + 1);
            }
            let count = node.inputs.len();
            op.backward(&inputs[..count], &self.values[i], &this_gradient[0], &mut slots[..count]);
            record(&mut self.profile, op.name(), true, start, node.flops[1]);
        }
        for (node, gradient) in self.nodes.iter_mut().zip(&mut self.gradients) {
            if node.written != pass && node.written != 0 {
                clear(gradient);
                node.written = 0;
            }
        }
    }

    /// Starts to measure, from zero.
    pub fn enable_profile(&mut self) {
        self.profile = Some(Vec::new());
    }

    /// What was measured since the last call, in the order of first use; empty if nobody enabled it.
    pub fn take_profile(&mut self) -> Vec<ProfileRow> {
        self.profile.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// Sets all to zero.
fn clear<T: Real>(array: &mut ArrayD<T>) {
    // `ArrayD::fill` goes from element to element.
    array.as_slice_mut().expect("the arrays of a tape are contiguous").fill(T::ZERO);
}

fn record(
    profile: &mut Option<Vec<ProfileRow>>,
    name: &'static str,
    backward: bool,
    start: Option<Instant>,
    flops: u64,
) {
    let (Some(rows), Some(start)) = (profile, start) else {
        return;
    };
    let seconds = start.elapsed().as_secs_f64();
    let index = rows.iter().position(|row| row.name == name && row.backward == backward).unwrap_or_else(|| {
        rows.push(ProfileRow { name, backward, calls: 0, seconds: 0.0, flops: 0 });
        rows.len() - 1
    });
    let row = &mut rows[index];
    row.calls += 1;
    row.seconds += seconds;
    row.flops += flops;
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::ops::{Affine, Concat, WeightedSum};
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
        let (mut graph, [a, weights, first, _, loss]) = graph();
        for _ in 0..2 {
            graph.forward();
            graph.backward(loss);
            assert_eq!(graph.value(loss)[[0]], 10.0 * 11.0 + 100.0 * 15.0);
            assert_eq!(graph.gradient(a)[[0]], 320.0);
            assert_eq!(graph.gradient(first)[[0]], 10.0);
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
        assert_eq!((graph.gradient(a)[[0]], graph.gradient(second)[[0]]), (2.0, 0.0));
        graph.set_enabled(second, true);
        graph.backward(loss);
        assert_eq!(graph.gradient(a)[[0]], 320.0);
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

    #[test]
    fn can_go_to_another_thread() {
        fn send<T: Send>(_: &T) {}
        send(&Graph::<f32>::new());
    }
}
