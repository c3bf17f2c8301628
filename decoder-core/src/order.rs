//! In which order the pictures of a segment are coded, and what each is predicted from (SPEC section 4).

/// What a picture is predicted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// From none.
    None,
    /// From the picture coded with this number.
    Before(usize),
    /// From the pictures coded with these numbers, the one before it and the one after it. No picture is predicted from this one.
    Between([usize; 2]),
}

/// The order of a segment's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Pictures of the segment.
    pub frames: usize,
    /// Whether pictures are predicted at all.
    pub predicted: bool,
    /// Whether every second one is predicted from both sides, if they are.
    pub bidirectional: bool,
}

impl Order {
    fn has_two_sides(&self) -> bool {
        self.predicted && self.bidirectional
    }

    /// Which picture of the segment is coded as number `coded`.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::order::Order;
    /// let order = Order { frames: 6, predicted: true, bidirectional: true };
    /// assert_eq!([0, 1, 2, 3, 4, 5].map(|coded| order.shown(coded)), [0, 2, 1, 4, 3, 5]);
    /// ```
    #[must_use]
    pub fn shown(&self, coded: usize) -> usize {
        match coded {
            0 => 0,
            _ if !self.has_two_sides() => coded,
            // A last one alone has nothing after it.
            _ if coded % 2 == 1 => (coded + 1).min(self.frames.saturating_sub(1)),
            _ => coded - 1,
        }
    }

    /// Whether the picture that is coded as number `coded` is predicted from both sides.
    #[must_use]
    pub fn is_between(&self, coded: usize) -> bool {
        matches!(self.prediction(coded), Prediction::Between(_))
    }

    /// What the picture that is coded as number `coded` is predicted from.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::order::{Order, Prediction};
    /// let order = Order { frames: 6, predicted: true, bidirectional: true };
    /// assert_eq!(order.prediction(3), Prediction::Before(1));
    /// assert_eq!(order.prediction(4), Prediction::Between([1, 3]));
    /// ```
    #[must_use]
    pub fn prediction(&self, coded: usize) -> Prediction {
        match coded {
            0 => Prediction::None,
            _ if !self.predicted => Prediction::None,
            _ if !self.bidirectional => Prediction::Before(coded - 1),
            // The first picture is the only one with an even number that others are predicted from.
            1 => Prediction::Before(0),
            2 => Prediction::Between([0, 1]),
            _ if coded % 2 == 1 => Prediction::Before(coded - 2),
            _ => Prediction::Between([coded - 3, coded - 1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_shown_once_and_come_from_what_is_beside_them() {
        for frames in 1..20 {
            for (predicted, bidirectional) in [(false, true), (true, false), (true, true)] {
                let order = Order { frames, predicted, bidirectional };
                let mut seen = [0; 20];
                for coded in 0..frames {
                    let shown = order.shown(coded);
                    seen[shown] += 1;
                    match order.prediction(coded) {
                        Prediction::None => assert!(coded == 0 || !predicted),
                        Prediction::Before(at) => {
                            assert!(at < coded && order.shown(at) < shown);
                            assert!(!matches!(order.prediction(at), Prediction::Between(_)), "{frames}, {coded}");
                        }
                        Prediction::Between(both) => {
                            assert!(bidirectional && both.iter().all(|&at| at < coded));
                            assert_eq!(both.map(|at| order.shown(at)), [shown - 1, shown + 1]);
                        }
                    }
                }
                assert_eq!(seen[..frames], [1; 20][..frames]);
            }
        }
    }
}
