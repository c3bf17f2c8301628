//! Layer rows for particular processors: the same numbers as the portable rows, sooner.

#[cfg(arm_dsp)]
#[allow(unsafe_code)]
mod arm_dsp;
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
mod arm_shapes;

use super::LayerRow;

/// Computes a row if this processor has a kernel for its shape; whether it did.
#[cfg(arm_dsp)]
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    arm_shapes::layer_row(layer, out) || arm_dsp::layer_row(layer, out)
}

/// There are no kernels for this processor.
#[cfg(not(arm_dsp))]
pub(super) fn layer_row(_: &LayerRow<'_, i16>, _: &mut [i16]) -> bool {
    false
}
