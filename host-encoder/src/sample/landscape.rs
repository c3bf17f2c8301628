//! The still background: sky with clouds, two chains of mountains, a lake, a meadow.

use super::vector::{Colour, mix};
use super::{noise, smoothstep};

/// Where the far meadow begins, from the top.
pub(super) const HORIZON: f32 = 0.60;

const SKY_HIGH: Colour = Colour::new(0.07, 0.22, 0.58);
const SKY_LOW: Colour = Colour::new(0.95, 0.72, 0.50);
const CLOUD: Colour = Colour::new(0.98, 0.90, 0.84);
const FAR_ROCK: Colour = Colour::new(0.28, 0.27, 0.42);
const NEAR_ROCK: Colour = Colour::new(0.10, 0.13, 0.15);
const SNOW: Colour = Colour::new(0.92, 0.86, 0.86);
const FOREST: Colour = Colour::new(0.03, 0.08, 0.045);
const GRASS_LIGHT: Colour = Colour::new(0.34, 0.46, 0.06);
const GRASS_DARK: Colour = Colour::new(0.06, 0.16, 0.02);
const FLOWERS: [Colour; 3] =
    [Colour::new(0.90, 0.75, 0.10), Colour::new(0.90, 0.88, 0.86), Colour::new(0.75, 0.12, 0.16)];

/// The background for one aspect ratio.
pub(super) struct Landscape {
    aspect: f32,
}

impl Landscape {
    pub(super) fn new(aspect: f32) -> Self {
        Self { aspect }
    }

    /// The colour at `x` in 0..aspect, `y` in 0..1 downwards.
    pub(super) fn colour(&self, x: f32, y: f32) -> Colour {
        if y > meadow_edge(x) {
            return meadow(x, y);
        }
        let near = 0.50 - 0.17 * noise::ridged(1.7 * x + 5.3, 5, 40) + 0.10 * smoothstep(0.2, 0.9, x / self.aspect);
        if y > near {
            return near_mountain(x, y, near);
        }
        let far =
            0.50 - 0.40 * noise::ridged(2.3 * x + 0.15, 6, 20) * (0.45 + 0.55 * noise::value(1.1 * x + 0.4, 9.0, 31));
        if y > far { far_mountain(x, y, far) } else { self.sky(x, y) }
    }

    fn sky(&self, x: f32, y: f32) -> Colour {
        let clear = mix(SKY_HIGH, SKY_LOW, smoothstep(-0.05, 0.55, y));
        let (dx, dy) = (x - 0.78 * self.aspect, y - 0.17);
        let distance = (dx * dx + dy * dy).sqrt();
        let sun = 0.55 * smoothstep(0.55, 0.0, distance) + smoothstep(0.052, 0.044, distance);
        let lit = mix(clear, Colour::new(1.0, 0.93, 0.72), sun.min(1.0));
        let density = noise::fractal(2.2 * x + 0.9 * y, 7.5 * y + 0.35, 5, 7);
        let cover = smoothstep(0.52, 0.78, density) * smoothstep(0.5, 0.2, y);
        let shaded = mix(CLOUD, Colour::new(0.62, 0.52, 0.55), smoothstep(0.6, 0.85, density));
        mix(lit, shaded, 0.85 * cover)
    }
}

/// The gently curved edge of the meadow.
fn meadow_edge(x: f32) -> f32 {
    HORIZON - 0.035 * libm::sinf(1.9 * x + 0.6) - 0.012 * noise::value(5.0 * x, 3.0, 51)
}

fn far_mountain(x: f32, y: f32, top: f32) -> Colour {
    let depth = y - top;
    let rough = noise::fractal(9.0 * x, 9.0 * y - 5.0 * x, 4, 60);
    // The sun stands on the right: slopes that face it are bright.
    let slope = noise::fractal(7.0 * x + 0.12, 7.0 * y, 4, 70) - noise::fractal(7.0 * x - 0.12, 7.0 * y, 4, 70);
    let rock = FAR_ROCK * (0.62 + 0.5 * rough + 2.6 * slope);
    let snow = smoothstep(0.15, 0.02, depth + 0.16 * (rough - 0.5));
    let lit = mix(rock, SNOW * (0.86 + 1.9 * slope), snow);
    mix(lit, SKY_LOW * 0.75, 0.14 + 0.5 * smoothstep(0.0, 0.30, depth))
}

fn near_mountain(x: f32, y: f32, top: f32) -> Colour {
    let depth = y - top;
    let rough = noise::fractal(14.0 * x, 14.0 * y, 4, 80);
    let rock = NEAR_ROCK * (0.6 + 0.9 * rough);
    let trees = noise::fractal(36.0 * x, 22.0 * y, 3, 90);
    let forest = mix(FOREST * 0.6, FOREST * 1.9, trees);
    let wooded = mix(rock, forest, smoothstep(0.02, 0.09, depth + 0.05 * (rough - 0.5)));
    mix(wooded, SKY_LOW * 0.6, 0.10 + 0.12 * smoothstep(0.05, 0.2, depth))
}

fn meadow(x: f32, y: f32) -> Colour {
    // Perspective: lines of the ground come closer together towards the horizon.
    let depth = 0.10 / (y - HORIZON + 0.10);
    let (ground_x, ground_y) = ((x - 0.8) * depth * 3.0, depth * 9.0);
    let patches = noise::fractal(1.6 * ground_x, 1.1 * ground_y, 3, 100);
    let blades = noise::fractal(24.0 * x + 2.0 * y, 17.0 * y * (1.0 + 2.0 * depth), 3, 110);
    let tone = 0.65 * patches + 0.55 * blades - 0.12;
    let grass = mix(GRASS_DARK, GRASS_LIGHT, tone.clamp(0.0, 1.0));
    let far = smoothstep(0.12, 0.0, y - meadow_edge(x));
    let hazy = mix(grass, Colour::new(0.40, 0.46, 0.16), 0.5 * far);
    mix(hazy, flower_colour(x, y).unwrap_or(hazy), 0.85 * (1.0 - far))
}

/// Small flowers, larger towards the viewer.
fn flower_colour(x: f32, y: f32) -> Option<Colour> {
    let scale = 26.0 - 12.0 * smoothstep(HORIZON, 1.0, y);
    let (cell_x, cell_y) = ((x * scale).floor(), (y * scale * 1.6).floor());
    let pick = noise::value(cell_x + 0.5, cell_y + 0.5, 120);
    let (at_x, at_y) = (noise::value(cell_x, cell_y, 121), noise::value(cell_x, cell_y, 122));
    let (dx, dy) = (x * scale - cell_x - 0.3 - 0.4 * at_x, (y * scale * 1.6 - cell_y - 0.3 - 0.4 * at_y) / 1.2);
    let colour = FLOWERS[(noise::value(cell_x, cell_y, 123) * 2.999) as usize];
    (pick > 0.66 && dx * dx + dy * dy < 0.035).then_some(colour)
}
