//! The program of the emulated machines: decodes a clip of the host and reports what it gives and costs.
//!
//! The clip is the file `clip.nvl` where QEMU runs. The program's argument is its task; what it prints is for `cargo xtask`,
//! a line for each fact. `play`:
//!
//! ```text
//! memory player 5000 scratch 40000 open_stack 9000     bytes
//! picture 0 crc 89abcdef                               of each picture
//! cost 0 ticks 123456 tiles 990 600 200                of each picture, from bytes to rows of RGB565; its tiles, how many of
//!                                                      them were synthesised, how many are unchanged
//! lost 3                                               pictures from here on cannot be decoded
//! stack 1500                                           bytes below the caller of the player while it decodes
//! ```
//!
//! `damaged` plays the clip once, for its checksums, from a block device with the [faults](crate::faults) of the file `faults`.
//! `profile` does no more than decode the clip once, for a profile. `kernels`, and `rows`, which compares layer
//! rows with the portable ones:
//!
//! ```text
//! kernel 3x3-16-16 macs 123456 ticks 12345
//! rows 600 equal
//! ```
//!
//! `panic` and `fault` end as a program should that has gone wrong: with an exit code.

#[cfg(feature = "emulated-cortex-m")]
mod cortex_m;
#[cfg(feature = "board-riscv32-virt")]
mod riscv;
mod stack;

use core::convert::Infallible;
use core::ffi::CStr;
use core::fmt;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use decoder_core::{Limits, Place, Rgb565Rows, Tiles};
use embedded_io::{Read, Seek};
use semihosting::experimental::env::args;
use semihosting::fs::File;
use semihosting::io::{self, Read as _};
use semihosting::{eprintln, println, process};

use crate::checksum::RowChecksum;
use crate::faults::{FAULT_BYTES, FaultyBlocks};
use crate::kernel_costs::{Kernel, KernelCosts};
use crate::layer_rows::LayerRows;
use crate::mapped::Mapped;
use crate::player::{Event, Player, Unpaced};
use stack::Painted;

#[cfg(feature = "emulated-cortex-m")]
use cortex_m::fault;
#[cfg(feature = "board-riscv32-virt")]
use riscv::fault;

/// Exit code when the clip cannot be read or opened.
const EXIT_CLIP: i32 = 1;
/// Exit code when a layer row is not what it should be.
const EXIT_ROWS: i32 = 2;
/// Exit code for a task that there is not.
const EXIT_TASK: i32 = 3;
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
/// Most bytes of the program's arguments.
const ARGUMENTS: usize = 128;
/// What the clip is read through.
const BUFFER: usize = 1024;
/// Most bytes of faults.
const SCRIPT: usize = 64 * FAULT_BYTES;

/// What the program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Decode the clip for its checksums, and once more for its costs.
    Play,
    /// Decode the clip from a block device with faults.
    Damaged,
    /// Decode the clip once, from bytes to rows of RGB565, and nothing else that could take instructions.
    Profile,
    /// Measure the kernels.
    Kernels,
    /// Compare layer rows.
    Rows,
    /// Panic.
    Panic,
    /// Do what the processor refuses.
    Fault,
}

impl Task {
    /// The task of the command line.
    fn of_arguments() -> Option<Self> {
        let arguments = args::<ARGUMENTS>().ok()?;
        let name = (&arguments).nth(1)?.ok()?;
        let all = [Self::Play, Self::Damaged, Self::Profile, Self::Kernels, Self::Rows, Self::Panic, Self::Fault];
        let names = ["play", "damaged", "profile", "kernels", "rows", "panic", "fault"];
        names.iter().zip(all).find_map(|(&known, task)| (known == name).then_some(task))
    }
}

/// A player of a clip in memory.
type MappedPlayer = Player<'static, 'static, Mapped<'static>>;

/// All memory of the program but its stack. It begins as zeros, so that the image does not hold it.
struct Memory {
    clip: [u8; CLIP_BYTES],
    script: [u8; SCRIPT],
    buffer: [u8; BUFFER],
    scratch: [u32; SCRATCH_WORDS],
    line: [u16; WIDTH],
    player: MaybeUninit<MappedPlayer>,
    layer_rows: LayerRows,
    kernel_costs: KernelCosts,
}

static mut MEMORY: Memory = Memory {
    clip: [0; CLIP_BYTES],
    script: [0; SCRIPT],
    buffer: [0; BUFFER],
    scratch: [0; SCRATCH_WORDS],
    line: [0; WIDTH],
    player: MaybeUninit::uninit(),
    layer_rows: LayerRows::new(),
    kernel_costs: KernelCosts::new(),
};

/// Runs the program; `ticks` is a counter that goes up with the instructions.
///
/// # Safety
/// To be called once.
unsafe fn run(ticks: fn() -> u64) -> ! {
    let memory = &raw mut MEMORY;
    // SAFETY: this is the only reference, because this function is called once.
    let memory = unsafe { &mut *memory };
    match Task::of_arguments() {
        Some(Task::Play) => play(memory, ticks),
        Some(Task::Damaged) => play_damaged(memory),
        Some(Task::Profile) => profile(memory),
        Some(Task::Kernels) => print_kernels(&mut memory.kernel_costs, ticks),
        Some(Task::Rows) => check_layer_rows(&mut memory.layer_rows),
        Some(Task::Panic) => panic!("as it was told"),
        Some(Task::Fault) => fault(),
        None => {
            eprintln!("the task is not known");
            process::exit(EXIT_TASK)
        }
    }
    process::exit(0)
}

