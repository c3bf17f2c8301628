//! Rows for shapes that a processor with kernels has none for. No usual stream has them, so that they are to be small, not fast.

use crate::fixed::{round_shift, sat16};
use crate::synthesis::LayerRow;
use crate::wire::LayerKind;

/// Computes a row of any layer, one sum after the other.
#[cold]
#[inline(never)]
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) {
    let &LayerRow { kind, inputs: n, outputs, .. } = layer;
    // Rows, and where in them the first tap lies, how far the next is, and how many there are.
    let (rows, first, step, taps) = match kind {
        LayerKind::Point => (&layer.rows[1..2], n, 1, n),
        LayerKind::Full => (&layer.rows[..], 0, 1, 3 * n),
        LayerKind::Depthwise => (&layer.rows[..], 0, n.max(1), 3),
    };
    for (x, out) in out.chunks_exact_mut(outputs.max(1)).enumerate() {
        let mut weights = layer.weights.iter();
        for (o, out) in out.iter_mut().enumerate() {
            let from = x * n + first + if kind == LayerKind::Depthwise { o } else { 0 };
            let mut sum = layer.starts.get(o).copied().unwrap_or(0);
            for row in rows {
                let mut at = from;
                for &weight in weights.by_ref().take(taps) {
                    let x = row.get(at).copied().unwrap_or(0);
                    sum = sum.wrapping_add(i32::from(x) * i32::from(weight));
                    at += step;
                }
            }
            let mut y = sat16(round_shift(sum, layer.shift));
            if layer.residual {
                let residual = layer.rows[1].get((x + 1) * n + o).copied().unwrap_or(0);
                y = sat16(i32::from(y) + i32::from(residual));
            }
            *out = if layer.relu { y.max(0) } else { y };
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_the_portable_ones() {
        super::super::check::rows_are_portable::<8>(super::layer_row);
    }
}
