//! Damage in the middle: a card whose blocks are corrupt, missing, repeated or exchanged.

use std::io::{Cursor, Write};

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};
use firmware::card::with_file;
use firmware::faults::{BLOCK, FAULT_BYTES, FaultyBlocks, Kind, Unreadable, corrupt_byte};
use firmware::player::Event;

use crate::player::{Played, play_from};
use crate::streams::{SEGMENT_FRAMES, clip, pictures};

/// Blocks before the partition.
const FIRST: usize = 64;
/// Blocks of the partition: enough for FAT16.
const BLOCKS: usize = 5000;
const SEGMENTS: u32 = 12;

/// A card that cannot be written.
struct Card<'a>(FaultyBlocks<'a>);

impl BlockDevice for Card<'_> {
    type Error = Unreadable;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), Unreadable> {
        (start.0 as usize..).zip(blocks).try_for_each(|(number, block)| self.0.read_block(number, &mut block.contents))
    }

    fn write(&self, _: &[Block], _: BlockIdx) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn num_blocks(&self) -> Result<BlockCount, Unreadable> {
        Ok(BlockCount((FIRST + BLOCKS) as u32))
    }
}

/// A card with one partition and one file.
fn card(file: &[u8]) -> Vec<u8> {
    let mut partition = Cursor::new(vec![0; BLOCKS * BLOCK]);
    fatfs::format_volume(&mut partition, FormatVolumeOptions::new().bytes_per_cluster(BLOCK as u32)).unwrap();
    let system = FileSystem::new(&mut partition, FsOptions::new()).unwrap();
    system.root_dir().create_file("CLIP.NVL").unwrap().write_all(file).unwrap();
    system.unmount().unwrap();
    // A master boot record: its first partition is FAT16 with so many blocks from FIRST on.
    let mut card = vec![0; FIRST * BLOCK];
    card[0x1be + 4] = 0x06;
    card[0x1be + 8..][..4].copy_from_slice(&(FIRST as u32).to_le_bytes());
    card[0x1be + 12..][..4].copy_from_slice(&(BLOCKS as u32).to_le_bytes());
    card[510..512].copy_from_slice(&[0x55, 0xaa]);
    card.extend(partition.into_inner());
    card
}

fn play(card: &[u8], script: &[u8], clip: &[u8]) -> Played<embedded_sdmmc::Error<Unreadable>> {
    with_file(Card(FaultyBlocks::new(card, script)), "CLIP.NVL", |file| play_from(file, clip)).unwrap()
}

#[test]
fn a_clip_plays_from_a_card() {
    let clip = clip(41, 3);
    let played = play(&card(&clip), &[], &clip);
    assert_eq!(played.pictures, pictures(&clip));
}

#[test]
fn a_missing_file_is_an_error() {
    let card = card(b"");
    let refused = with_file(Card(FaultyBlocks::new(&card, &[])), "OTHER.NVL", |_| ());
    assert!(matches!(refused, Err(embedded_sdmmc::Error::NotFound)));
}

#[test]
fn faulty_blocks_cost_the_segments_that_lie_on_them() {
    let clip = clip(42, SEGMENTS);
    let (card, expected) = (card(&clip), pictures(&clip));
    let begin = card.windows(BLOCK).position(|bytes| bytes == &clip[..BLOCK]).unwrap();
    let stream = decoder_core::Stream::open(&clip, &decoder_core::Limits::HOST).unwrap();
    let offsets: Vec<usize> = (0..SEGMENTS).map(|n| stream.index_entry(n).unwrap().offset as usize).collect();
    // The block of the file that is not its head, and those that a fault of it touches.
    let blocks = clip.len() / BLOCK;
    let first = offsets[0] / BLOCK + 2;
    assert!(blocks > first + 2, "the clip is too short: {} bytes", clip.len());
    for kind in Kind::ALL {
        for block in [first, blocks.midpoint(first), blocks - 1] {
            let kind_number = Kind::ALL.iter().position(|&k| k == kind).unwrap() as u8;
            let number = ((begin / BLOCK + block) as u16).to_le_bytes();
            let script: [u8; FAULT_BYTES] = [kind_number, number[0], number[1]];
            let played = play(&card, &script, &clip);
            let touched = match kind {
                Kind::Corrupt => {
                    let at = block * BLOCK + corrupt_byte(begin / BLOCK + block);
                    at..at + 1
                }
                Kind::Missing | Kind::Repeated => block * BLOCK..(block + 1) * BLOCK,
                Kind::Exchanged => block * BLOCK..(block + 2) * BLOCK,
            };
            let ends = offsets.iter().copied().skip(1).chain([clip.len()]);
            let lost: Vec<bool> =
                offsets.iter().zip(ends).map(|(&start, end)| start < touched.end && end > touched.start).collect();
            let kept: Vec<usize> = (0..expected.len()).filter(|frame| !lost[frame / SEGMENT_FRAMES as usize]).collect();
            let shown = played.events.iter().filter_map(|event| match event {
                Event::Shown { frame, .. } => Some(*frame as usize),
                _ => None,
            });
            assert_eq!(shown.collect::<Vec<_>>(), kept, "{kind:?}, block {block}");
            assert!(kept.iter().zip(&played.pictures).all(|(&frame, picture)| *picture == expected[frame]));
            let frames_lost = lost.iter().filter(|&&lost| lost).count() as u32 * SEGMENT_FRAMES;
            assert_eq!(played.statistics.frames_lost, frames_lost, "{kind:?}, block {block}");
            assert!(played.statistics.losses > 0 && frames_lost > 0, "{kind:?}, block {block}");
        }
    }
}
