//! Memory for what is forgotten at the end of a kernel.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::autodiff::Real;

/// Memory of a thread, as many pieces as it has needed at the same time.
pub type Shelf<T> = RefCell<Vec<Vec<T>>>;

/// Does `work` with slices of these lengths that hold anything.
///
/// All nodes of a tape that a thread computes work in the same memory, which stays in its cache; memory of their own would come and go once in a step.
pub fn with_scratch<T: Real, const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [T]; N]) -> R) -> R {
    let shelf: &'static LocalKey<Shelf<T>> = T::scratch();
    let mut memory = shelf.with_borrow_mut(Vec::pop).unwrap_or_default();
    let all = lengths.iter().sum();
    if memory.len() < all {
        memory.resize(all, T::ZERO);
    }
    let mut rest = &mut memory[..];
    let slices = lengths.map(|length| {
        let (slice, more) = std::mem::take(&mut rest).split_at_mut(length);
        rest = more;
        slice
    });
    let result = work(slices);
    shelf.with_borrow_mut(|shelf| shelf.push(memory));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_inside_one_another_are_apart_and_memory_is_used_again() {
        let place = with_scratch([3, 2], |[a, b]: [&mut [f64]; 2]| {
            a.fill(1.0);
            b.fill(2.0);
            with_scratch([4], |[c]: [&mut [f64]; 1]| c.fill(3.0));
            assert_eq!((&*a, &*b), (&[1.0; 3][..], &[2.0; 2][..]));
            a.as_ptr()
        });
        with_scratch([5], |[again]: [&mut [f64]; 1]| assert_eq!(again.as_ptr(), place));
    }
}
