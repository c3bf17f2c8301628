//! The program of the emulated machines: decodes a clip of the host and reports what it gives and costs.
//!
//! The clip is the file `clip.nvl` where QEMU runs. What is printed is for `cargo xtask run`, a line for each fact:
//!
//! ```text
//! memory player 5000 scratch 40000 open_stack 9000     bytes
//! picture 0 crc 89abcdef                               of each picture
//! cost 0 ticks 123456                                  of each picture, from bytes to rows of RGB565
//! lost 3                                               a segment that cannot be decoded
//! stack 1500                                           bytes below the caller of the player while it decodes
//! ```
//!
//! Where there is a file `layer-rows`, it is the layer rows that are checked, and no clip is played:
//!
//! ```text
//! rows 600 equal
//! ```

use core::convert::Infallible;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use decoder_core::{Limits, Rgb565Rows};
use semihosting::fs::File;
use semihosting::io::{self, Read};
use semihosting::{eprintln, println, process};

use crate::checksum::RowChecksum;
use crate::layer_rows::LayerRows;
use crate::player::{Event, Player, Unpaced};
use crate::stack::Painted;

/// Exit code when the clip cannot be read or opened.
const EXIT_CLIP: i32 = 1;
/// Exit code when a layer row is not what it should be.
const EXIT_ROWS: i32 = 2;
/// Exit code after a panic.
const EXIT_PANIC: i32 = 101;
/// Exit code after a fault of the processor.
const EXIT_FAULT: i32 = 102;

/// Largest clip.
const CLIP_BYTES: usize = 2 << 20;
/// Most scratch.
const SCRATCH_WORDS: usize = 256 << 10;
/// Widest picture.
const WIDTH: usize = 1920;

/// Layer rows that are checked.
const ROWS: u32 = 600;

/// All memory of the program but its stack. It begins as zeros, so that the image does not hold it.
struct Memory {
    clip: [u8; CLIP_BYTES],
    scratch: [u32; SCRATCH_WORDS],
    line: [u16; WIDTH],
    player: MaybeUninit<Player<'static, 'static>>,
    layer_rows: LayerRows,
}

static mut MEMORY: Memory = Memory {
    clip: [0; CLIP_BYTES],
    scratch: [0; SCRATCH_WORDS],
    line: [0; WIDTH],
    player: MaybeUninit::uninit(),
    layer_rows: LayerRows::new(),
};

/// Runs the program; `ticks` is a counter that goes up with the instructions and may wrap.
///
/// # Safety
/// To be called once.
pub unsafe fn run(ticks: fn() -> u32) -> ! {
    let memory = &raw mut MEMORY;
    // SAFETY: this is the only reference, because this function is called once.
    let memory = unsafe { &mut *memory };
    if File::open(c"layer-rows").is_ok() {
        check_layer_rows(&mut memory.layer_rows)
    }
    let Ok(len) = read_clip(&mut memory.clip) else {
        eprintln!("clip.nvl cannot be read, or has more than {CLIP_BYTES} bytes");
        process::exit(EXIT_CLIP)
    };
    let Memory { clip, scratch, line, player, .. } = memory;
    let stack = Painted::below();
    let player = match Player::open(&clip[..len], &Limits::HOST, scratch) {
        Ok(opened) => player.write(opened),
        Err(error) => {
            eprintln!("{error}");
            process::exit(EXIT_CLIP)
        }
    };
    let open_stack = stack.used();
    let scratch = player.stream().scratch_len();
    println!("memory player {} scratch {scratch} open_stack {open_stack}", size_of_val(player));
    print_checksums(player);
    player.restart();
    print_costs(player, line, ticks);
    process::exit(0)
}

/// Ends the emulator after a panic.
pub fn exit_after_panic(info: &PanicInfo<'_>) -> ! {
    eprintln!("{info}");
    process::exit(EXIT_PANIC)
}

/// Ends the emulator after a fault of the processor.
pub fn exit_after_fault() -> ! {
    eprintln!("fault of the processor");
    process::exit(EXIT_FAULT)
}

/// Compares the layer rows of this processor with the portable ones.
fn check_layer_rows(rows: &mut LayerRows) -> ! {
    match rows.check(ROWS) {
        Ok(()) => {
            println!("rows {ROWS} equal");
            process::exit(0)
        }
        Err(difference) => {
            eprintln!("{difference}");
            process::exit(EXIT_ROWS)
        }
    }
}

/// Reads the clip; its length.
fn read_clip(clip: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(c"clip.nvl")?;
    let mut len = 0;
    while let Some(room) = clip.get_mut(len..).filter(|room| !room.is_empty()) {
        match file.read(room)? {
            0 => return Ok(len),
            read => len += read,
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

fn print_checksums(player: &mut Player<'_, '_>) {
    let mut checksum = RowChecksum::new();
    loop {
        let Ok(event) = player.step(&mut checksum, &mut Unpaced);
        match event {
            Event::Shown { frame, .. } => println!("picture {frame} crc {:08x}", checksum.take()),
            Event::Lost { segment, .. } => println!("lost {segment}"),
            Event::End => return,
        }
    }
}

fn print_costs(player: &mut Player<'_, '_>, line: &mut [u16], ticks: fn() -> u32) {
    let mut sink = Rgb565Rows::new(line, |_, pixels: &[u16]| -> Result<(), Infallible> {
        black_box(pixels);
        Ok(())
    });
    let mut deepest = 0;
    loop {
        let stack = Painted::below();
        let before = ticks();
        let Ok(event) = player.step(&mut sink, &mut Unpaced);
        let spent = ticks().wrapping_sub(before);
        deepest = deepest.max(stack.used());
        match event {
            Event::Shown { frame, .. } => println!("cost {frame} ticks {spent}"),
            Event::Lost { .. } => {}
            Event::End => break,
        }
    }
    println!("stack {deepest}");
}
