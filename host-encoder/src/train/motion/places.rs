//! Which bits a block's motion changes.

use std::collections::BTreeMap;

use decoder_core::order::Order;
use decoder_core::wire::Geometry;
use ndarray::Array2;

use super::search::Block;
use crate::autodiff::ops::octree_rate::Layout;

/// The places of the motion of pictures that are coded one after the other.
///
/// A *place* is that of a block's vector or of its side: first those of all pictures' vectors, then those of all sides, `[picture][row][column]` each.
pub struct Places {
    order: Order,
    rows: usize,
    columns: usize,
    /// Of each block those of its own picture that see it when they are decoded.
    seen_by: Vec<Vec<usize>>,
    /// Of each picture the one whose vectors are its past.
    pasts: Vec<Option<usize>>,
    /// Of each picture those whose past it is: in vectors and in sides.
    futures: [Vec<Vec<usize>>; 2],
}

impl Places {
    /// Of the pictures of an order after its first.
    pub fn new(order: Order, geometry: Geometry) -> Self {
        let (rows, columns) = geometry.motion();
        let area = rows * columns;
        let layout = Layout::new(0, rows, columns);
        let mut seen_by: Vec<Vec<usize>> = (0..area).map(|at| vec![at]).collect();
        for group in &layout.groups {
            let neighbours = group.neighbours.chunks_exact((group.corners + group.sides).max(1));
            for (&position, neighbours) in group.positions.iter().zip(neighbours) {
                // What is before is not of this picture.
                for neighbour in neighbours.iter().filter_map(|&at| (at as usize).checked_sub(area)) {
                    seen_by[neighbour].push(position as usize);
                }
            }
        }
        let pictures = order.frames - 1;
        let (mut pasts, mut futures) = (vec![], [(); 2].map(|()| vec![vec![]; pictures]));
        // Of each level, and of the pictures between two, the last.
        let (mut last, mut last_between) = (BTreeMap::new(), None);
        for picture in 0..pictures {
            let level = order.level(picture + 1);
            let past: Option<usize> = last.get(&level.saturating_sub(1)).copied();
            past.into_iter().for_each(|past| futures[0][past].push(picture));
            pasts.push(past);
            last.insert(level, picture);
            if level > 0 {
                last_between.replace(picture).into_iter().for_each(|past: usize| futures[1][past].push(picture));
            }
        }
        Self { order, rows, columns, seen_by, pasts, futures }
    }

    /// Their number.
    pub fn len(&self) -> usize {
        2 * self.pictures() * self.area()
    }

    /// Pictures.
    pub fn pictures(&self) -> usize {
        self.pasts.len()
    }

    /// The place of a block's vector, and that of its side.
    pub fn of_block(&self, picture: usize, block: usize) -> [usize; 2] {
        [0, self.pictures()].map(|first| (first + picture) * self.area() + block)
    }

    /// Blocks of a picture.
    pub fn area(&self) -> usize {
        self.rows * self.columns
    }

    /// Row and column of a block.
    pub fn at(&self, block: usize) -> [usize; 2] {
        [block / self.columns, block % self.columns]
    }

    /// A block and those around it.
    pub fn around(&self, block: usize) -> impl Iterator<Item = usize> + use<> {
        let ([y, x], columns) = (self.at(block), self.columns);
        let [within_rows, within_columns] =
            [(y, self.rows), (x, self.columns)].map(|(at, end)| at.saturating_sub(1)..(at + 2).min(end));
        within_rows.flat_map(move |y| within_columns.clone().map(move |x| y * columns + x))
    }

    /// Whether a picture has sides.
    pub fn is_between(&self, picture: usize) -> bool {
        self.order.is_between(picture + 1)
    }

    /// What the past says about a block's vector.
    pub fn past(&self, motion: &[Array2<Block>], picture: usize, block: usize) -> Option<[i32; 2]> {
        let vector = motion[self.pasts[picture]?][self.at(block)].vector;
        Some(if self.is_between(picture) { vector.map(|component| (component + 1) >> 1) } else { vector })
    }

    /// The places whose bits may change with a block, and those of the blocks around it.
    pub fn changed_by(&self, picture: usize, block: usize) -> impl Iterator<Item = usize> {
        let kinds = if self.is_between(picture) { 2 } else { 1 };
        self.futures.iter().enumerate().take(kinds).flat_map(move |(kind, futures)| {
            let of = move |picture: usize, block: usize| self.of_block(picture, block)[kind];
            let seen = self.seen_by[block].iter().map(move |&block| of(picture, block));
            let pictures = futures[picture].iter().copied().chain([picture]);
            seen.chain(pictures.flat_map(move |picture| self.around(block).map(move |block| of(picture, block))))
        })
    }
}
