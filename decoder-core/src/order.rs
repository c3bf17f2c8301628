//! In which order the pictures of a segment are coded, and what each is predicted from (SPEC section 4).

/// Levels of a pyramid at most.
pub const MAX_PYRAMID: u8 = 2;

/// In the place of a number, of no picture.
pub(crate) const NONE: usize = usize::MAX;

/// What a picture is predicted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// From none.
    None,
    /// From the picture coded with this number.
    Before(usize),
    /// From the pictures coded with these numbers, the one before it and the one after it, which are as far away.
    Between([usize; 2]),
}

/// The order of a segment's pictures: with a pyramid, hierarchical B pictures (Schwarz, Marpe and Wiegand, 2006).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Pictures of the segment.
    pub frames: usize,
    /// Whether pictures are predicted at all.
    pub predicted: bool,
    /// How often, if they are, the pictures between two that are predicted from one are halved: 0 to [`MAX_PYRAMID`].
    pub pyramid: u8,
}

/// Where a picture is in its segment's pyramids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    shown: usize,
    /// How often what is around it was halved; 0 for a picture that is predicted from one.
    level: u8,
    /// The pictures before and after it that it is predicted from; twice the same where that is one, or none.
    references: [usize; 2],
}

impl Order {
    /// Walks down to the picture that is coded as number `coded`.
    #[inline(never)]
    fn place(&self, coded: usize) -> Place {
        let Some(left) = coded.checked_sub(1) else { return Place { shown: 0, level: 0, references: [NONE; 2] } };
        let log2 = u32::from(if self.predicted { self.pyramid.min(MAX_PYRAMID) } else { 0 });
        // The number that what is before the pyramid is shown with, the one that it is coded as, and the pictures of the pyramid: the largest as long as
        // there are enough, then as large as there can be.
        let rest = self.frames.saturating_sub(1);
        let mut size = 1 << log2;
        let mut base = (left.min(rest) >> log2) << log2;
        let mut before = if base > 0 { base - size + 1 } else { 0 };
        while base + size > rest && size > 1 {
            size >>= 1;
            if base + size <= rest && left >= base + size {
                (before, base) = (base + 1, base + size);
            }
        }
        let mut both = [before, base + 1];
        if left == base {
            return Place { shown: base + size, level: 0, references: [before; 2] };
        }
        let (mut first, mut number, mut level) = (base, base + 2, 1);
        loop {
            size >>= 1;
            if number == coded || size <= 1 {
                return Place { shown: first + size, level, references: both };
            }
            // First all of the half before the middle, then of that after it.
            (both, first, number) = match number + size {
                right if coded < right => ([both[0], number], first, number + 1),
                right => ([number, both[1]], first + size, right),
            };
            level += 1;
        }
    }

    /// What the picture that is coded as number `coded` is predicted from, if pictures are predicted: twice the same where that is one; [`NONE`] for the first.
    pub(crate) fn references(&self, coded: usize) -> [usize; 2] {
        self.place(coded).references
    }

    /// Which picture of the segment is coded as number `coded`.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::order::Order;
    /// let order = |pyramid| Order { frames: 8, predicted: true, pyramid };
    /// assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(|coded| order(1).shown(coded)), [0, 2, 1, 4, 3, 6, 5, 7]);
    /// assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(|coded| order(2).shown(coded)), [0, 4, 2, 1, 3, 6, 5, 7]);
    /// ```
    #[must_use]
    pub fn shown(&self, coded: usize) -> usize {
        self.place(coded).shown
    }

    /// How often the pictures around the one that is coded as number `coded` were halved for it: 0 for one that is predicted from one or none.
    #[must_use]
    pub fn level(&self, coded: usize) -> u8 {
        self.place(coded).level
    }

    /// Whether the picture that is coded as number `coded` is predicted from both sides.
    #[must_use]
    pub fn is_between(&self, coded: usize) -> bool {
        self.level(coded) > 0
    }

    /// Whether the picture that is coded as number `coded` is predicted from one alone.
    #[must_use]
    pub fn is_from_one(&self, coded: usize) -> bool {
        matches!(self.prediction(coded), Prediction::Before(_))
    }

    /// What the picture that is coded as number `coded` is predicted from.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::order::{Order, Prediction};
    /// let order = Order { frames: 9, predicted: true, pyramid: 2 };
    /// assert_eq!(order.prediction(5), Prediction::Before(1));
    /// assert_eq!(order.prediction(6), Prediction::Between([1, 5]));
    /// assert_eq!(order.prediction(8), Prediction::Between([6, 5]));
    /// ```
    #[must_use]
    pub fn prediction(&self, coded: usize) -> Prediction {
        let Place { level, references, .. } = self.place(coded);
        match references {
            _ if coded == 0 || !self.predicted => Prediction::None,
            [before, _] if level == 0 => Prediction::Before(before),
            both => Prediction::Between(both),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_shown_once_and_come_from_what_is_as_far_on_both_sides() {
        for frames in 1..40 {
            for (predicted, pyramid) in [(false, 1), (false, 2), (true, 0), (true, 1), (true, 2)] {
                let order = Order { frames, predicted, pyramid };
                let mut seen = [0; 40];
                for coded in 0..frames {
                    let shown = order.shown(coded);
                    seen[shown] += 1;
                    match order.prediction(coded) {
                        Prediction::None => assert!(coded == 0 || !predicted),
                        Prediction::Before(at) => {
                            let distance = shown - order.shown(at);
                            assert!(at < coded && distance <= 1 << pyramid && order.level(at) == 0);
                            let pictures = frames - 1 - order.shown(at);
                            assert_eq!(distance, 1 << pictures.ilog2().min(pyramid.into()), "{frames}, {coded}");
                        }
                        Prediction::Between(both) => {
                            assert!(both.iter().all(|&at| at < coded && order.level(at) < order.level(coded)));
                            let [before, after] = both.map(|at| order.shown(at));
                            assert_eq!(shown - before, after - shown);
                            assert!(order.level(coded) <= pyramid && shown > before);
                        }
                    }
                }
                assert_eq!(seen[..frames], [1; 40][..frames]);
            }
        }
    }
}
