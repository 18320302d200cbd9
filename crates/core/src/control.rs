//! A cluster's control segment: created by main, attached by everybody else.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use self::header::header_of;
use crate::layout::{self, Geometry, Header, Live};
use crate::mapping::Mapping;
use crate::segment::{self, Attached, Draft, FileId, Opened};
use crate::sys::process;
use crate::word::MAX_SLOTS;
use crate::{Error, Result, janitor, name, spin};

mod header;
mod tokens;

pub(crate) use header::other_version;
pub(crate) use tokens::{ALL, Ownership, own};

/// How large a cluster can become. Fixed when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Workers, 1 to 1000.
    pub workers: u32,
    /// Participants, main and workers among them: `workers` + 1 to 1023.
    pub slots: u32,
    /// Locks, barriers and their kin, the two defaults among them: 2 to 65,536.
    pub objects: u32,
    /// Shared arrays that exist at one time, 1 to 65,536.
    pub arrays: u32,
}

impl Limits {
    /// The most workers.
    pub const MAX_WORKERS: u32 = 1000;
    /// The most objects or arrays.
    pub const MAX_TABLE: u32 = 65_536;

    /// The usual limits for this many workers: 128 slots (more where the workers need them), 1024 objects and arrays.
    pub fn for_workers(workers: u32) -> Self {
        let slots = workers.saturating_add(workers / 2).saturating_add(1).clamp(128, MAX_SLOTS);
        Limits { workers, slots, objects: 1024, arrays: 1024 }
    }

    /// # Errors
    /// [`Error::InvalidArgument`] that says which of them is out of its range.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("workers", self.workers, 1, Self::MAX_WORKERS),
            ("slots", self.slots, self.workers.saturating_add(1), MAX_SLOTS),
            ("objects", self.objects, 2, Self::MAX_TABLE),
            ("arrays", self.arrays, 1, Self::MAX_TABLE),
        ];
        match ranges.iter().find(|(_, value, least, most)| !(least..=most).contains(&value)) {
            Some((what, value, least, most)) => {
                let message = format!("a cluster can have {least} to {most} {what}, not {value}");
                Err(Error::InvalidArgument(message))
            }
            None => Ok(()),
        }
    }
}

/// A control segment, attached. Everything that belongs to it hangs on an `Arc` of this.
#[derive(Debug)]
pub struct Control {
    cluster: String,
    mapping: Arc<Mapping>,
    id: FileId,
    /// A description that never holds the owner's byte nor a slot's, so that asking through it sees all of them.
    file: File,
    limits: Limits,
    geometry: Geometry,
    seed: u64,
    uuid: [u64; 2],
    /// `file` is one description for all threads here: these keep them from each other, the bytes the other processes.
    table: Mutex<()>,
    recovery: Mutex<()>,
    output: Mutex<()>,
    /// Per slot, when its process was last looked up in /proc; see [`crate::slots`].
    pub(crate) looked_up: Vec<AtomicU64>,
    /// Payloads too large for the paper that main has posted, and the workers may not all have taken.
    pub(crate) posted: Mutex<Vec<u64>>,
    /// A watch here has seen main's end.
    ended: AtomicBool,
}

impl Control {
    /// Creates the control segment of a new cluster, named `tsdsm.<cluster>`, with permissions `mode`, and publishes it
    /// whole: nobody ever sees it half made, nor without its owner's lock. What crashed clusters left behind is removed
    /// first. The cluster lives as long as the token.
    ///
    /// # Errors
    /// [`Error::NameExists`] when a living cluster has the name (or a file that is not ours);
    /// [`Error::InvalidArgument`] for a bad name or limits; [`Error::OutOfSharedMemory`]; [`Error::Unsupported`] in a
    /// process made by fork without exec; [`Error::System`].
    pub fn create(cluster: &str, limits: &Limits, seed: u64, mode: u32) -> Result<(Arc<Control>, OwnerToken)> {
        name::check_cluster(cluster)?;
        limits.check()?;
        refuse_bare_fork()?;
        spin::check_environment()?;
        let geometry = Geometry::of(limits);
        let segment = name::control_segment(cluster);
        janitor::prune_crashed()?;
        let mut patience = Patience::new();
        loop {
            janitor::check_free(cluster, &mut patience)?;
            let draft = match Draft::new(&segment, geometry.bytes, mode) {
                // Somebody was quicker, or a janitor holds the name for a moment: the next look tells which.
                Err(Error::NameExists { .. }) => continue,
                other => other?,
            };
            let uuid = header::write(draft.mapping(), limits, &geometry, seed)?;
            let token = own(&draft)?;
            let (mapping, id) = (draft.mapping().clone(), FileId::of(&token)?);
            let copy = token.try_clone().map_err(|source| system("dup", source))?;
            let mut control = Control::new(cluster, mapping, id, copy, *limits, geometry, seed, uuid);
            control.install_defaults();
            match draft.publish() {
                Err(Error::NameExists { .. }) => continue,
                other => other?,
            };
            // Now, since without /proc the way to a second description is the name.
            control.file = control.reopen().inspect_err(|_| drop(segment::unlink(&segment, Some(id))))?;
            let control = Arc::new(control);
            return Ok((control.clone(), OwnerToken { control, file: Some(token) }));
        }
    }

