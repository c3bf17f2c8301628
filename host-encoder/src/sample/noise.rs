//! Value noise from an integer hash.

/// A number 0..1 for a lattice point, always the same.
fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut bits = x.cast_unsigned().wrapping_mul(0x9e37_79b1)
        ^ y.cast_unsigned().wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(0xc2b2_ae3d);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x2c1b_3c6d);
    bits = (bits ^ (bits >> 12)).wrapping_mul(0x297a_2d39);
    bits ^= bits >> 15;
    (bits >> 8) as f32 / (1 << 24) as f32
}

/// Smooth noise 0..1 that changes over a distance of 1.
pub(super) fn value(x: f32, y: f32, seed: u32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - x0), ease(y - y0));
    let (x0, y0) = (x0 as i32, y0 as i32);
    let row = |y: i32| hash(x0, y, seed) * (1.0 - tx) + hash(x0 + 1, y, seed) * tx;
    row(y0) * (1.0 - ty) + row(y0 + 1) * ty
}

/// Noise 0..1 with detail down to `2^-octaves`.
pub(super) fn fractal(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut scale, mut total) = (0.0, 1.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += weight * value(x * scale, y * scale, seed + octave);
        total += weight;
        weight *= 0.5;
        scale *= 2.0;
    }
    sum / total
}

/// Noise 0..1 with sharp crests, as mountains have.
pub(super) fn ridged(x: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut scale, mut total) = (0.0, 1.0, 1.0, 0.0);
    for octave in 0..octaves {
        let crest = 1.0 - (2.0 * value(x * scale, 0.5, seed + octave) - 1.0).abs();
        sum += weight * crest;
        total += weight;
        weight *= 0.45;
        scale *= 2.1;
    }
    sum / total
}
