//! Pictures in memory: planar YUV 4:2:0 with 8 bits a sample.

/// One picture: a luma plane and two chroma planes of half the size, rounded up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Luma samples a row.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// Luma, row by row: `width * height` samples.
    pub y: Vec<u8>,
    /// First chroma plane (Cb): `ceil(width / 2) * ceil(height / 2)` samples.
    pub u: Vec<u8>,
    /// Second chroma plane (Cr), the size of the first.
    pub v: Vec<u8>,
}

impl Frame {
    /// A black picture of `width` by `height` luma samples.
    #[must_use]
    pub fn black(width: usize, height: usize) -> Self {
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        Self { width, height, y: vec![16; width * height], u: vec![128; chroma], v: vec![128; chroma] }
    }

    /// Samples in a row of a chroma plane.
    #[must_use]
    pub fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }

    /// Rows of a chroma plane.
    #[must_use]
    pub fn chroma_height(&self) -> usize {
        self.height.div_ceil(2)
    }

    /// The planes Y, U and V.
    #[must_use]
    pub fn planes(&self) -> [&[u8]; 3] {
        [&self.y, &self.u, &self.v]
    }

    /// Bytes of a picture of this size in all three planes.
    #[must_use]
    pub fn len(width: usize, height: usize) -> usize {
        width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
    }
}

/// A sequence of pictures of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Luma samples a row.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// Frames per second: numerator and denominator, both 1..=1 000 000.
    pub rate: (u32, u32),
    /// The pictures, in order, at least one in a clip that was read from a file.
    pub frames: Vec<Frame>,
}

impl Clip {
    /// Luma samples in all frames: what bits per pixel are counted against.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        (self.width * self.height) as u64 * self.frames.len() as u64
    }

    /// Playing time in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.frames.len() as f64 * f64::from(self.rate.1) / f64::from(self.rate.0)
    }
}
