//! A second synthesis, straight from SPEC section 8: whole planes, 64-bit sums, nothing shared with the decoder but the headers.

use decoder_core::wire::{Architecture, FileHeader, Interpolation, Layer, LayerKind, LoopFilter, Temporal};
use host_encoder::bitstream::SegmentModel;
use ndarray::{Array3, ArrayView2, s};

use crate::frames::Picture;

fn round_shift(x: i64, shift: u32) -> i64 {
    (x + (1 << (shift - 1))) >> shift
}

fn sat16(x: i64) -> i64 {
    x.clamp(-32768, 32767)
}

/// `plane[channel][y][x]` with coordinates clamped.
fn clamped(plane: &Array3<i64>, c: usize, y: i64, x: i64) -> i64 {
    let (_, height, width) = plane.dim();
    plane[[c, y.clamp(0, height as i64 - 1) as usize, x.clamp(0, width as i64 - 1) as usize]]
}

fn upsample(coarse: &Array3<i64>, height: usize, width: usize) -> Array3<i64> {
    let other = |i: i64, half: i64| if i % 2 == 0 { half - 1 } else { half + 1 };
    Array3::from_shape_fn((coarse.dim().0, height, width), |(c, y, x)| {
        let (y, x) = (y as i64, x as i64);
        let (i, j) = (y / 2, x / 2);
        let (i2, j2) = (other(y, i), other(x, j));
        let at = |i, j| clamped(coarse, c, i, j);
        round_shift(9 * at(i, j) + 3 * at(i, j2) + 3 * at(i2, j) + at(i2, j2), 4)
    })
}

/// `at_rest` is what the layer before gives where nothing speaks, if this one is centred.
fn convolve(
    input: &Array3<i64>,
    layer: Layer,
    weights: &[i16],
    biases: &[i16],
    at_rest: Option<&[i64]>,
    shift: u32,
) -> Array3<i64> {
    let (inputs, height, width) = input.dim();
    Array3::from_shape_fn((layer.outputs.into(), height, width), |(o, y, x)| {
        let mut acc = i64::from(biases.get(o).copied().unwrap_or(0)) << (shift + 5);
        for ky in 0..3 {
            for kx in 0..3 {
                let at = |c| clamped(input, c, y as i64 + ky as i64 - 1, x as i64 + kx as i64 - 1);
                match layer.kind {
                    LayerKind::Point if (ky, kx) == (1, 1) => {
                        let spoken = |c: usize| at(c) - at_rest.map_or(0, |at_rest| at_rest[c]);
                        acc += (0..inputs).map(|c| spoken(c) * i64::from(weights[o * inputs + c])).sum::<i64>();
                    }
                    LayerKind::Point => {}
                    LayerKind::Full => {
                        acc += (0..inputs)
                            .map(|c| at(c) * i64::from(weights[((o * 3 + ky) * 3 + kx) * inputs + c]))
                            .sum::<i64>();
                    }
                    LayerKind::Depthwise => acc += at(o) * i64::from(weights[(o * 3 + ky) * 3 + kx]),
                }
            }
        }
        let mut out = sat16(round_shift(acc, shift));
        if layer.residual {
            out = sat16(out + input[[o, y, x]]);
        }
        if layer.relu { out.max(0) } else { out }
    })
}

/// The grids of a stride as activations, channel after channel.
fn injected(
    architecture: &Architecture,
    model: &SegmentModel,
    gains: &[u16],
    stride_log2: usize,
    frame: usize,
) -> Vec<Array3<i64>> {
    let grids = architecture.grids.iter().zip(&model.grids).zip(gains);
    let of_stride = grids.filter(|((grid, _), _)| usize::from(grid.stride_log2) == stride_log2);
    of_stride
        .map(|((grid, latents), &gain)| {
            let slice = |i: usize| latents.slice(s![i, .., .., ..]).mapv(|latent| i64::from(latent) * i64::from(gain));
            match grid.temporal {
                Temporal::Whole => slice(0).mapv(sat16),
                Temporal::Every(log2) => {
                    let after = frame >> log2;
                    let before = after.saturating_sub(1);
                    let before = if after == 0 { 0 } else { before };
                    let n = 1i64 << log2;
                    let m = (frame as i64 & (n - 1)) + 1;
                    let sum = slice(before).mapv(|a| a * (n - m)) + slice(after).mapv(|b| b * m);
                    sum.mapv(|sum| sat16(if n == 1 { sum } else { round_shift(sum, log2.into()) }))
                }
            }
        })
        .collect()
}

