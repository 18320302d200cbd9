//! Locks, barriers and their kin.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tsdsm_core::barrier::{Breaker, Patience, Reason};
use tsdsm_core::control::Control;
use tsdsm_core::operation::Operation;
use tsdsm_core::primitive::Deadline;
use tsdsm_core::recover;
use tsdsm_core::slots::Participant;
use tsdsm_core::wait::{Request, tick};

use crate::damage::damage;
use crate::guard::{read_each, survive};
use crate::victim::{OBJECTS, Victim};

#[test]
fn damaged_objects_refuse_or_let_pass_and_nobody_waits_for_ever() {
    survive("objects::role_tries_everything");
}

#[test]
#[ignore = "a role in other tests"]
fn role_tries_everything() {
    let victim = Victim::new();
    // The objects' parts alone.
    let parts: Vec<_> = (5..5 + 3 * (OBJECTS.len() + 2)).map(|part| victim.parts[part].clone()).collect();
    let how = (any::<u8>(), any::<[bool; 4]>());
    read_each("objects", 4, (vec(damage(), 1..6), how), |(damages, (turn, flags))| {
        victim.suffer(&damages, &parts);
        let [recover, resumed, halfway, wait_for_self] = flags;
        let deadline = Some(Deadline::after(Duration::ZERO));
        let request = Request {
            recover,
            resumed,
            halfway,
            wait_for_self,
            deadline,
            only_try: turn.is_multiple_of(2),
            tick: tick(0),
        };
        for index in 0..OBJECTS.len() as u32 + 2 {
            try_at(&victim.control, &victim.me, index, &request);
        }
        recover::sweep(&victim.control).unwrap();
        if turn.is_multiple_of(4) {
            // As if this one had died: every object gives back what it held.
            recover::recover_slot(&victim.control, victim.me.owner()).unwrap();
        }
    });
    victim.close();
}

fn try_at(control: &Control, me: &Participant, index: u32, request: &Request) {
    let operations = [
        Operation::Lock,
        Operation::Read,
        Operation::Write,
        Operation::Acquire(2),
        Operation::Event(0),
        Operation::Latch(0),
        Operation::Once,
    ];
    for operation in operations {
        let Ok(slice) = control.wait_slice(index, operation, me.owner(), request) else { continue };
        if !slice.is_held() {
            control.abandon(index, operation, me.owner(), request.halfway).unwrap();
        }
        control.release(index, operation, me.owner()).unwrap();
    }
    if let Ok(barrier) = control.barrier(index) {
        let patience = Patience { deadline: request.deadline, tick: request.tick, worker: me.worker() };
        let by = Breaker { reason: Reason::Explicit, worker: me.worker() };
        barrier.arrive(me.slot(), None).code();
        barrier.wait_slice(me.slot(), &patience, control);
        barrier.leave(me.slot(), by);
        barrier.info();
        barrier.break_now(by);
        barrier.reset();
    }
    if let Ok(lock) = control.rwlock(index) {
        lock.info();
        lock.clear_poison(me.owner());
        while lock.readings(me.owner()) == 1 && lock.unlock_read(me.owner()) {}
    }
    if let Ok(semaphore) = control.semaphore(index) {
        semaphore.info();
        semaphore.release(me.owner(), semaphore.holds(me.owner()));
    }
    if let Ok(latch) = control.latch(index) {
        latch.count_down(me.worker(), 1);
        latch.info();
        latch.reset();
    }
    if let Ok(event) = control.event(index) {
        event.set();
        event.reset();
    }
    if let Ok(condition) = control.condition(index) {
        let ticket = condition.begin();
        condition.wait_slice(me.owner(), ticket, request, control);
        condition.abandon(ticket);
        condition.waiting();
        condition.notify(u32::MAX);
    }
    if let Ok(once) = control.once(index) {
        once.finish(me.owner());
    }
    control.nudge(index, me.owner());
}
