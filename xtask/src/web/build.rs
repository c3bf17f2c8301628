//! The page's folder: the sources, and the decoder for machines with and without vectors.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use host_encoder::cli::grouped;

use super::sources;
use crate::run::emulator::missing_target;
use crate::shell;

const TARGET: &str = "wasm32-unknown-unknown";
/// The decoder's variants: file, and flags of the compiler.
pub const VARIANTS: [(&str, &str); 2] = [("nvl.wasm", ""), ("nvl-simd128.wasm", "-C target-feature=+simd128")];
/// Flags of all variants: less inlining makes the module a tenth smaller, loops that are not unrolled for numbers that only the stream knows one per cent more, and
/// neither any slower that could be measured.
const COMMON_FLAGS: &str = "-C llvm-args=-inline-threshold=25 -C llvm-args=-unroll-runtime=false";
/// Most bytes of a variant.
const MAX_BYTES: usize = 116_000;

/// Builds both variants and puts the page together; where it is.
pub fn assemble() -> Result<PathBuf> {
    if let Some(missing) = missing_target(TARGET) {
        bail!(missing);
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    let page = target.join("web");
    if page.exists() {
        fs::remove_dir_all(&page).with_context(|| format!("cannot empty {}", page.display()))?;
    }
    copy_folder(&sources().join("web"), &page)?;
    for (file, flags) in VARIANTS {
        // A folder for each, or one would be built anew after the other.
        let module = fs::read(compile(&target.join("web-build").join(file), flags)?)?;
        let (bytes, most) = (grouped(module.len() as u64), grouped(MAX_BYTES as u64));
        println!("{file:17} {bytes:>7} bytes");
        ensure!(module.len() <= MAX_BYTES, "{file} has {bytes} bytes; a page should not have to load more than {most}");
        fs::write(page.join("nvl").join(file), module)?;
    }
    println!("The page is in {}", page.display());
    Ok(page)
}

/// Builds a variant; where it is.
fn compile(target: &Path, flags: &str) -> Result<PathBuf> {
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--package", "nvl-wasm", "--lib", "--profile", "web"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(target)
        .env("RUSTFLAGS", format!("{COMMON_FLAGS} {flags}"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(shell::root())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the decoder could not be built for {TARGET}");
    Ok(target.join(TARGET).join("web/nvl.wasm"))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make the folder {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &place)?,
            false => {
                fs::copy(entry.path(), &place).with_context(|| format!("cannot write {}", place.display()))?;
            }
        }
    }
    Ok(())
}
