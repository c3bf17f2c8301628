//! Rows of bits, one a site: where a row of latents or activations may differ from zero.
//!
//! A network without biases, or with centred ones, that does not see the prediction makes zero of zero. What no latent reaches is then known before
//! it is computed, site by site, and stays the zero that the line buffers begin with.

use core::ops::Range;

use crate::wire::MAX_DIMENSION;

/// Sites of a word.
const BITS: usize = u32::BITS as usize;
/// Words of the widest row.
pub(crate) const MAX_WORDS: usize = words((MAX_DIMENSION.0 as usize).div_ceil(2));
/// A mask of any row.
pub(crate) type AnyMask = [u32; MAX_WORDS];

/// Words of a row.
pub(crate) const fn words(sites: usize) -> usize {
    sites.div_ceil(BITS)
}

/// Sets the bits of all sites.
pub(crate) fn set_all(mask: &mut [u32], sites: usize) {
    mask.fill(u32::MAX);
    trim(mask, sites);
}

/// Clears the bits behind the last site.
fn trim(mask: &mut [u32], sites: usize) {
    if let Some(last) = mask.get_mut(sites / BITS) {
        *last &= (1 << (sites % BITS)) - 1;
    }
}

/// Adds the bits of another row.
pub(crate) fn unite(mask: &mut [u32], other: &[u32]) {
    mask.iter_mut().zip(other).for_each(|(word, other)| *word |= other);
}

/// Sets the bits of the latents that are not zero.
pub(crate) fn mark_latents(mask: &mut [u32], latents: &[i8]) {
    for (word, latents) in mask.iter_mut().zip(latents.chunks(BITS)) {
        let (eights, rest) = latents.as_chunks::<8>();
        let mut bit = 1;
        for &eight in eights {
            // Most are zero, and looked at together.
            if eight != [0; 8] {
                for (place, latent) in eight.into_iter().enumerate() {
                    *word |= if latent == 0 { 0 } else { bit << place };
                }
            }
            bit = bit.wrapping_shl(8);
        }
        for (place, &latent) in rest.iter().enumerate() {
            *word |= if latent == 0 { 0 } else { bit << place };
        }
    }
}

/// The bits of the sites at `distance`, 1..=31, before and after those of the middle one of three words.
#[inline(always)]
pub(crate) fn beside([before, own, after]: [u32; 3], distance: u32) -> u32 {
    let back = BITS as u32 - distance;
    (own << distance) | (own >> distance) | (before >> back) | (after << back)
}

/// Adds the sites around those that are set, in rows of `words` words, of `sites` sites each.
pub(crate) fn dilate_rows(masks: &mut [u32], sites: usize) {
    let words = words(sites);
    masks.chunks_exact_mut(words.max(1)).for_each(|row| dilate(row, sites));
    for column in 0..words {
        let mut above = 0;
        for at in (column..masks.len()).step_by(words) {
            let below = masks.get(at + words).copied().unwrap_or(0);
            if let Some(word) = masks.get_mut(at) {
                let own = *word;
                *word |= above | below;
                above = own;
            }
        }
    }
}

/// Adds the sites beside those that are set.
pub(crate) fn dilate(mask: &mut [u32], sites: usize) {
    let mut before = 0;
    for at in 0..mask.len() {
        let after = mask.get(at + 1).copied().unwrap_or(0);
        if let Some(word) = mask.get_mut(at) {
            let own = *word;
            *word = own | (own << 1) | (own >> 1) | (before >> (BITS - 1)) | (after << (BITS - 1));
            before = own;
        }
    }
    trim(mask, sites);
}

/// Sets the bits of the sites that upsampling by two makes from the sites of `coarse`: site `i` speaks in `2i - 1..=2i + 2`.
pub(crate) fn upsample(mask: &mut [u32], sites: usize, coarse: impl Fn(usize) -> u32) {
    for (at, word) in mask.iter_mut().enumerate() {
        *word = twice(coarse(at / 2) >> (BITS / 2 * (at % 2)));
    }
    dilate(mask, sites);
}

/// Each of the lower 16 bits twice.
const fn twice(half: u32) -> u32 {
    let bits = half & 0xffff;
    let bits = (bits | (bits << 8)) & 0x00ff_00ff;
    let bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
    let bits = (bits | (bits << 2)) & 0x3333_3333;
    let bits = (bits | (bits << 1)) & 0x5555_5555;
    bits | (bits << 1)
}

