//! Processes for tests: a test program starts itself again to play one of its own ignored tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The command line that runs the ignored test `role` of this test program, and nothing else.
pub fn role(role: &str) -> Vec<String> {
    let program = env::current_exe().unwrap().to_str().unwrap().to_owned();
    [&program, "--ignored", "--exact", role, "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec()
}

/// A process that plays `role`, told what it works on by the variable [`SUBJECT`].
pub fn play(role_name: &str, subject: &str) -> Command {
    let line = role(role_name);
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).env(SUBJECT, subject).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

const SUBJECT: &str = "TSDSM_TEST_SUBJECT";

/// What this role works on.
pub fn subject() -> String {
    env::var(SUBJECT).unwrap_or_else(|_| panic!("this is run by other tests, with {SUBJECT} set"))
}

#[track_caller]
pub fn succeeded(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    // A filter that matches nothing succeeds, too.
    assert!(stdout.contains("1 passed"), "the role was not played:\n{stdout}\n{stderr}");
}

/// Runs `role_name` as [`play`] does, after `setup` (shell), in a mount namespace of its own, in which nothing it mounts
/// is seen by others. `None`, and a line that says so, where this machine forbids that.
pub fn play_in_namespace(test: &str, setup: &str, role_name: &str, subject: &str) -> Option<Output> {
    let allowed = |flags: &[&str]| {
        let probe = "mount -t tmpfs tmpfs /dev/shm";
        Command::new("unshare")
            .args(flags)
            .args(["sh", "-c", probe])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let flags = [&["-m"][..], &["-r", "-m"]].into_iter().find(|flags| allowed(flags));
    let Some(flags) = flags else {
        skipped(test, "this machine allows no mount namespaces (unshare -m)");
        return None;
    };
    let line = role(role_name);
    let script = format!("{setup} && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(flags).args(["sh", "-c", &script, "sh"]).args(line).env(SUBJECT, subject);
    Some(command.output().unwrap())
}

/// A control group of the test's own below the one that this process is in; version 1, one controller. Removed at the end.
pub struct Group(PathBuf);

impl Group {
    /// `None`, and a line that says so, where this process may not make one or the controller is not in version 1.
    pub fn new(test: &str, controller: &str) -> Option<Group> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let line = groups.lines().find_map(|line| line.split_once(&format!(":{controller}:/")));
        let Some((_, path)) = line else {
            skipped(test, &format!("the {controller} controller is not in a control group of version 1"));
            return None;
        };
        let parent = Path::new("/sys/fs/cgroup").join(controller).join(path);
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let group = parent.join(format!("tsdsm-test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        match fs::create_dir(&group) {
            Ok(()) => Some(Group(group)),
            Err(e) => {
                skipped(test, &format!("{}: {e}", group.display()));
                None
            }
        }
    }

    pub fn set(&self, file: &str, value: &str) {
        fs::write(self.0.join(file), value).unwrap();
    }

    /// Runs `role_name` as [`play`] does, inside the group.
    pub fn play(&self, role_name: &str, subject: &str) -> Output {
        let mut command = Command::new("sh");
        let script = "echo $$ > \"$0\" && exec \"$@\"";
        command.args(["-c", script]).arg(self.0.join("cgroup.procs")).args(role(role_name)).env(SUBJECT, subject);
        command.output().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Says, past the test harness's capture, that a test was not made.
pub fn skipped(test: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}
