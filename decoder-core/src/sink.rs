//! Where decoded rows go.

use crate::synthesis::kernels;

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
            let filled = luma.len().min(self.line.len());
            let pixels = self.line.get_mut(..filled).unwrap_or_default();
            rgb565_row(pixels, luma, rows.u, rows.v);
            let place = Place { frame: rows.frame, column: rows.column, row: number };
            (self.draw)(place, self.line.get(..filled).unwrap_or_default())?;
        }
        Ok(())
    }

    fn takes_changes(&self) -> bool {
        true
    }
}

/// Converts a row.
fn rgb565_row(pixels: &mut [u16], luma: &[u8], u: &[u8], v: &[u8]) {
    let done = kernels::rgb565(luma, u, v, pixels);
    let rest = |samples| -> &[u8] { <[u8]>::get(samples, done / 2..).unwrap_or_default() };
    let luma = luma.get(done..).unwrap_or_default();
    portable_rgb565_row(pixels.get_mut(done..).unwrap_or_default(), luma, rest(u), rest(v));
}

/// What [`Rgb565Rows`] makes of a row of `luma` and half as many samples of Cb and Cr, rounded up: as many pixels as there are of all.
///
/// This is the definition; a faster conversion must give the same.
#[inline(never)]
pub fn portable_rgb565_row(pixels: &mut [u16], luma: &[u8], u: &[u8], v: &[u8]) {
    let colours = u.iter().zip(v).map(|(&u, &v)| Colour::new(u, v));
    for ((pixels, luma), colour) in pixels.chunks_mut(2).zip(luma.chunks(2)).zip(colours) {
        pixels.iter_mut().zip(luma).for_each(|(pixel, &y)| *pixel = colour.rgb565(y));
    }
}

/// What chroma adds to red, green and blue, in 1/256: BT.601 with the limited range.
struct Colour([i32; 3]);

impl Colour {
    #[inline(always)]
    fn new(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let black = 128 - 16 * 298;
        Self([black + 409 * v, black - 100 * u - 208 * v, black + 516 * u])
    }

    /// A pixel to 5, 6 and 5 bits.
    #[inline(always)]
    fn rgb565(&self, y: u8) -> u16 {
        let y = 298 * i32::from(y);
        let [red, green, blue] = self.0;
        let (red, green, blue) = ((y + red) >> 11, (y + green) >> 10, (y + blue) >> 11);
        let (red, green, blue) = (red.clamp(0, 31), green.clamp(0, 63), blue.clamp(0, 31));
        (red << 11 | green << 5 | blue) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_bars_become_their_rgb565() {
        assert_eq!(Colour::new(128, 128).rgb565(235), 0xffff, "white");
        assert_eq!(Colour::new(128, 128).rgb565(16), 0x0000, "black");
        assert_eq!(Colour::new(90, 240).rgb565(81), 0xf800, "red");
        assert_eq!(Colour::new(54, 34).rgb565(145) & 0x07e0, 0x07e0, "green");
        assert_eq!(Colour::new(240, 110).rgb565(41) & 0x001f, 0x001f, "blue");
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
