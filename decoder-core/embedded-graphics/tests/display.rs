//! Rows on displays of other colours and other sizes.

use std::convert::Infallible;

use decoder_core::{RowPair, RowSink};
use embedded_graphics_core::Pixel;
use embedded_graphics_core::draw_target::DrawTarget;
use embedded_graphics_core::geometry::{Dimensions, Point, Size};
use embedded_graphics_core::pixelcolor::{PixelColor, Rgb565, Rgb888, RgbColor};
use embedded_graphics_core::primitives::Rectangle;
use nvl_embedded_graphics::DisplayRows;

/// Notes the pixels that are inside.
struct Noting<C> {
    area: Rectangle,
    pixels: Vec<(Point, C)>,
}

impl<C> Noting<C> {
    fn new(corner: [i32; 2], [width, height]: [u32; 2]) -> Self {
        let area = Rectangle::new(Point::new(corner[0], corner[1]), Size::new(width, height));
        Self { area, pixels: vec![] }
    }
}

impl<C> Dimensions for Noting<C> {
    fn bounding_box(&self) -> Rectangle {
        self.area
    }
}

impl<C: PixelColor> DrawTarget for Noting<C> {
    type Color = C;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<C>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let inside = pixels.into_iter().filter(|Pixel(at, _)| self.area.contains(*at));
        self.pixels.extend(inside.map(|Pixel(at, colour)| (at, colour)));
        Ok(())
    }
}

/// Two rows of four pixels: white and black, from column 2 on.
const ROWS: RowPair<'static> = RowPair {
    frame: 0,
    row: 1,
    column: 2,
    luma: [&[235, 235, 16, 16], &[16, 16, 16, 235]],
    u: &[128; 2],
    v: &[128; 2],
};

#[test]
fn parts_of_rows_lie_where_they_belong_in_the_colours_of_the_display() {
    let mut line = [0; 8];
    let mut rows = DisplayRows::at(Noting::<Rgb888>::new([0, 0], [20, 20]), &mut line, Point::new(10, 5));
    let Ok(()) = rows.row_pair(ROWS);
    let expected: Vec<_> = [[1, 1, 0, 0], [0, 0, 0, 1]]
        .iter()
        .zip(7..)
        .flat_map(|(row, y)| row.iter().zip(12..).map(move |(&lit, x)| (Point::new(x, y), lit)))
        .map(|(at, lit)| (at, if lit == 1 { Rgb888::WHITE } else { Rgb888::BLACK }))
        .collect();
    assert_eq!(rows.release().pixels, expected);
}

#[test]
fn a_picture_is_in_the_middle_also_of_a_display_that_is_smaller_or_begins_elsewhere() {
    for (corner, size, first) in [([0, 0], [12, 12], [4, 6]), ([-3, 7], [12, 12], [1, 13]), ([0, 0], [4, 4], [0, 2])] {
        let mut line = [0; 8];
        let mut rows = DisplayRows::centred(Noting::<Rgb565>::new(corner, size), &mut line, 8, 4);
        let Ok(()) = rows.row_pair(ROWS);
        assert!(rows.takes_changes());
        assert_eq!(rows.display().pixels[0].0, Point::new(first[0], first[1]), "{size:?}");
    }
}
