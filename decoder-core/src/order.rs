//! In which order the pictures of a segment are coded, and what each is predicted from (SPEC section 4).

/// Levels of a pyramid at most.
pub const MAX_PYRAMID: u8 = 2;

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
    /// Pictures to those that it is predicted from.
    distance: usize,
    prediction: Prediction,
}

impl Order {
    /// Walks down to the picture that is coded as number `coded`, which is not 0.
    fn place(&self, coded: usize) -> Place {
        let largest = if self.predicted { 1usize << self.pyramid.min(MAX_PYRAMID) } else { 1 };
        // The number that the pyramid's first picture is shown with after, that one's own as it is coded, and the pictures of the pyramid: the largest as long as
        // there are enough, then as large as there can be.
        let whole = self.frames.saturating_sub(1) / largest * largest;
        let (mut base, mut before, mut size) = ((coded - 1).min(whole) / largest * largest, 0, largest);
        if base > 0 {
            before = base - largest + 1;
        }
        if base == whole {
            let rest = self.frames.saturating_sub(1) - whole;
            size /= 2;
            while size > 1 && (rest & size == 0 || coded > base + size) {
                if rest & size != 0 {
                    (before, base) = (base + 1, base + size);
                }
                size /= 2;
            }
            size = size.max(1);
        }
        let after = base + 1;
        if coded == after {
            let prediction = if self.predicted { Prediction::Before(before) } else { Prediction::None };
            return Place { shown: base + size, level: 0, distance: size, prediction };
        }
        let (mut both, mut first, mut number) = ([before, after], base, after + 1);
        let mut level = 1;
        loop {
            let distance = size / 2;
            if number == coded || distance <= 1 {
                return Place { shown: first + distance, level, distance, prediction: Prediction::Between(both) };
            }
            // First all of the half before the middle, then of that after it.
            (both, first, number) = match number + distance {
                right if coded < right => ([both[0], number], first, number + 1),
                right => ([number, both[1]], first + distance, right),
            };
            (size, level) = (distance, level + 1);
        }
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
        if coded == 0 { 0 } else { self.place(coded).shown }
    }

    /// How often the pictures around the one that is coded as number `coded` were halved for it: 0 for one that is predicted from one or none.
    #[must_use]
    pub fn level(&self, coded: usize) -> u8 {
        if coded == 0 { 0 } else { self.place(coded).level }
    }

    /// Whether the picture that is coded as number `coded` is predicted from both sides.
    #[must_use]
    pub fn is_between(&self, coded: usize) -> bool {
        self.level(coded) > 0
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
        if coded == 0 { Prediction::None } else { self.place(coded).prediction }
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
