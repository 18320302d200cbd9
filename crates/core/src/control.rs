//! A cluster's control segment: created by main, attached by everybody else.

use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::layout::{self, Geometry, Header, Live};
use crate::mapping::Mapping;
use crate::segment::{self, Attached, Draft, FileId, Opened};
use crate::sys::locks::{self, Holder};
use crate::sys::process;
use crate::word::MAX_SLOTS;
use crate::{Error, Result, janitor, name, spin};

/// The byte of the control file that main holds as long as the cluster lives.
const OWNER: Range<u64> = 0..1;
/// Held while somebody recovers what a dead participant held.
const RECOVERY: Range<u64> = 1..2;
/// Held while somebody writes to the output that all workers share.
const OUTPUT: Range<u64> = 2..3;
/// Held while somebody changes the object table or the catalogue.
const TABLE: Range<u64> = 3..4;
/// Held while what a cluster without a main left behind is removed.
const CLEANING: Range<u64> = 4..5;
/// The byte of slot 0.
const SLOT_0: u64 = 64;
/// Every byte that anybody may hold, whatever the limits: who has them all knows that nobody lives.
pub(crate) const ALL: Range<u64> = 0..SLOT_0 + MAX_SLOTS as u64;

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
            let draft = Draft::new(&segment, geometry.bytes, mode)?;
            let uuid = write_header(draft.mapping(), limits, &geometry, seed)?;
            let token = own(&draft)?;
            let attached = match draft.publish() {
                // Somebody was quicker, or a janitor holds the name for a moment: the next look tells which.
                Err(Error::NameExists { .. }) => continue,
                other => other?,
            };
            let file = locks::reopen(&token, &segment::path(&segment))?;
            let made = Control::new(cluster, attached.mapping, attached.id, file, *limits, geometry, seed, uuid);
            let control = Arc::new(made);
            control.install_defaults();
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
                Ok(control) if control.has_owner()? && control.is_current() => return Ok(Arc::new(control)),
                // Somebody is removing it: soon there is nothing of that name, or something new.
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            if !patience.wait() {
                return Err(no_cluster(cluster));
            }
        }
    }

    /// Whether main lives is not asked.
    pub(crate) fn from_opened(cluster: &str, opened: Opened) -> Result<Control> {
        let (attached, limits, geometry) = check(opened)?;
        let header = header_of(&attached.mapping);
        let seed = header.seed.load(Ordering::Relaxed);
        let uuid = header.uuid.each_ref().map(|half| half.load(Ordering::Relaxed));
        let Attached { mapping, id, file } = attached;
        let control = Control::new(cluster, mapping, id, file, limits, geometry, seed, uuid);
        Ok(control)
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

    /// Whether main lives.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn has_owner(&self) -> Result<bool> {
        Ok(Ownership::of(&self.file)? == Ownership::Main)
    }

    /// Whether the cluster's name still leads to this segment.
    pub(crate) fn is_current(&self) -> bool {
        let path = segment::path(&name::control_segment(&self.cluster));
        std::fs::symlink_metadata(path).is_ok_and(|found| FileId::from(&found) == self.id)
    }

    /// Calls `write` while no other process is inside this call: for output that must not be torn apart. Blocks.
    ///
    /// # Errors
    /// [`Error::System`]; `write` was not called.
    pub fn with_output_lock<T>(&self, write: impl FnOnce() -> T) -> Result<T> {
        let _held = self.hold(&self.output, OUTPUT)?;
        Ok(write())
    }

    /// Holds off all other changes to the object table and the catalogue. If a holder dies, the kernel lets go for it,
    /// and there is nothing to repair: half-written entries are not [`layout::LIVE`].
    pub(crate) fn hold_table(&self) -> Result<Held<'_>> {
        self.hold(&self.table, TABLE)
    }

    /// Holds off all other recoverers. Blocks as long as one is at work.
    pub(crate) fn hold_recovery(&self) -> Result<Held<'_>> {
        self.hold(&self.recovery, RECOVERY)
    }

    /// As [`Control::hold_recovery`], but `None` if somebody is at work.
    pub(crate) fn try_hold_recovery(&self) -> Result<Option<Held<'_>>> {
        let Ok(guard) = self.recovery.try_lock() else { return Ok(None) };
        let held = locks::try_lock(&self.file, RECOVERY)?;
        Ok(held.then_some(Held { file: &self.file, bytes: RECOVERY, _guard: guard }))
    }

    fn hold<'a>(&'a self, mutex: &'a Mutex<()>, bytes: Range<u64>) -> Result<Held<'a>> {
        let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        locks::lock(&self.file, bytes.clone())?;
        Ok(Held { file: &self.file, bytes, _guard: guard })
    }

    /// A description of its own, for a token or a watch.
    pub(crate) fn reopen(&self) -> Result<File> {
        locks::reopen(&self.file, &segment::path(&name::control_segment(&self.cluster)))
    }

    /// Blocks until main is gone.
    pub(crate) fn wait_for_end(file: &File) -> Result<()> {
        locks::lock_shared(file, OWNER)
    }

    /// Calls `clean` while no other process cleans up after this cluster. Waits a while for one that does, and goes
    /// without when that one is stopped: what is left then is removed by the next start.
    pub(crate) fn clean(file: &File, clean: impl FnOnce()) -> Result<()> {
        let mut patience = Patience::new();
        while !locks::try_lock(file, CLEANING)? {
            if !patience.wait() {
                return Ok(());
            }
        }
        clean();
        locks::unlock(file, CLEANING);
        Ok(())
    }

    /// Takes the byte of a slot through `file`.
    pub(crate) fn try_lock_slot(file: &File, slot: u32) -> Result<bool> {
        locks::try_lock(file, slot_byte(slot))
    }

    /// Gives the byte of a slot back.
    pub(crate) fn unlock_slot(file: &File, slot: u32) {
        locks::unlock(file, slot_byte(slot));
    }

    /// Whether nobody holds the byte of this slot. Where the system cannot say: no.
    pub(crate) fn slot_is_free(&self, slot: u32) -> bool {
        locks::holder(&self.file, slot_byte(slot)).is_ok_and(|holder| holder == Holder::Nobody)
    }

    pub(crate) fn live(&self) -> &Live {
        &header_of(&self.mapping).live
    }

    /// A generation that no object nor array of this cluster has had.
    pub(crate) fn next_generation(&self) -> u64 {
        // 48 bits: a head keeps eight for the state, and JavaScript can say 53.
        (self.live().generation.fetch_add(1, Ordering::Relaxed) + 1) & ((1 << 48) - 1)
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
unsafe impl Shared for crate::mutex::Layout {}
// SAFETY: atomics only.
unsafe impl Shared for crate::barrier::Layout {}

/// Who has a cluster's control file, by the locks on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// A living main.
    Main,
    /// Main is gone, and somebody is removing what it left.
    Cleaning,
    /// Main is gone. Others may still live.
    Nobody,
}

