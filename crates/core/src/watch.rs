//! Deaths, noticed at once: main's by everybody else, the workers' by main.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::control::{Control, refuse_bare_fork};
use crate::sys::eventfd;
use crate::sys::process::{self, Cause};
use crate::{Error, Result, janitor, mailbox, recover};

/// What is to be done when main has ended.
type Listener = Box<dyn FnOnce() + Send>;

/// A cluster whose main this process watches, on a thread: blocked in the kernel, without any cost until then.
#[derive(Default)]
struct Owner {
    uuid: [u64; 2],
    /// Each with its number.
    listeners: Mutex<Vec<(u64, Listener)>>,
}

/// One for each cluster, whoever asks and how often: the thread cannot be called back from the kernel, and ends with
/// main.
static WATCHED: Mutex<Vec<Arc<Owner>>> = Mutex::new(Vec::new());

/// Waits for main's end.
pub struct OwnerWatch {
    owner: Arc<Owner>,
    listener: u64,
}

impl OwnerWatch {
    /// Begins to watch. When main has ended, by whatever death or in order, all segments of the cluster are removed
    /// (persistent arrays excepted); then [`Control::has_ended`] says so, and `ended` is called, on the watch's thread;
    /// then whoever sleeps in a lock or barrier of the cluster is woken, to look. All that is at once when main is gone
    /// already.
    ///
    /// # Errors
    /// [`Error::System`], [`Error::Closed`], [`Error::Unsupported`] in a process made by fork without exec.
    pub fn start(control: &Arc<Control>, ended: impl FnOnce() + Send + 'static) -> Result<OwnerWatch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        refuse_bare_fork()?;
        let mut watched = locked(&WATCHED);
        let known = watched.iter().find(|owner| owner.uuid == control.uuid());
        let owner = match known {
            Some(owner) => owner.clone(),
            None => {
                let owner = Arc::new(Owner { uuid: control.uuid(), ..Owner::default() });
                owner.watch(control)?;
                watched.push(owner.clone());
                owner
            }
        };
        let listener = NEXT.fetch_add(1, Ordering::Relaxed);
        let control = control.clone();
        let tell = move || {
            control.note_end();
            ended();
        };
        locked(&owner.listeners).push((listener, Box::new(tell)));
        Ok(OwnerWatch { owner, listener })
    }

    /// `ended` will not be called (any more).
    pub fn disarm(&self) {
        let mut listeners = locked(&self.owner.listeners);
        let place = listeners.iter().position(|(number, _)| *number == self.listener);
        let removed = place.map(|place| listeners.swap_remove(place));
        // Whatever hangs on it goes after the lock.
        drop(listeners);
        drop(removed);
    }
}

impl Drop for OwnerWatch {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl Owner {
    /// Starts the thread. Until `WATCHED` is free, it calls nobody.
    fn watch(self: &Arc<Self>, control: &Arc<Control>) -> Result<()> {
        let (owner, control, file) = (self.clone(), control.clone(), control.reopen()?);
        let watch = move || {
            let ended = Control::wait_for_end(&file).is_ok();
            if ended {
                // What cannot be removed now is removed by the next start.
                let _ = Control::clean(&file, || drop(janitor::end(&control)));
            }
            drop(file);
            // Whoever comes from here on begins a watch of its own.
            locked(&WATCHED).retain(|other| !Arc::ptr_eq(other, &owner));
            let listeners = std::mem::take(&mut *locked(&owner.listeners));
            if ended {
                listeners.into_iter().for_each(|(_, tell)| tell());
                control.wake_all();
            }
        };
        spawn("tsdsm-owner", watch).map(drop)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the ends of workers, all on one thread. When one has ended, in whatever state: what it held is recovered, its
/// mailbox says `Died`, and then its doorbell rings.
#[derive(Debug)]
pub struct DeathWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    control: Arc<Control>,
    epoll: OwnedFd,
    /// Rings when the thread is to end.
    stop: OwnedFd,
    watched: Mutex<HashMap<u64, Watched>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Watched {
    worker: u32,
    pid: u32,
    /// `None`: it had ended, and been waited for, before it could be watched.
    pidfd: Option<OwnedFd>,
    doorbell: OwnedFd,
}

/// The key of [`Shared::stop`].
const STOP: u64 = 0;

impl DeathWatch {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn start(control: &Arc<Control>) -> Result<DeathWatch> {
        // SAFETY: no pointers.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(Error::last_os("epoll_create1"));
        }
        // SAFETY: a fresh descriptor that nobody else knows.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let shared = Arc::new(Shared {
            control: control.clone(),
            epoll,
            stop: eventfd::create()?,
            watched: Mutex::default(),
            next: AtomicU64::new(STOP + 1),
        });
        shared.poll(shared.stop.as_fd(), STOP)?;
        let own = shared.clone();
        let thread = spawn("tsdsm-deaths", move || own.watch())?;
        Ok(DeathWatch { shared, thread: Some(thread) })
    }

