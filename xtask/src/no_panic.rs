//! `no-panic`: the proof that nothing in the decoder can panic on a microcontroller.

use anyhow::{Context, Result, bail};
use host_encoder::cli::grouped;

use crate::run::emulator::{build_firmware, missing_target};
use crate::run::image::Image;

const TARGET: &str = "thumbv7em-none-eabihf";

/// Links the image that only links if no panic is left, and says how large the decoder is.
pub fn run() -> Result<()> {
    if let Some(missing) = missing_target(TARGET) {
        bail!(missing);
    }
    let image = build_firmware("no-panic", "no-panic", TARGET, None, &[])
        .context("`the_decoder_can_panic` is undefined: some code of the decoder can panic")?;
    let flash = grouped(Image::read(&image)?.flash);
    println!("Nothing in the decoder can panic. It takes {flash} bytes of flash with its tables, for {TARGET}.");
    Ok(())
}
