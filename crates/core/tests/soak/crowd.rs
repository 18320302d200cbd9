//! The main process of the soak: it starts participants, kills them, and looks after what they leave.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};
use std::{fs, thread};

use tsdsm_core::array::Spec as Shape;
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{self, Placement};
use tsdsm_core::objects::{self, Kind as Object, Spec};
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::sys::eventfd;
use tsdsm_core::watch::DeathWatch;
use tsdsm_core::{catalogue, mailbox, name, recover};

use crate::scratch::Cluster;
use crate::scratch::roles::play;
use crate::shared::{ACTORS, ARRAYS, BARRIER, LOCK, ONCE, PERMITS, RW, Random, SEMAPHORE, Shared};

/// A guard against a test that hangs, not a time that anything is expected to take.
const TOO_LONG: Duration = Duration::from_secs(60);
/// Kills between two looks at who still gets on.
const LOOK_EVERY: u64 = 100;
/// Kills between two times that everybody leaves, and nothing may be left.
const REST_EVERY: u64 = 500;

pub struct Crowd {
    cluster: Cluster,
    control: Arc<Control>,
    token: OwnerToken,
    me: Participant,
    shared: Shared,
    doorbell: OwnedFd,
    /// Recovers at once what the dead have left. Without it that is up to those who wait for it.
    watch: Option<DeathWatch>,
    actors: Vec<Process>,
    /// Killed, and not waited for yet.
    zombies: Vec<Process>,
    random: Random,
    started: u64,
    seed: u64,
    files: usize,
}

impl Crowd {
    pub fn new(actors: usize, seed: u64) -> Crowd {
        assert!(actors <= ACTORS);
        let files = open_files();
        let cluster = Cluster::new();
        let actors = actors as u32;
        // A slot may be taken by one who is dead, until somebody needs it.
        let limits = Limits { workers: actors, slots: 2 * actors + 2, objects: 8, arrays: ARRAYS as u32 + 2 };
        let (control, token) = Control::create(&cluster.0, &limits, seed, 0o600).unwrap();
        let me = Participant::claim(&control, Kind::Main, None).unwrap();
        let objects = [
            (LOCK, Spec::Lock),
            (RW, Spec::RwLock),
            (SEMAPHORE, Spec::Semaphore { permits: PERMITS, owned: true }),
            (BARRIER, Spec::Barrier { parties: 2 }),
            (ONCE, Spec::Once),
        ];
        for (name, spec) in objects {
            objects::create(&control, name, &spec).unwrap();
        }
        Crowd {
            shared: Shared::create(&control),
            doorbell: eventfd::create().unwrap(),
            watch: None,
            actors: Vec::new(),
            zombies: Vec::new(),
            random: Random(seed),
            started: 0,
            cluster,
            control,
            token,
            me,
            seed,
            files,
        }
    }

    /// Kills so many, and closes the cluster.
    pub fn soak(mut self, kills: u64) {
        let begin = Instant::now();
        for kill in 0..kills {
            if kill % REST_EVERY == 0 {
                self.rest();
                self.begin();
            }
            self.kill_one();
            if (kill + 1) % LOOK_EVERY == 0 {
                self.all_get_on();
                let seconds = begin.elapsed().as_secs_f64();
                let operations: u64 = self.shared.done.iter().map(|done| done.load(Relaxed)).sum();
                let poisoned = self.shared.poisoned.load(Relaxed);
                eprintln!(
                    "soak: {} of {kills} kills, {poisoned} holders found dead, {operations} operations, {seconds:.0} s",
                    kill + 1
                );
            }
        }
        self.rest();
        self.close();
    }

    fn begin(&mut self) {
        self.shared.stop.store(0, SeqCst);
        self.watch = (self.random.below(2) == 0).then(|| DeathWatch::start(&self.control).unwrap());
        for id in 0..self.control.limits().workers {
            let actor = self.start(id);
            self.actors.push(actor);
        }
    }

    fn start(&mut self, id: u32) -> Process {
        self.started += 1;
        let seed = Random(self.seed ^ self.started << 32).next();
        let mut command = play("actor::role_takes_part", &format!("{} {id} {seed}", self.cluster.0));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        if let Some(watch) = &self.watch {
            watch.add(id, child.id(), self.doorbell.as_fd()).unwrap();
        }
        Process(child)
    }

    /// Somewhere in its work, or before it; another takes its place.
    fn kill_one(&mut self) {
        let id = self.random.below(self.actors.len() as u64) as usize;
        if self.random.below(4) == 0 {
            // Perhaps while it starts, attaches or claims.
            thread::sleep(Duration::from_micros(self.random.below(4000)));
        } else {
            let most = [1, 10, 100, 1000][self.random.below(4) as usize];
            let more = self.random.below(most);
            let wanted = self.shared.done[id].load(Relaxed) + more;
            self.until("the next to be killed gets on", |crowd| crowd.shared.done[id].load(Relaxed) >= wanted);
            let moment = Instant::now();
            let wait = Duration::from_nanos(self.random.below(100_000));
            while moment.elapsed() < wait {
                std::hint::spin_loop();
            }
        }
        let doomed = &mut self.actors[id].0;
        let ended = doomed.try_wait().unwrap();
        assert!(ended.is_none(), "a participant has ended by itself: {ended:?} (seed {})", self.seed);
        doomed.kill().unwrap();
        let next = self.start(id as u32);
        self.zombies.push(std::mem::replace(&mut self.actors[id], next));
        if self.random.below(2) == 0 {
            self.zombies.clear();
        }
    }

