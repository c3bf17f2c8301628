//! What motion may be instead: a block alone, or a square of blocks that becomes one.

use ndarray::Array2;
use rayon::prelude::*;

use super::overlap::{OF_BLOCKS, Square};
use super::places::Places;
use super::search::{Block, Search};

/// What is tried in a pass of a block alone and of several: what fits their samples best.
const TRIALS: [usize; 2] = [8, 4];
/// Changes of a component, in quarter samples, that are candidates for a block alone.
const STEPS: [i32; 4] = [-2, -1, 1, 2];

/// Blocks of a picture that become the same, or one alone.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub picture: usize,
    pub square: Square,
}

/// A cell that is changed.
pub struct Trial {
    pub cell: Cell,
    pub now: Block,
    pub before: Vec<Block>,
    /// By how much it changes the cost of errors; of one that is not worth trying, at least so much that this is known.
    pub error: f64,
}

/// The motion of pictures, and how well it fits.
pub struct Field<'a> {
    /// Of each picture.
    pub searches: Vec<Search<'a>>,
    /// Of each picture.
    pub motion: &'a mut [Array2<Block>],
    pub places: Places,
}

impl Field<'_> {
    /// All cells with a side of so many blocks. They overlap by half, as regions do not end where a lattice of squares does.
    pub fn cells(&self, side: usize) -> Vec<Cell> {
        let step = side.div_ceil(2);
        let of = |(picture, motion): (usize, &Array2<Block>)| {
            let (rows, columns) = motion.dim();
            let at = move |row: usize| (0..columns).step_by(step).map(move |column| [row, column]);
            let firsts = (0..rows).step_by(step).flat_map(at);
            firsts.map(move |first| Cell { picture, square: Square { first, side } })
        };
        self.motion.iter().enumerate().flat_map(of).collect()
    }

    /// The numbers of a cell's blocks.
    pub fn blocks(&self, Cell { picture, square: Square { first, side } }: Cell) -> Vec<usize> {
        let (rows, columns) = self.motion[picture].dim();
        let [down, across] = [(first[0], rows), (first[1], columns)].map(|(at, end)| at..(at + side).min(end));
        down.flat_map(|row| across.clone().map(move |column| row * columns + column)).collect()
    }

    /// What the blocks of a cell are.
    pub fn values(&self, cell: Cell) -> Vec<Block> {
        self.blocks(cell).into_iter().map(|block| self.motion[cell.picture][self.places.at(block)]).collect()
    }

    /// Changes a cell.
    pub fn make(&mut self, trial: &Trial) {
        for block in self.blocks(trial.cell) {
            self.motion[trial.cell.picture][self.places.at(block)] = trial.now;
        }
    }

    /// Makes a cell what it was before a trial.
    pub fn undo(&mut self, trial: &Trial) {
        for (block, &before) in self.blocks(trial.cell).into_iter().zip(&trial.before) {
            self.motion[trial.cell.picture][self.places.at(block)] = before;
        }
    }

    /// The cost of errors wherever a cell's vectors count, as they are or all of them the same, as far as it is below `stop`.
    fn error(&self, Cell { picture, square }: Cell, all: Option<Block>, stop: u32) -> u32 {
        self.searches[picture].seen_error::<OF_BLOCKS>(&self.motion[picture], square, all, stop)
    }

    /// By how much a trial changes the cost of errors; if that is `stop` or more, any number from `stop` on.
    pub fn changed_error(&self, trial: &Trial, stop: f64) -> f64 {
        let before = f64::from(self.error(trial.cell, None, u32::MAX));
        f64::from(self.error(trial.cell, Some(trial.now), (before + stop).ceil() as u32)) - before
    }

    /// What is tried of each cell, the last first.
    pub fn queues(&self, cells: &[Cell]) -> Vec<Vec<Block>> {
        let of = |&cell: &Cell| {
            let trials = TRIALS[usize::from(cell.square.side > 1)];
            // Those that fit best so far, in order.
            let mut best: Vec<(u32, Block)> = vec![];
            for candidate in self.candidates(cell) {
                let stop = best.get(trials - 1).map_or(u32::MAX, |&(error, _)| error);
                let error = self.error(cell, Some(candidate), stop);
                best.insert(best.partition_point(|&(other, _)| other <= error), (error, candidate));
                best.truncate(trials);
            }
            best.into_iter().rev().map(|(_, candidate)| candidate).collect()
        };
        cells.par_iter().map(of).collect()
    }

    /// What a cell may be instead, each once.
    fn candidates(&self, cell: Cell) -> Vec<Block> {
        let search = &self.searches[cell.picture];
        let blocks = self.blocks(cell);
        let own = |block: usize| self.motion[cell.picture][self.places.at(block)];
        let values: Vec<Block> = blocks.iter().map(|&block| own(block)).collect();
        let mut candidates: Vec<Block> = blocks
            .into_iter()
            // The picture's edge may leave one block of a square.
            .flat_map(|block| match values.len() {
                1 => self.instead_of_one(cell.picture, block, own(block)),
                _ => self.instead_of_several(cell.picture, block, own(block)),
            })
            .filter(|&candidate| search.allowed(candidate.vector) && values.iter().any(|&value| value != candidate))
            .collect();
        candidates.sort_unstable_by_key(|&Block { vector, side }| (vector, side));
        candidates.dedup();
        candidates
    }

    /// A block and those around it.
    fn around(&self, picture: usize, block: usize) -> Vec<Block> {
        self.places.around(block).map(|block| self.motion[picture][self.places.at(block)]).collect()
    }

    /// What all of several blocks may be because of one of them.
    fn instead_of_several(&self, picture: usize, block: usize, own: Block) -> Vec<Block> {
        let mut candidates = self.around(picture, block);
        let vectors = self.places.past(self.motion, picture, block).into_iter().chain([[0, 0]]);
        candidates.extend(vectors.map(|vector| Block { vector, ..own }));
        candidates
    }

    fn instead_of_one(&self, picture: usize, block: usize, own: Block) -> Vec<Block> {
        let around = self.around(picture, block);
        let mut vectors: Vec<[i32; 2]> = around.iter().map(|block| block.vector).collect();
        vectors.push([0, 0]);
        vectors.extend(self.places.past(self.motion, picture, block));
        let [y, x] = own.vector;
        // One component of what is around and the other as it is.
        vectors.extend(vectors.clone().into_iter().flat_map(|[other_y, other_x]| [[other_y, x], [y, other_x]]));
        vectors.extend(STEPS.iter().flat_map(|step| [[y + step, x], [y, x + step]]));
        let mut candidates: Vec<Block> = vectors.into_iter().map(|vector| Block { vector, ..own }).collect();
        if self.places.is_between(picture) {
            candidates.extend([-1, 0, 1].map(|side| Block { side, ..own }));
            candidates.extend(around);
        }
        candidates
    }
}
