//! Running a role one instruction at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::{Child, Stdio};
use std::ptr;

use crate::scratch::roles::play;

/// In a role: this part is run one step at a time by the test that plays it.
pub fn step_by_step(operation: impl FnOnce()) {
    // SAFETY: asks to be traced by the parent, which does so.
    let answer = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), ptr::null_mut::<u8>()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
    stop();
    operation();
    stop();
}

fn stop() {
    // SAFETY: stops this thread until the tracer lets it go on.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::syscall(libc::SYS_gettid), libc::SIGSTOP) };
}

/// Memory that is looked at after each step.
pub struct Watched {
    data: *const u8,
    seen: Vec<u8>,
}

impl Watched {
    /// # Safety
    /// The bytes stay mapped as long as this lives.
    pub unsafe fn new(data: *const u8, len: usize) -> Watched {
        let mut watched = Watched { data, seen: vec![0; len] };
        watched.has_changed();
        watched
    }

    /// Whether any byte differs from what was there at the last look.
    fn has_changed(&mut self) -> bool {
        let len = self.seen.len();
        // SAFETY: mapped bytes, compared by a function that takes no references to them.
        let same = unsafe { libc::memcmp(self.data.cast(), self.seen.as_ptr().cast(), len) } == 0;
        if !same {
            // SAFETY: as above, into memory of our own.
            unsafe { ptr::copy_nonoverlapping(self.data, self.seen.as_mut_ptr(), len) };
        }
        !same
    }
}

/// As long as this lives, this thread, and what it starts, run on one processor: a step is two switches between tracer and
/// victim, which takes a quarter less time there.
struct OneProcessor(libc::cpu_set_t);

impl OneProcessor {
    fn new() -> OneProcessor {
        let size = size_of::<libc::cpu_set_t>();
        // SAFETY: all bytes zero is a valid set, and the kernel fills in and reads sets of this size.
        unsafe {
            let (mut all, mut one): (libc::cpu_set_t, libc::cpu_set_t) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sched_getaffinity(0, size, &mut all);
            let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &all));
            first.into_iter().for_each(|cpu| libc::CPU_SET(cpu, &mut one));
            libc::sched_setaffinity(0, size, &one);
            OneProcessor(all)
        }
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.0) };
    }
}

/// A process that plays a role up to its `step_by_step`. Killed when dropped.
pub struct Victim {
    child: Child,
    tid: libc::pid_t,
    code: File,
    /// Whether there is a system call at an address.
    calls: HashMap<u64, bool>,
    _together: OneProcessor,
}

impl Victim {
    /// Starts it. It stops before the operation.
    pub fn start(role: &str, subject: &str) -> Victim {
        let mut command = play(role, subject);
        // What the loader would do at the first call of a function is done before. And to look a few times, while spinning,
        // is as good as to look many times.
        command.env("LD_BIND_NOW", "1").env(tsdsm_core::spin::VARIABLE, "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let _together = OneProcessor::new();
        let child = command.spawn().unwrap();
        let mut status = 0;
        // SAFETY: waits for a child of this very thread, or a thread of it that this one traces.
        let tid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) };
        assert!(
            libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == libc::SIGSTOP,
            "{role} did not get to what is traced (status {status:#x})"
        );
        let code = File::open(format!("/proc/{}/mem", child.id())).unwrap();
        Victim { child, tid, code, calls: HashMap::new(), _together }
    }

    /// Lets it do step after step, until so many have mattered. Returns how many have; fewer, if the operation is over.
    pub fn run(&mut self, points: usize, watched: &mut [Watched]) -> usize {
        for bytes in &mut *watched {
            bytes.has_changed();
        }
        let mut found = 0;
        while found < points {
            let was_call = self.is_at_call();
            if self.step() == Some(libc::SIGSTOP) {
                break;
            }
            let mut changed = false;
            for bytes in &mut *watched {
                changed |= bytes.has_changed();
            }
            found += usize::from(was_call || changed);
        }
        found
    }

    /// One instruction; the signal that it stopped by, if it was not the step's own.
    fn step(&mut self) -> Option<libc::c_int> {
        let mut status = 0;
        // SAFETY: a tracee of this thread that is stopped.
        unsafe {
            assert_eq!(libc::ptrace(libc::PTRACE_SINGLESTEP, self.tid, 0, 0), 0, "{}", io::Error::last_os_error());
            assert_eq!(libc::waitpid(self.tid, &mut status, libc::__WALL), self.tid);
        }
        assert!(libc::WIFSTOPPED(status), "the role ended while it was traced (status {status:#x})");
        Some(libc::WSTOPSIG(status)).filter(|&signal| signal != libc::SIGTRAP)
    }

    fn is_at_call(&mut self) -> bool {
        let place = std::mem::offset_of!(libc::user_regs_struct, rip);
        // SAFETY: a tracee of this thread that is stopped.
        let rip = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, self.tid, place, 0) } as u64;
        let code = &self.code;
        *self.calls.entry(rip).or_insert_with(|| {
            let mut bytes = [0; 2];
            code.read_exact_at(&mut bytes, rip).is_ok() && bytes == [0x0f, 0x05]
        })
    }

    /// Kills it, and returns when it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let mut status = 0;
        // SAFETY: children and tracees of this thread; until there is none of them left.
        while unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) } > 0 {}
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether this machine lets a process trace its child; loudly, since nothing else here means anything without it.
pub fn assert_allowed() {
    // SAFETY: the child does nothing but two system calls.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            let answer = libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
            libc::_exit(i32::from(answer != 0));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert_eq!(status, 0, "ptrace is forbidden here, so nothing can be killed step by step");
    }
}