    fn all_get_on(&mut self) {
        for id in 0..self.actors.len() {
            let before = self.shared.done[id].load(Relaxed);
            self.until("everybody gets on", |crowd| crowd.shared.done[id].load(Relaxed) > before);
        }
    }

    /// Everybody leaves in order. Then nobody holds anything, what was protected is whole, and nothing is left.
    fn rest(&mut self) {
        self.shared.stop.store(1, SeqCst);
        for id in 0..self.actors.len() {
            self.until("everybody leaves", |crowd| crowd.actors[id].0.try_wait().unwrap().is_some());
        }
        for mut actor in self.actors.drain(..) {
            let status = actor.0.wait().unwrap();
            assert!(status.success(), "a participant has ended with {status} (seed {})", self.seed);
        }
        self.zombies.clear();
        self.watch = None;
        mailbox::collect(&self.control);
        recover::sweep(&self.control).unwrap();
        let taken = (0..self.control.limits().slots).filter(|&slot| self.control.occupant(slot).is_some());
        assert_eq!(taken.collect::<Vec<_>>(), [self.me.slot()], "slots of others are taken");
        self.nothing_is_held();
        self.no_segment_is_left();
        // The cluster's own: its token, the control file, the participant, the doorbell.
        assert_eq!(open_files(), self.files + 4, "descriptors are left");
    }

    fn nothing_is_held(&self) {
        let find = |name, kind| objects::find(&self.control, name, kind).unwrap();
        let lock = self.control.mutex(find(LOCK, Object::Lock)).unwrap();
        assert_eq!(lock.holder(), None);
        assert!(lock.is_poisoned() || self.shared.locked.is_whole());
        let rw = self.control.rwlock(find(RW, Object::RwLock)).unwrap().info();
        assert_eq!((rw.writer, rw.readers), (None, 0));
        assert!(rw.is_poisoned || self.shared.read.is_whole());
        let semaphore = self.control.semaphore(find(SEMAPHORE, Object::Semaphore)).unwrap().info();
        assert_eq!((semaphore.free, semaphore.capacity), (PERMITS, PERMITS));
    }

    /// Every name in /dev/shm is in the catalogue, but for that of one who died between the two: it goes with the next
    /// that is made.
    fn no_segment_is_left(&self) {
        let spec = Shape::new(DType::U8, vec![1]).unwrap();
        named::create(&self.control, "rest", &spec, &Placement { mode: 0o600, file: None, persist: false }).unwrap();
        named::delete(&self.control, "rest").unwrap();
        let mut known: Vec<String> =
            catalogue::list(&self.control).iter().map(|(_, array)| self.cluster.array(&array.name)).collect();
        known.push(name::control_segment(&self.cluster.0));
        known.sort();
        assert_eq!(self.cluster.segments(), known);
    }

    fn close(self) {
        let Crowd { cluster, control, mut token, me, shared, doorbell, files, .. } = self;
        drop((me, shared, doorbell));
        token.close().unwrap();
        drop((token, control));
        assert_eq!(cluster.segments(), Vec::<String>::new());
        assert_eq!(open_files(), files, "descriptors are left");
    }

    /// Waits for a condition; tells how everything stands if it does not come.
    fn until(&mut self, what: &str, mut condition: impl FnMut(&mut Crowd) -> bool) {
        let begin = Instant::now();
        while !condition(self) {
            for actor in &mut self.actors {
                let failed = actor.0.try_wait().unwrap().filter(|status| !status.success());
                assert!(failed.is_none(), "a participant has ended: {failed:?} (seed {})", self.seed);
            }
            if begin.elapsed() > TOO_LONG {
                self.tell();
                panic!("waited in vain until {what} (seed {})", self.seed);
            }
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn tell(&self) {
        for (id, actor) in self.actors.iter().enumerate() {
            let (pid, done) = (actor.0.id(), self.shared.done[id].load(Relaxed));
            let where_it_is = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
            let at = self.shared.at[id].load(Relaxed);
            eprintln!("participant {id}, process {pid}: {done} done, at {at}; system call {}", where_it_is.trim());
        }
        for slot in 0..self.control.limits().slots {
            eprintln!("slot {slot}: {:?}", self.control.occupant(slot));
        }
        let lock = self.control.mutex(objects::find(&self.control, LOCK, Object::Lock).unwrap()).unwrap();
        let rw = self.control.rwlock(objects::find(&self.control, RW, Object::RwLock).unwrap()).unwrap();
        let semaphore = objects::find(&self.control, SEMAPHORE, Object::Semaphore).unwrap();
        eprintln!("{lock:?}, {:?}, {:?}", rw.info(), self.control.semaphore(semaphore).unwrap().info());
    }
}

/// A participant's process. Killed, if it still lives, and waited for, when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
