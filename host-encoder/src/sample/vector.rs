//! Colours as three numbers.

use std::ops::{Add, Mul};

/// A colour in linear light, 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour {
    pub r: f32,
    pub g: f32,
    pub b: f32,
}

impl Colour {
    pub(super) const BLACK: Self = Self { r: 0.0, g: 0.0, b: 0.0 };

    pub(super) const fn new(r: f32, g: f32, b: f32) -> Self {
        Self { r, g, b }
    }

    /// From linear light to what a screen is sent: the square root stands for the exponent 1 / 2.2.
    pub(super) fn display(self) -> Self {
        let curve = |value: f32| value.clamp(0.0, 1.0).sqrt();
        Self { r: curve(self.r), g: curve(self.g), b: curve(self.b) }
    }

    /// BT.601 luma.
    pub(super) fn luma(self) -> f32 {
        0.299 * self.r + 0.587 * self.g + 0.114 * self.b
    }
}

impl Add for Colour {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { r: self.r + other.r, g: self.g + other.g, b: self.b + other.b }
    }
}

impl Mul<f32> for Colour {
    type Output = Self;

    fn mul(self, factor: f32) -> Self {
        Self { r: self.r * factor, g: self.g * factor, b: self.b * factor }
    }
}

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    a * (1.0 - t) + b * t
}
