//! Deaths, noticed at once: main's by its workers, the workers' by main.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::control::Control;
use crate::sys::eventfd;
use crate::sys::process::{self, Cause};
use crate::{Error, Result, janitor, mailbox, recover};

/// Waits for main's end on a thread of its own: blocked in the kernel, without any cost until then.
#[derive(Debug)]
pub struct OwnerWatch {
    armed: Arc<AtomicBool>,
}

impl OwnerWatch {
    /// Begins to watch. When main has ended, by whatever death, all segments of the cluster are removed (persistent
    /// arrays excepted), and then `ended` is called, on the watch's thread. That is at once when main is gone already.
    ///
    /// # Errors
    /// [`Error::System`], [`Error::Closed`].
    pub fn start(control: &Arc<Control>, ended: impl FnOnce() + Send + 'static) -> Result<OwnerWatch> {
        let armed = Arc::new(AtomicBool::new(true));
        let (control, file, still) = (control.clone(), control.reopen()?, armed.clone());
        let watch = move || {
            if Control::wait_for_end(&file).is_ok() {
                // What cannot be removed now is removed by the next start.
                let _ = Control::clean(&file, || drop(janitor::end(&control)));
                drop((file, control));
                if still.swap(false, Ordering::AcqRel) {
                    ended();
                }
            }
        };
        spawn("tsdsm-owner", watch)?;
        Ok(OwnerWatch { armed })
    }

    /// `ended` will not be called (any more). The thread itself cannot be called back from the kernel: it ends with main.
    pub fn disarm(&self) {
        self.armed.store(false, Ordering::Release);
    }
}

impl Drop for OwnerWatch {
    fn drop(&mut self) {
        self.disarm();
    }
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
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
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
