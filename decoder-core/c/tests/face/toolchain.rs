//! Compilers, and the static library.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The package.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a program is installed; if not, says on the terminal what is not tested.
pub fn has(program: &str, what: &str) -> bool {
    let version = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let found = version.is_ok_and(|output| output.status.success());
    if !found {
        skipped(what, &format!("there is no {program}"));
    }
    found
}

/// Says on the terminal what is not tested.
pub fn skipped(what: &str, why: &str) {
    // Not `eprintln`: the test harness would hide it.
    let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {what}: {why} ***\n");
}

/// Runs a command, which must succeed; what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}

/// Builds the static library, for this machine or for another; where it is.
pub fn static_library(target: Option<&str>, feature: &str) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| package().join("../../target"), PathBuf::from);
    let mut command = Command::new(env!("CARGO"));
    command.args(["rustc", "--quiet", "--package", "nvl-c", "--profile", "c-library", "--crate-type", "staticlib"]);
    command.args(["--features", feature, "--target-dir"]).arg(&folder).current_dir(package());
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    run(&mut command);
    folder.join(target.unwrap_or_default()).join("c-library/libnvl_c.a")
}

/// Compiles C sources of the package together with the static library.
pub fn compile(compiler: &str, options: &[&str], sources: &[&str], library: &Path, program: &Path) {
    let sources = sources.iter().map(|source| package().join(source));
    run(Command::new(compiler)
        .args(["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(package().join("include"))
        .args(options)
        .args(sources)
        .args([library.as_os_str(), OsStr::new("-o"), program.as_os_str()]));
}
