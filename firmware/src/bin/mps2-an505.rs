//! The emulated Cortex-M33 machine mps2-an505.
#![no_std]
#![no_main]

use firmware as _;
