//! The control segment: who takes part, what there is, and how runs reach the workers.

mod actors;
mod scratch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actors::{Actor, listen, open_files, say, until};
use scratch::Cluster;
use scratch::roles::{play, subject, succeeded};
use tsdsm_core::barrier::Reason;
use tsdsm_core::catalogue::{self, Array};
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::mailbox::{self, Outcome, Settled};
use tsdsm_core::objects::{self, DEFAULT_BARRIER, DEFAULT_LOCK, Kind as Object, Spec};
use tsdsm_core::segment::{self, Draft, FileId};
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::wait::Request;
use tsdsm_core::watch::DeathWatch;
use tsdsm_core::{Error, run};

const LIMITS: Limits = Limits { workers: 3, slots: 6, objects: 5, arrays: 4 };

fn create(cluster: &Cluster) -> (Arc<Control>, OwnerToken) {
    Control::create(&cluster.0, &LIMITS, 4711, 0o600).unwrap()
}

// ---- life ---------------------------------------------------------------------------------------------------------

#[test]
fn another_process_attaches_to_what_was_created_and_closing_removes_it() {
    let cluster = Cluster::new();
    let (control, mut token) = create(&cluster);
    assert_eq!((control.cluster(), control.seed(), *control.limits()), (&*cluster.0, 4711, LIMITS));
    succeeded(&play("role_attaches", &cluster.0).output().unwrap());
    token.close().unwrap();
    token.close().unwrap();
    assert_eq!(cluster.segments(), [""; 0]);
    assert!(matches!(Control::attach(&cluster.0), Err(Error::NotFound { .. })));
    // What is mapped stays readable.
    assert!(control.mutex(DEFAULT_LOCK).unwrap().holder().is_none());
    assert!(matches!(Participant::claim(&control, Kind::Joiner, None), Err(Error::Closed(_))));
}

#[test]
#[ignore = "a role in other tests"]
fn role_attaches() {
    let control = Control::attach(&subject()).unwrap();
    assert_eq!((control.seed(), *control.limits()), (4711, LIMITS));
    assert!(control.has_owner().unwrap());
}

#[test]
fn bad_names_and_limits_are_refused_before_anything_is_made() {
    let cluster = Cluster::new();
    let invalid = |limits| matches!(Control::create(&cluster.0, &limits, 0, 0o600), Err(Error::InvalidArgument(_)));
    for workers in [0, 1001, u32::MAX] {
        assert!(invalid(Limits { workers, ..LIMITS }));
    }
    assert!(invalid(Limits { slots: 3, ..LIMITS }));
    assert!(invalid(Limits { slots: 1024, ..LIMITS }));
    assert!(invalid(Limits { objects: 1, ..LIMITS }));
    assert!(invalid(Limits { arrays: 65_537, ..LIMITS }));
    assert!(matches!(Control::create("a.b", &LIMITS, 0, 0o600), Err(Error::InvalidArgument(_))));
    assert_eq!(cluster.segments(), [""; 0]);
    for workers in [1, 4, 127, 1000] {
        Limits::for_workers(workers).check().unwrap();
    }
}

#[test]
fn a_living_clusters_name_is_taken_and_a_free_one_can_be_had_again() {
    let cluster = Cluster::new();
    for _ in 0..2 {
        let (control, token) = create(&cluster);
        let again = Control::create(&cluster.0, &LIMITS, 0, 0o600);
        assert!(matches!(again, Err(Error::NameExists { name }) if name == cluster.0));
        assert!(control.has_owner().unwrap(), "a refused start does no harm to the one that has the name");
        drop(token);
    }
}

