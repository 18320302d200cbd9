//! Slots, the object table, the catalogue and the mailbox.

use std::cell::RefCell;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use tsdsm_core::barrier::Reason;
use tsdsm_core::control::Control;
use tsdsm_core::objects::{self, Kind as Object, Spec};
use tsdsm_core::segment::Access;
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::sys::process::Cause;
use tsdsm_core::word::{Liveness, Owner};
use tsdsm_core::{Error, catalogue, janitor, mailbox, named, recover, run};

use crate::damage::damage;
use crate::guard::{read_each, survive};
use crate::victim::{ARRAY, LIMITS, OBJECTS, Victim, entry};

#[test]
fn damaged_tables_stop_nobody_who_uses_the_cluster() {
    survive("tables::role_uses_everything");
}

#[test]
#[ignore = "a role in other tests"]
fn role_uses_everything() {
    let victim = RefCell::new(Victim::new());
    read_each("slots, objects, catalogue, mailbox", 1, (vec(damage(), 1..12), any::<u8>()), |(damages, choice)| {
        let whole = {
            let victim = victim.borrow();
            victim.suffer(&damages, &victim.parts);
            use_all_of(&victim, choice);
            victim.clean()
        };
        if !whole {
            // The array is gone: somebody was told that it had been about to be made, and by whom it was not.
            let old = victim.replace(Victim::new());
            old.close();
        }
    });
    victim.into_inner().close();
}

fn use_all_of(victim: &Victim, choice: u8) {
    let (control, me) = (&victim.control, &victim.me);
    // Each in its turn comes first.
    let steps: [&dyn Fn(); 5] = [
        &|| arrays(control),
        &|| tables(control),
        &|| participants(control),
        &|| letters(control, me, choice.is_multiple_of(8)),
        &|| drop(janitor::list().unwrap()),
    ];
    for step in 0..steps.len() {
        steps[(step + usize::from(choice)) % steps.len()]();
    }
    let _ = run::leave(me, 1, Reason::Threw);
}

fn arrays(control: &Control) {
    for (_, array) in catalogue::list(control) {
        assert!(array.name.len() <= tsdsm_core::name::MAX_ARRAY);
    }
    for named in named::list(control) {
        assert_eq!(named.array.id, named.entry.id);
    }
    for name in [ARRAY, "A", "B"] {
        let got = named::get(control, name, Access::ReadOnly);
        assert!(
            matches!(got, Ok(_) | Err(Error::NotFound { .. } | Error::IncompatibleSegment { .. }))
                || is_of_a_path(&got),
            "{got:?}"
        );
        catalogue::generation(control, name);
    }
    let _ = catalogue::insert(control, &entry("B", 2));
    let _ = catalogue::lookup(control, "B");
    let _ = catalogue::remove(control, "B");
    let _ = catalogue::remove(control, "A");
}

/// A damaged entry may speak of a file, at any path: what the system, or the check of the path, says of that.
fn is_of_a_path<T>(got: &Result<T, Error>) -> bool {
    matches!(got, Err(Error::System { .. } | Error::InvalidArgument(_) | Error::Unsupported(_)))
}

fn tables(control: &Control) {
    for (name, spec) in OBJECTS {
        let _ = objects::find(control, name, spec.kind());
    }
    let _ = objects::create(control, "new", &Spec::Barrier { parties: 2 });
    let _ = objects::find(control, "new", Object::Barrier);
    let _ = objects::delete(control, "new", Object::Barrier);
    let _ = objects::delete(control, "latch", Object::Latch);
    for index in 0..=LIMITS.objects {
        let _ = control.object_generation(index);
        assert!(control.offset_of(index).is_ok_and(|at| at < control.mapping().len()) == (index < LIMITS.objects));
        let _ = control.mutex(index).map(|lock| (lock.holder(), lock.last_dead()));
        let _ = control.barrier(index).map(|barrier| barrier.info());
    }
}

fn participants(control: &Arc<Control>) {
    for slot in 0..=LIMITS.slots {
        if let Some(occupant) = control.occupant(slot) {
            assert!(occupant.worker.is_none_or(|worker| worker < LIMITS.workers));
            control.is_alive(occupant.owner);
            control.worker_of(occupant.owner);
        }
    }
    // No slot of this cluster.
    assert!(!control.is_alive(Owner::new(1000, 1)));
    control.busy();
    recover::sweep(control).unwrap();
    recover::recover_process(control, std::process::id()).unwrap();
    match Participant::claim(control, Kind::Joiner, None) {
        Ok(_) | Err(Error::Capacity { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

fn letters(control: &Control, me: &Participant, large: bool) {
    let payload = vec![1; if large { 100_000 } else { 5000 }];
    let _ = mailbox::take(me).map(|taken| taken.map(|(_, bytes)| assert!(bytes.len() <= 100_000)));
    let _ = mailbox::complete(me, true, &payload);
    mailbox::collect(control);
    let _ = run::begin(control, &[0, 1]);
    let _ = mailbox::post(control, 1, &[0], &payload);
    let _ = mailbox::take(me);
    let _ = mailbox::complete(me, false, &payload);
    mailbox::collect(control);
    mailbox::died(control, 1, 1, Cause::Unknown).unwrap();
    mailbox::collect(control);
    for worker in 0..LIMITS.workers {
        mailbox::progress(control, worker).unwrap();
    }
    let _ = mailbox::ready(me);
    let _ = run::cancel(control, run::current(control));
    run::cancelled(control);
}
