//! Memory for the gradients of operations.

use std::sync::{Mutex, PoisonError};

use ndarray::ArrayD;

use super::super::Real;

/// Shelves: threads beyond share them.
const SHELVES: usize = 32;

/// Gradients that nobody needs now, to be written again.
///
/// A gradient of an operation lives from when the first of those that use the operation hands something back until the operation has handed it on. Were each to
/// keep an array of its own, the way back would go through as much memory as there are values; so a few go from hand to hand, and stay in the cache.
pub(super) struct Shelves<T>(Vec<Mutex<Vec<ArrayD<T>>>>);

impl<T: Real> Shelves<T> {
    pub(super) fn new() -> Self {
        Self((0..SHELVES).map(|_| Mutex::default()).collect())
    }

    /// A gradient, all zeros. What was put back last, by this thread if there is such a one, is what is taken first.
    pub(super) fn take(&self, shape: &[usize]) -> ArrayD<T> {
        let own = self.own();
        let shelves = self.0[own..].iter().chain(&self.0[..own]);
        let mut found = shelves.filter_map(|shelf| {
            let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            let at = shelf.iter().rposition(|gradient| gradient.shape() == shape)?;
            Some(shelf.swap_remove(at))
        });
        match found.next() {
            Some(mut gradient) => {
                super::passes::clear(&mut gradient);
                gradient
            }
            None => ArrayD::from_elem(shape, T::ZERO),
        }
    }

    /// Takes `gradient` back and leaves none.
    pub(super) fn put(&self, gradient: &mut ArrayD<T>) {
        if !gradient.is_empty() {
            let gradient = std::mem::replace(gradient, none());
            self.0[self.own()].lock().unwrap_or_else(PoisonError::into_inner).push(gradient);
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|shelf| shelf.lock().unwrap().len()).sum()
    }

    /// The number of this thread's shelf.
    fn own(&self) -> usize {
        rayon::current_thread_index().unwrap_or(0) % self.0.len()
    }
}

/// No gradient.
pub(super) fn none<T: Real>() -> ArrayD<T> {
    ArrayD::from_elem(&[0][..], T::ZERO)
}
