//! Programs without Node that join a cluster: what they share, and what becomes of others when they end, or main does.

mod actors;
mod scratch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use actors::{Actor, listen, open_files, say, until};
use scratch::roles::{play, subject, succeeded};
use tsdsm_core::barrier::Reason;
use tsdsm_core::cluster::{Cluster, Member};
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::latch::Stand;
use tsdsm_core::objects::{self, Kind as Object, Spec};
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::{Error, segment};

const LIMITS: Limits = Limits { workers: 2, slots: 6, objects: 16, arrays: 4 };

/// For waits that have to end by themselves: a broken promise is a failure then, and does not hang the tests.
const IN_VAIN: Option<Duration> = Some(Duration::from_secs(60));

/// A running cluster: a main, and what it has made.
struct Main {
    name: scratch::Cluster,
    me: Member,
    control: Arc<Control>,
    _participant: Participant,
    token: OwnerToken,
}

impl Main {
    fn new() -> Main {
        let name = scratch::Cluster::new();
        let (control, token) = Control::create(&name.0, &LIMITS, 7, 0o640).unwrap();
        let participant = Participant::claim(&control, Kind::Main, None).unwrap();
        let me = Member::new(control.clone(), participant.owner(), None, 0);
        for (object, spec) in [
            ("lock", Spec::Lock),
            ("rw", Spec::RwLock),
            ("pair", Spec::Barrier { parties: 2 }),
            ("mains", Spec::Barrier { parties: 1 }),
            ("permits", Spec::Semaphore { permits: 3, owned: true }),
            ("event", Spec::Event { automatic: false, set: false }),
            ("latch", Spec::Latch { count: 2, counts_the_dead: false }),
            ("once", Spec::Once),
            ("counter", Spec::Counter),
        ] {
            me.create(object, &spec).unwrap();
        }
        Main { name, me, control, _participant: participant, token }
    }

    fn join(&self) -> Cluster {
        Cluster::join(&self.name.0).unwrap()
    }

    fn taken_slots(&self) -> usize {
        (0..LIMITS.slots).filter(|&slot| self.control.occupant(slot).is_some()).count()
    }
}

