//! No system call is made where nobody has to sleep, and nobody has to be woken.

use crate::world::{World, process_in};
use tsdsm_core::barrier::Turn;
use tsdsm_core::wait::Slice;

/// Does `work` as a process that is killed at its first system call.
fn quietly(world: &World, work: impl Fn(&World)) {
    world
        .fork(1, |world| {
            // What is found out once is found out before.
            work(world);
            // SAFETY: from here on, this process may read, write and exit, and nothing else: the latter by the system call
            // of the one thread that there is, since libc ends all of them by another one.
            unsafe {
                assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT), 0);
                (0..1000).for_each(|_| work(world));
                libc::syscall(libc::SYS_exit, 0);
            }
        })
        .join();
}

#[test]
fn a_system_call_would_be_noticed() {
    let world = World::new();
    let child = world.fork(1, |_| {
        // SAFETY: as above; what follows ends the process.
        unsafe {
            assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT), 0);
            libc::syscall(libc::SYS_sched_yield);
            libc::syscall(libc::SYS_exit, 0);
        }
    });
    assert_eq!(child.status(), libc::SIGKILL);
}

#[test]
fn what_nobody_contends_takes_no_system_call() {
    let me = process_in(1);
    let world = World::new();
    world.semaphore().layout.renew(3, true);
    world.latch().renew(u32::MAX / 2, false);
    world.barrier().restart(1);
    world.event.renew(false, true);
    quietly(&world, |world| {
        assert_eq!(world.lock.lock(me, false, None, world), Slice::Acquired);
        world.condition.notify(u32::MAX);
        assert!(world.lock.unlock(me));
        assert!(world.lock.try_fast(me) && world.lock.unlock(me));
        assert_eq!(world.semaphore().acquire(me, 2, None, world), Slice::Acquired);
        assert!(world.semaphore().release(me, 2));
        world.event.set();
        assert_eq!(world.event.wait(me, None, world), Slice::Acquired);
        world.latch().count_down(Some(1), 1);
        assert!(matches!(world.pass(1, None), Turn::Passed(_)));
        if world.once.begin(me, None, world) == Slice::Acquired {
            assert!(world.once.finish(me));
        }
        world.counter.fetch_add(1);
    });
}

#[test]
fn a_reader_writer_lock_that_nobody_contends_takes_no_system_call() {
    let me = process_in(1);
    let world = World::new();
    quietly(&world, |world| {
        assert_eq!(world.rwlock().read(me, false, None, world), Slice::Acquired);
        assert!(world.rwlock().unlock_read(me));
        assert_eq!(world.rwlock().write(me, false, None, world), Slice::Acquired);
        assert!(world.rwlock().unlock_write(me));
    });
}
