//! A Slurm cluster of several nodes on this machine, from Debian's packages: for tests and measurements. It needs no
//! configuration of the system, listens on ports of its own, and leaves nothing behind.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The programs that have to be there.
const PROGRAMS: [&str; 9] =
    ["slurmctld", "slurmd", "slurmstepd", "munged", "sbatch", "squeue", "sinfo", "scancel", "scontrol"];
/// Where daemons are that are not on the path of a user.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/bin"];
/// How long daemons may take to begin their work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running cluster. Dropped, it ends everything that it began, jobs included.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    munged: Child,
    controller: Option<Child>,
    nodes: Vec<Option<Child>>,
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Why there can be no cluster here, if that is so.
#[must_use]
pub fn absent() -> Option<String> {
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| find(program).is_none()).collect();
    match missing.as_slice() {
        [] => None,
        missing => Some(format!("{} missing: apt-get install slurm-wlm munge", missing.join(", "))),
    }
}

impl Cluster {
    /// Starts a cluster of `nodes` nodes with `cpus` processors each, whose files are in `folder`, and waits until all are ready.
    ///
    /// # Errors
    /// If a daemon does not start or does not get ready.
    pub fn start(folder: &Path, nodes: usize, cpus: usize) -> io::Result<Self> {
        fs::create_dir_all(folder.join("state"))?;
        let key = folder.join("munge.key");
        fs::write(&key, seed_bytes()?)?;
        private(&key, 0o400)?;
        // munged wants its folders to be nobody else's.
        private(folder, 0o755)?;
        let ports = free_ports(1 + nodes)?;
        fs::write(folder.join("slurm.conf"), configuration(folder, &ports, cpus)?)?;
        let file = |name: &str| folder.join(name).into_os_string();
        let munged = daemon(folder, "munged")
            .args(["--foreground", "--force", "--num-threads=2"])
            .arg(format!("--key-file={}", key.display()))
            .arg(format!("--socket={}", folder.join("munge.socket").display()))
            .arg(format!("--pid-file={}", folder.join("munged.pid").display()))
            .arg(format!("--seed-file={}", folder.join("munged.seed").display()))
            .arg(format!("--log-file={}", folder.join("munged.log").display()))
            .spawn()?;
        let mut cluster = Self { folder: folder.into(), munged, controller: None, nodes: vec![] };
        wait("munged", || Ok(folder.join("munge.socket").exists()))?;
        let controller = daemon(folder, "slurmctld").args(["-D", "-i", "-f"]).arg(file("slurm.conf")).spawn()?;
        cluster.controller = Some(controller);
        for node in 0..nodes {
            cluster.nodes.push(Some(cluster.spawn_node(node)?));
        }
        wait("the nodes", || {
            let output = cluster.command("sinfo").args(["-h", "-t", "idle", "-o", "%D"]).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim() == nodes.to_string())
        })?;
        Ok(cluster)
    }

    fn spawn_node(&self, node: usize) -> io::Result<Child> {
        let conf = self.folder.join("slurm.conf");
        daemon(&self.folder, "slurmd").args(["-D", "-N", &name(node), "-f"]).arg(conf).spawn()
    }

    /// A command that talks to this cluster.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        command
    }

    /// Ends a node as if its machine had lost power, but only while `wanted` says so of the commands of the jobs that run on it;
    /// whether it was ended. Its jobs and daemons stand still from before the question on, so that no job ends or reports
    /// its end in between.
    ///
    /// # Errors
    /// If the node does not run.
    pub fn kill_node_if(&mut self, node: usize, wanted: impl Fn(&[String]) -> bool) -> io::Result<bool> {
        let daemon = self.nodes[node].as_ref().ok_or(io::ErrorKind::NotFound)?.id();
        let jobs = processes(|environment| {
            environment.contains(&format!("SLURMD_NODENAME={}", name(node))) && self.owns(environment)
        });
        // A job's environment names its node, its step daemon's does not: it is the parent of the first of them.
        let parents: Vec<u32> = jobs.iter().filter_map(|&job| parent(job)).filter(|&id| is_step_daemon(id)).collect();
        let all: Vec<u32> = [daemon].into_iter().chain(parents).chain(jobs.iter().copied()).collect();
        signal("STOP", &all);
        let commands: Vec<String> = jobs.iter().filter_map(|&job| command_line(job)).collect();
        let agreed = wanted(&commands);
        signal(if agreed { "KILL" } else { "CONT" }, &all);
        if agreed && let Some(mut daemon) = self.nodes[node].take() {
            daemon.wait()?;
        }
        Ok(agreed)
    }

    /// Segments or other jobs that wait or run, one line each: `state node`.
    ///
    /// # Errors
    /// If squeue does not run.
    pub fn queue(&self) -> io::Result<Vec<String>> {
        let output = self.command("squeue").args(["-h", "-r", "-o", "%T %N"]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Waits until no job is left.
    ///
    /// # Errors
    /// After `limit`, with what the daemons wrote last.
    pub fn wait_until_idle(&self, limit: Duration) -> io::Result<()> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if self.queue()?.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        let tail = |name: &str| {
            let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
            text.lines().rev().take(10).map(|line| format!("\n  {line}")).collect::<String>()
        };
        let queue = self.queue()?.join(", ");
        Err(io::Error::other(format!("jobs are left after {limit:?}: {queue}{}", tail("slurmctld.log"))))
    }

    /// Whether a process with this environment is of this cluster.
    fn owns(&self, environment: &str) -> bool {
        environment.contains(&format!("SLURM_CONF={}\0", self.folder.join("slurm.conf").display()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let silent = |command: &mut Command| -> io::Result<Output> { command.stdin(Stdio::null()).output() };
        let _ = silent(self.command("scancel").args(["--full", "-s", "KILL", "--state=RUNNING"]));
        let daemons = self.nodes.iter_mut().chain([&mut self.controller]).filter_map(Option::take);
        for mut daemon in daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        // What is left are step daemons, and jobs without one.
        let own = processes(|environment| self.owns(environment));
        let (daemons, others): (Vec<u32>, Vec<u32>) = own.into_iter().partition(|&id| is_step_daemon(id));
        let is_job = |id: &u32| environment(*id).is_some_and(|environment| environment.contains("SLURM_JOB_ID="));
        signal("KILL", &daemons.into_iter().chain(others.into_iter().filter(is_job)).collect::<Vec<_>>());
        let _ = self.munged.kill();
        let _ = self.munged.wait();
    }
}

fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

/// A daemon that writes to a log in `folder`.
fn daemon(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join(format!("{program}.out")));
    let (out, err) = match log.and_then(|log| Ok((log.try_clone()?, log))) {
        Ok((out, err)) => (Stdio::from(out), Stdio::from(err)),
        Err(_) => (Stdio::null(), Stdio::null()),
    };
    command.env("SLURM_CONF", folder.join("slurm.conf")).stdin(Stdio::null()).stdout(out).stderr(err);
    command
}

fn wait(what: &str, mut ready: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if ready()? {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} did not get ready")))
}

/// Processes whose environment `which` accepts; never this one.
fn processes(which: impl Fn(&str) -> bool) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&id| id != std::process::id() && environment(id).is_some_and(|environment| which(&environment)))
        .collect()
}