fn code<T: std::fmt::Debug>(result: tsdsm_core::Result<T>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn arrays_are_the_same_memory_for_all_who_join() {
    let main = Main::new();
    let (one, other) = (main.join(), main.join());
    let made = one.zeros::<f64>("A", &[2, 3]).unwrap();
    let found = other.array::<f64>("A").unwrap();
    assert_eq!((found.shape(), found.len(), found.is_empty()), (&[2, 3][..], 6, false));
    made.set(5, -1.5);
    assert_eq!(found.get(5), -1.5);
    // SAFETY: nobody writes meanwhile.
    assert_eq!(unsafe { found.as_slice() }, [0.0, 0.0, 0.0, 0.0, 0.0, -1.5]);
    assert_eq!(one.control().mode().unwrap(), 0o640);
    let path = segment::path(&main.name.array("A"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640, "as the cluster's own");
    assert_eq!(code(other.array::<f32>("A")), "ERR_TSDSM_INCOMPATIBLE_SEGMENT");
    assert_eq!(code(other.zeros::<f32>("A", &[1])), "ERR_TSDSM_NAME_EXISTS");
    assert!(catch_unwind(AssertUnwindSafe(|| found.get(6))).is_err());
    other.delete_array("A").unwrap();
    assert_eq!(code(one.array::<f64>("A")), "ERR_TSDSM_NOT_FOUND");
    assert_eq!(made.get(5), -1.5, "who has it mapped keeps it");
}

#[test]
fn every_primitive_works_by_its_name() {
    let main = Main::new();
    let cluster = main.join();
    let lock = cluster.lock("lock").unwrap();
    let held = lock.acquire(None).unwrap();
    assert!(lock.is_held().unwrap() && !held.recovered());
    assert_eq!(code(lock.acquire(None)), "ERR_TSDSM_DEADLOCK");
    let theirs = main.me.lock("lock").unwrap();
    assert_eq!(code(theirs.acquire(Some(Duration::ZERO))), "ERR_TSDSM_TIMEOUT");
    assert_eq!(code(theirs.acquire(Some(Duration::from_millis(1)))), "ERR_TSDSM_TIMEOUT");
    assert_eq!(code(theirs.release()), "ERR_TSDSM_NOT_OWNER");
    held.release().unwrap();
    theirs.acquire(None).unwrap().keep();
    assert_eq!(code(lock.acquire(Some(Duration::ZERO))), "ERR_TSDSM_TIMEOUT");
    theirs.release().unwrap();

    let (ours, theirs) = (cluster.rw_lock("rw").unwrap(), main.me.rw_lock("rw").unwrap());
    let reading = (ours.read(None).unwrap(), theirs.read(None).unwrap());
    assert_eq!(code(theirs.write(Some(Duration::ZERO))), "ERR_TSDSM_DEADLOCK");
    drop(reading.1);
    assert_eq!(code(theirs.write(Some(Duration::ZERO))), "ERR_TSDSM_TIMEOUT");
    drop(reading.0);
    drop(theirs.write(None).unwrap());

    let (ours, theirs) = (cluster.semaphore("permits").unwrap(), main.me.semaphore("permits").unwrap());
    let two = ours.acquire(2, None).unwrap();
    assert_eq!(code(theirs.acquire(2, Some(Duration::ZERO))), "ERR_TSDSM_TIMEOUT");
    assert_eq!(code(ours.acquire(0, None)), "ERR_TSDSM_INVALID_ARGUMENT");
    assert_eq!(code(ours.acquire(4, None)), "ERR_TSDSM_DEADLOCK");
    drop(two);
    assert_eq!(theirs.info().unwrap().free, 3);

    assert_eq!(cluster.barrier("mains").unwrap().wait(None).unwrap(), 0);
    let event = cluster.event("event").unwrap();
    assert_eq!(code(event.wait(Some(Duration::ZERO))), "ERR_TSDSM_TIMEOUT");
    main.me.event("event").unwrap().set().unwrap();
    event.wait(None).unwrap();
    let latch = cluster.latch("latch").unwrap();
    assert!(!latch.count_down(1).unwrap() && main.me.latch("latch").unwrap().count_down(1).unwrap());
    latch.wait(None).unwrap();

    let once = cluster.once("once").unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| once.run(None, |_| panic!("in vain")))).is_err());
    assert!(once.run(None, |_| assert_eq!(code(once.run(None, |_| {})), "ERR_TSDSM_DEADLOCK")).unwrap());
    assert!(!main.me.once("once").unwrap().run(None, |_| unreachable!()).unwrap());
    assert_eq!(cluster.counter("counter").unwrap().fetch_add(5), 0);
    assert_eq!(main.me.counter("counter").unwrap().load(), 5);
    assert_eq!(code(cluster.lock("nobody's")), "ERR_TSDSM_NOT_FOUND");
    assert_eq!(code(cluster.run_barrier()), "ERR_TSDSM_CLOSED");
}

