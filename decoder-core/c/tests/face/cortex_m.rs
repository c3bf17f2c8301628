//! The example on an emulated Cortex-M4, and the proof that nothing in its library can panic.

use std::path::Path;
use std::process::Command;

use crate::toolchain::{compile, has, package, run, skipped, static_library};
use crate::{expected, pictures, vectors};

const TARGET: &str = "thumbv7em-none-eabihf";
const SOURCES: [&str; 2] = ["examples/strips.c", "examples/mps2-an386/start.c"];

/// Whether programs for the machine can be built.
fn can_build(what: &str) -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let installed = asked.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir());
    if !installed {
        skipped(what, &format!("the target {TARGET} is not installed (rustup target add {TARGET})"));
    }
    installed && has("arm-none-eabi-gcc", what)
}

#[test]
fn the_example_decodes_what_rust_decodes_and_cannot_panic() {
    let what = "the C example on a Cortex-M4";
    if !can_build(what) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("strips.elf");
    let script = format!("-T{}", package().join("examples/mps2-an386/memory.ld").display());
    let options = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "--specs=rdimon.specs"];
    let link = ["-nostartfiles", "-Wl,--gc-sections", &script];
    // A panic would need a function that does not exist.
    for feature in ["no-panic", "static-library"] {
        let library = static_library(Some(TARGET), feature);
        compile("arm-none-eabi-gcc", &[&options[..], &link].concat(), &SOURCES, &library, &program);
    }
    if !has("qemu-system-arm", what) {
        return;
    }
    for clip in vectors(60_000_000) {
        std::fs::copy(&clip, folder.path().join("clip.nvl")).unwrap();
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none"]);
        qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(&program);
        let output = run(qemu.current_dir(folder.path()));
        assert_eq!(pictures(&output), expected(&clip), "{}", clip.display());
    }
}