#[test]
fn of_many_processes_that_create_one_name_at_once_one_gets_it() {
    let cluster = Cluster::new();
    let mut all: Vec<Actor> = (0..6).map(|_| Actor::start("role_creates", &cluster.0)).collect();
    all.iter_mut().for_each(|actor| actor.expect("here"));
    all.iter_mut().for_each(|actor| actor.tell("go"));
    let mut said: Vec<String> = all.iter_mut().map(Actor::hear).collect();
    said.sort();
    assert_eq!(said, ["ERR_TSDSM_NAME_EXISTS"; 5].into_iter().chain(["created"]).collect::<Vec<_>>());
    all.into_iter().for_each(|actor| assert!(actor.end().success()));
    assert_eq!(cluster.segments(), [""; 0]);
}

#[test]
#[ignore = "a role in other tests"]
fn role_creates() {
    say("here");
    listen();
    match Control::create(&subject(), &LIMITS, 0, 0o600) {
        Ok(_made) => {
            say("created");
            assert_eq!(listen(), None);
        }
        Err(error) => say(error.code()),
    }
}

#[test]
fn descriptors_are_given_back() {
    // In a process of its own: other tests open files at the same time.
    succeeded(&play("role_counts_its_files", &Cluster::new().0).output().unwrap());
}

#[test]
#[ignore = "a role in other tests"]
fn role_counts_its_files() {
    let cluster = Cluster(subject());
    let before = open_files();
    let (control, token) = create(&cluster);
    let watch = DeathWatch::start(&control).unwrap();
    let others: Vec<_> = (0..3).map(|_| Control::attach(&cluster.0).unwrap()).collect();
    let all: Vec<_> = others.iter().map(|other| Participant::claim(other, Kind::Joiner, None).unwrap()).collect();
    assert!(open_files() > before);
    drop((all, others, watch, token, control));
    assert_eq!(open_files(), before);
}

// ---- damage -------------------------------------------------------------------------------------------------------

/// The bytes of a control segment, for tests that damage them.
fn bytes_of(control: &Control) -> &[AtomicU64] {
    let mapping = control.mapping();
    // SAFETY: all of the mapping, which begins on a page and is a multiple of it.
    unsafe { std::slice::from_raw_parts(mapping.as_ptr().cast(), mapping.len() / 8) }
}

#[test]
fn a_damaged_header_is_refused_whatever_the_field() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let words = bytes_of(&control);
    // Magic; version, page; line, workers; slots, objects; arrays; hash; size; seed; uuid; checksum.
    for (word, field) in words.iter().take(11).enumerate() {
        let good = field.load(Ordering::Relaxed);
        for flip in [1, 1 << 31] {
            field.store(good ^ flip, Ordering::Relaxed);
            let found = Control::attach(&cluster.0);
            assert!(matches!(found, Err(Error::IncompatibleSegment { .. })), "word {word}: {found:?}");
            field.store(good, Ordering::Relaxed);
        }
    }
    Control::attach(&cluster.0).unwrap();
}

#[test]
fn truncated_and_foreign_segments_are_refused_and_left_alone() {
    let cluster = Cluster::new();
    let path = segment::path(&cluster.control());
    for content in [&[1u8; 100][..], &[0; 8192]] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(Control::attach(&cluster.0), Err(Error::IncompatibleSegment { .. })));
        let created = Control::create(&cluster.0, &LIMITS, 0, 0o600);
        assert!(matches!(created, Err(Error::NameExists { .. })), "{created:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    std::fs::remove_file(&path).unwrap();
    let (control, _token) = create(&cluster);
    let whole = control.mapping().len() as u64;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    for len in [whole - 4096, 256, 8] {
        file.set_len(len).unwrap();
        assert!(matches!(Control::attach(&cluster.0), Err(Error::IncompatibleSegment { .. })));
    }
    // So that the close that follows finds its words.
    file.set_len(whole).unwrap();
}

// ---- participants -------------------------------------------------------------------------------------------------