#[test]
fn a_condition_gives_its_lock_back_while_it_waits_and_has_it_again_afterwards() {
    let main = Main::new();
    main.me.create_condition("full", &main.me.lock("lock").unwrap()).unwrap();
    assert_eq!(code(main.me.create_condition("none", &main.me.default_lock())), "ERR_TSDSM_INVALID_ARGUMENT");
    let (shared, cluster) = (main.me.zeros::<u32>("A", &[1]).unwrap(), main.join());
    thread::scope(|scope| {
        let theirs = shared.clone();
        let waits = scope.spawn(move || {
            let full = cluster.condition("full").unwrap();
            let mut held = full.lock().acquire(IN_VAIN).unwrap();
            while theirs.get(0) == 0 {
                assert!(full.wait(&mut held, IN_VAIN).unwrap());
            }
            assert!(held.is_held() && full.lock().is_held().unwrap());
            // Nobody notifies: the lock is held again all the same.
            assert!(!full.wait(&mut held, Some(Duration::ZERO)).unwrap());
            assert!(full.lock().is_held().unwrap());
        });
        let condition =
            main.control.condition(objects::find(&main.control, "full", Object::Condition).unwrap()).unwrap();
        until("it waits", || condition.waiting() == 1);
        let full = main.me.condition("full").unwrap();
        let held = full.lock().acquire(IN_VAIN).unwrap();
        shared.set(0, 1);
        assert_eq!(full.notify(1).unwrap(), 1);
        drop(held);
        waits.join().unwrap();
        assert_eq!(condition.waiting(), 0);
        let mut other = main.me.semaphore("permits").unwrap().acquire(1, None).unwrap();
        assert_eq!(code(full.wait(&mut other, None)), "ERR_TSDSM_INVALID_ARGUMENT");
    });
}

#[test]
fn a_wait_in_a_condition_that_is_interrupted_has_its_lock_again() {
    let main = Main::new();
    main.me.create_condition("full", &main.me.lock("lock").unwrap()).unwrap();
    let cluster = main.join();
    cluster.set_interrupt(|| true);
    let full = cluster.condition("full").unwrap();
    let mut held = full.lock().acquire(None).unwrap();
    assert_eq!(code(full.wait(&mut held, IN_VAIN)), "ERR_TSDSM_INTERRUPTED");
    assert!(held.is_held() && full.lock().is_held().unwrap());
    assert_eq!(main.me.condition("full").unwrap().notify(1).unwrap(), 0, "nobody waits any more");
}

#[test]
fn what_cannot_be_joined_is_refused_with_a_typed_error() {
    assert_eq!(code(Cluster::join("nobody-s")), "ERR_TSDSM_NOT_FOUND");
    assert_eq!(code(Cluster::join("a.b")), "ERR_TSDSM_INVALID_ARGUMENT");
    let main = Main::new();
    let all: Vec<_> = (1..LIMITS.slots).map(|_| main.join()).collect();
    let full = Cluster::join(&main.name.0).unwrap_err();
    assert!(matches!(full, Error::Capacity { what: "slots", limit: 6 }), "{full}");
    drop(all);
    assert_eq!(main.taken_slots(), 1);
    drop(main.join());
}

#[test]
fn a_wait_ends_when_the_callers_hook_says_so() {
    let main = Main::new();
    let _held = main.me.lock("lock").unwrap().acquire(None).unwrap();
    let cluster = main.join();
    let asked = Arc::new(AtomicU32::new(0));
    let counts = asked.clone();
    cluster.set_interrupt(move || counts.fetch_add(1, Ordering::Relaxed) == 1);
    assert_eq!(code(cluster.lock("lock").unwrap().acquire(IN_VAIN)), "ERR_TSDSM_INTERRUPTED");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    asked.store(1, Ordering::Relaxed);
    assert_eq!(code(cluster.barrier("pair").unwrap().wait(IN_VAIN)), "ERR_TSDSM_INTERRUPTED");
    assert!(main.me.barrier("pair").unwrap().info().unwrap().is_broken);
}

// ---- the end of a joiner --------------------------------------------------------------------------------------------

#[test]
#[ignore = "a role in other tests"]
fn role_joins() {
    let cluster = Cluster::join(&subject()).unwrap();
    cluster.barrier("pair").unwrap().wait(None).unwrap();
    cluster.lock("lock").unwrap().acquire(None).unwrap().keep();
    cluster.semaphore("permits").unwrap().acquire(3, None).unwrap().keep();
    cluster.rw_lock("rw").unwrap().write(None).unwrap().keep();
    say("here");
    match listen().as_deref() {
        Some("exit") => std::process::exit(0),
        Some("panic") => panic!("with everything in hand"),
        _ => drop(cluster),
    }
    say("left");
    listen();
}

