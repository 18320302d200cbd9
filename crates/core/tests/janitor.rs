//! What crashed clusters leave behind goes; everything else stays.

mod actors;
mod scratch;

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::process::CommandExt;
use std::sync::{Arc, Barrier, Mutex, PoisonError};

use actors::{Actor, listen, say, until};
use scratch::Cluster;
use scratch::roles::{play, play_in_namespace, skipped, subject, succeeded};
use tsdsm_core::array::{self, Spec};
use tsdsm_core::catalogue::{self, Array};
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::dtype::DType;
use tsdsm_core::janitor::{self, SegmentInfo};
use tsdsm_core::segment::{self, FileId};
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::{Error, mailbox};

const LIMITS: Limits = Limits { workers: 2, slots: 6, objects: 4, arrays: 8 };

fn create(cluster: &Cluster) -> (Arc<Control>, OwnerToken) {
    Control::create(&cluster.0, &LIMITS, 0, 0o600).unwrap()
}

/// An array's segment, without an entry in any catalogue.
fn segment_of(cluster: &str, name: &str) -> array::ArrayMapping {
    array::create(&format!("tsdsm.{cluster}.{name}"), &Spec::new(DType::U8, vec![3000]).unwrap(), 0o600).unwrap()
}

fn enter(control: &Control, name: &str, persist: bool) {
    let made = segment_of(control.cluster(), name);
    let bytes = made.bytes() as u64;
    let entry = Array { name: name.to_owned(), id: made.id, bytes, file: None, persist, read_only: false };
    catalogue::insert(control, &entry).unwrap();
}

fn listed(cluster: &Cluster) -> Vec<SegmentInfo> {
    janitor::list().unwrap().into_iter().filter(|info| info.cluster == cluster.0).collect()
}

/// What a prune removed of this cluster; other tests have stale ones of their own.
fn prune(cluster: &Cluster) -> Vec<String> {
    let mut removed = janitor::prune().unwrap();
    removed.retain(|name| name == &cluster.control() || name.starts_with(&cluster.array("")));
    removed
}

#[test]
#[ignore = "a role in other tests"]
fn role_is_main() {
    let (control, _token) = Control::create(&subject(), &LIMITS, 0, 0o600).unwrap();
    let _me = Participant::claim(&control, Kind::Main, None).unwrap();
    enter(&control, "A", false);
    enter(&control, "P", true);
    segment_of(control.cluster(), ".run.1");
    say("here");
    listen();
}

#[test]
#[ignore = "a role in other tests"]
fn role_finds_the_name_taken() {
    let cluster = subject();
    let refused = Control::create(&cluster, &LIMITS, 0, 0o600).unwrap_err();
    assert!(matches!(&refused, Error::NameExists { name } if *name == cluster), "{refused:?}");
}

#[test]
#[ignore = "a role in other tests"]
fn role_is_worker() {
    let control = Control::attach(&subject()).unwrap();
    let me = Participant::claim(&control, Kind::Worker, Some(0)).unwrap();
    mailbox::ready(&me).unwrap();
    say("here");
    listen();
}

// ---- many at once -----------------------------------------------------------------------------------------------------

const ROUNDS: usize = 40;

#[test]
#[ignore = "a role in other tests"]
fn role_starts_and_closes() {
    let cluster = subject();
    say("here");
    let mut started = 0;
    while started < ROUNDS {
        match Control::create(&cluster, &LIMITS, 0, 0o600) {
            Ok((control, token)) => {
                let me = Participant::claim(&control, Kind::Main, None).unwrap();
                enter(&control, "A", false);
                // Whoever cleans meanwhile: a living cluster keeps what it has.
                let id = catalogue::lookup(&control, "A").unwrap().1.id;
                let found = array::attach(&format!("tsdsm.{cluster}.A"), segment::Access::ReadOnly).unwrap();
                assert_eq!(found.id, id);
                assert!(control.has_owner().unwrap());
                drop((me, token));
                started += 1;
            }
            Err(error) => assert!(matches!(error, Error::NameExists { .. }), "{error}"),
        }
    }
    say("done");
}

