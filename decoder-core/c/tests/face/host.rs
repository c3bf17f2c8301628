//! Programs in C on this machine.

use std::process::Command;

use crate::toolchain::{compile, has, package, run, skipped, static_library};
use crate::{expected, pictures, vectors};

#[test]
fn the_example_decodes_what_rust_decodes() {
    let folder = tempfile::tempdir().unwrap();
    let library = static_library(None, "static-library");
    for compiler in ["gcc", "clang"] {
        if !has(compiler, &format!("the C example with {compiler}")) {
            continue;
        }
        let program = folder.path().join(compiler);
        compile(compiler, &[], &["examples/strips.c"], &library, &program);
        for clip in vectors(300_000_000) {
            assert_eq!(pictures(&run(Command::new(&program).arg(&clip))), expected(&clip), "{}", clip.display());
        }
    }
}

#[test]
fn the_header_is_one_for_cpp() {
    if has("g++", "the header in C++") {
        let source = package().join("include/nvl.h");
        run(Command::new("g++")
            .args(["-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++"])
            .arg(source));
    }
}

#[test]
fn misuse_and_damage_give_codes_and_nothing_worse() {
    let folder = tempfile::tempdir().unwrap();
    let library = static_library(None, "static-library");
    // They are decoded hundreds of times.
    let clips: Vec<_> = vectors(40_000_000).into_iter().take(5).collect();
    if has("gcc", "misuse of the C interface under sanitizers") {
        let program = folder.path().join("sanitized");
        let options = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        compile("gcc", &options, &["tests/face/misuse.c"], &library, &program);
        for clip in &clips {
            assert_eq!(run(Command::new(&program).arg(clip)).trim(), "all checks passed");
        }
    }
    if has("gcc", "misuse of the C interface") && has("valgrind", "misuse of the C interface under valgrind") {
        let program = folder.path().join("plain");
        compile("gcc", &[], &["tests/face/misuse.c"], &library, &program);
        let mut valgrind = Command::new("valgrind");
        valgrind.args([
            "--quiet",
            "--error-exitcode=9",
            "--leak-check=full",
            "--suppressions=tests/face/valgrind.supp",
        ]);
        valgrind.arg(&program).arg(&clips[0]).current_dir(package());
        assert_eq!(run(&mut valgrind).trim(), "all checks passed");
    } else {
        skipped("memory of the decoder itself", "only valgrind sees it");
    }
}
