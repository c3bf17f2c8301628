//! Sums over the eight neighbours within a slice.

use super::lanes::LaneMath;

/// A plane with a border of zeros, so that every latent has eight neighbours.
#[derive(Debug)]
pub struct Bordered<'a, T> {
    width: usize,
    data: &'a mut [T],
}

impl<'a, T: LaneMath> Bordered<'a, T> {
    /// Elements of one of `height` x `width` without the border.
    pub fn len(height: usize, width: usize) -> usize {
        (height + 2) * (width + 2)
    }

    /// All zero, `width` wide without the border.
    pub fn new(width: usize, data: &'a mut [T]) -> Self {
        data.fill(T::ZERO);
        Bordered { width, data }
    }

    /// Takes over `map` of a plane.
    #[inline(always)]
    pub fn set(&mut self, plane: &[T], map: impl Fn(T) -> T) {
        let rows = self.data.chunks_exact_mut(self.width + 2).skip(1);
        for (to, from) in rows.zip(plane.chunks_exact(self.width)) {
            for (to, &from) in to[1..].iter_mut().zip(from) {
                *to = map(from);
            }
        }
    }

    /// The rows around row `y`, with their borders.
    #[inline(always)]
    fn around(&self, y: usize) -> [&[T]; 3] {
        let stride = self.width + 2;
        std::array::from_fn(|i| &self.data[(y + i) * stride..][..stride])
    }

    /// Sums of the neighbours above, below, left and right, of row `y`.
    #[inline(always)]
    pub fn cross(&self, y: usize) -> impl Iterator<Item = T> {
        let [above, row, below] = self.around(y);
        let vertical = above[1..].iter().zip(&below[1..]);
        let horizontal = row.iter().zip(&row[2..]);
        vertical.zip(horizontal).map(|((&a, &b), (&l, &r))| (a + b) + (l + r))
    }

    /// Sums of the diagonal neighbours, of row `y`.
    #[inline(always)]
    pub fn diagonal(&self, y: usize) -> impl Iterator<Item = T> {
        let [above, _, below] = self.around(y);
        let left = above.iter().zip(below);
        let right = above[2..].iter().zip(&below[2..]);
        left.zip(right).map(|((&a, &b), (&c, &d))| (a + b) + (c + d))
    }
}
