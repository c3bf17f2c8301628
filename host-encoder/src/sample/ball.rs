//! The beach ball: it rolls in from the left, bounces, and turns as it goes.

use core::f32::consts::{PI, TAU};

use super::smoothstep;
use super::vector::{Colour, mix};

const RADIUS: f32 = 0.155;
/// Height of the ground under the ball, from the top of the picture.
const GROUND: f32 = 0.90;
/// Where the light comes from: right, above, in front.
const LIGHT: [f32; 3] = [0.52, -0.62, 0.59];
/// The segments of the ball.
const STRIPES: [Colour; 6] = [
    Colour::new(0.80, 0.045, 0.05),
    Colour::new(0.92, 0.89, 0.84),
    Colour::new(0.03, 0.20, 0.62),
    Colour::new(0.92, 0.89, 0.84),
    Colour::new(0.95, 0.55, 0.03),
    Colour::new(0.92, 0.89, 0.84),
];

/// The ball at one moment. Lengths are in heights of the picture.
pub(super) struct Ball {
    x: f32,
    y: f32,
    /// Height above the ground.
    lift: f32,
    /// Sine and cosine of the rolled angle.
    turn: (f32, f32),
}

impl Ball {
    /// `progress` is 0 in the first frame and 1 in the last one.
    pub(super) fn at(progress: f32, aspect: f32) -> Self {
        let x = 0.10 + (aspect - 0.20) * progress;
        // Three bounces, each lower than the one before.
        let (start, length, height) = match progress {
            p if p < 0.40 => (0.0, 0.40, 0.34),
            p if p < 0.72 => (0.40, 0.32, 0.20),
            _ => (0.72, 0.28, 0.10),
        };
        let t = (progress - start) / length;
        let lift = height * 4.0 * t * (1.0 - t);
        let angle = (x - 0.10) / RADIUS;
        Self { x, y: GROUND - RADIUS - lift, lift, turn: (libm::sinf(angle), libm::cosf(angle)) }
    }

    /// The ball's colour at a point, if it covers it.
    pub(super) fn colour(&self, x: f32, y: f32) -> Option<Colour> {
        let (nx, ny) = ((x - self.x) / RADIUS, (y - self.y) / RADIUS);
        let flat = nx * nx + ny * ny;
        if flat > 1.0 {
            return None;
        }
        let nz = (1.0 - flat).sqrt();
        let paint = self.paint(nx, ny, nz);
        let facing = nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2];
        let diffuse = 0.26 + 0.80 * facing.max(0.0) + 0.10 * ny.max(0.0);
        // The light that comes back to the viewer, who looks along z.
        let mirrored = (2.0 * facing * nz - LIGHT[2]).max(0.0);
        let gloss = 0.55 * libm::powf(mirrored, 24.0);
        Some(mix(paint * diffuse, Colour::new(1.0, 0.97, 0.90), gloss))
    }

    /// How dark the ball's shadow is at a point of the ground, 0..1.
    pub(super) fn shadow(&self, x: f32, y: f32) -> f32 {
        // The shadow falls to the left, farther when the ball is higher, and gets softer.
        let centre = self.x - 0.10 - 0.45 * self.lift;
        let (dx, dy) = ((x - centre) / (RADIUS * 1.25), (y - GROUND - 0.004) / (RADIUS * 0.30));
        let softness = 0.25 + 1.1 * self.lift;
        let strength = 1.0 - 1.4 * self.lift;
        strength * smoothstep(1.0 + softness, 1.0 - softness, (dx * dx + dy * dy).sqrt())
    }

    /// The paint at a point of the sphere: six segments between two white caps.
    fn paint(&self, x: f32, y: f32, z: f32) -> Colour {
        // Undo the rolling about the viewer's axis, then tilt the caps towards the viewer.
        let (sin, cos) = self.turn;
        let (x, y) = (x * cos + y * sin, y * cos - x * sin);
        let (tilt_sin, tilt_cos) = (0.64, 0.768_374_9);
        let (axis, side) = (z * tilt_cos + y * tilt_sin, y * tilt_cos - z * tilt_sin);
        if axis.abs() > 0.955 {
            return Colour::new(0.92, 0.89, 0.84);
        }
        let angle = libm::atan2f(side, x) + PI;
        let segment = angle / TAU * STRIPES.len() as f32;
        let index = segment as usize % STRIPES.len();
        let seam = (segment - segment.floor() - 0.5).abs() * (1.0 - axis * axis).sqrt();
        let border = smoothstep(0.47, 0.50, seam);
        STRIPES[index] * (1.0 - 0.35 * border)
    }
}
