//! Forked processes around one shared mapping, each with a token that the kernel drops when it dies.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, ptr};
use tsdsm_core::barrier::{Barrier, Layout as BarrierLayout, Patience, Turn};
use tsdsm_core::condition::Layout as Condition;
use tsdsm_core::counter::Layout as Counter;
use tsdsm_core::event::Layout as EventLayout;
use tsdsm_core::fair::{FairLock, Layout as FairLayout};
use tsdsm_core::latch::{Latch, Layout as LatchLayout};
use tsdsm_core::mutex::Layout as Lock;
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::once::Layout as Once;
use tsdsm_core::primitive::Deadline;
use tsdsm_core::rwlock::{Layout as RwLayout, RwLock};
use tsdsm_core::semaphore::{Layout as SemaphoreLayout, Semaphore};
use tsdsm_core::table::{Table, entries};
use tsdsm_core::wait::tick;
use tsdsm_core::word::{Liveness, Owner};

/// Slots of a world.
pub const SLOTS: usize = 16;

/// What the processes share. All bytes zero is a valid one.
#[repr(C)]
pub struct Shared {
    barrier: BarrierLayout,
    came: [AtomicU64; SLOTS],
    /// The lock under test.
    pub lock: Lock,
    rwlock: RwLayout,
    semaphore: SemaphoreLayout,
    /// The event under test: it stays set.
    pub event: EventLayout,
    latch: LatchLayout,
    fair: FairLayout,
    /// The condition under test; its lock is the lock under test.
    pub condition: Condition,
    /// The counter under test.
    pub counter: Counter,
    /// What is done once, under test.
    pub once: Once,
    entries: [AtomicU64; SLOTS],
    /// Counted under the lock, without being atomic in effect: load, then store.
    pub count: AtomicU64,
    /// Participants that were started: what the spinning goes by.
    started: AtomicU32,
    /// For the tests' own signals.
    pub flags: [AtomicU32; SLOTS],
}

/// A shared mapping and a file with a lock byte per slot.
pub struct World {
    shared: *mut Shared,
    tokens: PathBuf,
    asks: File,
}

// SAFETY: all that is shared is atomic.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

/// A forked child.
pub struct Child(libc::pid_t);

impl World {
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (flags, access) = (libc::MAP_SHARED | libc::MAP_ANONYMOUS, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: a fresh mapping, nobody else's.
        let shared = unsafe { libc::mmap(ptr::null_mut(), size_of::<Shared>(), access, flags, -1, 0) };
        assert_ne!(shared, libc::MAP_FAILED);
        let name = format!("tsdsm-sync-test-{}-{}", process::id(), MADE.fetch_add(1, Relaxed));
        let tokens = env::temp_dir().join(name);
        let asks = File::create_new(&tokens).unwrap();
        // What is found out once per process is found out before any fork: children only compute.
        let world = World { shared: shared.cast(), tokens, asks };
        assert!(world.lock.try_fast(Owner::new(0, 1)) && world.lock.unlock(Owner::new(0, 1)));
        world
    }

