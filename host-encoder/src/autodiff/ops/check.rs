//! Comparison of an operation's backward pass with central differences.

use ndarray::ArrayD;

use crate::autodiff::Op;

/// Deterministic noise (SplitMix64).
pub struct Noise(pub u64);

impl Noise {
    /// Uniform in `low..high`.
    pub fn next(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (high - low) * ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An array of it.
    pub fn array(&mut self, shape: &[usize], low: f64, high: f64) -> ArrayD<f64> {
        ArrayD::from_shape_fn(shape, |_| self.next(low, high))
    }
}

/// Output and gradients (`None` where not `wanted`), with `projection` as the gradient of the output.
pub fn run(
    op: &mut dyn Op<f64>,
    inputs: &[ArrayD<f64>],
    wanted: &[bool],
    projection: &ArrayD<f64>,
) -> (ArrayD<f64>, Vec<Option<ArrayD<f64>>>) {
    let inputs: Vec<&ArrayD<f64>> = inputs.iter().collect();
    let mut output = ArrayD::from_elem(projection.raw_dim(), f64::NAN);
    op.forward(&inputs, &mut output);
    // Operations must add: start from something other than zero.
    let mut gradients: Vec<Option<ArrayD<f64>>> =
        inputs.iter().zip(wanted).map(|(x, &w)| w.then(|| ArrayD::from_elem(x.raw_dim(), 0.5))).collect();
    let mut slots: Vec<Option<&mut ArrayD<f64>>> = gradients.iter_mut().map(Option::as_mut).collect();
    op.backward(&inputs, &output, projection, &mut slots);
    for gradient in gradients.iter_mut().flatten() {
        *gradient -= 0.5;
    }
    (output, gradients)
}

/// Checks the gradient of every element of every wanted input.
pub fn check_gradients(op: &mut dyn Op<f64>, inputs: &[ArrayD<f64>], wanted: &[bool]) {
    let shapes: Vec<&[usize]> = inputs.iter().map(ArrayD::shape).collect();
    let shape = op.output_shape(&shapes);
    assert!(op.forward_flops(&shapes) > 0 || op.name() == "concat");
    let projection = Noise(99).array(&shape, -1.0, 1.0);
    let (_, gradients) = run(op, inputs, wanted, &projection);
    let mut inputs = inputs.to_vec();
    let value = |op: &mut dyn Op<f64>, inputs: &[ArrayD<f64>]| {
        let mut output = ArrayD::zeros(shape.clone());
        op.forward(&inputs.iter().collect::<Vec<_>>(), &mut output);
        (&output * &projection).sum()
    };
    const STEP: f64 = 1e-6;
    for input in 0..inputs.len() {
        let Some(gradient) = &gradients[input] else {
            continue;
        };
        for (i, &got) in gradient.iter().enumerate() {
            let kept = inputs[input].as_slice().unwrap()[i];
            inputs[input].as_slice_mut().unwrap()[i] = kept + STEP;
            let above = value(op, &inputs);
            inputs[input].as_slice_mut().unwrap()[i] = kept - STEP;
            let below = value(op, &inputs);
            inputs[input].as_slice_mut().unwrap()[i] = kept;
            let expected = (above - below) / (2.0 * STEP);
            let error = (got - expected).abs() / expected.abs().max(1.0);
            assert!(error < 2e-6, "{} input {input} element {i}: {got}, differences say {expected}", op.name());
        }
    }
}