#[test]
fn a_slot_is_given_out_again_with_a_higher_generation() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let first = Participant::claim(&control, Kind::Joiner, None).unwrap();
    let (slot, old) = (first.slot(), first.owner());
    assert!(control.is_alive(old));
    drop(first);
    assert!(!control.is_alive(old));
    let second = Participant::claim(&control, Kind::Worker, Some(2)).unwrap();
    assert_eq!(second.slot(), slot);
    assert!(second.owner().generation() > old.generation());
    assert!(!control.is_alive(old) && control.is_alive(second.owner()));
    let occupant = control.occupant(slot).unwrap();
    assert_eq!((occupant.owner, occupant.pid, occupant.worker), (second.owner(), std::process::id(), Some(2)));
    assert_eq!(control.occupant(slot + 1), None);
    assert_eq!(control.occupant(u32::MAX), None);
}

#[test]
fn when_all_slots_are_in_use_the_next_is_told_so_and_one_that_is_left_can_be_had() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let mut all: Vec<_> = (0..6).map(|_| Participant::claim(&control, Kind::Joiner, None).unwrap()).collect();
    let full = Participant::claim(&control, Kind::Joiner, None);
    assert!(matches!(full, Err(Error::Capacity { what: "slots", limit: 6 })), "{full:?}");
    let left = all.remove(3);
    let slot = left.slot();
    drop(left);
    assert_eq!(Participant::claim(&control, Kind::Joiner, None).unwrap().slot(), slot);
    let nobody = Participant::claim(&control, Kind::Worker, Some(3));
    assert!(matches!(nobody, Err(Error::InvalidArgument(_))));
}

#[test]
fn leaving_gives_back_what_is_held() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let lock = control.mutex(DEFAULT_LOCK).unwrap();
    let me = Participant::claim(&control, Kind::Worker, Some(1)).unwrap();
    assert!(lock.try_fast(me.owner()));
    me.detach();
    assert_eq!((lock.holder(), lock.is_poisoned(), lock.last_dead()), (None, true, Some(1)));
}

#[test]
fn a_process_forked_without_exec_gets_no_slot_and_does_no_harm_to_its_parents() {
    succeeded(&play("role_forks", &Cluster::new().0).output().unwrap());
}

#[test]
#[ignore = "a role in other tests"]
fn role_forks() {
    let cluster = Cluster(subject());
    let (control, token) = create(&cluster);
    let me = Participant::claim(&control, Kind::Joiner, None).unwrap();
    // SAFETY: the child only makes a few calls of this crate and ends without running anything else.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = matches!(Participant::claim(&control, Kind::Joiner, None), Err(Error::Unsupported(_)));
        drop((me, token));
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(if refused { 7 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: a child of ours; `status` can be written.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(libc::WEXITSTATUS(status), 7);
    assert!(control.is_alive(me.owner()) && control.has_owner().unwrap());
    assert_eq!(cluster.segments().len(), 1);
}

#[test]
fn output_of_several_processes_is_written_in_turn() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let mut other = Actor::start("role_writes", &cluster.0);
    other.expect("here");
    control
        .with_output_lock(|| {
            other.tell("go");
            other.expect("trying");
            // It cannot have got in: what it would say next comes only after this.
            say("still alone");
        })
        .unwrap();
    other.expect("written");
    assert!(other.end().success());
}

#[test]
#[ignore = "a role in other tests"]
fn role_writes() {
    let control = Control::attach(&subject()).unwrap();
    say("here");
    listen();
    say("trying");
    control.with_output_lock(|| say("written")).unwrap();
}

// ---- objects and arrays -------------------------------------------------------------------------------------------

#[test]
fn objects_are_found_by_kind_and_name_and_a_new_one_of_an_old_name_is_another() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let lock = objects::create(&control, "x", &Spec::Lock).unwrap();
    let barrier = objects::create(&control, "x", &Spec::Barrier { parties: 3 }).unwrap();
    assert!(lock > DEFAULT_BARRIER && barrier > DEFAULT_BARRIER && lock != barrier);
    let other = Control::attach(&cluster.0).unwrap();
    assert_eq!(objects::find(&other, "x", Object::Lock).unwrap(), lock);
    assert_eq!(objects::find(&other, "x", Object::Barrier).unwrap(), barrier);
    assert_eq!(other.barrier(barrier).unwrap().info().parties, 3);
    assert!(matches!(objects::create(&other, "x", &Spec::Lock), Err(Error::NameExists { .. })));
    assert!(matches!(other.mutex(barrier), Err(Error::InvalidArgument(_))));
    assert!(matches!(other.mutex(99), Err(Error::InvalidArgument(_))));

    let me = Participant::claim(&control, Kind::Joiner, None).unwrap();
    assert!(control.mutex(lock).unwrap().try_fast(me.owner()));
    let old = control.object_generation(lock).unwrap();
    objects::delete(&control, "x", Object::Lock).unwrap();
    assert_eq!(control.object_generation(lock).unwrap(), 0);
    assert!(matches!(objects::delete(&control, "x", Object::Lock), Err(Error::NotFound { what: "lock", .. })));
    assert!(matches!(objects::find(&control, "x", Object::Lock), Err(Error::NotFound { .. })));
    let new = objects::create(&control, "x", &Spec::Lock).unwrap();
    assert!(control.object_generation(new).unwrap() > old);
    assert_eq!(control.mutex(new).unwrap().holder(), None, "a fresh lock is free");
    let as_barrier = objects::delete(&control, "x", Object::Lock)
        .and_then(|()| objects::create(&control, "y", &Spec::Barrier { parties: 2 }))
        .unwrap();
    assert_eq!(control.barrier(as_barrier).unwrap().info().arrived, 0);
}

