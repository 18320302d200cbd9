//! A cluster with a survivor, and victims who come and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, thread};

use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::wait::Request;
use tsdsm_core::word::Owner;
use tsdsm_core::{janitor, mutex, recover};

use crate::scratch::Cluster;
use crate::scratch::roles::subject;
use crate::tracer::{Victim, Watched, assert_allowed};

pub const LIMITS: Limits = Limits { workers: 2, slots: 8, objects: 8, arrays: 4 };

/// A guard against a test that hangs, not a time that anything is expected to take.
pub const TOO_LONG: Duration = Duration::from_secs(60);

/// The main process of a cluster: the one that survives.
pub struct Survivor {
    pub control: Arc<Control>,
    pub me: Participant,
    cluster: Cluster,
    token: OwnerToken,
    files: usize,
}

impl Survivor {
    pub fn new() -> Survivor {
        let files = open_files();
        let cluster = Cluster::new();
        let (control, token) = Control::create(&cluster.0, &LIMITS, 0, 0o600).unwrap();
        let me = Participant::claim(&control, Kind::Main, None).unwrap();
        Survivor { control, me, cluster, token, files }
    }

    pub fn name(&self) -> &str {
        &self.cluster.0
    }

    /// All shared bytes of the control segment.
    pub fn watched(&self) -> Watched {
        let mapping = self.control.mapping();
        // SAFETY: mapped as long as the control, which a survivor keeps longer than any victim.
        unsafe { Watched::new(mapping.as_ptr(), mapping.len()) }
    }

    /// Recovers whoever has died. Then nobody but the survivor has a slot.
    pub fn recover(&self) {
        recover::sweep(&self.control).unwrap();
        let taken: Vec<u32> = (0..LIMITS.slots).filter(|&slot| self.control.occupant(slot).is_some()).collect();
        assert_eq!(taken, [self.me.slot()]);
    }

    /// Every slot can be claimed.
    pub fn all_slots_work(&self) {
        let claim = |_| Participant::claim(&self.control, Kind::Joiner, None).unwrap();
        let others: Vec<Participant> = (1..LIMITS.slots).map(claim).collect();
        drop(others);
        self.recover();
    }

    /// The end: nothing is left.
    pub fn close(self) {
        let Survivor { control, me, cluster, mut token, files } = self;
        drop(me);
        token.close().unwrap();
        drop((token, control));
        janitor::prune().unwrap();
        assert_eq!(cluster.segments(), Vec::<String>::new());
        assert_eq!(open_files(), files);
    }
}

/// In a role: a worker of the survivor's cluster.
pub fn worker() -> (Arc<Control>, Participant) {
    let control = Control::attach(&subject()).unwrap();
    let me = Participant::claim(&control, Kind::Worker, Some(1)).unwrap();
    find_out_about_the_machine(&control, &me);
    (control, me)
}

/// What a process finds out once, when it first waits for anything, is no step of what it waits for.
fn find_out_about_the_machine(control: &Control, me: &Participant) {
    let lock = mutex::Layout::new();
    assert!(lock.try_fast(Owner::new(0, 1)));
    let request = Request { deadline: Some(Deadline::after(Duration::ZERO)), ..Request::default() };
    lock.lock_slice(me.owner(), &request, control);
}

/// A role, and what the survivor does about it.
pub struct Scene<'a> {
    /// What is killed: a test that calls `step_by_step`.
    pub role: &'a str,
    /// Makes the cluster ready for the victim.
    pub prepare: &'a dyn Fn(&Survivor),
    /// What the survivor does while the victim lives, until it is told that it does not.
    pub meanwhile: &'a (dyn Fn(&Survivor, &AtomicBool) + Sync),
}

impl Default for Scene<'_> {
    fn default() -> Self {
        Scene { role: "", prepare: &|_| {}, meanwhile: &|_, _| {} }
    }
}

impl Scene<'_> {
    /// Plays it as often as there are points, kills the victim after the next point each time, and calls `check`.
    pub fn kill_at_every_point(&self, mut check: impl FnMut(&Survivor)) {
        // One at a time: each counts the open files of this process.
        static ONE: Mutex<()> = Mutex::new(());
        let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        assert_allowed();
        let survivor = Survivor::new();
        let mut play = |points: usize| {
            let found = self.play(&survivor, points);
            check(&survivor);
            found
        };
        let all = play(usize::MAX);
        let points = spread(all);
        for &point in &points {
            play(point);
        }
        eprintln!("single-step kill: {}: {} of {all} points", self.role, points.len());
        survivor.all_slots_work();
        survivor.close();
    }

    fn play(&self, survivor: &Survivor, points: usize) -> usize {
        (self.prepare)(survivor);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| (self.meanwhile)(survivor, &over));
            let mut victim = Victim::start(self.role, survivor.name());
            let found = victim.run(points, &mut [survivor.watched()]);
            victim.kill();
            over.store(true, Ordering::Release);
            found
        })
    }
}

/// Points from 1 to `all`: as many as are asked for, evenly spread.
pub fn spread(all: usize) -> Vec<usize> {
    let wanted: usize = env::var("TSDSM_POINTS").ok().map_or(usize::MAX, |text| text.parse().unwrap());
    let count = wanted.min(all);
    (0..count).map(|i| 1 + i * all / count).collect()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
