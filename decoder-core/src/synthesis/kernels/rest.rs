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
    use super::*;
    use crate::synthesis::{Integer, portable_row};

    #[test]
    fn rows_are_the_portable_ones() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i32
        };
        let (mut rows, mut weights, mut starts) = ([[0; 8 * 9]; 3], [0; 9 * 8 * 8], [0; 8]);
        // An interpreter takes minutes for more.
        for number in 0..if cfg!(miri) { 60 } else { 3000 } {
            let kind = [LayerKind::Point, LayerKind::Full, LayerKind::Depthwise][number % 3];
            let [inputs, outputs] = [(); 2].map(|()| 1 + random() as usize % 8);
            let square = kind == LayerKind::Depthwise || random() % 2 == 0;
            let outputs = if square { inputs } else { outputs };
            let sites = 1 + random() as usize % 7;
            rows.as_flattened_mut().fill_with(|| random() as u16 as i16);
            weights.fill_with(|| (random() % 2047 - 1023) as i16);
            starts.fill_with(|| random() << (random() % 14));
            let layer = LayerRow {
                kind,
                inputs,
                outputs,
                relu: random() % 2 == 0,
                residual: square && random() % 2 == 0,
                shift: 1 + random() as u32 % 15,
                weights: &weights[..kind.weights(inputs, outputs)],
                starts: if random() % 2 == 0 { &[] } else { &starts[..outputs] },
                rows: rows.each_ref().map(|row| &row[..(sites + 2) * inputs]),
            };
            let mut results = [[0x55; 8 * 8]; 2];
            let [own, portable] = results.each_mut().map(|row| &mut row[..sites * outputs]);
            layer_row(&layer, own);
            portable_row::<Integer>(&layer, portable);
            assert_eq!(own, portable, "{layer:?}");
        }
    }
}
