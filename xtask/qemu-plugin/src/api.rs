//! QEMU's functions for plugins, versions 1 and later: `include/qemu/qemu-plugin.h`. They are taken from the program that has
//! loaded the plugin, so that nothing of QEMU is needed to build it.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

use libloading::{Error, Library};

/// Names the plugin.
pub type Id = u64;
/// What QEMU says about itself.
pub enum Info {}
/// A block of instructions that is being translated.
pub enum Translation {}
/// An instruction of one.
enum Instruction {}

type OnTranslation = extern "C" fn(Id, *mut Translation);
type OnExecution = extern "C" fn(c_uint, *mut c_void);
type AtExit = extern "C" fn(Id, *mut c_void);

/// That the callback leaves the registers alone.
const NO_REGISTERS: c_int = 0;

/// The functions.
pub struct Api {
    register_translation: extern "C" fn(Id, OnTranslation),
    register_execution: extern "C" fn(*mut Translation, OnExecution, c_int, *mut c_void),
    register_exit: extern "C" fn(Id, AtExit, *mut c_void),
    instruction_count: extern "C" fn(*const Translation) -> usize,
    instruction: extern "C" fn(*const Translation, usize) -> *mut Instruction,
    address: extern "C" fn(*const Instruction) -> u64,
    size: extern "C" fn(*const Instruction) -> usize,
}

impl Api {
    /// Finds the functions in the running program.
    ///
    /// # Errors
    /// If it is not QEMU.
    pub fn load() -> Result<Self, Error> {
        #[cfg(unix)]
        let library = Library::from(libloading::os::unix::Library::this());
        #[cfg(windows)]
        let library = Library::from(libloading::os::windows::Library::this()?);
        // SAFETY: the types are those of QEMU's header.
        unsafe {
            Ok(Self {
                register_translation: *library.get(b"qemu_plugin_register_vcpu_tb_trans_cb\0")?,
                register_execution: *library.get(b"qemu_plugin_register_vcpu_tb_exec_cb\0")?,
                register_exit: *library.get(b"qemu_plugin_register_atexit_cb\0")?,
                instruction_count: *library.get(b"qemu_plugin_tb_n_insns\0")?,
                instruction: *library.get(b"qemu_plugin_tb_get_insn\0")?,
                address: *library.get(b"qemu_plugin_insn_vaddr\0")?,
                size: *library.get(b"qemu_plugin_insn_size\0")?,
            })
        }
    }

    /// Asks to be called for each block that is translated.
    pub fn on_translation(&self, id: Id, call: OnTranslation) {
        (self.register_translation)(id, call);
    }

    /// Asks to be called, with a number, each time the block is executed.
    pub fn on_execution(&self, block: *mut Translation, call: OnExecution, number: usize) {
        (self.register_execution)(block, call, NO_REGISTERS, ptr::without_provenance_mut(number));
    }

    /// Asks to be called when QEMU ends.
    pub fn at_exit(&self, id: Id, call: AtExit) {
        (self.register_exit)(id, call, ptr::null_mut());
    }

    /// The addresses of a block's instructions, and the one behind them.
    pub fn instructions(&self, block: *const Translation) -> Vec<u64> {
        let mut addresses = Vec::new();
        let mut end = 0;
        for number in 0..(self.instruction_count)(block) {
            let instruction = (self.instruction)(block, number);
            let address = (self.address)(instruction);
            addresses.push(address);
            end = address + (self.size)(instruction) as u64;
        }
        addresses.push(end);
        addresses
    }
}
