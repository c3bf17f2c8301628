//! The emulated Cortex-M55 machine mps3-an547.
#![no_std]
#![no_main]

use firmware as _;