/// Ends the emulator after a panic.
#[panic_handler]
fn exit_after_panic(info: &PanicInfo<'_>) -> ! {
    eprintln!("{info}");
    process::exit(EXIT_PANIC)
}

/// Ends the emulator after a fault of the processor.
fn exit_after_fault() -> ! {
    eprintln!("fault of the processor");
    process::exit(EXIT_FAULT)
}

/// Compares the layer rows of this processor with the portable ones.
fn check_layer_rows(rows: &mut LayerRows) {
    match rows.check(ROWS) {
        Ok(()) => println!("rows {ROWS} equal"),
        Err(difference) => {
            eprintln!("{difference}");
            process::exit(EXIT_ROWS)
        }
    }
}

fn print_kernels(costs: &mut KernelCosts, ticks: fn() -> u64) {
    for kernel in Kernel::ALL {
        println!("kernel {kernel} macs {} ticks {}", kernel.macs(), costs.measure(kernel, ticks));
    }
}

/// Decodes the clip twice and prints what it gives and costs.
fn play(memory: &'static mut Memory, ticks: fn() -> u64) {
    let stack = Painted::below();
    let (player, line) = open(memory);
    let open_stack = stack.used();
    let scratch = player.input().head().scratch_len();
    println!("memory player {} scratch {scratch} open_stack {open_stack}", size_of_val(player));
    print_checksums(player);
    let Ok(()) = player.restart() else { fail("the clip does not begin again") };
    print_costs(player, line, ticks);
}

/// Decodes the clip once.
fn profile(memory: &'static mut Memory) {
    let (player, line) = open(memory);
    let Ok(_) = player.play(&mut rgb565_rows(line), &mut Unpaced);
}

/// Decodes the clip from a block device with faults.
fn play_damaged(memory: &'static mut Memory) {
    let Memory { clip, script, buffer, scratch, .. } = memory;
    let (Ok(len), Ok(faults)) = (read_file(c"clip.nvl", clip), read_file(c"faults", script)) else {
        fail("clip.nvl or faults cannot be read, or is too large")
    };
    let blocks = FaultyBlocks::new(&clip[..len], &script[..faults]);
    match Player::open(blocks, buffer, &Limits::HOST, scratch) {
        Ok(mut player) => print_checksums(&mut player),
        Err(error) => fail(error),
    }
}

/// Reads and opens the clip.
fn open(memory: &'static mut Memory) -> (&'static mut MappedPlayer, &'static mut [u16]) {
    let Memory { clip, buffer, scratch, line, player, .. } = memory;
    let Ok(len) = read_file(c"clip.nvl", clip) else { fail("clip.nvl cannot be read, or is too large") };
    match Player::open(Mapped::new(&clip[..len]), buffer, &Limits::HOST, scratch) {
        Ok(opened) => (player.write(opened), line),
        Err(error) => fail(error),
    }
}

/// Says why the clip cannot be played.
fn fail(reason: impl fmt::Display) -> ! {
    eprintln!("{reason}");
    process::exit(EXIT_CLIP)
}

/// Rows of RGB565 that go nowhere, but are made.
fn rgb565_rows(line: &mut [u16]) -> Rgb565Rows<'_, impl FnMut(Place, &[u16]) -> Result<(), Infallible>> {
    Rgb565Rows::new(line, |_, pixels: &[u16]| {
        black_box(pixels);
        Ok(())
    })
}

/// Reads a file of the host; its length.
fn read_file(name: &CStr, bytes: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(name)?;
    let mut len = 0;
    while let Some(room) = bytes.get_mut(len..).filter(|room| !room.is_empty()) {
        match file.read(room)? {
            0 => return Ok(len),
            read => len += read,
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

fn print_checksums<R: Read + Seek>(player: &mut Player<'_, '_, R>) {
    let mut checksum = RowChecksum::new();
    loop {
        let Ok(event) = player.step(&mut checksum, &mut Unpaced);
        match event {
            Event::Shown { frame, .. } => println!("picture {frame} crc {:08x}", checksum.take()),
            Event::Lost { frame, .. } => println!("lost {frame}"),
            Event::End => return,
        }
    }
}

fn print_costs(player: &mut MappedPlayer, line: &mut [u16], ticks: fn() -> u64) {
    let mut sink = rgb565_rows(line);
    let mut deepest = 0;
    loop {
        let stack = Painted::below();
        let before = ticks();
        let Ok(event) = player.step(&mut sink, &mut Unpaced);
        let spent = ticks() - before;
        deepest = deepest.max(stack.used());
        match event {
            Event::Shown { frame, .. } => {
                let Tiles { all, synthesised, unchanged } = player.tiles();
                println!("cost {frame} ticks {spent} tiles {all} {synthesised} {unchanged}");
            }
            Event::Lost { .. } => {}
            Event::End => break,
        }
    }
    println!("stack {deepest}");
}
