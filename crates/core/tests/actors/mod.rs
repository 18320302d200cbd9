//! Other processes that tests talk to, line by line: a test program that plays one of its own ignored tests.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::scratch::roles::play;

/// A guard against a test that hangs, not a time that anything is expected to take.
const TOO_LONG: Duration = Duration::from_secs(60);
/// What a line to the test begins with, among the lines of the test harness.
const MARK: &str = "@actor ";

/// A process that plays a role. Killed, if it still lives, when dropped.
pub struct Actor {
    pub child: Child,
    output: BufReader<ChildStdout>,
}

impl Actor {
    /// Starts `role` and tells it `subject`.
    pub fn start(role: &str, subject: &str) -> Actor {
        let mut command = play(role, subject);
        let mut child = command.stderr(std::process::Stdio::inherit()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Actor { child, output }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next thing it says.
    #[track_caller]
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it ended without a word");
            // The harness writes "test role ... " without an end of line.
            if let Some((_, said)) = line.trim_end().split_once(MARK) {
                return said.to_owned();
            }
        }
    }

    /// Waits until it says `word`.
    #[track_caller]
    pub fn expect(&mut self, word: &str) {
        assert_eq!(self.hear(), word);
    }

    pub fn tell(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a child of ours that has not been waited for.
        assert_eq!(unsafe { libc::kill(self.pid() as i32, signal) }, 0);
    }

    /// Kills it, without waiting for it: it is a zombie for the moment.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Tells it that there is nothing more to hear, and waits for it.
    pub fn end(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a role: says something to the test.
pub fn say(word: &str) {
    println!("{MARK}{word}");
}

/// In a role: what the test says next; `None` at the end.
pub fn listen() -> Option<String> {
    let mut line = String::new();
    (io::stdin().lock().read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
}

/// Waits for a condition.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < TOO_LONG, "waited in vain until {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// How many descriptors this process has open.
pub fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
