//! The emulated RISC-V machine `virt`, RV32IMAC.
#![no_std]
#![no_main]

use firmware as _;