#[test]
#[ignore = "a role in other tests"]
fn role_attaches_again_and_again() {
    let cluster = subject();
    say("here");
    while !done() {
        match Control::attach(&cluster).and_then(|control| Participant::claim(&control, Kind::Joiner, None)) {
            Ok(joined) => drop(joined),
            Err(error) => assert!(matches!(error, Error::NotFound { .. } | Error::Closed(_)), "{error}"),
        }
    }
    say("done");
}

#[test]
#[ignore = "a role in other tests"]
fn role_prunes_again_and_again() {
    let _ = subject();
    say("here");
    while !done() {
        janitor::prune().unwrap();
        janitor::list().unwrap();
    }
    say("done");
}

/// Whether the test has said anything, without waiting for it.
fn done() -> bool {
    let mut poll = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, no waiting.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}

// ---- what is promised -------------------------------------------------------------------------------------------------

/// Runs a test with a /dev/shm of its own, so that no other test, and no start of any cluster, prunes what it looks at.
/// Where that is not allowed, at least no other test of this file runs meanwhile.
fn alone(test: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let isolated =
        play_in_namespace(&format!("{test} in a /dev/shm of its own"), "mount -t tmpfs tmpfs /dev/shm", test, "");
    let output = isolated.unwrap_or_else(|| {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        play(test, "").output().unwrap()
    });
    succeeded(&output);
}

