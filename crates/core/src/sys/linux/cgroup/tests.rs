use std::fs;

use super::*;

/// A made-up machine: files below a folder of its own, removed at the end.
struct Machine(PathBuf);

impl Machine {
    fn new(name: &str, cgroup: &str, mountinfo: &str) -> Machine {
        let root = std::env::temp_dir().join(format!("tsdsm-cgroup-{}-{name}", std::process::id()));
        let machine = Machine(root);
        machine.file("proc/self/cgroup", cgroup);
        machine.file("proc/self/mountinfo", mountinfo);
        machine
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn v1(&self, group: &str, limit: &str, usage: u64, cached: u64) {
        self.file(&format!("{group}/memory.limit_in_bytes"), &format!("{limit}\n"));
        self.file(&format!("{group}/memory.usage_in_bytes"), &format!("{usage}\n"));
        let (inactive, active) = (cached / 3, cached - cached / 3);
        self.file(
            &format!("{group}/memory.stat"),
            &format!(
                "cache 7\ninactive_file 1\ntotal_shmem 5\ntotal_inactive_file {inactive}\ntotal_active_file {active}\n"
            ),
        );
    }

    fn v2(&self, group: &str, limit: &str, usage: u64, cached: u64) {
        self.file(&format!("{group}/memory.max"), &format!("{limit}\n"));
        self.file(&format!("{group}/memory.current"), &format!("{usage}\n"));
        self.file(
            &format!("{group}/memory.stat"),
            &format!("anon 9\nshmem 5\ninactive_file {cached}\nactive_file 0\n"),
        );
    }

    fn limit(&self) -> Option<(u64, u64, String)> {
        let found = memory_limit(&self.0)?;
        let group = found.group.strip_prefix(&self.0).unwrap().to_str().unwrap().to_owned();
        Some((found.limit, found.free, group))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const NO_LIMIT: &str = "9223372036854771712";
const V1_MOUNTS: &str = "\
22 1 0:21 / / rw,relatime - ext4 /dev/root rw
31 22 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:3 - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

#[test]
fn v1_takes_the_tightest_group_up_the_hierarchy() {
    let machine = Machine::new("v1", "4:memory:/a/b\n2:cpu:/x\n0::/\n", V1_MOUNTS);
    machine.v1("sys/fs/cgroup/memory", NO_LIMIT, 900, 0);
    machine.v1("sys/fs/cgroup/memory/a", "1000", 700, 100);
    machine.v1("sys/fs/cgroup/memory/a/b", "5000", 200, 0);
    assert_eq!(machine.limit(), Some((1000, 400, "sys/fs/cgroup/memory/a".into())));
    machine.v1("sys/fs/cgroup/memory/a/b", "500", 450, 0);
    assert_eq!(machine.limit(), Some((500, 50, "sys/fs/cgroup/memory/a/b".into())));
}

#[test]
fn v2_takes_the_tightest_group_up_the_hierarchy() {
    let mounts = "30 22 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    let machine = Machine::new("v2", "0::/user.slice/job\n", mounts);
    machine.v2("sys/fs/cgroup/user.slice", "4096", 4000, 1000);
    machine.v2("sys/fs/cgroup/user.slice/job", "max", 4000, 0);
    assert_eq!(machine.limit(), Some((4096, 1096, "sys/fs/cgroup/user.slice".into())));
}

#[test]
fn a_container_that_sees_only_its_own_part_of_the_hierarchy_finds_its_limit() {
    // v1 without a namespace of its own: the path is the host's, the mount is the container's group.
    let mounts = "35 31 0:32 /docker/c0ffee /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let v1 = Machine::new("docker", "4:memory:/docker/c0ffee/sub\n", mounts);
    v1.v1("sys/fs/cgroup/memory", "1000", 1, 0);
    v1.v1("sys/fs/cgroup/memory/sub", NO_LIMIT, 1, 0);
    assert_eq!(v1.limit(), Some((1000, 999, "sys/fs/cgroup/memory".into())));
    // A path that is not below the mount's root.
    let other = Machine::new("other", "4:memory:/elsewhere\n", mounts);
    other.v1("sys/fs/cgroup/memory", "1000", 2, 0);
    assert_eq!(other.limit(), Some((1000, 998, "sys/fs/cgroup/memory".into())));
    // v2 in a namespace whose root the process has left.
    let mounts = "30 22 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    let left = Machine::new("left", "0::/../../outside\n", mounts);
    left.v2("sys/fs/cgroup", "1000", 3, 0);
    assert_eq!(left.limit(), Some((1000, 997, "sys/fs/cgroup".into())));
}

#[test]
fn a_mount_point_with_a_space_is_found() {
    let machine = Machine::new("space", "0::/\n", "30 22 0:27 / /sys/c\\040g rw - cgroup2 cgroup2 rw\n");
    machine.v2("sys/c g", "1000", 0, 0);
    assert_eq!(machine.limit(), Some((1000, 1000, "sys/c g".into())));
}

#[test]
fn use_beyond_the_limit_leaves_nothing() {
    let machine = Machine::new("over", "0::/\n", "30 22 0:27 / /cg rw - cgroup2 cgroup2 rw\n");
    machine.v2("cg", "1000", 1200, 50);
    assert_eq!(machine.limit(), Some((1000, 0, "cg".into())));
    machine.v2("cg", "1000", 10, 50);
    assert_eq!(machine.limit(), Some((1000, 1000, "cg".into())));
}

#[test]
fn without_groups_or_limits_there_is_none() {
    assert_eq!(memory_limit(Path::new("/nonexistent")), None);
    let unlimited = Machine::new("unlimited", "4:memory:/\n0::/\n", V1_MOUNTS);
    unlimited.v1("sys/fs/cgroup/memory", NO_LIMIT, 5, 0);
    assert_eq!(unlimited.limit(), None);
    let damaged = Machine::new("damaged", "4:memory\n\n:::\n0::/\n", "30 22\n - \n30 22 0:27 / - cgroup2\n");
    assert_eq!(damaged.limit(), None);
}

#[test]
fn limits_and_the_process_group_are_looked_up_anew_each_time() {
    let machine = Machine::new("moved", "0::/a\n", "30 22 0:27 / /cg rw - cgroup2 cgroup2 rw\n");
    machine.v2("cg/a", "1000", 100, 0);
    machine.v2("cg/b", "5000", 100, 0);
    assert_eq!(machine.limit(), Some((1000, 900, "cg/a".into())));
    machine.v2("cg/a", "800", 100, 0);
    assert_eq!(machine.limit(), Some((800, 700, "cg/a".into())));
    machine.file("proc/self/cgroup", "0::/b\n");
    assert_eq!(machine.limit(), Some((5000, 4900, "cg/b".into())));
}
