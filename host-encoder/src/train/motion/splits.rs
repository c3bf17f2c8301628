//! Blocks that are split: which of those of pictures that are predicted from one have a vector for each quarter.

use decoder_core::splits::{PARTS, SELECTORS, selected};
use ndarray::{Array2, Array3};
use rayon::prelude::*;

use super::overlap::{OF_QUARTERS, Square};
use super::search::{AROUND, Block, Search, descend};

/// Sweeps over all pictures. The first guesses bits, every other counts them as those before have used them.
const SWEEPS: usize = 3;
/// Whole samples around the block's vector that are tried of a quarter, in the first sweep.
const WITHIN: i32 = 3;
/// Bits of a block that is not split and of one that is, to begin with.
const GUESSED_FLAGS: [f64; 2] = [0.3, 2.5];
/// Bits of each selector, to begin with.
const GUESSED_SELECTORS: [f64; SELECTORS.len()] = [1.0, 2.0, 2.0, 3.0];
/// What is counted before anything is, so that nothing costs infinitely many bits.
const UNSEEN: f64 = 0.5;
/// Octaves of magnitudes, and zero.
const OCTAVES: usize = 9;
/// Largest component of a difference.
const LIMIT: i32 = 127;

/// The bits that splits take.
struct Bits {
    /// Of a block that is not split and of one that is, by how many of those at its left and above it are.
    flags: [[f64; 2]; 3],
    /// Of a selector, by its place among all.
    selectors: [f64; SELECTORS.len()],
    /// Of a component with its sign, by the octave of its magnitude.
    octaves: [f64; OCTAVES],
}

impl Bits {
    fn guessed() -> Self {
        let octaves = std::array::from_fn(|octave| if octave == 0 { 0.5 } else { 1.5 + 2.0 * octave as f64 });
        Self { flags: [GUESSED_FLAGS; 3], selectors: GUESSED_SELECTORS, octaves }
    }

    /// As many as the splits of some pictures make likely.
    fn counted(pictures: &[Split<'_>]) -> Self {
        let mut flags = [[UNSEEN; 2]; 3];
        let mut selectors = [UNSEEN; SELECTORS.len()];
        let mut octaves = [UNSEEN; OCTAVES];
        for picture in pictures {
            for (at, &split) in picture.split.indexed_iter() {
                flags[picture.around(at.into())][usize::from(split)] += 1.0;
                for quarter in picture.quarters_of(at.into()).filter(|_| split) {
                    let Choice { selector, difference } = picture.choices[quarter];
                    selectors[selector] += 1.0;
                    difference.into_iter().for_each(|component| octaves[octave(component)] += 1.0);
                }
            }
        }
        Self { flags: flags.map(bits), selectors: bits(selectors), octaves: with_digits(bits(octaves)) }
    }

    fn choice(&self, Choice { selector, difference }: Choice) -> f64 {
        self.selectors[selector] + difference.map(|component| self.octaves[octave(component)]).iter().sum::<f64>()
    }
}

/// The bits of what has been counted.
fn bits<const N: usize>(counts: [f64; N]) -> [f64; N] {
    let all: f64 = counts.iter().sum();
    counts.map(|count| (all / count).log2())
}

/// What the octaves of magnitudes take, with the signs and digits of what is in them.
fn with_digits(mut octaves: [f64; OCTAVES]) -> [f64; OCTAVES] {
    octaves.iter_mut().enumerate().for_each(|(octave, bits)| *bits += octave as f64);
    octaves
}

/// 0 for zero, else one more than the logarithm of a magnitude: as many bits tell its sign and what is below its first digit.
fn octave(component: i32) -> usize {
    component.unsigned_abs().checked_ilog2().map_or(0, |log2| (log2 as usize + 1).min(OCTAVES - 1))
}

/// What a quarter's vector is made of.
#[derive(Clone, Copy, Default)]
struct Choice {
    /// Place among [`SELECTORS`].
    selector: usize,
    difference: [i32; 2],
}

/// A picture and its splits.
struct Split<'a> {
    search: &'a Search<'a>,
    blocks: &'a Array2<Block>,
    /// The vectors of all quarters, and what they are made of.
    quarters: Array2<Block>,
    choices: Array2<Choice>,
    /// Of each block, whether it is split.
    split: Array2<bool>,
}

impl<'a> Split<'a> {
    fn new(search: &'a Search<'a>, blocks: &'a Array2<Block>, shape: (usize, usize)) -> Self {
        let quarters = Array2::from_shape_fn(shape, |(row, column)| blocks[[row / 2, column / 2]]);
        let (choices, split) = (Array2::default(shape), Array2::default(blocks.dim()));
        Self { search, blocks, quarters, choices, split }
    }

    /// How many of the blocks at the left of one and above it are split.
    fn around(&self, [row, column]: [usize; 2]) -> usize {
        let split = |at: Option<[usize; 2]>| at.is_some_and(|at| self.split[at]);
        let (left, above) = (column.checked_sub(1), row.checked_sub(1));
        usize::from(split(left.map(|left| [row, left]))) + usize::from(split(above.map(|above| [above, column])))
    }

