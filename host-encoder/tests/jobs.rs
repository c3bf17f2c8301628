//! An encode in pieces: the same file as a local one, and every wrong piece is named.

mod support;

use std::fs;

use support::{Bench, CODING, SEGMENTS};

fn plan(bench: &Bench, output: &str) -> std::process::Command {
    let mut command = bench.nvl(&["plan", "a.y4m", "-o", output]);
    command.args(CODING);
    command
}

#[test]
fn pieces_make_the_file_of_a_local_encode() {
    let bench = Bench::new();
    bench.succeeds(bench.encode("local.nvl", &["-q"]));
    assert_eq!(bench.names("."), ["a.y4m", "local.nvl"], "work is cleared away");
    bench.succeeds(plan(&bench, "plan.json"));
    bench.fails(bench.nvl(&["mux", "plan.json", "-o", "far.nvl"]), 1, &["3 of 3", "missing: 0-2", "encode-segment"]);

    // Out of order, with different threads, and one of them twice at the same time.
    let segment = |index: &str, threads: &str| {
        bench.nvl(&["encode-segment", "plan.json", "--index", index, "--threads", threads, "-q"])
    };
    let twice = [segment("2", "1"), segment("2", "2")].map(|mut command| command.spawn().unwrap());
    for mut child in twice {
        assert!(child.wait().unwrap().success());
    }
    bench.succeeds(segment("0", "3"));
    bench.fails(bench.nvl(&["mux", "plan.json", "-o", "far.nvl"]), 1, &["1 of 3", "missing: 1"]);
    bench.succeeds(segment("1", "1"));
    let (said, _) = bench.succeeds(segment("1", "1"));
    assert!(said.contains("was there already"), "{said}");
    let (said, _) = bench.succeeds(bench.nvl(&["mux", "plan.json", "-o", "far.nvl"]));
    assert!(said.contains("far.nvl"), "{said}");
    assert_eq!(bench.bytes("far.nvl"), bench.bytes("local.nvl"));
    bench.fails(bench.nvl(&["encode-segment", "plan.json", "--index", "3"]), 1, &["3 segments", "0 to 2"]);

    // A segment of another plan, and a damaged one.
    let mut other = plan(&bench, "other.json");
    other.args(["--seed", "1"]);
    bench.succeeds(other);
    bench.succeeds(bench.nvl(&["encode-segment", "other.json", "--index", "0", "-q"]));
    fs::copy(bench.path("other.segments/00000.segment"), bench.path("plan.segments/00000.segment")).unwrap();
    let mut bytes = bench.bytes("plan.segments/00002.segment");
    let at = bytes.len() - 9;
    bytes[at] ^= 1;
    fs::write(bench.path("plan.segments/00002.segment"), bytes).unwrap();
    let mux = || bench.nvl(&["mux", "plan.json", "-o", "again.nvl"]);
    bench.fails(mux(), 1, &["2 of 3", "of another plan: 0", "damaged: 2"]);
    bench.succeeds(segment("0", "1"));
    bench.succeeds(segment("2", "1"));
    bench.succeeds(mux());
    assert_eq!(bench.bytes("again.nvl"), bench.bytes("local.nvl"));
}

#[test]
fn inputs_that_are_not_what_they_were() {
    let bench = Bench::new();
    bench.succeeds(plan(&bench, "plan.json"));
    let segment = || bench.nvl(&["encode-segment", "plan.json", "--index", "1", "-q"]);
    let whole = bench.bytes("a.y4m");
    fs::rename(bench.path("a.y4m"), bench.path("b.y4m")).unwrap();
    bench.fails(segment(), 1, &["a.y4m", "no such file"]);
    let mut moved = segment();
    moved.args(["--input", "b.y4m"]);
    bench.succeeds(moved);
    fs::remove_file(bench.path("plan.segments/00001.segment")).unwrap();

    let mut other = whole.clone();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    fs::write(bench.path("a.y4m"), &other).unwrap();
    bench.fails(segment(), 1, &["a.y4m has changed", "frames 2 to 3"]);
    fs::write(bench.path("a.y4m"), &whole[..middle]).unwrap();
    bench.fails(segment(), 1, &["a.y4m has changed", "bytes"]);
    bench.fails(bench.nvl(&["plan", "-", "-o", "x.json"]), 2, &["standard input"]);
    assert_eq!(bench.names("plan.segments"), [""; 0], "nothing is left of what failed");

    let text = String::from_utf8(bench.bytes("plan.json")).unwrap();
    let version = format!("\"encoder\": \"{}", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version), "{text}");
    fs::write(bench.path("plan.json"), text.replace(&version, "\"encoder\": \"0.0.9")).unwrap();
    bench.fails(segment(), 1, &["plan.json", "0.0.9"]);
    fs::write(bench.path("plan.json"), text.replace("\"frames\": 2", "\"frames\": 3")).unwrap();
    bench.fails(segment(), 1, &["plan.json", "not in its place"]);
}

#[test]
fn what_engines_are_given() {
    let bench = Bench::new();
    bench.succeeds(plan(&bench, "my plan.json"));
    let submit = |engine: &str, options: &[&str]| {
        let mut command = bench.nvl(&["submit", "my plan.json", "--engine", engine, "-o", "far.nvl"]);
        command.args(options);
        bench.succeeds(command).0
    };
    let slurm = submit("slurm", &["--dry-run", "--", "--partition=night"]);
    for words in
        ["--array=0-2", "--requeue", "--partition=night", "\"$SLURM_ARRAY_TASK_ID\"", "--dependency=afterany:JOB"]
    {
        assert!(slurm.contains(words), "{words} in:\n{slurm}");
    }
    // What is there is not submitted again.
    let folder = bench.path("my plan.segments");
    bench.succeeds(bench.nvl(&["encode-segment", "my plan.json", "--index", "1", "-q"]));
    assert!(submit("slurm", &["--dry-run"]).contains("--array=0,2 "));
    fs::write(folder.join("00001.segment"), "damaged").unwrap();
    assert!(submit("slurm", &["--dry-run"]).contains("--array=0-2 "));
    fs::remove_dir_all(folder).unwrap();

    let pod = submit("kubernetes", &[]);
    for words in ["completionMode: Indexed", "completions: 3", "\"$JOB_COMPLETION_INDEX\""] {
        assert!(pod.contains(words), "{words} in:\n{pod}");
    }
    assert!(submit("hyperqueue", &[]).contains("--array 0-2"));

    // This one runs, if GNU parallel is here.
    let script = submit("parallel", &[]);
    let parallel = std::process::Command::new("parallel").arg("--version").output();
    if !parallel.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("GNU parallel")) {
        eprintln!("SKIPPED: running the script for GNU parallel: it is missing (apt-get install parallel)");
        return;
    }
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(bench.path("."));
    bench.succeeds(shell);
    bench.succeeds(bench.encode("local.nvl", &["-q"]));
    assert_eq!(bench.bytes("far.nvl"), bench.bytes("local.nvl"));
    assert_eq!(bench.names("my plan.segments").len(), SEGMENTS);
    let rest = submit("slurm", &["--dry-run", "-y"]);
    assert!(!rest.contains("--array") && !rest.contains("--dependency") && rest.contains(" mux "), "{rest}");
}