/// The prediction of the picture coded as number `frame`: `[Y00 Y01 Y10 Y11 U V][row][column]`; `sign` is -1 from the reference after it,
/// and `alone` tells that there is no other reference.
fn predict(
    previous: &[Array3<i64>; 3],
    architecture: &Architecture,
    model: &SegmentModel,
    (frame, sign, alone): (usize, i64, bool),
) -> Array3<i64> {
    let (motion, field) = (architecture.motion.expect("predicted"), model.motion.as_ref().expect("predicted"));
    let (_, height, width) = previous[1].dim();
    let cubic = |f: i64| -> [i64; 4] {
        let table = [[0, 128, 0, 0], [-6, 123, 12, -1], [-9, 111, 29, -3], [-9, 93, 50, -6], [-8, 72, 72, -8]];
        if f <= 4 {
            table[f as usize]
        } else {
            let mut taps = table[8 - f as usize];
            taps.reverse();
            taps
        }
    };
    let sample = |plane: &Array3<i64>, y: i64, x: i64, v: [i64; 2], unit: i64| {
        let (fy, fx) = (v[0].rem_euclid(unit) * (8 / unit), v[1].rem_euclid(unit) * (8 / unit));
        let (y, x) = (y + v[0].div_euclid(unit), x + v[1].div_euclid(unit));
        let at = |dy, dx| clamped(plane, 0, y + dy, x + dx);
        match motion.interpolation {
            Interpolation::Bilinear => {
                let sum = (8 - fy) * ((8 - fx) * at(0, 0) + fx * at(0, 1)) + fy * ((8 - fx) * at(1, 0) + fx * at(1, 1));
                round_shift(sum, 6)
            }
            Interpolation::Cubic => {
                let (of_y, of_x) = (cubic(fy), cubic(fx));
                let sum: i64 = (0..4)
                    .map(|i| of_y[i] * (0..4).map(|j| of_x[j] * at(i as i64 - 1, j as i64 - 1)).sum::<i64>())
                    .sum();
                round_shift(sum, 14).clamp(0, 255)
            }
        }
    };
    let (_, _, blocks_high, blocks_wide) = field.dim();
    let splits = model.splits.as_ref().filter(|_| alone);
    // What has a vector: blocks of 8x8 sites, or their quarters.
    let (side, blocks_high, blocks_wide) =
        splits.map_or((8, blocks_high, blocks_wide), |splits| (4, splits.dim().2, splits.dim().3));
    let (_, _, rows, columns) = field.dim();
    let of = |by: usize, bx: usize| {
        let whole = |component: usize, by: usize, bx: usize| sign * i64::from(field[[frame, component, by, bx]]);
        let Some(splits) = splits else { return [0, 1].map(|component| whole(component, by, bx)) };
        // The block at the quarter's corner of its own, as far as there are any.
        let corner = |at: usize, blocks: usize| match at % 2 {
            0 => (at / 2).saturating_sub(1),
            _ => (at / 2 + 1).min(blocks - 1),
        };
        let (own, beyond) = ([by / 2, bx / 2], [corner(by, rows), corner(bx, columns)]);
        let [y, x] = match splits[[frame, 0, by, bx]] {
            0 => own,
            -1 => [beyond[0], own[1]],
            1 => [own[0], beyond[1]],
            _ => beyond,
        };
        [0, 1].map(|component| whole(component, y, x) + i64::from(splits[[frame, 1 + component, by, bx]]))
    };
    let luma = |y: usize, x: usize| {
        let sample = |by: usize, bx: usize| sample(&previous[0], y as i64, x as i64, of(by, bx), 4);
        let (rows, columns) = (across(y, blocks_high, 2 * side), across(x, blocks_wide, 2 * side));
        let mix = |own: i64, other: i64, weight: i64| ((16 - weight) * own + weight * other + 8 - (x % 2) as i64) >> 4;
        let in_column = |bx: usize| mix(sample(rows.own, bx), sample(rows.other, bx), rows.weight);
        mix(in_column(columns.own), in_column(columns.other), columns.weight)
    };
    Array3::from_shape_fn((6, height, width), |(c, row, column)| match c {
        0..4 => luma(2 * row + c / 2, 2 * column + c % 2),
        _ => sample(&previous[c - 3], row as i64, column as i64, of(row / side, column / side), 8),
    })
}

