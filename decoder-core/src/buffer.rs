//! Which decoded pictures are kept, and where: those that others are still predicted from, and those that are not shown yet.

use crate::order::{MAX_PYRAMID, NONE, Order};
use crate::synthesis::Roles;

/// Pictures that a decoder keeps: one without a pyramid, else the two around all of it, and one for each level between that others are predicted from.
pub(crate) const fn references(pyramid: u8) -> usize {
    1 + pyramid as usize
}

/// The pictures of a segment that are decoded, and those that are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PictureBuffer {
    order: Order,
    /// Places for pictures.
    references: usize,
    /// The number that the picture of each is coded as, and what [`Roles::differs`] was for it.
    kept: [(usize, usize); references(MAX_PYRAMID)],
    /// Pictures decoded.
    next: usize,
    /// Pictures shown.
    shown: usize,
    /// See [`Roles::differs`]; that of the pyramid in which a picture was decoded last.
    differs: usize,
}

impl PictureBuffer {
    /// That of a segment of which nothing is decoded, with memory for so many [`references`].
    pub(crate) fn new(order: Order, references: usize) -> Self {
        Self { order, references, kept: [(NONE, 0); _], next: 0, shown: 0, differs: 0 }
    }

    /// The order of the segment's pictures.
    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// Pictures decoded: the number that the next one is coded as.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Number of the picture that is shown next, if any is left.
    pub(crate) fn next_shown(&self) -> Option<usize> {
        (self.shown < self.order.frames).then_some(self.shown)
    }

    /// The next picture has been shown.
    pub(crate) fn count_shown(&mut self) {
        self.shown += 1;
    }

    /// Where the picture that is shown next is kept, and what [`Roles::differs`] is for it, if it has been decoded.
    pub(crate) fn stored(&self) -> Option<(usize, usize)> {
        let mut kept = self.kept.iter().enumerate();
        let found = kept.find(|&(_, &(coded, _))| coded != NONE && self.order.shown(coded) == self.shown);
        found.map(|(place, &(_, differs))| (place, differs))
    }

    /// Whether the picture that is coded next is the one that is shown next.
    pub(crate) fn is_due(&self) -> bool {
        self.order.shown(self.next) == self.shown
    }

    /// Whether there is a picture that can be decoded before it is shown. That shows pictures at more even times: a call decodes one, whether it shows that or one that is
    /// kept.
    pub(crate) fn can_look_ahead(&self) -> bool {
        !self.is_in_place() && self.next < self.order.frames && self.free().is_some()
    }

    fn is_in_place(&self) -> bool {
        self.references <= 1
    }

    /// Whether a picture that is coded as number `from` or later is predicted from the one coded as number `coded`.
    #[inline(never)]
    fn is_needed(&self, coded: usize, from: usize) -> bool {
        // No reference is farther back than the pyramid before.
        let end = self.order.frames.min(from + (2 << self.order.pyramid));
        (from..end).any(|later| self.order.references(later).contains(&coded))
    }

    /// A place that the picture coded next may be kept in.
    #[inline(never)]
    fn free(&self) -> Option<usize> {
        let needed =
            |coded: usize| coded != NONE && (self.order.shown(coded) >= self.shown || self.is_needed(coded, self.next));
        let mut places = self.kept.iter().take(self.references);
        places.position(|&(coded, _)| !needed(coded))
    }

    #[inline(never)]
    fn place_of(&self, coded: usize) -> usize {
        self.kept.iter().position(|kept| kept.0 == coded).unwrap_or(0)
    }

    /// What the kept pictures are to the one that is coded next, which is shown as it is decoded or kept until it is.
    #[inline(never)]
    pub(crate) fn roles(&self, is_shown: bool) -> Roles {
        if self.is_in_place() {
            return Roles::IN_PLACE;
        }
        let to = if is_shown && !self.is_needed(self.next, self.next + 1) { None } else { self.free() };
        let [before, after] = self.order.references(self.next).map(|coded| self.place_of(coded));
        let from = if self.next > 0 { before } else { to.unwrap_or(0) };
        let beyond = self.order.is_between(self.next).then_some(after);
        let begins = usize::from(beyond.is_none());
        let differs = (self.differs + begins) % self.references.saturating_sub(1).max(1);
        Roles { from, beyond, to, differs }
    }

    /// The next picture has been decoded with these roles.
    pub(crate) fn count_decoded(&mut self, roles: Roles) {
        let Roles { to, differs, .. } = roles;
        if !self.is_in_place()
            && let Some(kept) = to.and_then(|to| self.kept.get_mut(to))
        {
            *kept = (self.next, differs);
        }
        self.differs = differs;
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Prediction;

    #[test]
    fn pictures_are_shown_in_time_and_kept_as_long_as_they_are_needed() {
        let pyramids = [(0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
        for (frames, (pyramid, largest)) in (1..40).flat_map(|frames| pyramids.map(|pyramids| (frames, pyramids))) {
            let order = Order { frames, predicted: true, pyramid };
            let mut buffer = PictureBuffer::new(order, references(largest));
            let mut places = [None; references(MAX_PYRAMID)];
            let decode = |buffer: &mut PictureBuffer, places: &mut [Option<usize>], is_shown: bool| {
                let (roles, coded) = (buffer.roles(is_shown), buffer.next());
                let of = |place: usize| places[place].expect("it is kept");
                match order.prediction(coded) {
                    Prediction::None => assert_eq!(coded, 0),
                    Prediction::Before(before) => assert_eq!((of(roles.from), roles.beyond), (before, None)),
                    Prediction::Between(both) => {
                        assert_eq!([Some(roles.from), roles.beyond].map(|at| of(at.unwrap())), both)
                    }
                }
                assert!(is_shown || roles.to.is_some(), "{frames}, {pyramid}, {coded}");
                if let Some(to) = roles.to {
                    assert!(to < references(largest) && roles.beyond != roles.to);
                    assert!(coded == 0 || to != roles.from);
                    places[to] = Some(coded);
                }
                buffer.count_decoded(roles);
            };
            for shown in 0..frames {
                assert_eq!(buffer.next_shown(), Some(shown));
                let mut decoded = 0;
                let stored = buffer.stored();
                if let Some((place, _)) = stored {
                    assert_eq!(order.shown(places[place].expect("it is kept")), shown);
                } else {
                    while !buffer.is_due() {
                        decode(&mut buffer, &mut places, false);
                        decoded += 1;
                    }
                    decode(&mut buffer, &mut places, true);
                    decoded += 1;
                }
                buffer.count_shown();
                if (stored.is_some() || shown == 0) && buffer.can_look_ahead() {
                    decode(&mut buffer, &mut places, false);
                    decoded += 1;
                }
                assert!(decoded <= 1 || shown < usize::from(largest), "{frames}, {pyramid}: {decoded} for {shown}");
            }
            assert_eq!((buffer.next_shown(), buffer.next()), (None, frames));
        }
    }
}