    /// The quarters of a block that are in the picture.
    fn quarters_of(&self, [row, column]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> + use<> {
        let (rows, columns) = self.quarters.dim();
        let all = [[0, 0], [0, 1], [1, 0], [1, 1]].map(|[down, right]| [2 * row + down, 2 * column + right]);
        all.into_iter().filter(move |&[row, column]| row < rows && column < columns)
    }

    /// The vectors that a quarter may begin with, in the order of [`SELECTORS`].
    fn bases(&self, quarter: [usize; 2]) -> [[i32; 2]; SELECTORS.len()] {
        let blocks = self.blocks.dim().into();
        SELECTORS.map(|selector| {
            let block = selected(selector, quarter, blocks).unwrap_or(quarter.map(|at| at / 2));
            self.blocks[block].vector
        })
    }

    /// Looks at each block once.
    fn sweep(&mut self, bits: &Bits, within: i32) {
        let (rows, columns) = self.blocks.dim();
        for at in (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column])) {
            self.look_at(at, bits, within);
        }
    }

    /// Splits a block if that costs less, with the best vectors for its quarters one after the other.
    fn look_at(&mut self, at: [usize; 2], bits: &Bits, within: i32) {
        let price = self.search.costs.bit;
        let flags = bits.flags[self.around(at)];
        let quarters = Square { first: at.map(|at| 2 * at), side: 2 };
        let cost =
            |split: &Self| f64::from(split.search.seen_error::<OF_QUARTERS>(&split.quarters, quarters, None, u32::MAX));
        let places: Vec<[usize; 2]> = self.quarters_of(at).collect();
        let before: Vec<Block> = places.iter().map(|&place| self.quarters[place]).collect();
        places.iter().for_each(|&place| self.quarters[place] = self.blocks[at]);
        let whole = cost(self) + price * flags[0];
        places.iter().zip(before).for_each(|(&place, before)| self.quarters[place] = before);
        places.iter().for_each(|&place| self.choose(place, bits, within));
        let choices: f64 = places.iter().map(|&place| bits.choice(self.choices[place])).sum();
        let is_split = places.iter().any(|&place| self.quarters[place] != self.blocks[at]);
        self.split[at] = is_split && cost(self) + price * (flags[1] + choices) < whole;
        if !self.split[at] {
            for place in places {
                (self.quarters[place], self.choices[place]) = (self.blocks[at], Choice::default());
            }
        }
    }

    /// Makes a quarter's vector the best of those around it and what is near.
    fn choose(&mut self, place: [usize; 2], bits: &Bits, within: i32) {
        let (search, of_block, bases) = (self.search, self.blocks[place.map(|at| at / 2)], self.bases(place));
        let made_of = |vector: [i32; 2]| {
            let choices = bases
                .iter()
                .enumerate()
                .map(|(selector, base)| Choice { selector, difference: [vector[0] - base[0], vector[1] - base[1]] });
            let codable = choices.filter(|choice| choice.difference.iter().all(|component| component.abs() <= LIMIT));
            let priced = codable.map(|choice| (choice, bits.choice(choice)));
            priced.min_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        let cost = |vector: [i32; 2], stop: f64| {
            let (choice, bits) = made_of(vector).filter(|_| search.allowed(vector))?;
            let (all, price) = (Some(Block { vector, ..of_block }), search.costs.bit * bits);
            let stop = (stop - price).ceil() as u32;
            let error = search.seen_error::<OF_QUARTERS>(&self.quarters, Square::of(place), all, stop);
            Some((f64::from(error) + price, choice))
        };
        let own = self.quarters[place].vector;
        let mut best = (own, cost(own, f64::INFINITY).unwrap_or((f64::INFINITY, Choice::default())));
        let consider = |vector: [i32; 2], best: &mut ([i32; 2], (f64, Choice))| {
            if vector != best.0
                && let Some(cost) = cost(vector, best.1.0).filter(|(cost, _)| *cost < best.1.0)
            {
                *best = (vector, cost);
            }
        };
        let [row, column] = place;
        let beside = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
        let (rows, columns) = self.quarters.dim();
        let around = beside(row, rows).flat_map(|row| beside(column, columns).map(move |column| [row, column]));
        let around = around.map(|at| self.quarters[at].vector);
        let [y, x] = of_block.vector;
        let whole = (-within..=within).flat_map(|dy| (-within..=within).map(move |dx| [y + 4 * dy, x + 4 * dx]));
        bases.into_iter().chain(around).chain([[0, 0]]).chain(whole).for_each(|vector| consider(vector, &mut best));
        descend(&mut best, &[2, 1], &AROUND, consider);
        let (vector, (_, choice)) = best;
        (self.quarters[place].vector, self.choices[place]) = (vector, choice);
    }
}