/// A process' environment, each variable ended by a zero byte.
fn environment(id: u32) -> Option<String> {
    fs::read(format!("/proc/{id}/environ")).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn command_line(id: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn is_step_daemon(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.starts_with("slurmstepd"))
}

fn signal(signal: &str, ids: &[u32]) {
    // Without a crate for signals: the tests of this repository need one only here.
    let ids = ids.iter().map(u32::to_string);
    let _ = Command::new("kill").arg(format!("-{signal}")).args(ids).stderr(Stdio::null()).status();
}

fn private(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Bytes for the key: this cluster talks to nobody else.
fn seed_bytes() -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = vec![0; 128];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Ports that nobody listens on now.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<io::Result<_>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn first_line(program: &str, argument: &str) -> io::Result<String> {
    let output = Command::new(program).arg(argument).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

fn configuration(folder: &Path, ports: &[u16], cpus: usize) -> io::Result<String> {
    let (host, user) = (first_line("uname", "-n")?, first_line("id", "-un")?);
    let (controller, nodes) = ports.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let at = folder.display();
    let mut text = format!(
        "ClusterName=nvl\n\
         SlurmctldHost={host}(127.0.0.1)\n\
         SlurmctldPort={controller}\n\
         SlurmUser={user}\n\
         SlurmdUser={user}\n\
         AuthType=auth/munge\n\
         CredType=cred/munge\n\
         # A job whose node is lost waits until its credential has expired, 121 seconds unless said otherwise.\n\
         AuthInfo=socket={at}/munge.socket,cred_expire=5\n\
         StateSaveLocation={at}/state\n\
         SlurmdSpoolDir={at}/spool.%n\n\
         SlurmctldPidFile={at}/slurmctld.pid\n\
         SlurmdPidFile={at}/slurmd.%n.pid\n\
         SlurmctldLogFile={at}/slurmctld.log\n\
         SlurmdLogFile={at}/slurmd.%n.log\n\
         ProctrackType=proctrack/linuxproc\n\
         TaskPlugin=task/none\n\
         SelectType=select/cons_tres\n\
         SelectTypeParameters=CR_Core\n\
         SwitchType=switch/none\n\
         MpiDefault=none\n\
         JobAcctGatherType=jobacct_gather/none\n\
         AccountingStorageType=accounting_storage/none\n\
         SchedulerType=sched/backfill\n\
         SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,defer_batch,bf_interval=1\n\
         SlurmctldTimeout=10\n\
         SlurmdTimeout=5\n\
         MessageTimeout=3\n\
         KillWait=1\n\
         ReturnToService=2\n\
         SlurmdParameters=config_overrides\n"
    );
    for (node, port) in nodes.iter().enumerate() {
        let name = name(node);
        text += &format!(
            "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=1000000 State=UNKNOWN\n"
        );
    }
    text += "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n";
    Ok(text)
}
