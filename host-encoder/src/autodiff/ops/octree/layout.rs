//! Which latents of a root are coded in which pass, and what they see: the octree of SPEC section 6 as index tables.

/// Passes of a root: one for the root symbols and three for each of three levels.
pub const PASSES: usize = 10;

/// Positions that are coded in one pass and see the same number of neighbours.
#[derive(Clone, Debug)]
pub struct Group {
    /// Pass 0..=9.
    pub pass: usize,
    /// Corners of each position.
    pub corners: usize,
    /// Sides of each position that are inside; pairs that are both outside count as zero and are left out.
    pub sides: usize,
    /// What a corner weighs in the mean of the corners.
    pub corner_weight: f64,
    /// What a side weighs in the mean of the sides.
    pub side_weight: f64,
    /// Indices into the latents of the root `[tau - 1][y][x]`.
    pub positions: Vec<u32>,
    /// For each position its corners, then its sides, as indices into the *window* `[tau][y][x]`: past and root.
    pub neighbours: Vec<u32>,
}

/// The tables of all roots of one depth.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Groups, by pass.
    pub groups: Vec<Group>,
    /// Pass of each latent of the root.
    pub passes: Vec<u8>,
}

/// Where in the octree a position is.
struct Place {
    pass: usize,
    /// Half-stride by which `tau`, `y`, `x` are displaced; 0 for a coordinate that is not odd.
    odd: [usize; 3],
    /// Likewise for the coordinates that are not odd but split at this level.
    even: [usize; 3],
}

/// Place of `(tau, y, x)` in a root of `2^depth` slices.
fn place(depth: u32, position: [usize; 3]) -> Place {
    let [tau, y, x] = position;
    if tau == 1 << depth && y % 8 == 0 && x % 8 == 0 {
        return Place { pass: 0, odd: [0; 3], even: [0; 3] };
    }
    let half_strides = |level: u32| [if level < depth { 1 << (depth - 1 - level) } else { 0 }, 4 >> level, 4 >> level];
    let on_level = |level: &u32| {
        let half = half_strides(*level);
        position.iter().zip(half).all(|(p, h)| h == 0 || p % h == 0)
    };
    let level = (0..3).find(on_level).expect("every position is a multiple of the last half-strides");
    let half = half_strides(level);
    let is_odd = |axis: usize| half[axis] > 0 && position[axis] / half[axis] % 2 == 1;
    let odd = std::array::from_fn(|axis| if is_odd(axis) { half[axis] } else { 0 });
    let even = std::array::from_fn(|axis| if is_odd(axis) { 0 } else { half[axis] });
    let count = (0..3).filter(|&axis| is_odd(axis)).count();
    Place { pass: 3 * level as usize + count, odd, even }
}

impl Layout {
    /// The tables of a root of `2^depth` slices of `height` x `width` latents.
    pub fn new(depth: u32, height: usize, width: usize) -> Self {
        let slices = 1usize << depth;
        // `tau` includes the past, 0.
        let limits = [slices + 1, height, width];
        let index = |p: [usize; 3]| ((p[0] * height + p[1]) * width + p[2]) as u32;
        let mut layout = Layout { groups: Vec::new(), passes: Vec::with_capacity(slices * height * width) };
        for tau in 1..=slices {
            for y in 0..height {
                for x in 0..width {
                    let position = [tau, y, x];
                    let place = place(depth, position);
                    layout.passes.push(place.pass as u8);
                    let corners = corners(position, place.odd, limits);
                    let sides = sides(position, place.even, limits);
                    let split = place.even.iter().filter(|&&h| h > 0).count();
                    let group = layout.group(place.pass, corners.len(), sides.len(), split);
                    group.positions.push(index(position) - (height * width) as u32);
                    group.neighbours.extend(corners.into_iter().chain(sides).map(index));
                }
            }
        }
        layout.groups.sort_by_key(|g| (g.pass, g.corners, g.sides));
        layout
    }

    /// The group of these properties, a new one if there is none.
    fn group(&mut self, pass: usize, corners: usize, sides: usize, split: usize) -> &mut Group {
        let side_weight = 0.5f64.powi(split as i32);
        let same = |g: &Group| (g.pass, g.corners, g.sides) == (pass, corners, sides) && g.side_weight == side_weight;
        let at = self.groups.iter().position(same).unwrap_or_else(|| {
            let corner_weight = 1.0 / corners.max(1) as f64;
            let (positions, neighbours) = (Vec::new(), Vec::new());
            self.groups.push(Group { pass, corners, sides, corner_weight, side_weight, positions, neighbours });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }
}

/// `position` displaced along one axis, mirrored if that is outside; `None` if the mirror image is outside as well.
fn displaced(position: [usize; 3], axis: usize, by: isize, limits: [usize; 3]) -> Option<[usize; 3]> {
    [by, -by].into_iter().find_map(|by| {
        let mut moved = position;
        moved[axis] = position[axis].checked_add_signed(by).filter(|&p| p < limits[axis])?;
        Some(moved)
    })
}

/// The corners, mirrored into the grid coordinate by coordinate. None for a root symbol.
fn corners(position: [usize; 3], odd: [usize; 3], limits: [usize; 3]) -> Vec<[usize; 3]> {
    if odd == [0; 3] {
        return Vec::new();
    }
    let mut corners = vec![position];
    for axis in (0..3).filter(|&axis| odd[axis] > 0) {
        let half = odd[axis] as isize;
        let both = |p: [usize; 3]| [-half, half].map(|by| displaced(p, axis, by, limits));
        corners = corners.into_iter().flat_map(both).map(|p| p.expect("the lower one is inside")).collect();
    }
    corners
}

/// The sides that are inside or have a mirror image inside.
fn sides(position: [usize; 3], even: [usize; 3], limits: [usize; 3]) -> Vec<[usize; 3]> {
    let along = |axis: usize| {
        let half = even[axis] as isize;
        [-half, half].into_iter().filter(move |&by| by != 0).filter_map(move |by| displaced(position, axis, by, limits))
    };
    (0..3).flat_map(along).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(usize, usize); 6] = [(1, 1), (5, 7), (11, 9), (8, 8), (1, 17), (18, 3)];

    #[test]
    fn every_position_is_coded_exactly_once() {
        for depth in 0..4 {
            for (height, width) in SIZES {
                let layout = Layout::new(depth, height, width);
                let mut seen: Vec<u32> = layout.groups.iter().flat_map(|g| g.positions.clone()).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..((height * width) << depth) as u32));
                for g in &layout.groups {
                    assert!(g.positions.iter().all(|&p| usize::from(layout.passes[p as usize]) == g.pass));
                    assert_eq!(g.neighbours.len(), g.positions.len() * (g.corners + g.sides));
                }
            }
        }
    }

    #[test]
    fn neighbours_are_decoded_before() {
        for depth in 0..4 {
            for (height, width) in SIZES {
                let layout = Layout::new(depth, height, width);
                let area = (height * width) as u32;
                // Passes run 0, then 3, 2, 1 of each level.
                let order = |pass: usize| {
                    if pass == 0 { 0 } else { 1 + (pass - 1) / 3 * 3 + 2 - (pass - 1) % 3 }
                };
                for g in &layout.groups {
                    for &n in g.neighbours.iter().filter(|&&n| n >= area) {
                        let pass = usize::from(layout.passes[(n - area) as usize]);
                        assert!(order(pass) < order(g.pass), "{depth} {height}x{width}: {pass} for {}", g.pass);
                    }
                }
            }
        }
    }
}