/// One that has passed the barrier "pair" with main, and holds everything there is to hold.
fn holder(main: &Main) -> Actor {
    let mut actor = Actor::start("role_joins", &main.name.0);
    main.me.barrier("pair").unwrap().wait(None).unwrap();
    actor.expect("here");
    actor
}

fn everything_is_given_back(main: &Main) {
    match main.me.lock("lock").unwrap().acquire(None) {
        Err(Error::OwnerDied { name, worker: None }) => assert_eq!(name, "lock"),
        other => panic!("{other:?}"),
    }
    let taken = main.me.lock("lock").unwrap().acquire_recovering(None).unwrap();
    assert!(taken.recovered() && taken.clear_poison().unwrap());
    drop(main.me.semaphore("permits").unwrap().acquire(3, None).unwrap());
    assert_eq!(code(main.me.rw_lock("rw").unwrap().read(None)), "ERR_TSDSM_OWNER_DIED");
    assert!(main.me.rw_lock("rw").unwrap().write_recovering(None).unwrap().recovered());
}

#[test]
fn whoever_waits_for_a_joiner_that_ends_without_leaving_is_told_and_nobody_else() {
    for end in ["kill", "exit", "panic"] {
        let main = Main::new();
        let mut joiner = holder(&main);
        thread::scope(|scope| {
            let me = Member::new(main.control.clone(), main.me.owner(), None, 0);
            let waits = scope.spawn(move || me.barrier("pair").unwrap().wait(IN_VAIN));
            until("main has come", || main.me.barrier("pair").unwrap().info().unwrap().arrived == 1);
            if end == "kill" {
                joiner.kill()
            } else {
                joiner.tell(end)
            }
            match waits.join().unwrap() {
                Err(Error::BrokenBarrier { reason: Some(Reason::Died), worker: None, .. }) => {}
                other => panic!("{end}: {other:?}"),
            }
        });
        everything_is_given_back(&main);
        assert!(!main.me.barrier("mains").unwrap().info().unwrap().is_broken, "{end}");
        assert_eq!(main.me.latch("latch").unwrap().info().unwrap().stand, Stand::Closed, "{end}");
        until("its slot is free", || {
            tsdsm_core::recover::sweep(&main.control).unwrap();
            main.taken_slots() == 1
        });
    }
}

#[test]
fn one_that_leaves_in_order_breaks_no_barrier_that_it_does_not_wait_in() {
    let main = Main::new();
    let mut joiner = holder(&main);
    joiner.tell("leave");
    joiner.expect("left");
    everything_is_given_back(&main);
    assert_eq!(main.taken_slots(), 1);
    // Another takes its place in the barrier.
    let another = main.join();
    thread::scope(|scope| {
        scope.spawn(move || another.barrier("pair").unwrap().wait(None).unwrap());
        main.me.barrier("pair").unwrap().wait(None).unwrap();
    });
}

// ---- the end of the cluster -----------------------------------------------------------------------------------------

