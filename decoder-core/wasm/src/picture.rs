//! A decoded picture, and the same for a canvas.

use core::convert::Infallible;

use decoder_core::{RowPair, RowSink};

/// A picture, planar YUV 4:2:0: `width * height` luma samples, then the two chroma planes of `ceil(width / 2) * ceil(height / 2)`.
#[derive(Debug)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    samples: &'a mut [u8],
}

/// Bytes of a picture's planes.
pub(crate) fn planes_len(width: usize, height: usize) -> usize {
    width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
}

impl<'a> Picture<'a> {
    /// Lays a picture over `samples`, of which it takes the first bytes.
    #[must_use]
    pub fn new(width: usize, height: usize, samples: &'a mut [u8]) -> Self {
        Self { width, height, samples }
    }

    fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }

    /// Where plane 0, 1 or 2 begins.
    fn plane(&self, number: usize) -> usize {
        match number {
            0 => 0,
            _ => self.width * self.height + (number - 1) * self.chroma_width() * self.height.div_ceil(2),
        }
    }

    fn put(&mut self, at: usize, row: &[u8]) {
        if let Some(place) = self.samples.get_mut(at..at + row.len()) {
            place.copy_from_slice(row);
        }
    }

    /// Row `row` of a chroma plane, the last row for rows beyond it.
    fn chroma_row(&self, plane: usize, row: usize) -> &[u8] {
        let row = row.min(self.height.div_ceil(2).saturating_sub(1));
        let at = self.plane(plane) + row * self.chroma_width();
        self.samples.get(at..at + self.chroma_width()).unwrap_or_default()
    }

    /// Converts to red, green, blue and 255, `4 * width * height` bytes: BT.601 with the limited range, chroma interpolated
    /// linearly between samples that stand in the middle of four luma samples.
    pub fn to_rgba(&self, rgba: &mut [u8]) {
        let width = self.width.max(1);
        for ((row, luma), out) in
            self.samples.chunks_exact(width).take(self.height).enumerate().zip(rgba.chunks_exact_mut(4 * width))
        {
            let near = row / 2;
            let far = if row % 2 == 0 { near.saturating_sub(1) } else { near + 1 };
            let [u, v] =
                [1, 2].map(|plane| Chroma { near: self.chroma_row(plane, near), far: self.chroma_row(plane, far) });
            // Two pixels at a time lie left and right of the middle of one chroma sample.
            let (mut before, mut here) = (Pair::at(&u, &v, 0), Pair::at(&u, &v, 0));
            for (column, (luma, out)) in luma.chunks(2).zip(out.chunks_mut(8)).enumerate() {
                let after = Pair::at(&u, &v, (column + 1).min(u.near.len().saturating_sub(1)));
                for ((&luma, out), beside) in luma.iter().zip(out.chunks_exact_mut(4)).zip([before, after]) {
                    out.copy_from_slice(&rgba_of(luma, here.blend(beside)));
                }
                (before, here) = (here, after);
            }
        }
    }
}

impl RowSink for Picture<'_> {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        let [row, column] = [rows.row, rows.column].map(usize::from);
        let luma = 2 * row * self.width + column;
        self.put(luma, rows.luma[0]);
        self.put(luma + self.width, rows.luma[1]);
        let chroma = row * self.chroma_width() + column / 2;
        self.put(self.plane(1) + chroma, rows.u);
        self.put(self.plane(2) + chroma, rows.v);
        Ok(())
    }

    fn takes_changes(&self) -> bool {
        true
    }
}

/// The two rows of a chroma plane that a row of pixels lies between.
struct Chroma<'a> {
    near: &'a [u8],
    far: &'a [u8],
}

impl Chroma<'_> {
    /// In quarters of a code value.
    #[inline(always)]
    fn at(&self, column: usize) -> i32 {
        let [near, far] = [self.near, self.far].map(|row| i32::from(row.get(column).copied().unwrap_or(128)));
        3 * near + far
    }
}

/// U and V at a column.
#[derive(Clone, Copy)]
struct Pair([i32; 2]);

impl Pair {
    #[inline(always)]
    fn at(u: &Chroma<'_>, v: &Chroma<'_>, column: usize) -> Self {
        Self([u.at(column), v.at(column)])
    }

    /// At a pixel of this sample on the side of `beside`: distance from 128 in sixteenths of a code value.
    #[inline(always)]
    fn blend(self, beside: Self) -> [i32; 2] {
        [0, 1].map(|which| 3 * self.0[which] + beside.0[which] - 16 * 128)
    }
}

/// Coefficients of BT.601, limited range, times 2^14 for luma and 2^10 for chroma in sixteenths.
#[inline(always)]
fn rgba_of(luma: u8, [u, v]: [i32; 2]) -> [u8; 4] {
    let y = 19_077 * (i32::from(luma) - 16) + (1 << 13);
    let code = |sum: i32| (sum >> 14).clamp(0, 255) as u8;
    [code(y + 1634 * v), code(y - 401 * u - 832 * v), code(y + 2066 * u), 255]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, in floating point.
    #[expect(clippy::float_arithmetic, reason = "it is what the integers are compared with")]
    fn pixel(width: usize, height: usize, samples: &[u8], row: usize, column: usize) -> [f64; 3] {
        let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
        let chroma = |plane: usize| {
            let at = |y: isize, x: isize| {
                let y = y.clamp(0, chroma_height as isize - 1) as usize;
                let x = x.clamp(0, chroma_width as isize - 1) as usize;
                f64::from(samples[width * height + plane * chroma_width * chroma_height + y * chroma_width + x])
            };
            // Position in chroma samples, whose middles are at whole numbers.
            let (y, x) = (row as f64 / 2.0 - 0.25, column as f64 / 2.0 - 0.25);
            let (top, left, fy, fx) = (y.floor() as isize, x.floor() as isize, y - y.floor(), x - x.floor());
            (1.0 - fy) * ((1.0 - fx) * at(top, left) + fx * at(top, left + 1))
                + fy * ((1.0 - fx) * at(top + 1, left) + fx * at(top + 1, left + 1))
                - 128.0
        };
        let y = (f64::from(samples[row * width + column]) - 16.0) * 255.0 / 219.0;
        let (u, v) = (chroma(0), chroma(1));
        [y + 1.596_027 * v, y - 0.391_762 * u - 0.812_968 * v, y + 2.017_232 * u].map(|value| value.clamp(0.0, 255.0))
    }

    #[test]
    fn colours_are_those_of_the_definition() {
        for (width, height) in [(8, 8), (9, 11), (33, 17)] {
            // Neighbours that are anything but alike.
            let mut samples: Vec<u8> =
                (0..planes_len(width, height)).map(|at| (at * at * 37 + at * 101) as u8).collect();
            let kept = samples.clone();
            let mut rgba = vec![0; 4 * width * height];
            Picture::new(width, height, &mut samples).to_rgba(&mut rgba);
            for (at, shown) in rgba.chunks_exact(4).enumerate() {
                let expected = pixel(width, height, &kept, at / width, at % width);
                for (shown, expected) in shown.iter().zip(expected) {
                    assert!(
                        (f64::from(*shown) - expected).abs() < 1.0,
                        "{width}x{height}, pixel {at}: {shown}, {expected}"
                    );
                }
                assert_eq!(shown[3], 255);
            }
        }
    }
}
