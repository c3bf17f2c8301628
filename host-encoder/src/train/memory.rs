//! Memory that the machine has left.

use std::fs;

/// Part of the free memory that segments may take: the rest is for what the estimate leaves out.
const SHARE: f64 = 0.8;

/// Bytes that may be used now; `None` where the system does not say. Linux only: what the kernel has available, and what is left
/// of the limit of a container.
#[must_use]
pub fn available() -> Option<u64> {
    let free = fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo(&text));
    let number = |name| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
    let left = number("memory.max").map(|max| max.saturating_sub(number("memory.current").unwrap_or(0)));
    let least = [free, left].into_iter().flatten().min()?;
    Some((SHARE * least as f64) as u64)
}

/// The bytes that `/proc/meminfo` calls available.
fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let text = "MemTotal:       24677000 kB\nMemFree:          100 kB\nMemAvailable:   12345678 kB\n";
        assert_eq!(meminfo(text), Some(12_345_678 << 10));
        assert_eq!(meminfo(""), None);
    }
}
