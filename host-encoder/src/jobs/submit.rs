//! What an engine has to run: the array of a plan's segments, and the mux job after it.

use std::path::{Path, PathBuf};

use super::failure::ranges;
use super::folder::Folder;
use super::plan::Plan;
use super::shelf::{FolderShelf, Pace};

/// Part of the expected memory that a job asks for in addition.
const MEMORY_MARGIN: f64 = 0.25;
/// The least that a job asks for, in MiB.
const LEAST_MEMORY: u64 = 64;

/// The jobs of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// The program `nvl`, absolute.
    pub program: PathBuf,
    /// The plan's file, absolute.
    pub plan: PathBuf,
    /// The folder of the segments, absolute.
    pub folder: PathBuf,
    /// The file to make, absolute.
    pub output: PathBuf,
    /// Whether the file may be replaced.
    pub overwrite: bool,
    /// Segments.
    pub segments: usize,
    /// Numbers of the segments that are not finished.
    pub unfinished: Vec<usize>,
    /// Cores of a job.
    pub threads: usize,
    /// Memory of a job in MiB.
    pub memory_mib: u64,
}

impl Jobs {
    /// The jobs of `plan`, which is in the file `path`.
    #[must_use]
    pub fn new(plan: &Plan, path: &Path, folder: &Folder, output: &Path, program: &Path) -> Self {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into());
        let memory = plan.segments.iter().map(|segment| segment.expected.memory_bytes).max().unwrap_or(0);
        Self {
            program: absolute(program),
            plan: absolute(path),
            folder: absolute(folder.path()),
            output: absolute(output),
            overwrite: false,
            segments: plan.segments.len(),
            unfinished: FolderShelf::new(plan, folder.clone(), Pace::default()).unfinished(),
            threads: 1,
            memory_mib: ((memory as f64 * (1.0 + MEMORY_MARGIN)) as u64).div_ceil(1 << 20).max(LEAST_MEMORY),
        }
    }

    /// The command of one segment; `index` is what the shell has its number in.
    #[must_use]
    pub fn segment_command(&self, index: &str) -> String {
        let (program, plan, folder) = (quoted(&self.program), quoted(&self.plan), quoted(&self.folder));
        let threads = self.threads;
        format!("{program} encode-segment {plan} --index {index} --folder {folder} --threads {threads}")
    }

    /// The command that makes the file.
    #[must_use]
    pub fn mux_command(&self) -> String {
        let (program, plan, folder) = (quoted(&self.program), quoted(&self.plan), quoted(&self.folder));
        let overwrite = if self.overwrite { " -y" } else { "" };
        format!("{program} mux {plan} --folder {folder} -o {}{overwrite}", quoted(&self.output))
    }

    /// The name of the jobs.
    fn name(&self) -> String {
        let stem = self.plan.file_stem().unwrap_or_default().to_string_lossy();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = stem.chars().map(plain).take(40).collect();
        format!("nvl-{}", name.trim_matches('-'))
    }

    /// Arguments of `sbatch` and the script on its standard input, for the array of the segments that are not finished. A job that
    /// loses its node is begun again and goes on from its checkpoint. `options` are the user's.
    #[must_use]
    pub fn slurm_array(&self, options: &[String]) -> (Vec<String>, String) {
        let own = [
            "--parsable".into(),
            format!("--job-name={}", self.name()),
            format!("--array={}", ranges(&self.unfinished, ",")),
            "--requeue".into(),
            "--open-mode=append".into(),
            format!("--cpus-per-task={}", self.threads),
            format!("--mem={}M", self.memory_mib),
            format!("--output={}", self.folder.join("%a.log").display()),
        ];
        let script = format!("#!/bin/sh\nexec {}\n", self.segment_command("\"$SLURM_ARRAY_TASK_ID\""));
        (own.into_iter().chain(options.iter().cloned()).collect(), script)
    }

    /// The same for the job that makes the file when the jobs of `array` have ended, or at once. It also runs when some of them
    /// have failed: it says which segments are missing then, while a job that waits for success would never run, not even after
    /// the failed ones have been begun again (sbatch(1), `--dependency`).
    #[must_use]
    pub fn slurm_mux(&self, array: Option<&str>, options: &[String]) -> (Vec<String>, String) {
        let own = [
            "--parsable".into(),
            format!("--job-name={}-mux", self.name()),
            "--requeue".into(),
            "--open-mode=append".into(),
            format!("--output={}", self.folder.join("mux.log").display()),
        ];
        let after = array.map(|job| format!("--dependency=afterany:{job}"));
        let script = format!("#!/bin/sh\nexec {}\n", self.mux_command());
        (own.into_iter().chain(after).chain(options.iter().cloned()).collect(), script)
    }

    /// A script for GNU parallel: `workers` jobs at a time; run again, it does what is missing.
    #[must_use]
    pub fn parallel(&self) -> String {
        let last = self.segments - 1;
        format!(
            "#!/bin/sh\n\
             # Jobs: one a core. Other machines: parallel --sshlogin HOST1,HOST2, with the same folders mounted.\n\
             set -e\n\
             seq 0 {last} | parallel --halt soon,fail=1 --retries 3 {}\n\
             {}\n",
            quoted_text(&self.segment_command("{}")),
            self.mux_command()
        )
    }

    /// A script for HyperQueue.
    #[must_use]
    pub fn hyperqueue(&self) -> String {
        let (last, name) = (self.segments - 1, self.name());
        format!(
            "#!/bin/sh\n\
             set -e\n\
             hq submit --wait --name {name} --array 0-{last} --cpus {} -- sh -c {}\n\
             hq submit --wait --name {name}-mux -- {}\n",
            self.threads,
            quoted_text(&self.segment_command("\"$HQ_TASK_ID\"")),
            self.mux_command()
        )
    }

    /// An indexed Job of Kubernetes for the segments. Its pods need a volume with the plan, the input and the folder under the paths
    /// of this machine, here the claim `nvl`.
    #[must_use]
    pub fn kubernetes(&self) -> String {
        let shared = common_folder([&self.plan, &self.folder, &self.output]);
        let shared = shared.display();
        let command = format!("exec {}", self.segment_command("\"$JOB_COMPLETION_INDEX\""));
        format!(
            "# Then, when it is complete: {}\n\
             apiVersion: batch/v1\n\
             kind: Job\n\
             metadata:\n  name: {}\n\
             spec:\n  completionMode: Indexed\n  completions: {count}\n  parallelism: {count}\n  backoffLimit: {retries}\n  template:\n    \
             spec:\n      restartPolicy: OnFailure\n      containers:\n      - name: nvl\n        image: nvl:{version}\n        \
             command: [\"/bin/sh\", \"-c\"]\n        args:\n        - |\n          {command}\n        resources:\n          \
             requests: {{cpu: \"{threads}\", memory: {memory}Mi}}\n          limits: {{memory: {memory}Mi}}\n        \
             volumeMounts:\n        - {{name: shared, mountPath: {shared:?}}}\n      volumes:\n      - name: shared\n        \
             persistentVolumeClaim: {{claimName: nvl}}\n",
            self.mux_command(),
            self.name(),
            count = self.segments,
            retries = 3 * self.segments,
            version = env!("CARGO_PKG_VERSION"),
            threads = self.threads,
            memory = self.memory_mib,
            shared = shared.to_string(),
        )
    }
}

/// The folder that all of these lie in.
fn common_folder<const N: usize>(paths: [&PathBuf; N]) -> PathBuf {
    let mut common = paths[0].clone();
    for path in paths {
        while !path.starts_with(&common) || &common == path {
            if !common.pop() {
                return common;
            }
        }
    }
    common
}

fn quoted(path: &Path) -> String {
    quoted_text(&path.to_string_lossy())
}

/// A word for a shell.
#[must_use]
pub fn quoted_text(text: &str) -> String {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(&byte)) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_are() {
        for text in ["a b'c\"$d\\", "", "/plain/path-1.json", "ü \n*"] {
            let output =
                std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quoted_text(text))]).output();
            assert_eq!(String::from_utf8(output.expect("there is a shell").stdout).unwrap(), text);
        }
    }

    #[test]
    fn the_shared_folder_is_found() {
        let paths = ["/a/b/plan.json", "/a/b/plan.segments", "/a/c/out.nvl"].map(PathBuf::from);
        assert_eq!(common_folder([&paths[0], &paths[1], &paths[2]]), Path::new("/a"));
    }
}