/// What the vectors of the quarters of the blocks of some pictures are made of, `[selector, vertical, horizontal][row][column]` each: all zero but where other vectors than
/// that of the block cost less than what they save. There are `quarters` rows and columns of them.
pub fn splits(pictures: &[(&Search<'_>, &Array2<Block>)], quarters: (usize, usize)) -> Vec<Array3<i8>> {
    let mut splits: Vec<Split<'_>> =
        pictures.iter().map(|(search, blocks)| Split::new(search, blocks, quarters)).collect();
    let mut bits = Bits::guessed();
    for sweep in 0..SWEEPS {
        let within = if sweep == 0 { WITHIN } else { 0 };
        splits.par_iter_mut().for_each(|split| split.sweep(&bits, within));
        bits = Bits::counted(&splits);
    }
    let (rows, columns) = quarters;
    let part = |choice: Choice, number: usize| match number.checked_sub(1) {
        None => SELECTORS[choice.selector],
        Some(component) => choice.difference[component] as i8,
    };
    let of = |split: &Split<'_>| {
        Array3::from_shape_fn((PARTS, rows, columns), |(number, row, column)| {
            part(split.choices[[row, column]], number)
        })
    };
    splits.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use decoder_core::wire::{Geometry, Interpolation, Motion};

    use super::super::costs::Costs;
    use super::super::search::{Phases, Planes};
    use super::*;

    /// A picture in which the sample at `(y, x)` is that of a texture, displaced there.
    fn picture(geometry: Geometry, displaced: impl Fn(usize, usize) -> [i32; 2]) -> Planes {
        let texture = |y: i32, x: i32| {
            let (y, x) = (f64::from(y), f64::from(x));
            (128.0 + 50.0 * (y / 3.1 + (x / 7.3).sin()).sin() + 40.0 * (x / 2.7 + y / 9.1).sin()) as u8
        };
        let (rows, columns) = (2 * geometry.height, 2 * geometry.width);
        let sample = |y: usize, x: usize| {
            let [down, right] = displaced(y, x);
            texture(y as i32 + down, x as i32 + right)
        };
        let luma = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))).map(|(y, x)| sample(y, x)).collect();
        let sites = geometry.width * geometry.height;
        Planes { geometry, luma, chroma: [vec![128; sites], vec![128; sites]] }
    }

    #[test]
    fn blocks_are_split_along_the_edges_of_what_moves_otherwise() {
        let geometry = Geometry::new(100, 84);
        let motion =
            Motion { interpolation: Interpolation::Cubic, reach: 15, sees_prediction: false, pyramid: 0, splits: true };
        // All of it moves, and a part does by more, whose edges are within blocks.
        let is_other = |row: usize, column: usize| (5..8).contains(&row) && (9..14).contains(&column);
        let current = picture(geometry, |y, x| if is_other(y / 8, x / 8) { [3, -1] } else { [1, 2] });
        let phases = Phases::new(&picture(geometry, |_, _| [0, 0]), motion);
        let search = Search::new(&phases, None, &current, motion, Costs::coded(60.0));
        let blocks = Array2::from_elem(geometry.motion(), Block { vector: [4, 8], side: -1 });
        let splits = splits(&[(&search, &blocks)], geometry.quarters());
        for ((part, row, column), &split) in splits[0].indexed_iter() {
            // At the edges quarters are mixed with what is beyond them, and others may fit as well.
            let is_inner = row == 6 && (10..13).contains(&column);
            if is_inner || !is_other(row, column) {
                let expected: i8 = if is_inner { [0, 8, -12][part] } else { 0 };
                let near = if is_inner { 4 } else { 0 };
                assert!(split.abs_diff(expected) <= near, "part {part} of {row}, {column}: {split}, not {expected}");
            }
        }
    }

    #[test]
    fn a_quarter_may_move_as_the_block_beside_it() {
        let geometry = Geometry::new(64, 64);
        let motion =
            Motion { interpolation: Interpolation::Cubic, reach: 15, sees_prediction: false, pyramid: 0, splits: true };
        // The right half of the picture moves, but the edge is within a block.
        let current = picture(geometry, |_, x| if x < 72 { [0, 0] } else { [5, 7] });
        let phases = Phases::new(&picture(geometry, |_, _| [0, 0]), motion);
        let search = Search::new(&phases, None, &current, motion, Costs::coded(60.0));
        let blocks = Array2::from_shape_fn(geometry.motion(), |(_, column)| Block {
            vector: if column < 5 { [0, 0] } else { [20, 28] },
            side: -1,
        });
        let splits = splits(&[(&search, &blocks)], geometry.quarters());
        for ((part, row, column), &split) in splits[0].indexed_iter() {
            let expected = i8::from(part == 0 && column == 9);
            assert_eq!(split, expected, "part {part} of {row}, {column}");
        }
    }

    #[test]
    fn bits_are_those_of_probabilities() {
        let Bits { flags, selectors, octaves } = Bits::counted(&[]);
        let all = |bits: &[f64]| bits.iter().map(|bits| (-bits).exp2()).sum::<f64>();
        assert!(flags.iter().all(|flags| (all(flags) - 1.0).abs() < 1e-12));
        assert!((all(&selectors) - 1.0).abs() < 1e-12);
        let components: Vec<f64> = (-255..=255).map(|component| octaves[octave(component)]).collect();
        assert!((all(&components) - 1.0).abs() < 1e-12);
    }
}
