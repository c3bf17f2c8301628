//! Player.
#![no_std]
