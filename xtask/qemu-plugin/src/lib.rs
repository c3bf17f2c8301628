//! Counts how often each instruction is executed, for `cargo xtask run --profile`.
//!
//! Arguments: `out`, the file to write, and `callees`, a file with lines `begin end` in hexadecimal: code that is charged to
//! whoever has called it, such as `memcpy`. Each line that is written has an address in hexadecimal and three numbers: how
//! often it was executed, how often the one behind it was not what came next, and how many instructions of callees followed.

mod api;
mod counts;

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::{Mutex, PoisonError};
use std::{fs, slice};

use api::{Api, Id, Info, Translation};
use counts::Counts;

/// The version of the interface, which QEMU asks for.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static qemu_plugin_version: c_int = if cfg!(feature = "qemu-9") { 2 } else { 1 };

/// The plugin, once it is installed.
struct Plugin {
    api: Api,
    counts: Counts,
    out: String,
}

static PLUGIN: Mutex<Option<Plugin>> = Mutex::new(None);

/// Does something with the plugin.
fn with(action: impl FnOnce(&mut Plugin)) {
    if let Some(plugin) = PLUGIN.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        action(plugin);
    }
}

/// What QEMU calls when it has loaded the plugin.
///
/// # Safety
/// To be called by QEMU.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    _info: *const Info,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let argc = usize::try_from(argc).unwrap_or(0);
    // SAFETY: QEMU hands over `argc` strings.
    let arguments = unsafe { slice::from_raw_parts(argv, argc) };
    // SAFETY: as above; each ends with 0.
    let arguments = arguments.iter().map(|&argument| unsafe { CStr::from_ptr(argument) }.to_string_lossy());
    let (mut out, mut callees) = (None, None);
    for argument in arguments {
        match argument.split_once('=') {
            Some(("out", path)) => out = Some(path.to_owned()),
            Some(("callees", path)) => callees = fs::read_to_string(path).ok(),
            _ => return -1,
        }
    }
    let plugin = Api::load().ok().zip(out).zip(callees.as_deref().and_then(Counts::new));
    let Some(((api, out), counts)) = plugin else { return -1 };
    api.on_translation(id, translated);
    api.at_exit(id, exiting);
    *PLUGIN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Plugin { api, counts, out });
    0
}

extern "C" fn translated(_id: Id, block: *mut Translation) {
    with(|plugin| {
        let number = plugin.counts.block(&plugin.api.instructions(block));
        plugin.api.on_execution(block, executed, number);
    });
}

extern "C" fn executed(_processor: c_uint, number: *mut c_void) {
    with(|plugin| plugin.counts.executed(number.addr()));
}

extern "C" fn exiting(_id: Id, _: *mut c_void) {
    with(|plugin| {
        if let Err(error) = fs::write(&plugin.out, plugin.counts.to_string()) {
            eprintln!("cannot write {}: {error}", plugin.out);
        }
    });
}
