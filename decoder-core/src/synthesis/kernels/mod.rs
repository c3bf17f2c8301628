//! Rows for particular processors: the same numbers as the portable ones, sooner.

#[cfg(arm_dsp)]
#[allow(unsafe_code)]
mod arm_dsp;
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
mod arm_rows;
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
mod arm_shapes;
#[cfg(test)]
mod check;
#[cfg(any(arm_dsp, riscv_m, test))]
mod rest;
#[cfg(riscv_m)]
#[allow(unsafe_code)]
mod riscv_dense;
#[cfg(riscv_m)]
#[allow(unsafe_code)]
mod riscv_depthwise;
#[cfg(riscv_m)]
#[allow(unsafe_code)]
mod riscv_layers;
#[cfg(riscv_m)]
#[allow(unsafe_code)]
mod riscv_rows;
#[cfg(riscv_m)]
#[allow(unsafe_code)]
mod riscv_sites;
#[cfg(vectors)]
mod vectors;

use super::LayerRow;

/// Computes a row; whether it did.
#[cfg(arm_dsp)]
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    if !arm_shapes::layer_row(layer, out) && !arm_dsp::layer_row(layer, out) {
        rest::layer_row(layer, out);
    }
    true
}

/// Upsamples `count` channels of pairs of sites; how many sites it did.
#[cfg(arm_dsp)]
pub(super) fn upsample(rows: [&[i16]; 2], inputs: usize, count: usize, outputs: usize, out: &mut [i16]) -> usize {
    arm_rows::upsample(rows, inputs, count, outputs, out)
}

/// Adds the residuals of sites to their samples; whether it did.
#[cfg(arm_dsp)]
pub(super) fn add_residual(residual: &[i16], samples: [&mut [u8]; 4]) -> bool {
    arm_rows::add_residual(residual, samples)
}

/// Converts pixels to RGB565; how many it did, an even number.
#[cfg(arm_dsp)]
pub(crate) fn rgb565(luma: &[u8], u: &[u8], v: &[u8], out: &mut [u16]) -> usize {
    arm_rows::rgb565(luma, u, v, out)
}

/// Computes a row; whether it did.
#[cfg(riscv_m)]
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    if !riscv_layers::layer_row(layer, out) {
        rest::layer_row(layer, out);
    }
    true
}

/// Computes a row; whether it did.
#[cfg(vectors)]
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    vectors::layer_row(layer, out)
}

/// There are no kernels for this processor.
#[cfg(not(any(arm_dsp, riscv_m, vectors)))]
pub(super) fn layer_row(_: &LayerRow<'_, i16>, _: &mut [i16]) -> bool {
    false
}

/// There are no kernels for this processor.
#[cfg(not(arm_dsp))]
pub(super) fn upsample(_: [&[i16]; 2], _: usize, _: usize, _: usize, _: &mut [i16]) -> usize {
    0
}

/// There are no kernels for this processor.
#[cfg(not(arm_dsp))]
pub(super) fn add_residual(_: &[i16], _: [&mut [u8]; 4]) -> bool {
    false
}

/// Converts pixels to RGB565; how many it did, an even number.
#[cfg(riscv_m)]
pub(crate) fn rgb565(luma: &[u8], u: &[u8], v: &[u8], out: &mut [u16]) -> usize {
    riscv_rows::rgb565(luma, u, v, out)
}

/// There are no kernels for this processor.
#[cfg(not(any(arm_dsp, riscv_m)))]
pub(crate) fn rgb565(_: &[u8], _: &[u8], _: &[u8], _: &mut [u16]) -> usize {
    0
}