/// The blocks that count for a luma sample along one axis.
struct Across {
    own: usize,
    other: usize,
    /// Of the other, in 1/16.
    weight: i64,
}

fn across(at: usize, blocks: usize, side: usize) -> Across {
    let (own, inside, last) = (at / side, (at % side) as i64, side as i64 - 1);
    let weight = |from_edge: i64| (7 - 2 * from_edge).max(0);
    if 2 * inside < last && own > 0 {
        Across { own, other: own - 1, weight: weight(inside) }
    } else if 2 * inside > last && own + 1 < blocks {
        Across { own, other: own + 1, weight: weight(last - inside) }
    } else {
        Across { own, other: own, weight: 0 }
    }
}

/// The mean of two predictions, or one of them, as the sides of the blocks say; halves go up in even columns of each plane.
fn mean(a: &Array3<i64>, b: &Array3<i64>, sides: ArrayView2<'_, i8>) -> Array3<i64> {
    Array3::from_shape_fn(a.dim(), |(c, row, column)| {
        let parity = (if c < 4 { c } else { column }) as i64 % 2;
        let (before, after) = (a[[c, row, column]], b[[c, row, column]]);
        match sides[[row / 8, column / 8]] {
            0 => (before + after + 1 - parity).div_euclid(2),
            1 => after,
            _ => before,
        }
    })
}

/// Luma after the loop filter.
fn filter(luma: &Array3<i64>, residual: &Array3<i64>, filter: LoopFilter) -> Array3<i64> {
    let (strength, reach) = (i64::from(filter.strength), i64::from(filter.reach));
    Array3::from_shape_fn(luma.dim(), |(_, y, x)| {
        let own = luma[[0, y, x]];
        if residual.slice(s![.., y / 2, x / 2]).iter().all(|&residual| residual == 0) {
            return own;
        }
        let moved = |(dy, dx): (i64, i64)| {
            let difference = clamped(luma, 0, y as i64 + dy, x as i64 + dx) - own;
            difference.signum() * (4 * difference.abs()).min(reach - difference.abs()).max(0)
        };
        let sum = strength * [(-1, 0), (1, 0), (0, -1), (0, 1)].map(moved).iter().sum::<i64>();
        own + sum.signum() * ((sum.abs() + 127) / 256)
    })
}

