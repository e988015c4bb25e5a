//! This machine: what a platform and its jobs need of it.

use std::fs;

use rustix::process::{Resource, getrlimit};

use crate::platform::{Examination, Home};

/// This machine as the platform's home.
pub struct Host {
    /// The platform's data directory and parts.
    pub platform: Examination,
    /// The kernel's version, major and minor.
    pub kernel: Option<(u32, u32)>,
    /// Bytes of memory that programs can still have.
    pub available_memory: Option<u64>,
    /// How many files a process may have open.
    pub open_files: Option<u64>,
}

impl Host {
    /// Looks at this machine; none where no data directory can be named.
    pub async fn gather(home: Option<Home>) -> Option<Self> {
        Some(Self {
            platform: Examination::of(home?).await,
            kernel: version(&rustix::system::uname().release().to_string_lossy()),
            available_memory: fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text)),
            open_files: getrlimit(Resource::Nofile).current,
        })
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn available(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.trim();
    kib.trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        assert_eq!(version("6.1.0-13-amd64"), Some((6, 1)));
        assert_eq!(available("MemTotal: 2 kB\nMemAvailable:     1024 kB\n"), Some(1 << 20));
    }
}