/// The runs of set bits, first to last; those that are at most `gap` apart are one.
pub(crate) fn runs(mask: &[u32], gap: usize) -> impl Iterator<Item = Range<usize>> {
    // The word at hand, without the bits that have been passed.
    let (mut at, mut word) = (0, mask.first().copied().unwrap_or(0));
    let set = move |mut at: usize, mut word: u32| {
        while word == 0 {
            at += 1;
            word = *mask.get(at)?;
        }
        Some((at, word))
    };
    core::iter::from_fn(move || {
        (at, word) = set(at, word)?;
        let start = at * BITS + word.trailing_zeros() as usize;
        loop {
            let behind = (word | (word - 1)).trailing_ones();
            word = u32::MAX.checked_shl(behind).map_or(0, |left| word & left);
            let mut end = at * BITS + behind as usize;
            if behind == u32::BITS {
                (at, word) = (at + 1, mask.get(at + 1).copied().unwrap_or(0));
                if word & 1 == 1 {
                    continue;
                }
                end = at * BITS;
            }
            let Some(next) = set(at, word) else {
                (at, word) = (mask.len(), 0);
                return Some(start..end);
            };
            (at, word) = next;
            if at * BITS + word.trailing_zeros() as usize - end > gap {
                return Some(start..end);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mask of the sites for which `set` holds.
    fn mask_of(sites: usize, set: impl Fn(usize) -> bool) -> Vec<u32> {
        let mut mask = vec![0; words(sites)];
        (0..sites).filter(|&site| set(site)).for_each(|site| mask[site / BITS] |= 1 << (site % BITS));
        mask
    }

    extern crate std;
    use std::{vec, vec::Vec};

    #[test]
    fn bits_reach_as_far_as_the_arithmetic() {
        for sites in [1, 31, 32, 33, 64, 95] {
            for one in 0..sites {
                let mut dilated = mask_of(sites, |site| site == one);
                dilate(&mut dilated, sites);
                assert_eq!(dilated, mask_of(sites, |site| site.abs_diff(one) <= 1));
                let coarse = mask_of(sites, |site| site == one);
                for fine in [2 * sites - 1, 2 * sites] {
                    let mut upsampled = vec![0; words(fine)];
                    upsample(&mut upsampled, fine, |at| coarse.get(at).copied().unwrap_or(0));
                    let reached = |site: usize| (2 * one).saturating_sub(1) <= site && site <= 2 * one + 2;
                    assert_eq!(upsampled, mask_of(fine, reached));
                }
            }
        }
    }

    #[test]
    fn sites_beside_and_around_are_found() {
        let mask = mask_of(70, |site| site == 31 || site == 64);
        let word = |at: usize| mask.get(at).copied().unwrap_or(0);
        let both = [0, 1, 2].map(|at: usize| beside([at.checked_sub(1).map_or(0, word), word(at), word(at + 1)], 4));
        assert_eq!(both.to_vec(), mask_of(70, |site| [27, 35, 60, 68].contains(&site)));
        let mut rows = [mask_of(70, |_| false), mask, mask_of(70, |_| false), mask_of(70, |site| site == 0)].concat();
        dilate_rows(&mut rows, 70);
        let around = |site: usize| [31, 64].iter().any(|one| site.abs_diff(*one) <= 1);
        let expected = [mask_of(70, around), mask_of(70, around), mask_of(70, |site| around(site) || site < 2)];
        assert_eq!(rows, [expected.concat(), mask_of(70, |site| site < 2)].concat());
    }

    #[test]
    fn runs_cover_the_set_bits() {
        let mask = mask_of(96, |site| (site % 7 < 3 && site < 40) || site > 62);
        let alone: Vec<_> = runs(&mask, 0).collect();
        assert_eq!(alone, [0..3, 7..10, 14..17, 21..24, 28..31, 35..38, 63..96]);
        assert_eq!(runs(&mask, 4).collect::<Vec<_>>(), [0..38, 63..96]);
        assert_eq!(runs(&[], 4).count() + runs(&[0, 0], 4).count(), 0);
    }

    #[test]
    fn latents_are_marked_where_they_are_not_zero() {
        for len in [1, 4, 31, 32, 70] {
            let latents: Vec<i8> = (0..len).map(|i| if i % 5 == 3 { -1 } else { 0 }).collect();
            let mut mask = vec![0; words(len)];
            mark_latents(&mut mask, &latents);
            assert_eq!(mask, mask_of(len, |site| site % 5 == 3));
        }
    }
}