#[test]
fn who_is_about_to_look_at_a_deleted_lock_does_no_harm_to_the_barrier_in_its_place() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let me = Participant::claim(&control, Kind::Joiner, None).unwrap();
    let index = objects::create(&control, "lock", &Spec::Lock).unwrap();
    let lock = control.mutex(index).unwrap();
    objects::delete(&control, "lock", Object::Lock).unwrap();
    assert_eq!(objects::create(&control, "barrier", &Spec::Barrier { parties: 2 }).unwrap(), index);
    let barrier = control.barrier(index).unwrap();
    let before = barrier.info();
    // In the middle of a slice, so that nothing asks what stands there now.
    lock.lock_slice(me.owner(), &Request::default(), &*control);
    lock.unlock(me.owner());
    assert_eq!(barrier.info(), before);
}

#[test]
fn a_full_object_table_and_bad_parties_are_refused() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    for parties in [0, 7, u32::MAX] {
        let refused = objects::create(&control, "b", &Spec::Barrier { parties });
        assert!(matches!(refused, Err(Error::InvalidArgument(_))));
    }
    for name in ["a", "b", "c"] {
        objects::create(&control, name, &Spec::Lock).unwrap();
    }
    let full = objects::create(&control, "d", &Spec::Lock);
    assert!(matches!(full, Err(Error::Capacity { what: "objects", limit: 5 })));
    objects::delete(&control, "b", Object::Lock).unwrap();
    objects::create(&control, "d", &Spec::Lock).unwrap();
}

#[test]
fn a_condition_goes_with_a_lock_of_its_cluster_which_cannot_go_before_it() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let barrier = objects::create(&control, "x", &Spec::Barrier { parties: 2 }).unwrap();
    for lock in [DEFAULT_LOCK, barrier, barrier + 1, 77, u32::MAX] {
        let refused = objects::create(&control, "x", &Spec::Condition { lock });
        assert!(matches!(refused, Err(Error::InvalidArgument(_))));
    }
    let lock = objects::create(&control, "x", &Spec::Lock).unwrap();
    let condition = objects::create(&control, "x", &Spec::Condition { lock }).unwrap();
    assert_eq!(control.condition(condition).unwrap().lock(), lock);
    assert_eq!(control.name_of(lock).unwrap(), "x");
    let refused = objects::delete(&control, "x", Object::Lock);
    assert!(matches!(refused, Err(Error::InvalidArgument(_))));
    objects::delete(&control, "x", Object::Condition).unwrap();
    objects::delete(&control, "x", Object::Lock).unwrap();
}

