//! The model of time and memory, fitted to measurements.

use decoder_core::wire::Geometry;
use host_encoder::settings::EncodeSettings;
use host_encoder::train::{Load, SOURCE_BYTES, Work, architecture};

/// What one fit took, and what it was.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its settings.
    pub settings: EncodeSettings,
    /// Luma samples a row, rows.
    pub size: (usize, usize),
    /// Frames.
    pub frames: usize,
    /// CPU seconds.
    pub cpu: f64,
    /// Bytes.
    pub memory: f64,
}

/// The coefficients of `host_encoder::train::expected_cost`.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// CPU nanoseconds of a step, for a luma sample, and for a multiply-accumulate of the network on it.
    pub nanoseconds: [f64; 3],
    /// Bytes of the process, for an activation of a luma sample, for a multiply-accumulate of the network on it.
    pub bytes: [f64; 3],
}

impl Point {
    fn load(&self) -> Load {
        let geometry = self.geometry();
        Load::of(&architecture(&self.settings, geometry), geometry)
    }

    /// The size of its grids.
    pub fn geometry(&self) -> Geometry {
        Geometry::new(self.size.0 as u16, self.size.1 as u16)
    }

    /// Luma samples of a picture.
    fn samples(&self) -> f64 {
        let geometry = self.geometry();
        (4 * geometry.width * geometry.height) as f64
    }

    fn work(&self) -> Work {
        Work::of(&architecture(&self.settings, self.geometry()), self.frames, self.settings.effort)
    }

    /// Bytes that the model does not fit.
    fn source_bytes(&self) -> f64 {
        self.samples() * self.frames as f64 * SOURCE_BYTES
    }
}

impl Model {
    /// What it expects of a fit: CPU seconds and bytes.
    pub fn expect(&self, point: &Point) -> [f64; 2] {
        let dot = |coefficients: &[f64; 3], row: [f64; 3]| coefficients.iter().zip(row).map(|(a, b)| a * b).sum();
        [dot(&self.nanoseconds, time_row(point)), dot(&self.bytes, memory_row(point)) + point.source_bytes()]
    }

    /// The model with the least relative errors.
    pub fn fit(points: &[Point]) -> Self {
        let time = points.iter().map(|point| (time_row(point), point.cpu));
        let memory = points.iter().map(|point| (memory_row(point), point.memory - point.source_bytes()));
        Self { nanoseconds: least_squares(time), bytes: least_squares(memory) }
    }
}

/// What the coefficients of the time are multiplied with, in units that give seconds.
fn time_row(point: &Point) -> [f64; 3] {
    let Work { steps, pictures, .. } = point.work();
    let scale = 1e-9 * point.samples() * pictures as f64;
    [1e-9 * steps as f64, scale, scale * point.load().macs]
}

/// The same of the memory.
fn memory_row(point: &Point) -> [f64; 3] {
    let samples = point.samples() * point.work().block as f64;
    let load = point.load();
    [1.0, samples * load.activations, samples * load.macs]
}

/// Coefficients `c` with the least sum of `((row . c - value) / value)^2`, none below 0: those that would be are left out.
fn least_squares<const N: usize>(rows: impl Iterator<Item = ([f64; N], f64)>) -> [f64; N] {
    let rows: Vec<[f64; N]> = rows.map(|(row, value)| row.map(|item| item / value)).collect();
    let mut used = [true; N];
    loop {
        let mut matrix = [[0.0; N]; N];
        let mut right = [0.0; N];
        for i in 0..N {
            for j in 0..N {
                matrix[i][j] = match used[i] && used[j] {
                    true => rows.iter().map(|row| row[i] * row[j]).sum(),
                    false => f64::from(u8::from(i == j)),
                };
            }
            right[i] = if used[i] { rows.iter().map(|row| row[i]).sum() } else { 0.0 };
        }
        let solution = solve(matrix, right);
        match (0..N).filter(|&at| solution[at] < 0.0).min_by(|&a, &b| solution[a].total_cmp(&solution[b])) {
            Some(negative) => used[negative] = false,
            None => return solution,
        }
    }
}

/// Solves a positive definite system by Gaussian elimination.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for pivot in 0..N {
        for row in pivot + 1..N {
            let of_pivot = matrix[pivot];
            let factor = matrix[row][pivot] / of_pivot[pivot];
            matrix[row].iter_mut().zip(of_pivot).for_each(|(item, of_pivot)| *item -= factor * of_pivot);
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_found_again_and_none_is_negative() {
        let truth = [3.0, 0.5, 20.0];
        let rows = (1..9).map(|n| {
            let row = [1.0, f64::from(n * n), f64::from(17 % n)];
            (row, row.iter().zip(truth).map(|(a, b)| a * b).sum())
        });
        for (found, expected) in least_squares(rows).into_iter().zip(truth) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        let falling = (1..5).map(|n| ([1.0, f64::from(n)], 10.0 - f64::from(n)));
        assert_eq!(least_squares(falling)[1], 0.0);
    }
}
