//! The commands that the documents show, run: each block in a folder of its own that has a tiny clip under the names that
//! the documents use. Encodes are drafts there, and files may be replaced; else they run as they stand.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use clap::Subcommand;
use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};
use nvl_tests::documents::{blocks, ours, programs};

/// Commands of `nvl` that are not run here, and why. The other tasks of `cargo xtask` are not run either: they take
/// minutes, build for other machines, or install programs. `xtask/src/documents.rs` checks the arguments of all.
const NOT_RUN: [(&str, &str); 4] = [
    ("plan", "host-encoder/tests/jobs.rs runs it"),
    ("encode-segment", "host-encoder/tests/jobs.rs runs it"),
    ("mux", "host-encoder/tests/jobs.rs runs it"),
    ("submit", "host-encoder/tests/jobs.rs runs it"),
];

/// A program that stands for `nvl` and `cargo xtask`: no encode is longer than a draft, and files may be replaced.
const STAND_IN: &str = r#"#!/bin/sh
[ "$1" = xtask ] && shift
arguments() { for word in "$@"; do case $skip$word in skip*) skip=;; --effort) skip=skip;; --overwrite|-y) ;; *) printf '%s\n' "$word";; esac; done; }
case $1 in
  encode) extra='--effort draft -y';;
  estimate) extra='--effort draft';;
  decode|report) extra=-y;;
esac
IFS='
'
set -f
set -- $(arguments "$@")
unset IFS
exec "$NVL" "$@" $extra
"#;

#[test]
fn what_documents_show_works() {
    let folder = tempfile::tempdir().unwrap();
    let programs_folder = folder.path().join("bin");
    fs::create_dir(&programs_folder).unwrap();
    for name in ["nvl", "cargo"] {
        script(&programs_folder.join(name), STAND_IN);
    }
    for name in ["ffplay", "mpv", "jq"] {
        script(&programs_folder.join(name), "#!/bin/sh\nexec cat > /dev/null\n");
    }
    let template = folder.path().join("template");
    fs::create_dir(&template).unwrap();
    let path = format!("{}:{}", programs_folder.display(), std::env::var("PATH").unwrap_or_default());
    make_files(&template, &path);

    let (mut wrong, mut ran) = (Vec::new(), 0);
    for (number, block) in blocks().iter().enumerate() {
        let place = folder.path().join(format!("block{number}"));
        fs::create_dir(&place).unwrap();
        for entry in fs::read_dir(&template).unwrap().flatten() {
            fs::copy(entry.path(), place.join(entry.file_name())).unwrap();
        }
        for (line, command) in &block.commands {
            if !is_run(command) {
                continue;
            }
            ran += 1;
            let output = shell(command, &place, &path);
            if !output.0 {
                wrong.push(format!("{}:{line}: {command}\n{}", block.document.display(), output.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 10, "only {ran} commands were run");
}

/// Whether all programs of a command are here, and ours are not among those that are not run.
fn is_run(command: &str) -> bool {
    let programs = programs(command);
    let ours_in_it = programs.iter().any(|program| ours(program).is_some());
    ours_in_it
        && programs.iter().all(|program| match (ours(program), program[0].as_str()) {
            (Some(arguments), _) => {
                let task = arguments.first().map_or("", String::as_str);
                let nvl = host_encoder::cli::Command::augment_subcommands(clap::Command::new("nvl"));
                nvl.find_subcommand(task).is_some() && !NOT_RUN.iter().any(|(name, _)| *name == task)
            }
            (None, "ffmpeg") => installed("ffmpeg", command),
            (None, other) => ["ffplay", "mpv", "jq", "cat"].contains(&other),
        })
}

fn installed(program: &str, command: &str) -> bool {
    let there = Command::new(program).arg("-version").output().is_ok();
    if !there {
        // Not `eprintln`: the test harness would hide it.
        let _ = writeln!(std::io::stderr(), "*** SKIPPED: {program} is not installed: {command} ***");
    }
    there
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The files that documents take for granted.
fn make_files(folder: &Path, path: &str) {
    let clip = sample_clip(&SampleSettings { width: 32, height: 24, frames: 3, rate: (24, 1) });
    let mut bytes = Vec::new();
    write_y4m(&mut bytes, &clip).unwrap();
    // The name does not matter: a Y4M is one under any.
    for name in ["clip.y4m", "clip.mp4", "in.mov"] {
        fs::write(folder.join(name), &bytes).unwrap();
    }
    let (good, text) = shell("nvl encode clip.y4m -o clip.nvl --json > clip.json", folder, path);
    assert!(good, "{text}");
}

fn shell(command: &str, folder: &Path, path: &str) -> (bool, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env("NVL", env!("CARGO_BIN_EXE_nvl"));
    let output = shell.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