fn array(name: &str, bytes: u64) -> Array {
    let id = FileId { dev: bytes, ino: !bytes };
    Array { name: name.to_owned(), id, bytes, file: None, persist: false, read_only: false }
}

#[test]
fn the_catalogue_keeps_what_it_is_told_and_generations_go_up() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let name = "n".repeat(160);
    let long = format!("/{}", "p".repeat(759));
    let file = Array { file: Some(PathBuf::from(long)), read_only: true, persist: true, ..array(&name, 9) };
    let first = catalogue::insert(&control, &file).unwrap();
    let other = Control::attach(&cluster.0).unwrap();
    assert_eq!(catalogue::lookup(&other, &name).unwrap(), (first, file.clone()));
    assert_eq!(catalogue::list(&other), [(first, file.clone())]);
    assert_eq!(catalogue::generation(&other, &name), first);
    assert_eq!(catalogue::generation(&other, "A"), 0);
    assert!(matches!(catalogue::insert(&other, &file), Err(Error::NameExists { .. })));
    assert!(matches!(catalogue::check_free(&other, &name), Err(Error::NameExists { .. })));
    assert_eq!(catalogue::remove(&other, &name).unwrap(), file);
    assert!(matches!(catalogue::remove(&other, &name), Err(Error::NotFound { what: "array", .. })));
    assert!(catalogue::insert(&control, &array(&name, 1)).unwrap() > first);
    let endless = Array { file: Some(PathBuf::from("p".repeat(817))), ..array("B", 1) };
    assert!(matches!(catalogue::insert(&control, &endless), Err(Error::InvalidArgument(_))));
}

#[test]
fn a_full_catalogue_is_refused() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    for name in ["A", "B", "C", "D"] {
        catalogue::check_free(&control, name).unwrap();
        catalogue::insert(&control, &array(name, 1)).unwrap();
    }
    for refused in [catalogue::check_free(&control, "E"), catalogue::insert(&control, &array("E", 1)).map(drop)] {
        assert!(matches!(refused, Err(Error::Capacity { what: "arrays", limit: 4 })));
    }
    catalogue::remove(&control, "C").unwrap();
    catalogue::insert(&control, &array("E", 1)).unwrap();
}

#[test]
fn readers_never_see_half_of_one_entry_and_half_of_another() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let other = Control::attach(&cluster.0).unwrap();
                    let mut seen = 0;
                    while !done.load(Ordering::Relaxed) || seen == 0 {
                        for (_, found) in catalogue::list(&other) {
                            assert_eq!(found, array(&found.name, found.name.len() as u64));
                            seen += 1;
                        }
                    }
                })
            })
            .collect();
        for round in 0..3000 {
            let name = "n".repeat(1 + round % 150);
            catalogue::insert(&control, &array(&name, name.len() as u64)).unwrap();
            std::hint::black_box(catalogue::generation(&control, &name));
            if readers.iter().any(|reader| reader.is_finished()) {
                break;
            }
            if round < 2999 {
                catalogue::remove(&control, &name).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

// ---- runs ---------------------------------------------------------------------------------------------------------

fn wait_for(control: &Control, count: usize) -> Vec<Settled> {
    let mut all = Vec::new();
    until("the workers have settled", || {
        all.extend(mailbox::collect(control));
        all.len() >= count
    });
    // Each collection is in the workers' order; who settles first is open.
    all.sort_by_key(|settled| settled.worker);
    all
}

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + len) as u8).collect()
}

