//! Puts the memory map of the board where the linker finds it.

use std::path::PathBuf;
use std::{env, fs, io};

/// A board's feature, its binary, and what the linker of that binary reads.
const BOARDS: [(&str, &str, &[&str]); 6] = [
    ("CARGO_FEATURE_BOARD_MPS2_AN386", "mps2-an386", &["-Tlink.x"]),
    ("CARGO_FEATURE_BOARD_MPS2_AN505", "mps2-an505", &["-Tlink.x"]),
    ("CARGO_FEATURE_BOARD_MPS3_AN547", "mps3-an547", &["-Tlink.x"]),
    ("CARGO_FEATURE_BOARD_PICO2", "pico2", &["-Tlink.x", "-Tdefmt.x", "--nmagic"]),
    ("CARGO_FEATURE_BOARD_STM32F429I_DISC1", "stm32f429i-disc1", &["-Tlink.x", "-Tdefmt.x", "--nmagic"]),
    ("CARGO_FEATURE_BOARD_RISCV32_VIRT", "riscv32-virt", &["-Tmemory.x", "-Tlink.x"]),
];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    for (feature, binary, scripts) in BOARDS {
        if env::var_os(feature).is_some() {
            fs::copy(format!("memory/{binary}.x"), out.join("memory.x"))?;
            println!("cargo:rustc-link-search={}", out.display());
            for script in scripts {
                println!("cargo:rustc-link-arg-bin={binary}={script}");
            }
        }
    }
    println!("cargo:rerun-if-env-changed=NVL_PANEL");
    println!("cargo:rustc-check-cfg=cfg(nvl_panel, values(\"240x240\", \"320x240\"))");
    if let Ok(panel) = env::var("NVL_PANEL") {
        println!("cargo:rustc-cfg=nvl_panel=\"{panel}\"");
    }
    if env::var_os("CARGO_FEATURE_NO_PANIC").is_some() {
        for argument in ["--entry=decode_all", "--undefined=decode_all"] {
            println!("cargo:rustc-link-arg-bin=no-panic={argument}");
        }
    }
    Ok(())
}
