//! A clip of nine segments on a Slurm of two nodes, one of which loses its power in the middle, and with a job that fails.

use std::fs;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};
use nvl_tests::slurm::{self, Cluster};

const SEGMENTS: usize = 9;
const CODING: [&str; 6] = ["--effort", "draft", "--segment-frames", "2", "--seed", "3"];

/// How long to wait for what does not take long, even on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// `nvl`, which `cargo xtask` has all commands of.
const NVL: &str = env!("CARGO_BIN_EXE_xtask");

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {stdout}{stderr}");
    stdout.into_owned()
}

/// The number of the segment that one of these commands fits.
fn index(commands: &[String]) -> Option<usize> {
    let words = |command: &String| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let of = |words: Vec<String>| {
        let fits = words.iter().any(|word| word == "encode-segment");
        let at = words.iter().position(|word| word == "--index")?;
        words.get(at + 1).filter(|_| fits)?.parse().ok()
    };
    commands.iter().find_map(|command| of(words(command)))
}

#[test]
fn a_cluster_that_loses_a_node_and_a_job_makes_the_file_of_a_local_encode() {
    if let Some(why) = slurm::absent() {
        eprintln!("SKIPPED: a_cluster_that_loses_a_node_and_a_job_makes_the_file_of_a_local_encode: {why}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let clip = sample_clip(&SampleSettings { width: 48, height: 32, frames: 2 * SEGMENTS, rate: (12, 1) });
    write_y4m(fs::File::create(at("a.y4m")).expect("a file"), &clip).expect("it is written");
    let nvl = || {
        let mut command = Command::new(NVL);
        command.current_dir(folder.path());
        command
    };
    succeed(nvl().args(["encode", "a.y4m", "-o", "local.nvl", "-q"]).args(CODING));
    succeed(nvl().args(["plan", "a.y4m", "-o", "plan.json"]).args(CODING));

    let mut cluster = Cluster::start(&at("slurm"), 2, 1).expect("a cluster");
    let submit = |cluster: &Cluster, segments: usize| {
        let mut submit = cluster.command(NVL);
        let arguments = ["submit", "plan.json", "--engine", "slurm", "-o", "far.nvl"];
        let said = succeed(submit.current_dir(folder.path()).args(arguments));
        assert!(said.contains(&format!(": {segments} of {SEGMENTS} segments")), "{said}");
        said.split([' ', ':']).nth(1).expect("the job's number").to_owned()
    };
    let array = submit(&cluster, SEGMENTS);
    // One job is lost for good, as if it had failed.
    succeed(cluster.command("scancel").arg(format!("{array}_{}", SEGMENTS - 1)));

    // The second node loses its power in the middle of a segment.
    let unfinished = |index: &usize| !at("plan.segments").join(format!("{index:05}.segment")).exists();
    let in_the_middle = |commands: &[String]| index(commands).filter(unfinished).is_some();
    let started = Instant::now();
    while !cluster.kill_node_if(1, in_the_middle).expect("the node runs") {
        assert!(started.elapsed() < PATIENCE, "nothing runs on the second node: {:?}", cluster.queue());
        sleep(Duration::from_millis(20));
    }
    cluster.wait_until_idle(PATIENCE).expect("all jobs end");
    let jobs = succeed(cluster.command("scontrol").args(["--oneliner", "show", "job"]));
    assert!(jobs.contains(" Restarts=1 "), "the lost node's job was not begun again: {jobs}");
    let log = || fs::read_to_string(at("plan.segments/mux.log")).unwrap_or_default();
    assert!(log().contains(&format!("1 of {SEGMENTS}")) && log().contains("missing: 8"), "{}", log());
    assert!(!at("far.nvl").exists());

    // What is missing is submitted again, and nothing else.
    submit(&cluster, 1);
    cluster.wait_until_idle(PATIENCE).expect("all jobs end");
    let (far, local) = (fs::read(at("far.nvl")), fs::read(at("local.nvl")).expect("the local file"));
    assert!(far.unwrap_or_else(|error| panic!("{error}: {}", log())) == local, "the two files differ");
}
