//! Deaths: whoever dies, in whatever state, what it held is given back, and whoever is affected is told.

mod actors;
mod scratch;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use actors::{Actor, listen, say, until};
use scratch::Cluster;
use scratch::roles::{play, subject, succeeded};
use tsdsm_core::barrier::{Patience, Turn};
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::mailbox::{self, Outcome, Settled};
use tsdsm_core::objects::{self, DEFAULT_BARRIER, DEFAULT_LOCK, Kind as Object, Spec};
use tsdsm_core::slots::{Kind, Participant, State};
use tsdsm_core::sys::{eventfd, process::Cause};
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::watch::{DeathWatch, OwnerWatch};
use tsdsm_core::word::Owner;
use tsdsm_core::{Error, array, catalogue, dtype::DType, recover, run, segment};

const LIMITS: Limits = Limits { workers: 3, slots: 8, objects: 8, arrays: 4 };

/// A cluster with a main, its monitor and its doorbell.
struct Main {
    cluster: Cluster,
    control: Arc<Control>,
    watch: DeathWatch,
    doorbell: OwnedFd,
    me: Participant,
    _token: OwnerToken,
}

impl Main {
    fn new() -> Main {
        let cluster = Cluster::new();
        let (control, _token) = Control::create(&cluster.0, &LIMITS, 0, 0o600).unwrap();
        let watch = DeathWatch::start(&control).unwrap();
        let me = Participant::claim(&control, Kind::Main, None).unwrap();
        Main { cluster, watch, doorbell: eventfd::create().unwrap(), me, control, _token }
    }

    /// A watched worker that has said "here" after doing what `role` does.
    fn worker(&self, role: &str, id: u32) -> Actor {
        let mut worker = Actor::start(role, &format!("{} {id}", self.cluster.0));
        self.watch.add(id, worker.pid(), self.doorbell.as_fd()).unwrap();
        worker.expect("here");
        worker
    }

    /// The next thing that settles, apart from attaches.
    fn next(&self) -> Settled {
        let mut found = Vec::new();
        until("a worker has settled", || {
            found.extend(mailbox::collect(&self.control));
            found.retain(|settled| !matches!(settled.outcome, Outcome::Ready));
            !found.is_empty()
        });
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    /// Waits for the doorbell itself.
    fn wait_for_ring(&self) {
        let mut poll =
            libc::pollfd { fd: std::os::fd::AsRawFd::as_raw_fd(&self.doorbell), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd.
        assert_eq!(unsafe { libc::poll(&mut poll, 1, 60_000) }, 1, "nobody rang");
        eventfd::drain(&self.doorbell);
    }

    fn all_slots_are_free_but_mains(&self) {
        let taken: Vec<u32> = (0..LIMITS.slots).filter(|&slot| self.control.occupant(slot).is_some()).collect();
        assert_eq!(taken, [self.me.slot()]);
    }
}

fn worker() -> (Arc<Control>, Participant) {
    let subject = subject();
    let (cluster, id) = subject.split_once(' ').unwrap();
    let control = Control::attach(cluster).unwrap();
    let me = Participant::claim(&control, Kind::Worker, id.parse().ok()).unwrap();
    mailbox::ready(&me).unwrap();
    (control, me)
}

#[test]
#[ignore = "a role in other tests"]
fn role_idles() {
    let (_control, _me) = worker();
    say("here");
    listen();
}

#[test]
#[ignore = "a role in other tests"]
fn role_never_attaches() {
    say("here");
    listen();
}

#[test]
#[ignore = "a role in other tests"]
fn role_holds_a_lock() {
    let (control, me) = worker();
    let named = objects::find(&control, "named", Object::Lock).unwrap();
    for lock in [DEFAULT_LOCK, named] {
        assert!(control.mutex(lock).unwrap().try_fast(me.owner()));
    }
    say("here");
    listen();
}

#[test]
fn a_lock_whose_holder_is_killed_is_free_and_poisoned_before_main_hears_of_the_death() {
    let main = Main::new();
    let named = objects::create(&main.control, "named", &Spec::Lock).unwrap();
    let worker = main.worker("role_holds_a_lock", 2);
    let holder = main.control.mutex(named).unwrap().holder().unwrap();
    assert!(main.control.is_alive(holder));
    worker.kill();
    main.wait_for_ring();
    assert!(!main.control.is_alive(holder));
    for lock in [DEFAULT_LOCK, named] {
        let lock = main.control.mutex(lock).unwrap();
        assert_eq!((lock.holder(), lock.is_poisoned(), lock.last_dead()), (None, true, Some(2)));
        assert_eq!(lock.lock(main.me.owner(), false, None, &*main.control), Slice::OwnerDied);
        assert_eq!(lock.lock(main.me.owner(), true, None, &*main.control), Slice::AcquiredPoisoned);
    }
    let settled = main.next();
    assert_eq!((settled.worker, settled.pid, settled.run), (2, worker.pid(), 0));
    assert!(matches!(settled.outcome, Outcome::Died(Cause::Killed(libc::SIGKILL))));
    main.all_slots_are_free_but_mains();
}

#[test]
fn without_any_monitor_a_waiter_finds_the_dead_holder_by_itself() {
    let main = Main::new();
    objects::create(&main.control, "named", &Spec::Lock).unwrap();
    let mut worker = Actor::start("role_holds_a_lock", &format!("{} 1", main.cluster.0));
    worker.expect("here");
    let lock = main.control.mutex(DEFAULT_LOCK).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| lock.lock(main.me.owner(), true, None, &*main.control));
        until("it waits", || lock.has_waiters());
        // A zombie until the end of this test: nobody has waited for it.
        worker.kill();
        assert_eq!(waiter.join().unwrap(), Slice::AcquiredPoisoned);
    });
    assert_eq!(lock.holder(), Some(main.me.owner()));
    recover::sweep(&main.control).unwrap();
    main.all_slots_are_free_but_mains();
}

