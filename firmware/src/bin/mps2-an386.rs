//! The emulated Cortex-M4F machine mps2-an386; the same image runs on mps2-an500, a Cortex-M7.
#![no_std]
#![no_main]

use firmware as _;