    pub fn barrier(&self) -> Barrier<'_> {
        assert_eq!(entries(SLOTS), SLOTS);
        Barrier { layout: &self.barrier, came: Table(&self.came) }
    }

    /// The lock under test as a fair one.
    pub fn fair_lock(&self) -> FairLock<'_> {
        FairLock { lock: &self.lock, layout: &self.fair, tickets: Table(&self.entries) }
    }

    pub fn rwlock(&self) -> RwLock<'_> {
        RwLock { layout: &self.rwlock, readers: Table(&self.entries) }
    }

    pub fn semaphore(&self) -> Semaphore<'_> {
        Semaphore { layout: &self.semaphore, held: Table(&self.entries) }
    }

    pub fn latch(&self) -> Latch<'_> {
        Latch { layout: &self.latch, came: Table(&self.entries) }
    }

    /// Takes the token of `slot`, for the life of this process.
    fn claim(&self, path: &CString, slot: u32) {
        // SAFETY: plain system calls on a path of ours.
        unsafe {
            let file = libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
            assert!(file >= 0 && libc::fcntl(file, libc::F_OFD_SETLK, &byte(slot)) == 0);
        }
    }

    /// Runs `work` as the participant of `slot` in a process of its own, which ends with status 0, or 1 after a panic.
    pub fn fork(&self, slot: u32, work: impl FnOnce(&World)) -> Child {
        let path = CString::new(self.tokens.clone().into_os_string().into_vec()).unwrap();
        self.flags[slot as usize].store(0, SeqCst);
        self.started.fetch_add(1, Relaxed);
        // SAFETY: the child calls nothing that another thread of this process might have locked, then _exit.
        match unsafe { libc::fork() } {
            -1 => panic!("{}", io::Error::last_os_error()),
            0 => {
                self.claim(&path, slot);
                let done = catch_unwind(AssertUnwindSafe(|| work(self)));
                // SAFETY: ends the child without the harness's own clean-up.
                unsafe { libc::_exit(i32::from(done.is_err())) }
            }
            pid => Child(pid),
        }
    }

    /// Passes the barrier as `slot`, or says why not.
    pub fn pass(&self, slot: u32, within: Option<Duration>) -> Turn {
        let deadline = within.map(Deadline::after);
        let mut turn = self.barrier().arrive(slot, None);
        for n in 0.. {
            let Turn::Again(_) = turn else { break };
            turn = self.barrier().wait_slice(slot, &Patience { deadline, tick: tick(n), worker: Some(slot) }, self);
        }
        turn
    }

    /// Kills a process of three that do such work, 40 times at another moment. The two others have to go on each time: the
    /// count rises by `step` more than in the round before until the kill, and then by `on` before `object` hears of it.
    pub fn outlive_kills<W: FnOnce(&World)>(&self, object: &impl Object, step: u64, on: u64, work: impl Fn(u32) -> W) {
        let survivors = [self.fork(1, work(1)), self.fork(2, work(2))];
        for round in 0..40_u64 {
            let doomed = self.fork(3, work(3));
            let before = self.count.load(Relaxed);
            wait_for("progress", || self.count.load(Relaxed) > before + round * step);
            doomed.kill();
            let before = self.count.load(Relaxed);
            wait_for("the survivors", || self.count.load(Relaxed) > before + on);
            // The next one takes the same slot: recovery comes before a new claim.
            object.participant_died(Departed { owner: process_in(3), worker: Some(3) });
        }
        survivors.iter().for_each(|child| child.kill());
    }

    /// Raises this slot's flag, so that the test knows how far it is.
    pub fn raise(&self, slot: u32, value: u32) {
        self.flags[slot as usize].store(value, SeqCst);
    }

    /// Waits for a slot's flag.
    pub fn until(&self, slot: u32, value: u32) {
        wait_for("a flag", || self.flags[slot as usize].load(SeqCst) == value);
    }
}

impl std::ops::Deref for World {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        // SAFETY: mapped until the drop; all its fields are atomic.
        unsafe { &*self.shared }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.tokens);
        // SAFETY: our own mapping, and nothing refers to it any more.
        unsafe { libc::munmap(self.shared.cast(), size_of::<Shared>()) };
    }
}

impl Liveness for World {
    /// Threads of the test itself (generation 1) live; processes (generation 2) live while they hold their byte.
    fn is_alive(&self, owner: Owner) -> bool {
        if owner.generation() == 1 {
            return true;
        }
        let mut asked = byte(owner.slot());
        // SAFETY: a plain system call with a structure of ours.
        let answer = unsafe { libc::fcntl(self.asks.as_raw_fd(), libc::F_OFD_GETLK, &mut asked) };
        answer == 0 && i32::from(asked.l_type) != libc::F_UNLCK
    }
    fn worker_of(&self, owner: Owner) -> Option<u32> {
        Some(owner.slot())
    }
    fn sweep(&self) {}
    fn busy(&self) -> u32 {
        self.started.load(Relaxed) + 1
    }
}

impl Child {
    /// Kills it with SIGKILL, and returns when it is gone.
    pub fn kill(&self) {
        // SAFETY: a child of ours that was not reaped yet.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        self.status();
    }

    /// Waits for its end, and for success.
    pub fn join(&self) {
        assert_eq!(self.status(), 0, "the child panicked or was killed");
    }

    /// Whether it has ended; [`Child::join`] may still be called.
    pub fn has_ended(&self) -> bool {
        // SAFETY: all bytes zero is a valid siginfo_t.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: a child of ours that was not reaped yet, and a structure of ours.
        let answer = unsafe { libc::waitid(libc::P_PID, self.0 as libc::id_t, &mut info, flags) };
        // SAFETY: waitid has filled it in, or left it zero.
        answer == 0 && unsafe { info.si_pid() } != 0
    }

    /// Waits for its end, and says how it ended, as `waitpid` does.
    pub fn status(&self) -> i32 {
        let mut status = 0;
        let start = Instant::now();
        // SAFETY: a child of ours that was not reaped yet.
        while unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } == 0 {
            if start.elapsed() > Duration::from_secs(100) {
                // SAFETY: as above.
                unsafe { libc::kill(self.0, libc::SIGKILL) };
                panic!("the child hangs");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        status
    }
}

/// The participant of a process.
pub fn process_in(slot: u32) -> Owner {
    Owner::new(slot, 2)
}

/// The participant of a thread of the test.
pub fn thread_in(slot: u32) -> Owner {
    Owner::new(slot, 1)
}

/// The deadline in so many milliseconds.
pub fn in_time(ms: u64) -> Option<Deadline> {
    Some(Deadline::after(Duration::from_millis(ms)))
}

/// Waits for `condition`, and gives up long after any machine would have got there.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(100), "{what} never came");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn byte(slot: u32) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: i64::from(slot),
        l_len: 1,
        l_pid: 0,
    }
}
