//! Sets `arm_dsp` where the target has the DSP instructions of Armv7E-M, which stable Rust does not show as a feature, and `riscv_m`
//! for 32-bit RISC-V with multiplication, and `vectors` where there are vectors of eight 16-bit numbers.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(arm_dsp, arm_v8m, riscv_m, vectors)");
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // Armv8-M has them as an option, so that its processor must be named.
    let named = ["cortex-m33", "cortex-m35p", "cortex-m55", "cortex-m85"];
    let processor = flags.split('\x1f').filter_map(|flag| flag.split("target-cpu=").nth(1)).next_back();
    let optional = target.starts_with("thumbv8m.main") && processor.is_some_and(|name| named.contains(&name));
    if target.starts_with("thumbv7em") || optional {
        println!("cargo:rustc-cfg=arm_dsp");
    }
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let multiplies = features.split(',').any(|feature| feature == "m");
    // Cargo.toml has the same condition.
    let little = env::var("CARGO_CFG_TARGET_ENDIAN").as_deref() == Ok("little");
    if little && ["sse2", "neon", "simd128"].iter().any(|name| features.split(',').any(|feature| feature == *name)) {
        println!("cargo:rustc-cfg=vectors");
    }
    // The embedded variants have half of the registers.
    if target.starts_with("riscv32") && !target.starts_with("riscv32e") && multiplies {
        println!("cargo:rustc-cfg=riscv_m");
    }
    if optional {
        // Assembly of naked functions does not know the processor that was named.
        println!("cargo:rustc-cfg=arm_v8m");
    }
}
