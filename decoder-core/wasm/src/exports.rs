//! The module's functions. Lengths and addresses are bytes, results of steps are [`Status`] codes.

use core::cell::UnsafeCell;

use decoder_core::Tiles;

use crate::session::{Facts, Session, Status};

/// A value of this instance.
struct Global<T>(UnsafeCell<T>);

// SAFETY: the module has no shared memory, so that one thread runs it.
unsafe impl<T> Sync for Global<T> {}

static SESSION: Global<Option<Session>> = Global(UnsafeCell::new(None));
static FACTS: Global<Facts> = Global(UnsafeCell::new(Facts::NONE));
static TILES: Global<[u32; 3]> = Global(UnsafeCell::new([0; 3]));

impl<T> Global<T> {
    /// Puts a value where JavaScript reads it.
    fn put(&self, value: T) -> *const T {
        // SAFETY: nobody has a reference to it: `session` alone makes one, to another.
        unsafe { self.0.get().write(value) };
        self.0.get()
    }
}

fn session() -> &'static mut Session {
    // SAFETY: the module imports nothing, so that no export is called while another runs; each uses its reference and
    // returns addresses and numbers only.
    unsafe { &mut *SESSION.0.get() }.get_or_insert_with(Session::default)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// See [`Session::head_room`]; 0 for no room.
#[unsafe(no_mangle)]
extern "C" fn head_room(bytes: usize) -> *mut u8 {
    session().head_room(bytes).map_or(core::ptr::null_mut(), |room| room.as_mut_ptr())
}

/// See [`Session::open`].
#[unsafe(no_mangle)]
extern "C" fn open(len: usize) -> Status {
    session().open(len)
}

/// Writes [`Session::facts`], ten words, and returns where they are.
#[unsafe(no_mangle)]
extern "C" fn facts() -> *const Facts {
    FACTS.put(session().facts())
}

/// Writes [`Session::tiles`], three words, and returns where they are: in the picture, synthesised, unchanged.
#[unsafe(no_mangle)]
extern "C" fn tiles() -> *const [u32; 3] {
    let Tiles { all, synthesised, unchanged } = session().tiles();
    TILES.put([all, synthesised, unchanged])
}

/// Offset in the file of a segment; 0 if the index has no valid one.
#[unsafe(no_mangle)]
extern "C" fn segment_offset(number: u32) -> u32 {
    session().index_entry(number).map_or(0, |entry| entry.offset)
}

/// Number in the file of a segment's first picture.
#[unsafe(no_mangle)]
extern "C" fn segment_first_frame(number: u32) -> u32 {
    session().index_entry(number).map_or(0, |entry| entry.first_frame)
}

/// See [`Session::segment_room`]; 0 for no room.
#[unsafe(no_mangle)]
extern "C" fn segment_room(bytes: usize) -> *mut u8 {
    session().segment_room(bytes).map_or(core::ptr::null_mut(), |room| room.as_mut_ptr())
}

/// See [`Session::begin`].
#[unsafe(no_mangle)]
extern "C" fn begin(number: u32, len: usize) -> Status {
    session().begin(number, len)
}

/// See [`Session::next_frame`].
#[unsafe(no_mangle)]
extern "C" fn next_frame() -> Status {
    session().next_frame()
}

/// Where the last picture's planes are.
#[unsafe(no_mangle)]
extern "C" fn planes() -> *const u8 {
    session().planes().as_ptr()
}

/// Converts the last picture and returns where its pixels are.
#[unsafe(no_mangle)]
extern "C" fn rgba() -> *const u8 {
    session().rgba().as_ptr()
}

/// See [`Session::needed`].
#[unsafe(no_mangle)]
extern "C" fn needed() -> usize {
    session().needed()
}

/// Where the UTF-8 bytes of [`Session::message`] are.
#[unsafe(no_mangle)]
extern "C" fn message() -> *const u8 {
    session().message().as_ptr()
}

/// How many they are.
#[unsafe(no_mangle)]
extern "C" fn message_len() -> usize {
    session().message().len()
}