    /// Attaches to a running cluster's control segment.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that name or its main process is gone;
    /// [`Error::IncompatibleSegment`] when it is damaged, foreign or of another version; [`Error::InvalidArgument`];
    /// [`Error::System`].
    pub fn attach(cluster: &str) -> Result<Arc<Control>> {
        name::check_cluster(cluster)?;
        spin::check_environment()?;
        let segment = name::control_segment(cluster);
        let mut patience = Patience::new();
        loop {
            let opened = match segment::open(&segment) {
                Err(Error::NotFound { .. }) => return Err(no_cluster(cluster)),
                other => other?,
            };
            match Control::from_opened(cluster, opened) {
                Ok(control) => match (control.ownership()?, control.is_current()) {
                    (Ownership::Main, true) => return Ok(Arc::new(control)),
                    (Ownership::Nobody, true) => return Err(no_cluster(cluster)),
                    // Somebody is removing it: soon there is nothing of that name, or something new.
                    (_, false) | (Ownership::Cleaning, _) => {}
                },
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            if !patience.wait() {
                return Err(no_cluster(cluster));
            }
        }
    }

    /// Whether main lives is not asked.
    pub(crate) fn from_opened(cluster: &str, opened: Opened) -> Result<Control> {
        let (attached, limits, geometry) = header::check(opened)?;
        let header = header_of(&attached.mapping);
        let seed = header.seed.load(Ordering::Relaxed);
        let uuid = header.uuid.each_ref().map(|half| half.load(Ordering::Relaxed));
        let Attached { mapping, id, file } = attached;
        Ok(Control::new(cluster, mapping, id, file, limits, geometry, seed, uuid))
    }

    #[allow(clippy::too_many_arguments, reason = "private, called twice, one argument per field")]
    fn new(
        cluster: &str,
        mapping: Arc<Mapping>,
        id: FileId,
        file: File,
        limits: Limits,
        geometry: Geometry,
        seed: u64,
        uuid: [u64; 2],
    ) -> Control {
        Control {
            cluster: cluster.to_owned(),
            mapping,
            id,
            file,
            limits,
            geometry,
            seed,
            uuid,
            table: Mutex::default(),
            recovery: Mutex::default(),
            output: Mutex::default(),
            looked_up: (0..limits.slots).map(|_| AtomicU64::new(0)).collect(),
            posted: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// The segment's memory, all of it.
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// What the cluster was started with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where everything stands in the segment.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The seed that all workers' random numbers come from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Tells two clusters of one name apart.
    pub fn uuid(&self) -> [u64; 2] {
        self.uuid
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// Whether the cluster's name still leads to this segment.
    pub fn is_current(&self) -> bool {
        let path = segment::path(&name::control_segment(&self.cluster));
        std::fs::symlink_metadata(path).is_ok_and(|found| FileId::from(&found) == self.id)
    }

    /// The permissions of the control segment, as in `chmod`: what arrays get that nobody says otherwise of.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn mode(&self) -> Result<u32> {
        let found = self.file.metadata().map_err(|source| system("fstat of the control segment", source))?;
        Ok(found.mode() & 0o777)
    }

    /// Whether a watch ([`crate::watch::OwnerWatch`]) that was started with this very attachment has seen main's end.
    /// Costs one load.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn note_end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn live(&self) -> &Live {
        &header_of(&self.mapping).live
    }

    /// A generation that no object nor array of this cluster has had.
    pub(crate) fn next_generation(&self) -> u64 {
        // 48 bits: a head keeps eight for the state, and JavaScript can say 53.
        let last = self.live().generation.fetch_add(1, Ordering::Relaxed);
        (last.wrapping_add(1) & ((1 << 48) - 1)).max(1)
    }

    /// The `T` at a place that the geometry gave out.
    pub(crate) fn at<T: Shared>(&self, offset: usize) -> &T {
        assert!(offset.is_multiple_of(align_of::<T>()) && offset + size_of::<T>() <= self.mapping.len());
        // SAFETY: in bounds and aligned, as just checked (the mapping begins on a page); `T` is made of atomics, for
        // which all bits are valid; the mapping lives as long as `self`.
        unsafe { &*self.mapping.as_ptr().add(offset).cast::<T>() }
    }

    /// `len` words at a place that the geometry gave out.
    pub(crate) fn words(&self, offset: usize, len: usize) -> &[AtomicU64] {
        assert!(offset.is_multiple_of(8) && offset + 8 * len <= self.mapping.len());
        // SAFETY: as in `at`.
        unsafe { std::slice::from_raw_parts(self.mapping.as_ptr().add(offset).cast(), len) }
    }
}

/// Structs of the layout: made of atomics only.
///
/// # Safety
/// Every bit pattern must be valid, and every field must have interior mutability.
pub(crate) unsafe trait Shared {}
// SAFETY: atomics only.
unsafe impl Shared for Header {}
// SAFETY: atomics only.
unsafe impl Shared for layout::Slot {}
// SAFETY: atomics only.
unsafe impl Shared for layout::ObjectHead {}
// SAFETY: atomics only.
unsafe impl Shared for layout::ArrayCell {}
// SAFETY: atomics only.
unsafe impl Shared for layout::MailCell {}
// SAFETY: atomics only.
unsafe impl Shared for layout::Body {}

/// Main's hold on the cluster. When it goes, by whatever death, the cluster's other processes are told.
#[derive(Debug)]
pub struct OwnerToken {
    control: Arc<Control>,
    file: Option<File>,
}

impl OwnerToken {
    /// Takes the names of all segments away (of persistent arrays not), and keeps the cluster going: nobody finds it any
    /// more. For a main that is about to end its workers, so that a kill amid that leaves nothing.
    ///
    /// # Errors
    /// [`Error::System`] when a name could not be removed.
    pub fn unlink(&self) -> Result<()> {
        if self.file.is_none() || process::is_bare_fork() {
            return Ok(());
        }
        janitor::end(&self.control)
    }

    /// Ends the cluster: unlinks all its segments (persistent arrays excepted), then lets go of the owner's byte, at
    /// which its workers end. What is mapped stays readable. Twice is fine.
    ///
    /// # Errors
    /// [`Error::System`] when a name could not be removed; the byte is free all the same.
    pub fn close(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if process::is_bare_fork() {
            // A child's copy of its parent's token: the parent goes on.
            return Ok(());
        }
        let removed = janitor::end(&self.control);
        // Not left to the closing of the descriptor: a child between fork and exec still has a copy of it.
        tokens::disown(&file);
        removed
    }
}

impl Drop for OwnerToken {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// For what another process finishes within moments: waits a little longer each time, two seconds in all.
pub(crate) struct Patience(u32);

impl Patience {
    pub(crate) fn new() -> Self {
        Patience(0)
    }

    /// Waits. False when it has waited enough.
    pub(crate) fn wait(&mut self) -> bool {
        std::thread::sleep(Duration::from_micros(200 * u64::from(self.0.min(50))));
        self.0 += 1;
        self.0 < 230
    }
}

pub(crate) fn refuse_bare_fork() -> Result<()> {
    if process::is_bare_fork() {
        let message = "a process made by fork without exec cannot take part in a cluster; start it with exec";
        return Err(Error::Unsupported(message.to_owned()));
    }
    Ok(())
}

fn no_cluster(name: &str) -> Error {
    Error::NotFound { what: "running cluster", name: name.to_owned() }
}

fn system(call: &str, source: std::io::Error) -> Error {
    Error::System { call: call.to_owned(), source }
}
