//! `c-library`: the decoder as a static library for C, with what `pkg-config` and CMake want to know.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::Args;
use host_encoder::cli::grouped;

use crate::run::emulator::missing_target;
use crate::shell;

/// Files of the package that are copied: from the folder `decoder-core/c`, to the folder that is given. `@VERSION@` becomes the version.
const FILES: [(&str, &str); 4] = [
    ("include/nvl.h", "include/nvl.h"),
    ("package/nvl.pc", "lib/pkgconfig/nvl.pc"),
    ("package/nvl-config.cmake", "lib/cmake/nvl/nvl-config.cmake"),
    ("package/nvl-config-version.cmake", "lib/cmake/nvl/nvl-config-version.cmake"),
];

/// Arguments of `c-library`.
#[derive(Args, Debug)]
pub struct LibraryArgs {
    /// Rust's name of the machine, such as thumbv7em-none-eabihf; without it, this machine
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Folder for the library, its header, and its descriptions [default: target/c-library/TRIPLE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Builds the library.
pub fn run(args: &LibraryArgs) -> Result<()> {
    let built = build(args.target.as_deref())?;
    let machine = args.target.as_deref().unwrap_or("host");
    let out = args.out.clone().unwrap_or_else(|| shell::root().join("target/c-library").join(machine));
    let library = out.join("lib/libnvl.a");
    write(&library, &fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?)?;
    for (from, to) in FILES {
        let from = shell::root().join("decoder-core/c").join(from);
        let text = fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
        write(&out.join(to), text.replace("@VERSION@", env!("CARGO_PKG_VERSION")).as_bytes())?;
    }
    println!("{}: {} bytes, for {machine}", library.display(), grouped(fs::metadata(&library)?.len()));
    println!("make:  PKG_CONFIG_PATH={} pkg-config --cflags --libs nvl", out.join("lib/pkgconfig").display());
    println!("CMake: find_package(nvl REQUIRED), nvl::nvl, with -DCMAKE_PREFIX_PATH={}", out.display());
    Ok(())
}

/// Builds the static library; where Cargo leaves it.
fn build(target: Option<&str>) -> Result<PathBuf> {
    if let Some(missing) = target.and_then(missing_target) {
        bail!(missing);
    }
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    let mut command = Command::new("cargo");
    command.args(["rustc", "--quiet", "--package", "nvl-c", "--profile", "c-library", "--crate-type", "staticlib"]);
    command.args(["--features", "static-library", "--target-dir"]).arg(&folder).current_dir(shell::root());
    command.args(target.iter().flat_map(|target| ["--target", target]));
    if !command.status().context("cannot run cargo")?.success() {
        bail!("the library could not be built for {}", target.unwrap_or("this machine"));
    }
    Ok(folder.join(target.unwrap_or_default()).join("c-library/libnvl_c.a"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Output;

    use super::*;

    const CMAKE: &str = "cmake_minimum_required(VERSION 3.10)\nproject(strips C)\nfind_package(nvl 0.1 REQUIRED)\n\
        add_executable(strips strips.c)\ntarget_link_libraries(strips PRIVATE nvl::nvl)\n";

    fn has(program: &str) -> bool {
        let found = shell::succeeds(&[program, "--version"]);
        if !found {
            // Not `eprintln`: the test harness would hide it.
            let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: the C library with {program}, which is not here ***\n");
        }
        found
    }

    fn output(command: &mut Command) -> Output {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    #[test]
    fn a_project_in_c_finds_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("nvl");
        run(&LibraryArgs { target: None, out: Some(out.clone()) }).unwrap();
        let example = shell::root().join("decoder-core/c/examples/strips.c");
        let clip = shell::root().join("README.md");
        // A file that is no clip is enough to see that the library is there.
        let refuses = |program: &Path| {
            let output = Command::new(program).arg(&clip).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "probe: NVL_CORRUPT_MAGIC");
        };
        if has("pkg-config") && has("cc") {
            let mut ask = Command::new("pkg-config");
            ask.args(["--cflags", "--libs", "nvl"]).env("PKG_CONFIG_PATH", out.join("lib/pkgconfig"));
            let flags = String::from_utf8(output(&mut ask).stdout).unwrap();
            let program = folder.path().join("strips");
            output(Command::new("cc").arg(&example).args(flags.split_whitespace()).arg("-o").arg(&program));
            refuses(&program);
        }
        if has("cmake") && has("cc") {
            let (source, build) = (folder.path().join("project"), folder.path().join("build"));
            write(&source.join("CMakeLists.txt"), CMAKE.as_bytes()).unwrap();
            fs::copy(&example, source.join("strips.c")).unwrap();
            let prefix = format!("-DCMAKE_PREFIX_PATH={}", out.display());
            output(Command::new("cmake").arg("-S").arg(&source).arg("-B").arg(&build).arg(prefix));
            output(Command::new("cmake").arg("--build").arg(&build));
            refuses(&build.join("strips"));
        }
    }

    #[test]
    fn a_machine_that_rust_does_not_know_is_named() {
        let args = LibraryArgs { target: Some("z80-zilog-none".into()), out: None };
        assert!(run(&args).unwrap_err().to_string().contains("z80-zilog-none"));
    }
}