macro_rules! each_alone {
    ($($name:ident)*) => { $(#[test] fn $name() { alone(concat!("alone::", stringify!($name))) })* };
}

each_alone! {
    a_living_cluster_is_listed_and_never_pruned
    what_a_killed_main_leaves_is_stale_when_its_last_worker_is_gone_and_is_pruned_but_for_what_persists
    a_start_takes_the_name_of_a_killed_cluster
    a_live_pid_in_a_dead_clusters_slots_does_not_keep_it
    arrays_without_any_cluster_are_removed_and_those_that_persist_are_not
    an_array_that_persists_can_be_had_after_its_cluster
    what_is_not_ours_is_left_alone
    what_belongs_to_another_user_is_left_alone
    a_name_that_another_user_has_is_taken
    a_closing_cluster_removes_its_own_arrays_only_also_when_somebody_took_its_name
    one_name_that_cannot_be_removed_keeps_no_other
    of_several_starts_over_arrays_without_a_cluster_one_gets_the_name
    janitors_starts_and_attaches_do_each_other_no_harm
}

mod alone {
    use super::*;

    #[test]
    #[ignore = "run alone"]
    fn a_living_cluster_is_listed_and_never_pruned() {
        let cluster = Cluster::new();
        let mut main = Actor::start("role_is_main", &cluster.0);
        main.expect("here");
        let all = listed(&cluster);
        let names: Vec<_> = all.iter().map(|info| info.array.as_deref()).collect();
        assert_eq!(names, [None, Some(".run.1"), Some("A"), Some("P")]);
        assert!(all.iter().all(|info| !info.stale && info.owner_pid == Some(main.pid()) && info.bytes > 3000));
        assert_eq!(prune(&cluster), [""; 0]);
        assert_eq!(cluster.segments().len(), 4);
        assert!(main.end().success());
        assert_eq!(cluster.segments(), [cluster.array("P")]);
    }

    #[test]
    #[ignore = "run alone"]
    fn what_a_killed_main_leaves_is_stale_when_its_last_worker_is_gone_and_is_pruned_but_for_what_persists() {
        let cluster = Cluster::new();
        let mut main = Actor::start("role_is_main", &cluster.0);
        main.expect("here");
        // One that does not watch: a worker that is stopped, or hangs.
        let mut worker = Actor::start("role_is_worker", &cluster.0);
        worker.expect("here");
        main.kill();
        until("main is gone", || matches!(Control::attach(&cluster.0), Err(Error::NotFound { .. })));
        assert!(listed(&cluster).iter().all(|info| !info.stale && info.owner_pid.is_none()));
        assert_eq!(prune(&cluster), [""; 0], "somebody still uses it");
        worker.kill();
        until("it is stale", || listed(&cluster)[0].stale);
        let stale: Vec<_> = listed(&cluster).iter().map(|info| info.stale).collect();
        assert_eq!(stale, [true, true, true, false]);
        // The control segment last.
        assert_eq!(prune(&cluster), [cluster.array(".run.1"), cluster.array("A"), cluster.control()]);
        let left = listed(&cluster);
        assert_eq!((left.len(), left[0].stale, left[0].array.as_deref()), (1, false, Some("P")));
        assert_eq!(prune(&cluster), [""; 0], "also when there is no control segment any more");
    }

    #[test]
    #[ignore = "run alone"]
    fn a_start_takes_the_name_of_a_killed_cluster() {
        let cluster = Cluster::new();
        let mut main = Actor::start("role_is_main", &cluster.0);
        main.expect("here");
        main.kill();
        // As a shell does before it starts the next: what is waited for has let go of everything.
        main.end();
        let (control, _token) = create(&cluster);
        assert_eq!(cluster.segments(), [cluster.control(), cluster.array("P")]);
        enter(&control, "A", false);
    }

    #[test]
    #[ignore = "run alone"]
    fn a_live_pid_in_a_dead_clusters_slots_does_not_keep_it() {
        let cluster = Cluster::new();
        let mut main = Actor::start("role_is_main", &cluster.0);
        main.expect("here");
        let control = Control::attach(&cluster.0).unwrap();
        let slot = control.geometry().slot(0) + 4;
        // SAFETY: a slot's pid, within the mapping.
        let pid = unsafe { &*control.mapping().as_ptr().add(slot).cast::<std::sync::atomic::AtomicU32>() };
        assert_eq!(pid.swap(std::process::id(), std::sync::atomic::Ordering::Relaxed), main.pid());
        main.kill();
        until("it is stale", || listed(&cluster)[0].stale);
        assert_eq!(prune(&cluster).len(), 3);
    }

    #[test]
    #[ignore = "run alone"]
    fn arrays_without_any_cluster_are_removed_and_those_that_persist_are_not() {
        let cluster = Cluster::new();
        let (control, mut token) = create(&cluster);
        enter(&control, "P", true);
        token.close().unwrap();
        // As of a worker that was making it while main closed.
        segment_of(&cluster.0, "late");
        let stale: Vec<_> = listed(&cluster).iter().map(|info| info.stale).collect();
        assert_eq!(stale, [false, true]);
        assert_eq!(prune(&cluster), [cluster.array("late")]);
        assert_eq!(cluster.segments(), [cluster.array("P")]);
        // A start does so for its own name.
        segment_of(&cluster.0, "late");
        let (_control, _token) = create(&cluster);
        assert_eq!(cluster.segments(), [cluster.control(), cluster.array("P")]);
    }

    #[test]
    #[ignore = "run alone"]
    fn an_array_that_persists_can_be_had_after_its_cluster() {
        let cluster = Cluster::new();
        let (control, token) = create(&cluster);
        enter(&control, "P", true);
        drop((control, token));
        let again = array::attach(&cluster.array("P"), segment::Access::ReadWrite).unwrap();
        assert_eq!(again.bytes(), 3000);
    }

    #[test]
    #[ignore = "run alone"]
    fn what_is_not_ours_is_left_alone() {
        let [text, empty, link, folder] = [0; 4].map(|_| Cluster::new());
        fs::write(segment::path(&text.control()), "notes of somebody's").unwrap();
        fs::write(segment::path(&empty.control()), "").unwrap();
        symlink("/dev/null", segment::path(&link.control())).unwrap();
        fs::create_dir(segment::path(&folder.control())).unwrap();
        for cluster in [&text, &empty, &link, &folder] {
            let array = segment_of(&cluster.0, "A");
            assert_eq!(prune(cluster), [""; 0]);
            assert!(fs::symlink_metadata(segment::path(&cluster.control())).is_ok());
            assert!(
                array::attach(&cluster.array("A"), segment::Access::ReadOnly).is_ok_and(|same| same.id == array.id)
            );
        }
        assert_eq!(fs::read(segment::path(&text.control())).unwrap(), b"notes of somebody's");
    }

    #[test]
    #[ignore = "run alone"]
    fn what_belongs_to_another_user_is_left_alone() {
        let cluster = Cluster::new();
        let mut main = Actor::start("role_is_main", &cluster.0);
        main.expect("here");
        main.kill();
        main.end();
        for segment in cluster.segments() {
            if let Err(error) = chown(segment::path(&segment), Some(4711), None) {
                return skipped("what_belongs_to_another_user_is_left_alone", &format!("chown: {error}"));
            }
        }
        assert!(listed(&cluster).iter().all(|info| !info.stale));
        assert_eq!(prune(&cluster), [""; 0]);
        assert_eq!(cluster.segments().len(), 4);
    }

    #[test]
    #[ignore = "run alone"]
    fn a_name_that_another_user_has_is_taken() {
        let cluster = Cluster::new();
        let (_control, _token) = create(&cluster);
        match play("role_finds_the_name_taken", &cluster.0).uid(4711).output() {
            Ok(output) => succeeded(&output),
            Err(error) => skipped("a_name_that_another_user_has_is_taken", &format!("setuid: {error}")),
        }
    }

    #[test]
    #[ignore = "run alone"]
    fn a_closing_cluster_removes_its_own_arrays_only_also_when_somebody_took_its_name() {
        let cluster = Cluster::new();
        let (control, token) = create(&cluster);
        enter(&control, "A", false);
        enter(&control, "B", false);
        // Somebody tidies /dev/shm by hand, and another cluster of that name starts.
        fs::remove_file(segment::path(&cluster.control())).unwrap();
        fs::remove_file(segment::path(&cluster.array("B"))).unwrap();
        let (other, _other_token) = create(&cluster);
        enter(&other, "B", false);
        drop(token);
        assert_eq!(cluster.segments(), [cluster.control(), cluster.array("B")]);
    }

    #[test]
    #[ignore = "run alone"]
    fn one_name_that_cannot_be_removed_keeps_no_other() {
        let cluster = Cluster::new();
        let (control, mut token) = create(&cluster);
        // A folder refuses to be unlinked, as the file of another user does.
        let path = segment::path(&cluster.array("A"));
        fs::create_dir(&path).unwrap();
        let id = FileId::from(&fs::metadata(&path).unwrap());
        let entry = Array { name: "A".to_owned(), id, bytes: 1, file: None, persist: false, read_only: false };
        catalogue::insert(&control, &entry).unwrap();
        enter(&control, "B", false);
        assert!(matches!(token.close(), Err(Error::System { .. })));
        assert_eq!(cluster.segments(), [""; 0]);
        fs::remove_dir(&path).unwrap();
    }

    #[test]
    #[ignore = "run alone"]
    fn of_several_starts_over_arrays_without_a_cluster_one_gets_the_name() {
        let cluster = Cluster::new();
        for _ in 0..100 {
            segment_of(&cluster.0, "A");
            let start = Barrier::new(4);
            let all: Vec<_> = std::thread::scope(|scope| {
                let one = || {
                    start.wait();
                    Control::create(&cluster.0, &LIMITS, 0, 0o600)
                };
                let all = [(); 4].map(|()| scope.spawn(one));
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let (started, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
            for error in refused.into_iter().filter_map(Result::err) {
                assert!(matches!(&error, Error::NameExists { name } if *name == cluster.0), "{error:?}");
            }
            assert_eq!((started.len(), cluster.segments()), (1, vec![cluster.control()]));
        }
    }

    #[test]
    #[ignore = "run alone"]
    fn janitors_starts_and_attaches_do_each_other_no_harm() {
        let cluster = Cluster::new();
        let roles = ["role_prunes_again_and_again", "role_prunes_again_and_again", "role_attaches_again_and_again"];
        let mut others: Vec<Actor> = roles.iter().map(|role| Actor::start(role, &cluster.0)).collect();
        let mut starts: Vec<Actor> = (0..2).map(|_| Actor::start("role_starts_and_closes", &cluster.0)).collect();
        // And one that is killed, again and again, with what it has left behind.
        for _ in 0..5 {
            let doomed = Actor::start("role_starts_and_closes", &cluster.0);
            doomed.kill();
        }
        for start in &mut starts {
            start.expect("here");
            start.expect("done");
        }
        for other in &mut others {
            other.expect("here");
            other.tell("enough");
            other.expect("done");
        }
        assert!(starts.into_iter().chain(others).all(|actor| actor.end().success()));
        prune(&cluster);
        assert_eq!(cluster.segments(), [""; 0]);
    }
}
