//! Where decoded rows go.

use crate::fixed::clip8;

/// Two luma rows, or parts of them, and the chroma that belongs to them.
#[derive(Clone, Copy, Debug)]
pub struct RowPair<'a> {
    /// Number of the picture in its segment.
    pub frame: u32,
    /// Number of the pair in the picture: luma rows `2 row` and `2 row + 1`, chroma row `row`.
    pub row: u16,
    /// The luma column of the first samples, even; the chroma column is half of it. 0 for whole rows.
    pub column: u16,
    /// The luma rows; whole ones have `width` samples each. The second is empty at the end of a picture of odd height.
    pub luma: [&'a [u8]; 2],
    /// The first chroma row (Cb), half as many samples as luma, rounded up.
    pub u: &'a [u8],
    /// The second chroma row (Cr), as many.
    pub v: &'a [u8],
}

/// Takes pictures row by row, planar YUV 4:2:0, top to bottom.
///
/// A sink gets every row as a whole, unless it says that it keeps the picture before and takes only what changed.
pub trait RowSink {
    /// What can go wrong on the way out.
    type Error;

    /// Takes the next rows.
    ///
    /// # Errors
    /// The sink's own; decoding of the picture stops there.
    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Self::Error>;

    /// Whether the sink keeps the picture before and gets only the parts of rows that may differ from it, left to right. The first
    /// picture of a segment always comes as a whole.
    fn takes_changes(&self) -> bool {
        false
    }
}

/// Where pixels belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the picture in its segment.
    pub frame: u32,
    /// Of the first of them.
    pub column: u16,
    /// Of all of them.
    pub row: u16,
}

/// Turns rows into RGB565 for displays: `draw(place, pixels)` gets a row of pixels, or a part of one, at a time.
///
/// A display keeps what it shows, so only what changed is drawn. The conversion is BT.601 with the limited range, in integers.
pub struct Rgb565Rows<'a, F> {
    line: &'a mut [u16],
    draw: F,
}

impl<'a, F, E> Rgb565Rows<'a, F>
where
    F: FnMut(Place, &[u16]) -> Result<(), E>,
{
    /// `line` holds one row; pixels beyond its length are left out.
    pub fn new(line: &'a mut [u16], draw: F) -> Self {
        Self { line, draw }
    }
}

impl<F, E> RowSink for Rgb565Rows<'_, F>
where
    F: FnMut(Place, &[u16]) -> Result<(), E>,
{
    type Error = E;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), E> {
        for (luma, number) in rows.luma.into_iter().zip([rows.row * 2, rows.row * 2 + 1]) {
            if luma.is_empty() {
                continue;
            }
            let chroma = rows.u.iter().zip(rows.v);
            let pairs = self.line.chunks_mut(2).zip(luma.chunks(2)).zip(chroma);
            let mut filled = 0;
            for ((pixels, samples), (&u, &v)) in pairs {
                for (pixel, &y) in pixels.iter_mut().zip(samples) {
                    *pixel = rgb565(y, u, v);
                    filled += 1;
                }
            }
            let place = Place { frame: rows.frame, column: rows.column, row: number };
            (self.draw)(place, self.line.get(..filled).unwrap_or_default())?;
        }
        Ok(())
    }

    fn takes_changes(&self) -> bool {
        true
    }
}

/// One pixel from BT.601 limited range to 5, 6 and 5 bits.
#[inline]
fn rgb565(y: u8, u: u8, v: u8) -> u16 {
    let y = (i32::from(y) - 16) * 298 + 128;
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    let red = clip8((y + 409 * v) >> 8);
    let green = clip8((y - 100 * u - 208 * v) >> 8);
    let blue = clip8((y + 516 * u) >> 8);
    (u16::from(red >> 3) << 11) | (u16::from(green >> 2) << 5) | u16::from(blue >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_bars_become_their_rgb565() {
        assert_eq!(rgb565(235, 128, 128), 0xffff, "white");
        assert_eq!(rgb565(16, 128, 128), 0x0000, "black");
        assert_eq!(rgb565(81, 90, 240), 0xf800, "red");
        assert_eq!(rgb565(145, 54, 34) & 0x07e0, 0x07e0, "green");
        assert_eq!(rgb565(41, 240, 110) & 0x001f, 0x001f, "blue");
    }

    #[test]
    fn an_odd_picture_gives_each_row_once() {
        let mut line = [0; 3];
        let mut seen = [0; 3];
        let mut sink = Rgb565Rows::new(&mut line, |place: Place, pixels: &[u16]| -> Result<(), ()> {
            seen[usize::from(place.row)] += pixels.len();
            Ok(())
        });
        let (a, b, c) = ([16; 3], [235; 3], [128; 2]);
        let pair = RowPair { frame: 0, row: 0, column: 0, luma: [&a, &b], u: &c, v: &c };
        sink.row_pair(pair).unwrap();
        sink.row_pair(RowPair { row: 1, luma: [&a, &[]], ..pair }).unwrap();
        assert_eq!(seen, [3, 3, 3]);
    }
}
