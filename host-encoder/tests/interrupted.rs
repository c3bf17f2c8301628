//! Encodes that are killed, interrupted, or run out of room: the file is whole or not there, and the same command goes on.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::Bench;

#[test]
fn killed_at_twenty_moments_it_gives_the_same_bytes() {
    killed(20, &[], &["0"]);
}

#[test]
fn a_search_that_is_killed_gives_the_same_bytes() {
    // The second try goes on from a state that the first left.
    killed(8, &["--size", "900"], &["try1-0", "try1kept-0", "try2-0"]);
}

/// Kills an encode with these options so many times, at random moments, before it is left alone. Of the files that lie in its folder then, some
/// begin with each of `wanted`.
fn killed(all_kills: u32, options: &[&str], wanted: &[&str]) {
    let bench = Bench::new();
    let started = Instant::now();
    bench.succeeds(bench.encode("whole.nvl", &[&["-q"], options].concat()));
    let whole = started.elapsed();
    let encode = || bench.encode("a.nvl", &[&["-q", "--checkpoint", "0.02"], options].concat());
    let mut seed = 1_u64;
    let (mut kills, mut resumed) = (0, 0);
    let mut seen = vec![];
    // A file that is there has to be right, whether or not its process lived to say so; then it begins anew.
    let take = || {
        if bench.path("a.nvl").exists() {
            assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
            fs::remove_file(bench.path("a.nvl")).unwrap();
        }
    };
    while kills < all_kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = whole.mul_f64(0.4 * (seed >> 40) as f64 / f64::from(1 << 24));
        let names = bench.names("a.nvl.work");
        resumed += u32::from(names.iter().any(|name| name.ends_with(".checkpoint")));
        seen.extend(names);
        let mut child = encode().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(moment);
        match child.try_wait().unwrap() {
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
            Some(status) => assert!(status.success()),
        }
        take();
    }
    bench.succeeds(encode());
    for prefix in wanted {
        assert!(seen.iter().any(|name| name.starts_with(prefix)), "{prefix}: {seen:?}");
    }
    assert!(resumed >= 3, "only {resumed} of the runs had a checkpoint to go on from");
    assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
    assert!(!bench.path("a.nvl.work").exists(), "work is cleared away: {:?}", bench.names("a.nvl.work"));
}

/// The command, in a shell that does this first.
#[cfg(unix)]
fn behind(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

/// Sends a signal to an encode while it fits; what it says after that, or `None` if it had ended before the signal came.
#[cfg(unix)]
fn interrupt(mut encode: Command, signal: &str) -> Option<Vec<String>> {
    let mut child = encode.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("fitting")).expect("the fitting begins");
    // The child is not waited for yet, so that its number is its own even if it has ended.
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    let status = child.wait().unwrap();
    if status.success() {
        return None;
    }
    assert_eq!(status.code(), Some(130), "{rest:?}");
    Some(rest)
}

#[cfg(unix)]
#[test]
fn interrupted_it_says_how_to_go_on() {
    let bench = Bench::new();
    bench.succeeds(bench.encode("whole.nvl", &["-q"]));
    let encode = || bench.encode("a.nvl", &[]);
    // Behind a script's `&` Ctrl-C is ignored, and so it may be where this test runs; behind `nohup` it is the end of the terminal.
    let resets =
        Command::new("env").args(["--default-signal=INT", "true"]).status().is_ok_and(|status| status.success());
    let mut kinds = vec![("TERM", "trap '' INT HUP"), ("TERM", ":")];
    if resets {
        kinds.insert(1, ("INT", "set -- env --default-signal=INT \"$@\""));
    } else {
        eprintln!("SKIPPED: SIGINT: this `env` cannot reset a signal (coreutils 8.31 can)");
    }
    for (signal, first) in kinds {
        // On a busy machine the signal may come too late: then the file is there, and right.
        let mut attempts = 0;
        let rest = loop {
            // From the beginning: what is left to do after an interruption may be done before the next.
            let _ = fs::remove_dir_all(bench.path("a.nvl.work"));
            match interrupt(behind(first, &encode()), signal) {
                Some(rest) if bench.names("a.nvl.work").iter().any(|name| name.ends_with(".checkpoint")) => break rest,
                Some(_) => {}
                None => {
                    assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
                    fs::remove_file(bench.path("a.nvl")).unwrap();
                }
            }
            attempts += 1;
            assert!(attempts < 20, "SIG{signal} has never come while a segment was fitted");
        };
        let last = rest.last().expect("a last line");
        assert!(last.contains("nothing was written") && last.contains("a.nvl.work"), "{rest:?}");
        assert!(!bench.path("a.nvl").exists());
    }
    let (_, said) = bench.succeeds(encode());
    assert!(said.contains("going on from step"), "{said}");
    assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
}

#[test]
fn another_encode_does_not_go_on_with_it() {
    let bench = Bench::new();
    bench.succeeds(bench.encode("whole.nvl", &["-q", "--seed", "5"]));
    // Work of another seed, and work that is not wanted.
    let mut child = bench.encode("a.nvl", &["-q", "--checkpoint", "0.01"]).spawn().unwrap();
    while bench.names("a.nvl.work").is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    bench.succeeds(bench.encode("a.nvl", &["-q", "--seed", "5"]));
    assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
    bench.succeeds(bench.encode("a.nvl", &["-q", "--seed", "5", "--no-resume", "-y"]));
    assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_pipe_and_a_full_disk_lose_nothing() {
    let bench = Bench::new();
    bench.succeeds(bench.encode("whole.nvl", &["-q"]));
    // Nobody reads.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut piped = bench.encode("-", &["-q", "--work", "kept"]);
    piped.stdout(writer);
    bench.fails(piped, 1, &["standard output", "3 finished segments are kept in kept"]);
    // A device without room, and then a file, with what is there.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut device = bench.encode("-", &["-q", "--work", "kept"]);
    device.stdout(full);
    bench.fails(device, 1, &["standard output", "No space left", "kept"]);
    let (_, said) = bench.succeeds(bench.encode("a.nvl", &["--work", "kept"]));
    assert!(!said.contains("step"), "all was there already: {said}");
    assert_eq!(bench.bytes("a.nvl"), bench.bytes("whole.nvl"));
    assert!(!bench.path("kept").exists());

    // A file system without room.
    fs::create_dir(bench.path("small")).unwrap();
    let mount = |command: &mut Command| command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    let small = bench.path("small");
    if !mount(Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(&small)) {
        eprintln!("SKIPPED: the full file system: mounting one is not allowed here (try as root)");
        return;
    }
    assert!(fs::write(small.join("filler"), [1; 1 << 18]).is_err(), "it is not full");
    let on_full_disk = bench.encode("small/a.nvl", &["--checkpoint", "0.01"]).output();
    let left = bench.names("small");
    fs::remove_file(small.join("filler")).unwrap();
    let roomy = bench.encode("small/a.nvl", &["-q", "--no-resume"]).output();
    let made = fs::read(small.join("a.nvl"));
    assert!(mount(Command::new("umount").arg(&small)), "it is unmounted");
    let output = on_full_disk.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains("small/a.nvl") && last.contains("no space left"), "{said}");
    assert!(said.contains("could not be resumed"), "{said}");
    assert!(left.iter().all(|name| name == "filler" || name == "a.nvl.work"), "{left:?}");
    assert!(roomy.unwrap().status.success());
    assert!(made.unwrap() == bench.bytes("whole.nvl"));
}