    /// Watches a child that was forked to be this worker, whether or not it ever attaches. `doorbell` is rung at its end; a
    /// copy of it is kept until then.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a worker there is not; [`Error::System`].
    pub fn add(&self, worker: u32, pid: u32, doorbell: BorrowedFd<'_>) -> Result<()> {
        self.shared.control.check_worker(worker)?;
        let copied = doorbell.try_clone_to_owned();
        let doorbell = copied.map_err(|source| Error::System { call: "dup of a doorbell".to_owned(), source })?;
        let pidfd = match process::pidfd(pid) {
            Ok(pidfd) => Some(pidfd),
            Err(Error::System { source, .. }) if source.raw_os_error() == Some(libc::ESRCH) => None,
            Err(error) => return Err(error),
        };
        let Some(polled) = &pidfd else {
            self.shared.ended(&Watched { worker, pid, pidfd, doorbell });
            return Ok(());
        };
        let key = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let mut watched = self.shared.watched();
        self.shared.poll(polled.as_fd(), key)?;
        watched.insert(key, Watched { worker, pid, pidfd, doorbell });
        Ok(())
    }
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        if eventfd::ring(&self.shared.stop).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, HashMap<u64, Watched>> {
        locked(&self.watched)
    }

    fn poll(&self, descriptor: BorrowedFd<'_>, key: u64) -> Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: key };
        let (epoll, descriptor) = (self.epoll.as_raw_fd(), descriptor.as_raw_fd());
        // SAFETY: both descriptors are open, and the kernel copies the event.
        match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, descriptor, &mut event) } {
            0 => Ok(()),
            _ => Err(Error::last_os("epoll_ctl")),
        }
    }

    fn watch(&self) {
        let mut events = [libc::epoll_event { events: 0, u64: STOP }; 16];
        loop {
            // SAFETY: room for as many events as announced.
            let count =
                unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), events.len() as i32, -1) };
            // Interrupted by a signal: none.
            for event in &events[..usize::try_from(count).unwrap_or(0)] {
                let key = event.u64;
                if key == STOP {
                    return;
                }
                // Out of the table, and with its descriptor out of the epoll, before anything else.
                let ended = self.watched().remove(&key);
                if let Some(watched) = ended {
                    self.ended(&watched);
                }
            }
        }
    }

    fn ended(&self, watched: &Watched) {
        let cause = watched.pidfd.as_ref().and_then(process::cause).unwrap_or(Cause::Unknown);
        // What fails here is found by the sweep of whoever waits for what the dead one held.
        let _ = recover::recover_process(&self.control, watched.pid);
        let _ = mailbox::died(&self.control, watched.worker, watched.pid, cause);
        let _ = eventfd::ring(&watched.doorbell);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|source| Error::System { call: format!("start of the thread {name}"), source })
}