#[test]
fn every_wait_ends_when_main_does_and_everything_is_refused_from_then_on() {
    type Wait = fn(&Cluster) -> tsdsm_core::Result<()>;
    let waits: [Wait; 7] = [
        |cluster| cluster.lock("lock")?.acquire(IN_VAIN).map(drop),
        |cluster| cluster.rw_lock("rw")?.read(IN_VAIN).map(drop),
        |cluster| cluster.rw_lock("rw")?.write(IN_VAIN).map(drop),
        |cluster| cluster.semaphore("permits")?.acquire(1, IN_VAIN).map(drop),
        |cluster| cluster.barrier("pair")?.wait(IN_VAIN).map(drop),
        |cluster| cluster.event("event")?.wait(IN_VAIN),
        |cluster| cluster.latch("latch")?.wait(IN_VAIN),
    ];
    for wait in waits {
        let mut main = Main::new();
        main.me.lock("lock").unwrap().acquire(None).unwrap().keep();
        main.me.rw_lock("rw").unwrap().write(None).unwrap().keep();
        main.me.semaphore("permits").unwrap().acquire(3, None).unwrap().keep();
        let cluster = main.join();
        let array = cluster.zeros::<i32>("A", &[4]).unwrap();
        let (waiting, begins) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            let waits = scope.spawn(move || {
                waiting.send(()).unwrap();
                let ended = wait(&cluster);
                (ended, cluster)
            });
            begins.recv().unwrap();
            main.token.close().unwrap();
            let (ended, cluster) = waits.join().unwrap();
            assert_eq!(code(ended), "ERR_TSDSM_CLOSED");
            assert!(cluster.has_ended());
            assert_eq!(code(wait(&cluster)), "ERR_TSDSM_CLOSED");
            assert_eq!(code(cluster.array::<i32>("A")), "ERR_TSDSM_CLOSED");
            assert_eq!(code(cluster.create("new", &Spec::Lock)), "ERR_TSDSM_CLOSED");
            array.set(3, 1);
            assert_eq!(array.get(3), 1, "what is mapped stays");
        });
    }
}

#[test]
fn who_acts_for_another_and_watches_nothing_finds_the_end_of_main_while_it_waits() {
    let mut main = Main::new();
    let held = main.join();
    held.lock("lock").unwrap().acquire(None).unwrap().keep();
    let control = Control::attach(&main.name.0).unwrap();
    let participant = Participant::claim(&control, Kind::Joiner, None).unwrap();
    let member = Member::new(control, participant.owner(), None, 0);
    let waits = thread::spawn(move || {
        let ended = code(member.lock("lock").unwrap().acquire(IN_VAIN));
        (ended, code(member.array::<i32>("A")), member.control().has_ended())
    });
    main.token.close().unwrap();
    assert_eq!(waits.join().unwrap(), ("ERR_TSDSM_CLOSED", "ERR_TSDSM_CLOSED", true), "from then on");
    drop((held, participant));
}

#[test]
#[ignore = "a role in other tests"]
fn role_is_main() {
    let (control, _token) = Control::create(&subject(), &LIMITS, 0, 0o600).unwrap();
    let me = Participant::claim(&control, Kind::Main, None).unwrap();
    let me = Member::new(control.clone(), me.owner(), None, 0);
    me.create("lock", &Spec::Lock).unwrap();
    me.zeros::<u8>("A", &[10]).unwrap();
    let _held = me.lock("lock").unwrap().acquire(None).unwrap();
    say("here");
    listen();
}

#[test]
fn a_joiner_survives_a_main_that_is_killed_and_removes_what_that_left() {
    let name = scratch::Cluster::new();
    let mut main = Actor::start("role_is_main", &name.0);
    main.expect("here");
    let cluster = Cluster::join(&name.0).unwrap();
    let waits = thread::spawn(move || {
        let ended = cluster.lock("lock").unwrap().acquire(IN_VAIN).map(drop);
        (code(ended), cluster)
    });
    main.kill();
    let (ended, _cluster) = waits.join().unwrap();
    // The lock's holder died with main: which of the two news comes first is open.
    assert!(["ERR_TSDSM_CLOSED", "ERR_TSDSM_OWNER_DIED"].contains(&ended), "{ended}");
    until("every name is gone", || name.segments().is_empty());
}

#[test]
fn many_joins_cost_one_thread_until_the_cluster_ends() {
    // In a process of its own: other tests open files and start threads at the same time.
    let main = Main::new();
    succeeded(&play("role_joins_often", &main.name.0).output().unwrap());
}

#[test]
#[ignore = "a role in other tests"]
fn role_joins_often() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    drop(Cluster::join(&subject()).unwrap());
    let (files, before) = (open_files(), threads());
    for _ in 0..50 {
        let (one, other) = (Cluster::join(&subject()).unwrap(), Cluster::join(&subject()).unwrap());
        assert_ne!(one.owner(), other.owner());
    }
    assert_eq!((open_files(), threads()), (files, before));
}
