//! How many cores this process may use.

/// The cores that this process may use, at least 1: those in its affinity mask, or fewer where a control group (v1 or
/// v2) has a smaller quota of processor time; never simply the machine's count.
pub fn usable() -> usize {
    // std asks sched_getaffinity, then looks for a quota in /proc/self/cgroup's groups, all the way up.
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
