//! `no-panic`: the proof that nothing in the decoder can panic on a microcontroller.

use anyhow::{Context, Result, bail};
use host_encoder::cli::grouped;

use crate::run::emulator::{build_firmware, missing_target};
use crate::run::image::Image;

/// Instruction sets for which it is proved: Cortex-M0, Cortex-M4 and M7, RISC-V.
pub const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf"];

/// Proves it for all of them that Rust can build for here.
pub fn run() -> Result<()> {
    let (mut proved, mut missing) = (0, vec![]);
    for target in TARGETS {
        match missing_target(target) {
            Some(target) => missing.push(target),
            None => {
                prove(target)?;
                proved += 1;
            }
        }
    }
    missing.iter().for_each(|missing| println!("{missing}"));
    if proved == 0 {
        bail!("nothing was proved: no target is installed");
    }
    Ok(())
}

/// Links the image that only links if no panic is left, and says how large the decoder is.
pub fn prove(target: &str) -> Result<()> {
    let image = build_firmware("no-panic", "no-panic", target, None, &[])
        .context("`the_decoder_can_panic` is undefined: some code of the decoder can panic")?;
    let flash = grouped(Image::read(&image)?.flash);
    println!("Nothing in the decoder can panic. It takes {flash} bytes of flash with its tables, for {target}.");
    Ok(())
}