#[test]
#[ignore = "a role in other tests"]
fn role_works() {
    let subject = subject();
    let (cluster, worker) = subject.split_once(' ').unwrap();
    let control = Control::attach(cluster).unwrap();
    let me = Participant::claim(&control, Kind::Worker, worker.parse().ok()).unwrap();
    mailbox::ready(&me).unwrap();
    say("here");
    while listen().is_some() {
        let (run, mut bytes) = mailbox::take(&me).unwrap().unwrap();
        assert!(mailbox::take(&me).unwrap().is_none(), "what is taken is taken");
        bytes.reverse();
        run::leave(&me, run, Reason::Returned).unwrap();
        mailbox::complete(&me, bytes.len() != 3000, &bytes).unwrap();
        assert!(matches!(mailbox::complete(&me, true, &[]), Err(Error::InvalidArgument(_))));
    }
}

#[test]
fn payloads_of_any_size_go_to_the_workers_and_come_back_once() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let mut workers: Vec<Actor> = (0..2).map(|i| Actor::start("role_works", &format!("{} {i}", cluster.0))).collect();
    workers.iter_mut().for_each(|worker| worker.expect("here"));
    let ready = wait_for(&control, 2);
    assert!(ready.iter().zip(&workers).all(|(ready, worker)| {
        matches!(ready.outcome, Outcome::Ready) && ready.pid == worker.pid() && ready.run == 0
    }));
    let mut last = 0;
    for len in [0, 1, 3000, 3968, 3969, 65_536, 65_537, 10_000_000] {
        let run = run::begin(&control, &[0, 1]).unwrap();
        assert!(run > last);
        last = run;
        let bytes = payload(len);
        mailbox::post(&control, run, &[0, 1], &bytes).unwrap();
        let busy = mailbox::post(&control, run, &[1], &[]);
        assert!(matches!(busy, Err(Error::InvalidArgument(_))), "one run at a time");
        workers.iter_mut().for_each(|worker| worker.tell("go"));
        let reversed: Vec<u8> = bytes.into_iter().rev().collect();
        let settled = wait_for(&control, 2);
        for (worker, settled) in settled.iter().enumerate() {
            assert_eq!((settled.worker, settled.run), (worker as u32, run));
            match &settled.outcome {
                Outcome::Failed(Ok(back)) if len == 3000 => assert!(*back == reversed),
                Outcome::Done(Ok(back)) if len != 3000 => assert!(*back == reversed),
                other => panic!("{other:?}"),
            }
        }
        assert!(mailbox::collect(&control).is_empty(), "each settlement is told once");
        assert_eq!(cluster.segments(), [cluster.control()], "overflow segments are gone when they are taken");
    }
    workers.into_iter().for_each(|worker| assert!(worker.end().success()));
}

#[test]
fn a_worker_that_takes_its_share_before_all_are_posted_leaves_theirs_to_the_others() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let all = [0, 1].map(|id| Participant::claim(&control, Kind::Worker, Some(id)).unwrap());
    all.iter().for_each(|me| mailbox::ready(me).unwrap());
    wait_for(&control, 2);
    let bytes = payload(100_000);
    mailbox::post(&control, 1, &[0, 1], &bytes).unwrap();
    // A cell begins with its status. For a moment that of the second worker is what it was when main was stopped between
    // the two.
    let second = &bytes_of(&control)[control.geometry().mail(1) / 8];
    let posted = second.swap(second.load(Ordering::Relaxed) & !0xffff_ffff | 2, Ordering::Relaxed);
    assert!(mailbox::take(&all[0]).unwrap().unwrap().1 == bytes);
    second.store(posted, Ordering::Relaxed);
    assert!(mailbox::take(&all[1]).unwrap().unwrap().1 == bytes);
    assert_eq!(cluster.segments(), [cluster.control()], "removed by the last to take it");
}