/// The pictures of a segment, in the order in which they are shown.
#[must_use]
pub fn decode(header: &FileHeader, model: &SegmentModel) -> Vec<Picture> {
    let architecture = &header.architecture;
    let geometry = header.geometry();
    // All of them, as they are shown.
    let mut decoded: Vec<Option<[Array3<i64>; 3]>> = vec![None; model.frames];
    let mut pictures = vec![None; model.frames];
    for (frame, shown) in shown_order(model).into_iter().enumerate() {
        let predicted = |from: usize, sign: i64, alone: bool| {
            let from = decoded[from].as_ref().expect("it is coded before");
            predict(from, architecture, model, (frame, sign, alone))
        };
        // The nearest pictures on both sides that there are.
        let before = decoded[..shown].iter().rposition(Option::is_some).filter(|_| model.motion.is_some());
        let after = decoded[shown..].iter().position(Option::is_some).filter(|_| model.motion.is_some());
        let prediction = match (before, after) {
            (Some(before), Some(after)) => {
                let sides = model.sides.as_ref().expect("it is between two");
                mean(&predicted(before, 1, false), &predicted(shown + after, -1, false), sides.slice(s![frame, .., ..]))
            }
            (Some(before), None) => predicted(before, 1, true),
            _ => {
                let colour = |c: usize| i64::from(model.colour[c.saturating_sub(3)]);
                Array3::from_shape_fn((6, geometry.height, geometry.width), |(c, ..)| colour(c))
            }
        };
        let update = model.updates.iter().rfind(|update| update.first <= frame);
        let mut weights = update.map_or(&model.weights[..], |update| &update.weights);
        let mut biases = update.map_or(&model.biases[..], |update| &update.biases);
        let gains = update.map_or(&model.scalars.gains[..], |update| &update.gains);
        let mut shifts = model.scalars.shifts.iter();
        let mut features: Option<Array3<i64>> = None;
        for (number, stage) in architecture.stages.iter().enumerate() {
            let stride_log2 = architecture.stages.len() - 1 - number;
            let (height, width) = geometry.grid(stride_log2 as u32);
            let mut parts: Vec<Array3<i64>> = features.iter().map(|coarse| upsample(coarse, height, width)).collect();
            parts.extend(injected(architecture, model, gains, stride_log2, frame));
            if stride_log2 == 0 && architecture.motion.is_some_and(|motion| motion.sees_prediction) {
                parts.push(prediction.mapv(|sample| (sample - 128) * 64));
            }
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            let mut activations = ndarray::concatenate(ndarray::Axis(0), &views).expect("one size");
            let mut at_rest: Option<Vec<i64>> = None;
            for &layer in &stage.layers {
                let point = layer.kind == LayerKind::Point && !layer.bias && !layer.residual;
                let rest = at_rest.filter(|_| point);
                let count = layer.kind.weights(activations.dim().0, layer.outputs.into());
                let of_bias = if layer.bias { usize::from(layer.outputs) } else { 0 };
                let shift = u32::from(*shifts.next().expect("a shift a layer"));
                activations =
                    convolve(&activations, layer, &weights[..count], &biases[..of_bias], rest.as_deref(), shift);
                // A bias in steps of 2^-7 through the ReLU, in those of 2^-12.
                let resting = |&bias: &i16| sat16(i64::from(bias) * 32).max(0);
                at_rest = (layer.bias && layer.relu).then(|| biases[..of_bias].iter().map(resting).collect());
                (weights, biases) = (&weights[count..], &biases[of_bias..]);
            }
            features = Some(activations);
        }
        let residual = features.expect("a stage at least").mapv(|y| round_shift(y, 6));
        let samples = (prediction + &residual).mapv(|sample| sample.clamp(0, 255));
        let luma = Array3::from_shape_fn((1, 2 * geometry.height, 2 * geometry.width), |(_, y, x)| {
            samples[[2 * (y % 2) + x % 2, y / 2, x / 2]]
        });
        let luma = filter(&luma, &residual, model.loop_filter);
        let chroma = |c: usize| samples.slice(s![c..=c, .., ..]).to_owned();
        let planes = [luma, chroma(4), chroma(5)];
        let crop = |plane: &Array3<i64>, height: usize, width: usize| -> Vec<u8> {
            plane.slice(s![0, ..height, ..width]).iter().map(|&sample| sample as u8).collect()
        };
        pictures[shown] = Some(Picture([
            crop(&planes[0], header.height.into(), header.width.into()),
            crop(&planes[1], geometry.height, geometry.width),
            crop(&planes[2], geometry.height, geometry.width),
        ]));
        decoded[shown] = Some(planes);
    }
    pictures.into_iter().map(|picture| picture.expect("each is coded")).collect()
}

/// As which picture each one is shown, in the order in which they are coded: after the first, the last of as many as the pyramid has, or the largest power of two that is
/// left, then those before it, halved again and again.
fn shown_order(model: &SegmentModel) -> Vec<usize> {
    fn between(first: usize, last: usize, order: &mut Vec<usize>) {
        let middle = (first + last) / 2;
        if middle > first {
            order.push(middle);
            between(first, middle, order);
            between(middle, last, order);
        }
    }
    let mut order = vec![0];
    let mut last = 0;
    while last + 1 < model.frames {
        let largest = (0..=model.pyramid).rev().map(|log2| 1 << log2).find(|size| last + size < model.frames);
        let next = last + largest.expect("one picture is left at least");
        order.push(next);
        between(last, next, &mut order);
        last = next;
    }
    order
}
