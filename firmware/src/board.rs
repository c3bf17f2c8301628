//! What the real boards have in common: their memory, and a clip that plays again and again.

use core::slice;

use decoder_core::wire::Head;
use decoder_core::{Limits, RowSink};
use embedded_io::{Read, Seek};

use crate::mapped::Mapped;
use crate::player::{Clock, Player};

/// What a clip is read through: a multiple of a card's block.
const BUFFER: usize = 4096;

/// Most bytes of a file header.
const HEAD: usize = 512;

/// Memory of the player, which a board keeps in a static; `WORDS` words for the decoder.
pub struct Memory<const WORDS: usize> {
    buffer: [u8; BUFFER],
    scratch: [u32; WORDS],
}

impl<const WORDS: usize> Memory<WORDS> {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; BUFFER], scratch: [0; WORDS] }
    }

    /// Plays a clip again and again; returns when it cannot be opened or begun again, or the sink fails. The log says why.
    pub fn play<R: Read + Seek, S: RowSink>(&mut self, clip: R, sink: &mut S, clock: &mut impl Clock) {
        let limits = Limits { width: crate::queue::WIDTH as u16, scratch: 4 * WORDS, ..Limits::HOST };
        let mut player = match Player::open(clip, &mut self.buffer, &limits, &mut self.scratch) {
            Ok(player) => player,
            Err(error) => {
                defmt::error!("the clip cannot be played: {}", defmt::Display2Format(&error));
                return;
            }
        };
        while player.play(sink, clock).is_ok() {
            defmt::info!("{}", player.statistics());
            if player.restart().is_err() {
                defmt::error!("the clip cannot be begun again");
                return;
            }
        }
        defmt::error!("the display cannot be written");
    }
}

impl<const WORDS: usize> Default for Memory<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

/// Width and height of a clip's pictures, from its header; the clip is at its start before and after.
pub fn picture_size<R: Read + Seek>(clip: &mut R) -> Option<[u16; 2]> {
    let mut bytes = [0; HEAD];
    let mut len = 0;
    while let Some(room) = bytes.get_mut(len..).filter(|room| !room.is_empty()) {
        match clip.read(room) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(_) => return None,
        }
    }
    clip.rewind().ok()?;
    let (head, _) = Head::parse(bytes.get(..len)?, &Limits::HOST).ok()?;
    Some([head.header().width, head.header().height])
}

/// The part of the flash that `cargo xtask flash` writes the clip to. It is larger than the clip, which says where it ends.
///
/// # Safety
/// `len` bytes from `address` on must be flash that can be read and is not written while the program runs.
pub unsafe fn flash_clip(address: usize, len: usize) -> Mapped<'static> {
    // SAFETY: by this function's own contract.
    Mapped::new(unsafe { slice::from_raw_parts(core::ptr::with_exposed_provenance(address), len) })
}
