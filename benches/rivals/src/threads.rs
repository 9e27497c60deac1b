//! What the calling thread has done so far: its time on a processor, and how often it has lost its core.
//!
//! Time on a processor leaves out what other programs take from a busy machine. It also leaves out the time of waiting
//! for a lock, except for the short time in which a thread spins before it sleeps.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time that this thread has been on a processor.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How often a thread has lost its core. Both counts stay 0 where the system does not tell them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Switches {
    /// It gave the core up to wait for something, such as a lock.
    pub(crate) waits: u64,
    /// The system gave the core to another program.
    pub(crate) interruptions: u64,
}

impl Switches {
    /// Those of this thread.
    pub(crate) fn so_far() -> Self {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let number = |name| status.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0);
        Self { waits: number("voluntary_ctxt_switches:"), interruptions: number("nonvoluntary_ctxt_switches:") }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { waits: self.waits - before.waits, interruptions: self.interruptions - before.interruptions }
    }
}

/// Keeps this thread on one core, where the system can do that.
pub(crate) fn stay_on(core: usize) {
    #[cfg(target_os = "linux")]
    {
        let mut cores = rustix::thread::CpuSet::new();
        cores.set(core);
        _ = rustix::thread::sched_setaffinity(None, &cores); // a core that this process may not use
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn sleeping_takes_no_time_on_a_processor_and_counts_as_a_wait() {
        let (time, switches) = (cpu_time(), Switches::so_far());
        std::thread::sleep(Duration::from_millis(50));
        assert!(cpu_time() - time < Duration::from_millis(25));
        assert!(!cfg!(target_os = "linux") || Switches::so_far().since(switches).waits > 0);

        let time = cpu_time();
        let sum = (0..1_000_000_u64).fold(0, |sum, number| black_box(sum + number));
        assert!(sum > 0 && cpu_time() > time);
    }
}
