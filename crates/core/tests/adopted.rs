//! Native code acts as the participant whose thread calls it, and as no other.

use std::sync::Arc;

use tsdsm_core::adopted::{Adopted, Handle};
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::objects::Spec;
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::word::Owner;
use tsdsm_core::{layout, run};

struct Cluster {
    control: Arc<Control>,
    token: OwnerToken,
}

fn cluster(name: &str) -> Cluster {
    let name = format!("adopted-{name}-{}", std::process::id());
    let (control, token) = Control::create(&name, &Limits::for_workers(2), 0, 0o600).unwrap();
    Cluster { control, token }
}

/// Takes part on this thread, and is adopted by another attachment.
fn take_part(cluster: &Cluster) -> (Participant, Adopted) {
    let participant = Participant::claim(&cluster.control, Kind::Main, None).unwrap();
    let adopted = Adopted::new(&Handle::of(&cluster.control, participant.owner(), 0)).unwrap();
    (participant, adopted)
}

fn code(result: tsdsm_core::Result<Adopted>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn what_it_holds_the_participant_holds_and_nobody_else_can_have() {
    let cluster = cluster("one");
    let (participant, adopted) = take_part(&cluster);
    adopted.create("L", &Spec::Lock).unwrap();
    let index = tsdsm_core::objects::find(&cluster.control, "L", tsdsm_core::objects::Kind::Lock).unwrap();
    let lock = cluster.control.mutex(index).unwrap();
    let held = adopted.lock("L").unwrap().acquire(None).unwrap();
    assert_eq!(lock.holder(), Some(participant.owner()));
    assert_eq!(adopted.lock("L").unwrap().acquire(None).unwrap_err().code(), "ERR_TSDSM_DEADLOCK");
    drop(held);
    assert!(lock.try_fast(participant.owner()), "released");
    let refused = adopted.lock("L").unwrap().acquire(None).unwrap_err();
    assert_eq!(refused.code(), "ERR_TSDSM_DEADLOCK", "the participant holds it by itself");
    assert!(lock.unlock(participant.owner()));
}

#[test]
fn it_ends_with_the_participant() {
    let cluster = cluster("end");
    let (participant, adopted) = take_part(&cluster);
    adopted.create("L", &Spec::Lock).unwrap();
    let handle = Handle::of(&cluster.control, participant.owner(), 0);
    let lock = adopted.lock("L").unwrap();
    let held = lock.acquire(None).unwrap();
    participant.detach();
    assert_eq!(held.release().unwrap_err().code(), "ERR_TSDSM_NOT_OWNER", "given back when the participant left");
    assert_eq!(adopted.lock("L").unwrap_err().code(), "ERR_TSDSM_CLOSED");
    assert_eq!(code(Adopted::new(&handle)), "ERR_TSDSM_CLOSED");
    // The same slot again, in another generation.
    let (next, _) = take_part(&cluster);
    assert_eq!(next.slot(), participant.slot());
    assert_eq!(code(Adopted::new(&handle)), "ERR_TSDSM_CLOSED");
    assert_eq!(lock.acquire(None).unwrap_err().code(), "ERR_TSDSM_CLOSED");
}

#[test]
fn handles_of_others_are_refused() {
    let mut first = cluster("others");
    let (participant, _) = take_part(&first);
    let handle = Handle::of(&first.control, participant.owner(), 0);
    let other_layout = Handle { abi: layout::ABI + 1, ..handle.clone() };
    let refused = Adopted::new(&other_layout).unwrap_err();
    assert_eq!(refused.code(), "ERR_TSDSM_INCOMPATIBLE_SEGMENT");
    assert!(refused.to_string().contains("layout version is 2, this program's is 1"), "{refused}");
    for nobody in [0, u32::MAX, Owner::new(100, 1).bits(), handle.participant | 1 << 30] {
        assert_eq!(code(Adopted::new(&Handle { participant: nobody, ..handle.clone() })), "ERR_TSDSM_CLOSED");
    }
    let elsewhere = handle.clone();
    let on_another_thread = std::thread::spawn(move || code(Adopted::new(&elsewhere)));
    assert_eq!(on_another_thread.join().unwrap(), "ERR_TSDSM_INVALID_ARGUMENT");

    participant.detach();
    first.token.close().unwrap();
    assert_eq!(code(Adopted::new(&handle)), "ERR_TSDSM_CLOSED", "the cluster has ended");
    let second = cluster("others");
    let (_there, _) = take_part(&second);
    assert_eq!(code(Adopted::new(&handle)), "ERR_TSDSM_CLOSED", "another cluster has its name");
}

#[test]
fn the_barrier_is_that_of_the_run_it_was_called_in() {
    let cluster = cluster("run");
    let worker = Participant::claim(&cluster.control, Kind::Worker, Some(0)).unwrap();
    tsdsm_core::mailbox::ready(&worker).unwrap();
    let adopt = |run| Adopted::new(&Handle::of(&cluster.control, worker.owner(), run)).unwrap();
    assert_eq!(adopt(0).run_barrier().unwrap_err().code(), "ERR_TSDSM_CLOSED", "outside of a task");
    let first = run::begin(&cluster.control, &[0]).unwrap();
    assert_eq!((adopt(first).worker(), adopt(first).run_barrier().unwrap().wait(None).unwrap()), (Some(0), 0));
    let second = run::begin(&cluster.control, &[0]).unwrap();
    assert_eq!(adopt(first).run_barrier().unwrap().wait(None).unwrap_err().code(), "ERR_TSDSM_CLOSED");
    run::cancel(&cluster.control, second).unwrap();
    assert_eq!(adopt(second).default_lock().acquire(None).unwrap_err().code(), "ERR_TSDSM_CANCELLED");
}