impl Ownership {
    pub(crate) fn of(file: &File) -> Result<Ownership> {
        // A janitor takes every byte at once, main's too; those who wait for main's end get a read lock on it.
        if locks::holder(file, CLEANING)? != Holder::Nobody {
            return Ok(Ownership::Cleaning);
        }
        let main = locks::holder(file, OWNER)? == Holder::Exclusive;
        Ok(if main { Ownership::Main } else { Ownership::Nobody })
    }
}

/// Takes main's byte of a control file that nobody knows yet.
pub(crate) fn own(draft: &Draft) -> Result<File> {
    let token = draft.file().try_clone().map_err(|source| system("dup", source))?;
    if locks::try_lock(&token, OWNER)? {
        return Ok(token);
    }
    Err(Error::Unsupported("a file that nobody knows is locked by somebody; is /dev/shm a tmpfs?".to_owned()))
}

/// Main's hold on the cluster. When it goes, by whatever death, the cluster's other processes are told.
#[derive(Debug)]
pub struct OwnerToken {
    control: Arc<Control>,
    file: Option<File>,
}

impl OwnerToken {
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
        locks::unlock(&file, OWNER);
        removed
    }
}

impl Drop for OwnerToken {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// A byte of the control file, held.
pub(crate) struct Held<'a> {
    file: &'a File,
    bytes: Range<u64>,
    _guard: MutexGuard<'a, ()>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        locks::unlock(self.file, self.bytes.clone());
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

fn slot_byte(slot: u32) -> Range<u64> {
    SLOT_0 + u64::from(slot)..SLOT_0 + u64::from(slot) + 1
}

/// The header of a mapping that is long enough for one.
fn header_of(mapping: &Mapping) -> &Header {
    assert!(mapping.len() >= size_of::<Header>());
    // SAFETY: long enough, page aligned, and made of atomics.
    unsafe { &*mapping.as_ptr().cast::<Header>() }
}

fn write_header(mapping: &Mapping, limits: &Limits, geometry: &Geometry, seed: u64) -> Result<[u64; 2]> {
    let random = u128::from_ne_bytes(process::random()?);
    let uuid = [random as u64, (random >> 64) as u64];
    let header = header_of(mapping);
    header.magic.store(layout::MAGIC, Ordering::Relaxed);
    header.abi.store(layout::ABI, Ordering::Relaxed);
    header.page.store(layout::PAGE as u32, Ordering::Relaxed);
    header.line.store(layout::LINE as u32, Ordering::Relaxed);
    header.hash.store(layout::HASH, Ordering::Relaxed);
    header.bytes.store(geometry.bytes as u64, Ordering::Relaxed);
    header.seed.store(seed, Ordering::Relaxed);
    let Limits { workers, slots, objects, arrays } = *limits;
    for (word, value) in header.limits.iter().zip([workers, slots, objects, arrays]) {
        word.store(value, Ordering::Relaxed);
    }
    for (word, value) in header.uuid.iter().zip(uuid) {
        word.store(value, Ordering::Relaxed);
    }
    header.sum.store(header.sum_up(), Ordering::Relaxed);
    Ok(uuid)
}

/// Maps an open control segment and checks every field of its header against this program.
fn check(opened: Opened) -> Result<(Attached, Limits, Geometry)> {
    let name = opened.name.clone();
    let refuse = |reason: String| Err(Error::IncompatibleSegment { name: name.clone(), reason });
    if opened.len < size_of::<Header>() {
        return refuse(format!("it has {} bytes, less than a control segment's header", opened.len));
    }
    let attached = opened.map()?;
    let header = header_of(&attached.mapping);
    let word = |word: &std::sync::atomic::AtomicU32| word.load(Ordering::Relaxed);
    let magic = header.magic.load(Ordering::Relaxed);
    if magic == layout::PLACEHOLDER {
        return Err(no_cluster(&name));
    }
    if magic != layout::MAGIC {
        return refuse("it does not begin as a control segment of tsdsm does".to_owned());
    }
    let facts = [
        ("layout version", u64::from(word(&header.abi)), u64::from(layout::ABI)),
        ("page size", u64::from(word(&header.page)), layout::PAGE as u64),
        ("cache line", u64::from(word(&header.line)), layout::LINE as u64),
        ("layout hash", header.hash.load(Ordering::Relaxed), layout::HASH),
    ];
    if let Some((what, found, expected)) = facts.iter().find(|(_, found, expected)| found != expected) {
        return refuse(format!(
            "its {what} is {found}, this program's is {expected}; use one version of tsdsm for all"
        ));
    }
    if header.sum.load(Ordering::Relaxed) != header.sum_up() {
        return refuse("its header is damaged: the checksum does not fit".to_owned());
    }
    let [workers, slots, objects, arrays] = header.limits.each_ref().map(word);
    let limits = Limits { workers, slots, objects, arrays };
    if let Err(error) = limits.check() {
        return refuse(format!("its limits are damaged: {error}"));
    }
    let geometry = Geometry::of(&limits);
    let said = header.bytes.load(Ordering::Relaxed);
    if said != geometry.bytes as u64 || attached.mapping.len() < geometry.bytes {
        let found = attached.mapping.len();
        return refuse(format!("it has {found} bytes and says {said}; its limits need {}", geometry.bytes));
    }
    Ok((attached, limits, geometry))
}
