//! Files for the boot ROM of the RP2350: USB Flashing Format (<https://github.com/microsoft/uf2>).

use std::collections::BTreeMap;

use crate::run::image::Part;

/// What blocks begin and end with.
const MAGIC: [u32; 2] = [0x0a32_4655, 0x9e5d_5157];
const MAGIC_END: u32 = 0x0ab1_6f30;
/// That a family is named: programs of the RP2350 for Arm, secure (its datasheet, section 5.5.3).
const FAMILY_PRESENT: u32 = 0x2000;
const FAMILY: u32 = 0xe48b_ff59;
/// Bytes of flash in a block, and of the block.
const PAGE: usize = 256;
const BLOCK: usize = 512;

/// All pages that the parts touch, as a file.
pub fn file(parts: &[Part]) -> Vec<u8> {
    let mut pages = BTreeMap::<u32, [u8; PAGE]>::new();
    for part in parts {
        for (address, &byte) in (part.address..).zip(&part.bytes) {
            let at = address % PAGE as u32;
            pages.entry(address - at).or_insert([0; PAGE])[at as usize] = byte;
        }
    }
    let count = pages.len() as u32;
    let blocks = pages.iter().zip(0..).flat_map(|((&address, page), number)| {
        let head = [MAGIC[0], MAGIC[1], FAMILY_PRESENT, address, PAGE as u32, number, count, FAMILY];
        let mut block = head.map(u32::to_le_bytes).concat();
        block.extend(page);
        block.resize(BLOCK - 4, 0);
        block.extend(MAGIC_END.to_le_bytes());
        block
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_carry_every_byte_to_its_address() {
        let parts = [
            Part { address: 0x1000_0000, bytes: (0..=255).cycle().take(600).collect() },
            Part { address: 0x1008_0010, bytes: vec![7; 300] },
        ];
        let file = file(&parts);
        assert_eq!(file.len(), (3 + 2) * BLOCK);
        let mut flash = BTreeMap::new();
        for (number, block) in file.chunks_exact(BLOCK).enumerate() {
            let word = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap());
            assert_eq!([word(0), word(4), word(508)], [0x0a32_4655, 0x9e5d_5157, 0x0ab1_6f30]);
            assert_eq!([word(8), word(16), word(20), word(24)], [0x2000, 256, number as u32, 5]);
            assert_eq!((word(28), word(12) % 256), (0xe48b_ff59, 0));
            flash.extend((word(12)..).zip(block[32..32 + 256].iter().copied()));
        }
        for part in parts {
            assert!((part.address..).zip(&part.bytes).all(|(address, byte)| flash[&address] == *byte));
        }
    }
}