#[test]
#[ignore = "a role in other tests"]
fn role_takes_its_run_and_waits_in_the_barrier() {
    let (control, me) = worker();
    say("here");
    listen();
    let (run, _) = mailbox::take(&me).unwrap().unwrap();
    let barrier = control.barrier(DEFAULT_BARRIER).unwrap();
    let mut turn = barrier.arrive(me.slot(), Some(run));
    say("arrived");
    let patience = Patience { deadline: None, tick: Duration::from_millis(50), worker: me.worker() };
    while let Turn::Again(_) = turn {
        turn = barrier.wait_slice(me.slot(), &patience, &*control);
    }
    let by = barrier.info().broken_by.unwrap();
    say(&format!("{turn:?} {:?} {:?}", by.reason, by.worker));
    mailbox::complete(&me, false, &[]).unwrap();
    listen();
}

#[test]
fn those_who_wait_in_a_barrier_are_told_who_died() {
    let main = Main::new();
    let [mut waits, dies] = [0, 1].map(|id| main.worker("role_takes_its_run_and_waits_in_the_barrier", id));
    until("both are ready", || {
        mailbox::collect(&main.control);
        run::begin(&main.control, &[0, 1]).is_ok()
    });
    let run = run::begin(&main.control, &[0, 1]).unwrap();
    mailbox::post(&main.control, run, &[0, 1], b"go").unwrap();
    waits.tell("go");
    waits.expect("arrived");
    dies.kill();
    waits.expect("Broken Died Some(1)");
    let (mut died, mut failed) = (0, 0);
    while died + failed < 2 {
        for settled in mailbox::collect(&main.control) {
            assert_eq!(settled.run, run);
            match (settled.worker, settled.outcome) {
                (0, Outcome::Failed(_)) => failed += 1,
                (1, Outcome::Died(Cause::Killed(libc::SIGKILL) | Cause::Unknown)) => died += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((died, failed), (1, 1));
    // The place is taken by a fresh one, and the next run is sound.
    let _fresh = main.worker("role_idles", 1);
    until("it is ready", || !mailbox::collect(&main.control).is_empty());
    assert!(run::begin(&main.control, &[0, 1]).unwrap() > run);
    assert!(!main.control.barrier(DEFAULT_BARRIER).unwrap().is_broken());
}

#[test]
fn a_worker_that_has_arrived_and_is_killed_in_the_barrier_breaks_it() {
    let main = Main::new();
    let mut all = [0, 1].map(|id| main.worker("role_takes_its_run_and_waits_in_the_barrier", id));
    mailbox::collect(&main.control);
    let run = run::begin(&main.control, &[0, 1]).unwrap();
    mailbox::post(&main.control, run, &[0, 1], &[]).unwrap();
    all[0].tell("go");
    all[0].expect("arrived");
    all[0].kill();
    main.wait_for_ring();
    assert!(main.control.barrier(DEFAULT_BARRIER).unwrap().is_broken());
    all[1].tell("go");
    all[1].expect("arrived");
    all[1].expect("Broken Died Some(0)");
}

#[test]
fn a_worker_dead_before_the_run_began_breaks_its_barrier_and_its_death_carries_the_run() {
    let main = Main::new();
    let worker = main.worker("role_idles", 0);
    until("it is ready", || !mailbox::collect(&main.control).is_empty());
    worker.kill();
    main.wait_for_ring();
    let run = run::begin(&main.control, &[0]).unwrap();
    assert!(main.control.barrier(DEFAULT_BARRIER).unwrap().is_broken());
    mailbox::post(&main.control, run, &[0], &[1; 100_000]).unwrap();
    assert_eq!(main.next().run, run);
    assert_eq!(main.cluster.segments(), [main.cluster.control()], "what nobody will take is removed");
}

#[test]
fn deaths_before_the_attach_and_by_exit_are_told_too() {
    let main = Main::new();
    let unborn = main.worker("role_never_attaches", 0);
    let pid = unborn.pid();
    unborn.kill();
    let settled = main.next();
    assert_eq!((settled.worker, settled.pid, settled.run), (0, pid, 0));
    let idle = main.worker("role_idles", 1);
    let pid = idle.pid();
    // Waits for it as well: who comes first, the monitor or this, is open. Old kernels tell the cause only once.
    assert!(idle.end().success());
    let settled = main.next();
    assert_eq!((settled.worker, settled.pid), (1, pid));
    assert!(matches!(settled.outcome, Outcome::Died(Cause::Exited(0) | Cause::Unknown)), "{settled:?}");
    main.all_slots_are_free_but_mains();
}

#[test]
fn a_child_that_is_gone_before_it_can_be_watched_is_told_as_dead() {
    let main = Main::new();
    let worker = Actor::start("role_never_attaches", "");
    let pid = worker.pid();
    assert!(worker.end().success());
    main.watch.add(0, pid, main.doorbell.as_fd()).unwrap();
    main.wait_for_ring();
    let settled = main.next();
    assert_eq!((settled.worker, settled.pid), (0, pid));
    assert!(matches!(settled.outcome, Outcome::Died(Cause::Unknown)));
}

#[test]
fn a_result_is_not_lost_when_its_worker_dies_after_sending_it() {
    let main = Main::new();
    let mut worker = main.worker("role_completes", 0);
    mailbox::collect(&main.control);
    mailbox::post(&main.control, 5, &[0], &[]).unwrap();
    worker.tell("go");
    worker.expect("done");
    worker.kill();
    main.wait_for_ring();
    let both = mailbox::collect(&main.control);
    assert!(matches!(&both[0].outcome, Outcome::Done(Ok(bytes)) if bytes == b"result"));
    assert!(matches!(both[1].outcome, Outcome::Died(_)) && both[1].run == 0 && both.len() == 2);
    let nobody = mailbox::post(&main.control, 6, &[0], &[]);
    assert!(matches!(nobody, Err(Error::InvalidArgument(_))), "nobody is there to take it");
}

#[test]
#[ignore = "a role in other tests"]
fn role_completes() {
    let (_control, me) = worker();
    say("here");
    listen();
    mailbox::take(&me).unwrap().unwrap();
    mailbox::complete(&me, true, b"result").unwrap();
    say("done");
    listen();
}

// ---- steps of a claim and of a recovery at which somebody was killed ------------------------------------------------

fn state_of(control: &Control, slot: u32) -> &AtomicU32 {
    // SAFETY: the slot's first word, within the mapping.
    unsafe { &*control.mapping().as_ptr().add(control.geometry().slot(slot)).cast() }
}

#[test]
fn whatever_step_of_claim_or_recovery_was_the_last_the_slot_can_be_had_again() {
    let main = Main::new();
    let slot = main.me.slot() + 1;
    let lock = main.control.mutex(DEFAULT_LOCK).unwrap();
    for (round, state) in [State::Free, State::Live, State::Dead, State::Retired].into_iter().enumerate() {
        // As a death leaves it: the state says so, the kernel has dropped the byte, and the lock names the dead.
        let generation = 100 * (round as u32 + 1);
        let owner = Owner::new(slot, generation);
        state_of(&main.control, slot).store(generation << 8 | state as u32, Ordering::Relaxed);
        lock.renew();
        let dead = matches!(state, State::Live | State::Dead);
        assert!(!dead || lock.try_fast(owner));
        assert!(!main.control.is_alive(owner));
        // All the other slots are taken, so that this is the one that is claimed.
        let all: Vec<_> =
            (2..LIMITS.slots).map(|_| Participant::claim(&main.control, Kind::Joiner, None).unwrap()).collect();
        let mut all = all;
        all.push(Participant::claim(&main.control, Kind::Joiner, None).unwrap());
        let claimed = all.iter().find(|one| one.slot() == slot).unwrap();
        assert_eq!(claimed.owner().generation(), generation + 1);
        assert_eq!((lock.holder(), lock.is_poisoned()), (None, dead));
    }
}

#[test]
#[ignore = "a role in other tests"]
fn role_churns() {
    let control = Control::attach(&subject()).unwrap();
    say("here");
    for round in 0u64.. {
        let me = Participant::claim(&control, Kind::Worker, Some(0)).unwrap();
        let lock = control.mutex(DEFAULT_LOCK).unwrap();
        let got = lock.lock(me.owner(), true, None, &*control);
        assert!(matches!(got, Slice::Acquired | Slice::AcquiredPoisoned), "{got:?}");
        lock.clear_poison(me.owner());
        // Its predecessor may have died between the two.
        let _ = objects::delete(&control, "churned", Object::Barrier);
        objects::create(&control, "churned", &Spec::Barrier { parties: 2 }).unwrap();
        let _ = catalogue::remove(&control, "churned");
        let id = segment::FileId { dev: round, ino: !round };
        let entry = catalogue::Array {
            name: "churned".to_owned(),
            id,
            bytes: round,
            file: None,
            persist: false,
            read_only: false,
        };
        catalogue::insert(&control, &entry).unwrap();
        lock.unlock(me.owner());
    }
}

#[test]
fn a_kill_at_any_moment_leaves_slots_lock_and_tables_whole() {
    let main = Main::new();
    for kill in 0..60u64 {
        let mut churns = Actor::start("role_churns", &main.cluster.0);
        churns.expect("here");
        // Somewhere in its work: where exactly does not matter.
        std::thread::sleep(Duration::from_micros(kill * kill * 3));
        churns.kill();
        assert!(!churns.end().success());
        recover::sweep(&main.control).unwrap();
        main.all_slots_are_free_but_mains();
        let lock = main.control.mutex(DEFAULT_LOCK).unwrap();
        assert_eq!(lock.holder(), None);
        for (_, array) in catalogue::list(&main.control) {
            assert_eq!(
                (array.id.dev, array.id.ino),
                (array.bytes, !array.bytes),
                "no entry is half of one and half of another"
            );
        }
        if let Ok(index) = objects::find(&main.control, "churned", Object::Barrier) {
            assert_eq!(main.control.barrier(index).unwrap().info().parties, 2);
        }
    }
}

#[test]
fn a_sweep_finishes_what_a_recoverer_left_half_done() {
    let main = Main::new();
    let (slot, generation) = (main.me.slot() + 1, 7);
    let owner = Owner::new(slot, generation);
    let lock = main.control.mutex(DEFAULT_LOCK).unwrap();
    for state in [State::Live, State::Dead] {
        lock.renew();
        assert!(lock.try_fast(owner));
        state_of(&main.control, slot).store(generation << 8 | state as u32, Ordering::Relaxed);
        assert_eq!(recover::sweep(&main.control).unwrap(), 1);
        assert!(lock.is_poisoned() && lock.holder().is_none());
        main.all_slots_are_free_but_mains();
        assert_eq!(recover::sweep(&main.control).unwrap(), 0);
    }
}

#[test]
fn a_reused_pid_does_not_keep_the_dead_alive() {
    let main = Main::new();
    let me = Participant::claim(&main.control, Kind::Joiner, None).unwrap();
    assert!(main.control.is_alive(me.owner()));
    // Its slot names a process that was started at another time, under a pid that lives: this one.
    let other = Participant::claim(&main.control, Kind::Joiner, None).unwrap();
    let start_time = main.control.geometry().slot(other.slot()) + 32;
    // SAFETY: the slot's start time, within the mapping.
    let start_time: &AtomicU64 = unsafe { &*main.control.mapping().as_ptr().add(start_time).cast() };
    assert_ne!(start_time.fetch_add(1, Ordering::Relaxed), 0);
    assert!(!main.control.is_alive(other.owner()), "although somebody holds its token");
    recover::sweep(&main.control).unwrap();
    assert_eq!(main.control.occupant(other.slot()), None);
    assert!(main.control.is_alive(me.owner()));
}

#[test]
fn who_is_out_of_descriptors_takes_nobody_for_dead() {
    let main = Main::new();
    let lock = main.control.mutex(DEFAULT_LOCK).unwrap();
    assert!(lock.try_fast(main.me.owner()));
    succeeded(&play("role_has_no_descriptor_left", &main.cluster.0).output().unwrap());
    assert_eq!(lock.holder(), Some(main.me.owner()));
}

#[test]
#[ignore = "a role in other tests"]
fn role_has_no_descriptor_left() {
    let control = Control::attach(&subject()).unwrap();
    let me = Participant::claim(&control, Kind::Joiner, None).unwrap();
    let all: Vec<_> = std::iter::repeat_with(|| std::fs::File::open("/dev/null")).map_while(Result::ok).collect();
    assert!(all.len() > 10);
    let lock = control.mutex(DEFAULT_LOCK).unwrap();
    let request = Request { recover: true, tick: Duration::from_millis(1), ..Request::default() };
    assert_eq!(lock.lock_slice(me.owner(), &request, &*control), Slice::Again, "its holder lives");
}

#[test]
#[ignore = "a role in other tests"]
fn role_holds_a_lock_and_forks() {
    let (control, me) = worker();
    assert!(control.mutex(DEFAULT_LOCK).unwrap().try_fast(me.owner()));
    // SAFETY: the child does nothing but wait for its end.
    match unsafe { libc::fork() } {
        0 => loop {
            // SAFETY: no arguments.
            unsafe { libc::pause() };
        },
        child => say(&format!("{child}")),
    }
    say("here");
    listen();
}

#[test]
fn a_forked_child_that_keeps_the_token_does_not_keep_the_dead_alive() {
    let main = Main::new();
    let mut worker = Actor::start("role_holds_a_lock_and_forks", &format!("{} 0", main.cluster.0));
    main.watch.add(0, worker.pid(), main.doorbell.as_fd()).unwrap();
    let child: i32 = worker.hear().parse().unwrap();
    worker.expect("here");
    let lock = main.control.mutex(DEFAULT_LOCK).unwrap();
    let slot = lock.holder().unwrap().slot();
    worker.kill();
    main.wait_for_ring();
    assert!(lock.is_poisoned() && lock.holder().is_none());
    let state = State::Retired as u32;
    assert_eq!(state_of(&main.control, slot).load(Ordering::Relaxed) & 0xff, state, "not to be given out");
    let claim = |_| Participant::claim(&main.control, Kind::Joiner, None).unwrap();
    let _others: Vec<Participant> = (1..LIMITS.slots - 1).map(claim).collect();
    assert!(Participant::claim(&main.control, Kind::Joiner, None).is_err());
    // SAFETY: the child that the worker named; it lives, since only we end it.
    assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
    until("the slot can be had", || {
        Participant::claim(&main.control, Kind::Joiner, None).is_ok_and(|me| me.slot() == slot)
    });
}

// ---- the end of main --------------------------------------------------------------------------------------------------

#[test]
#[ignore = "a role in other tests"]
fn role_is_main() {
    let cluster = subject();
    let (control, _token) = Control::create(&cluster, &LIMITS, 0, 0o600).unwrap();
    let _me = Participant::claim(&control, Kind::Main, None).unwrap();
    let spec = array::Spec::new(DType::F64, vec![100]).unwrap();
    for (name, persist) in [("A", false), ("B", false), ("P", true)] {
        let made = array::create(&format!("tsdsm.{cluster}.{name}"), &spec, 0o600).unwrap();
        let bytes = made.bytes() as u64;
        let entry =
            catalogue::Array { name: name.to_owned(), id: made.id, bytes, file: None, persist, read_only: false };
        catalogue::insert(&control, &entry).unwrap();
    }
    // One that was published and not yet entered when main was killed.
    array::create(&format!("tsdsm.{cluster}.C"), &spec, 0o600).unwrap();
    say("here");
    listen();
}

#[test]
#[ignore = "a role in other tests"]
fn role_watches_main() {
    let (control, me) = worker();
    let (told, ended) = std::sync::mpsc::channel();
    let _watch = OwnerWatch::start(&control, move || told.send(()).unwrap()).unwrap();
    say("here");
    ended.recv().unwrap();
    assert!(!control.has_owner().unwrap());
    say("ended");
    drop(me);
}

#[test]
fn when_main_is_killed_its_workers_remove_every_name_and_end() {
    let cluster = Cluster::new();
    let mut main = Actor::start("role_is_main", &cluster.0);
    main.expect("here");
    assert_eq!(cluster.segments().len(), 5);
    let start = |id| Actor::start("role_watches_main", &format!("{} {id}", cluster.0));
    let mut workers: Vec<Actor> = (0..3).map(start).collect();
    workers.iter_mut().for_each(|worker| worker.expect("here"));
    main.kill();
    for mut worker in workers {
        worker.expect("ended");
        assert_eq!(cluster.segments(), [cluster.array("P")], "removed before anybody is told");
        assert!(worker.end().success());
    }
}

#[test]
fn an_ordered_close_ends_the_watches_and_one_that_was_disarmed_says_nothing() {
    let main = Main::new();
    let (told, ended) = std::sync::mpsc::channel();
    let silent = told.clone();
    let first = OwnerWatch::start(&main.control, move || told.send("armed").unwrap()).unwrap();
    drop(OwnerWatch::start(&main.control, move || silent.send("disarmed").unwrap()).unwrap());
    drop(main);
    // Both senders are dropped when their threads have ended.
    assert_eq!(ended.iter().collect::<Vec<_>>(), ["armed"]);
    drop(first);
}

#[test]
fn a_watch_that_starts_too_late_is_told_at_once() {
    succeeded(&play("role_watches_late", &Cluster::new().0).output().unwrap());
}

#[test]
#[ignore = "a role in other tests"]
fn role_watches_late() {
    let cluster = Cluster(subject());
    let (control, token) = Control::create(&cluster.0, &LIMITS, 0, 0o600).unwrap();
    drop(token);
    let (told, ended) = std::sync::mpsc::channel();
    let _watch = OwnerWatch::start(&control, move || told.send(()).unwrap()).unwrap();
    ended.recv().unwrap();
    assert_eq!(cluster.segments(), [""; 0]);
}