#[test]
fn a_run_has_a_fresh_lock_and_barrier_and_leaving_it_early_breaks_the_barrier() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let all: Vec<_> = (0..2).map(|id| Participant::claim(&control, Kind::Worker, Some(id)).unwrap()).collect();
    let absent = run::begin(&control, &[0, 1]);
    assert!(matches!(absent, Err(Error::InvalidArgument(_))));
    all.iter().for_each(|me| mailbox::ready(me).unwrap());
    for workers in [&[][..], &[0, 0], &[0, 3]] {
        assert!(matches!(run::begin(&control, workers), Err(Error::InvalidArgument(_))));
    }
    let (lock, barrier) = (control.mutex(DEFAULT_LOCK).unwrap(), control.barrier(DEFAULT_BARRIER).unwrap());
    let first = run::begin(&control, &[0, 1]).unwrap();
    assert!(lock.try_fast(all[0].owner()));
    run::leave(&all[0], first, Reason::Threw).unwrap();
    assert!(lock.is_poisoned() && lock.holder().is_none());
    assert!(barrier.is_broken());
    let broken = barrier.info().broken_by.unwrap();
    assert_eq!((broken.reason, broken.worker), (Reason::Threw, Some(0)));

    let second = run::begin(&control, &[0, 1]).unwrap();
    assert!(second > first && !lock.is_poisoned() && !barrier.is_broken());
    run::leave(&all[1], first, Reason::Returned).unwrap();
    run::cancel(&control, first).unwrap();
    assert!(!barrier.is_broken(), "a straggler of the first run does nothing to the second");
    assert_eq!(run::cancelled(&control), 0);
    run::cancel(&control, second).unwrap();
    assert_eq!((run::current(&control), run::cancelled(&control)), (second, second));
    assert_eq!(barrier.info().broken_by.unwrap().reason, Reason::RunCancelled);
}

#[test]
fn a_mailbox_serves_one_living_worker() {
    let cluster = Cluster::new();
    let (control, _token) = create(&cluster);
    let [one, two] = [0, 0].map(|id| Participant::claim(&control, Kind::Worker, Some(id)).unwrap());
    mailbox::ready(&one).unwrap();
    assert!(matches!(mailbox::ready(&two), Err(Error::InvalidArgument(_))));
    drop(one);
    mailbox::ready(&two).unwrap();
    let joiner = Participant::claim(&control, Kind::Joiner, None).unwrap();
    assert!(matches!(mailbox::take(&joiner), Err(Error::InvalidArgument(_))));
    assert!(
        matches!(mailbox::post(&control, 1, &[0], &[]), Err(Error::InvalidArgument(_))),
        "main has not heard of it"
    );
}

#[test]
fn a_result_that_nobody_has_room_for_leaves_no_segment() {
    let cluster = Cluster::new();
    let (control, token) = create(&cluster);
    let me = Participant::claim(&control, Kind::Worker, Some(0)).unwrap();
    mailbox::ready(&me).unwrap();
    mailbox::collect(&control);
    mailbox::post(&control, 1, &[0], &payload(100_000)).unwrap();
    assert_eq!(cluster.segments().len(), 2);
    mailbox::take(&me).unwrap().unwrap();
    mailbox::complete(&me, true, &payload(100_000)).unwrap();
    assert_eq!(cluster.segments().len(), 2, "the result waits to be collected");
    drop(token);
    assert_eq!(cluster.segments(), [""; 0], "and goes with the cluster");
    assert!(Draft::new(&cluster.control(), 4096, 0o600).is_ok());
}

#[test]
fn a_large_result_that_comes_when_main_has_taken_the_names_away_leaves_no_segment() {
    let cluster = Cluster::new();
    let (control, token) = create(&cluster);
    let me = Participant::claim(&control, Kind::Worker, Some(0)).unwrap();
    mailbox::ready(&me).unwrap();
    mailbox::collect(&control);
    mailbox::post(&control, 1, &[0], &[]).unwrap();
    mailbox::take(&me).unwrap().unwrap();
    // Main's hold on the cluster goes last.
    std::fs::remove_file(segment::path(&cluster.control())).unwrap();
    let refused = mailbox::complete(&me, true, &payload(100_000));
    assert!(matches!(refused, Err(Error::Closed(_))), "{refused:?}");
    mailbox::complete(&me, false, &payload(100)).unwrap();
    drop(token);
    assert_eq!(cluster.segments(), [""; 0]);
}
