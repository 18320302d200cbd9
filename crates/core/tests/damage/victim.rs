//! A cluster with something of everything, whose bytes are damaged and restored.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tsdsm_core::array::Spec as Shape;
use tsdsm_core::catalogue::{self, Array};
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::dtype::DType;
use tsdsm_core::layout::LINE;
use tsdsm_core::named::{self, Placement};
use tsdsm_core::objects::{self, Kind as Object, Spec};
use tsdsm_core::operation::Operation;
use tsdsm_core::segment::FileId;
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::wait::Request;
use tsdsm_core::{mailbox, segment};

use crate::damage::Damage;
use crate::scratch::Cluster;

pub const LIMITS: Limits = Limits { workers: 2, slots: 12, objects: 14, arrays: 6 };

/// What it has, beside the two defaults.
pub const OBJECTS: [(&str, Spec); 11] = [
    ("lock", Spec::Lock),
    ("rw", Spec::RwLock),
    ("semaphore", Spec::Semaphore { permits: 3, owned: true }),
    ("unowned", Spec::Semaphore { permits: 3, owned: false }),
    ("barrier", Spec::Barrier { parties: 2 }),
    ("latch", Spec::Latch { count: 2, counts_the_dead: true }),
    ("automatic", Spec::Event { automatic: true, set: true }),
    ("once", Spec::Once),
    ("counter", Spec::Counter),
    ("fair", Spec::FairLock),
    // With the first of these, behind the two defaults.
    ("condition", Spec::Condition { lock: 2 }),
];

/// The one array that there is, beside entries that lead nowhere.
pub const ARRAY: &str = "array";

pub struct Victim {
    pub control: Arc<Control>,
    /// Worker 0, which holds something of everything.
    pub me: Participant,
    pub cluster: Cluster,
    token: OwnerToken,
    image: Vec<u64>,
    /// The words of a header, those that change with runs, a slot, an object's head, body and table, …
    pub parts: Vec<Range<usize>>,
}

/// An entry of the catalogue that leads nowhere.
pub fn entry(name: &str, number: u64) -> Array {
    let id = FileId { dev: number, ino: !number };
    Array { name: name.to_owned(), id, bytes: number, file: None, persist: false, read_only: false }
}

impl Victim {
    pub fn new() -> Victim {
        let cluster = Cluster::new();
        let (control, token) = Control::create(&cluster.0, &LIMITS, 1, 0o600).unwrap();
        let me = Participant::claim(&control, Kind::Worker, Some(0)).unwrap();
        for (name, spec) in OBJECTS {
            objects::create(&control, name, &spec).unwrap();
        }
        mailbox::ready(&me).unwrap();
        mailbox::collect(&control);
        mailbox::post(&control, 1, &[0], &[1; 100]).unwrap();
        let shape = Shape::new(DType::F64, vec![3, 5]).unwrap();
        named::create(&control, ARRAY, &shape, &Placement { mode: 0o600, file: None, persist: false }).unwrap();
        catalogue::insert(&control, &entry("A", 1)).unwrap();
        hold_everything(&control, &me);
        let parts = parts(&control);
        let image = words(&control).iter().map(|word| word.load(Relaxed)).collect();
        Victim { control, me, cluster, token, image, parts }
    }

    /// The bytes are what they were at first, but for `damages`.
    pub fn suffer(&self, damages: &[Damage], parts: &[Range<usize>]) {
        words(&self.control).iter().zip(&self.image).for_each(|(word, &value)| word.store(value, Relaxed));
        damages.iter().for_each(|damage| damage.apply(words(&self.control), parts));
    }

    /// What was made meanwhile is removed. False where something is gone that was there.
    pub fn clean(&self) -> bool {
        let array = self.cluster.array(ARRAY);
        let (kept, made): (Vec<_>, Vec<_>) = self.cluster.arrays().into_iter().partition(|name| *name == array);
        made.iter().for_each(|name| drop(segment::unlink(name, None)));
        kept.len() == 1
    }

    /// The end: everything still works, and nothing is left.
    pub fn close(self) {
        self.suffer(&[], &[]);
        let Victim { control, me, cluster, mut token, .. } = self;
        drop(me);
        token.close().unwrap();
        drop((token, control));
        assert_eq!(cluster.segments(), Vec::<String>::new());
    }
}

/// All words of the segment.
fn words(control: &Control) -> &[AtomicU64] {
    let mapping = control.mapping();
    // SAFETY: all of the mapping, which begins on a page and is a multiple of it.
    unsafe { std::slice::from_raw_parts(mapping.as_ptr().cast(), mapping.len() / 8) }
}

fn hold_everything(control: &Control, me: &Participant) {
    let request = Request { only_try: true, ..Request::default() };
    let take = |name, kind, operation| {
        let index = objects::find(control, name, kind).unwrap();
        assert!(control.wait_slice(index, operation, me.owner(), &request).unwrap().is_held(), "{name}");
    };
    take("lock", Object::Lock, Operation::Lock);
    take("fair", Object::Lock, Operation::Lock);
    take("rw", Object::RwLock, Operation::Read);
    take("semaphore", Object::Semaphore, Operation::Acquire(2));
    take("unowned", Object::Semaphore, Operation::Acquire(1));
    take("once", Object::Once, Operation::Once);
    let barrier = objects::find(control, "barrier", Object::Barrier).unwrap();
    control.barrier(barrier).unwrap().arrive(me.slot(), None);
    let latch = objects::find(control, "latch", Object::Latch).unwrap();
    control.latch(latch).unwrap().count_down(me.worker(), 1);
}

/// Where damage is done: each part is as likely as any other, whatever its size.
fn parts(control: &Control) -> Vec<Range<usize>> {
    let geometry = control.geometry();
    let (slots, objects, arrays) = (LIMITS.slots, OBJECTS.len() as u32 + 2, 2);
    let bytes = std::iter::once(0..LINE)
        .chain(std::iter::once(LINE..2 * LINE))
        .chain((0..slots.min(3)).map(|slot| geometry.slot(slot)..geometry.slot(slot + 1)))
        .chain((0..objects).flat_map(|index| {
            let (head, body, table) =
                (geometry.object(index), geometry.object_body(index), geometry.object_table(index));
            [head..body, body..table, table..geometry.object(index + 1)]
        }))
        .chain((0..arrays).map(|index| geometry.array(index)..geometry.array(index + 1)))
        .chain((0..LIMITS.workers).map(|worker| geometry.mail(worker)..geometry.mail(worker) + LINE))
        .chain(std::iter::once(0..geometry.bytes));
    bytes.map(|bytes| bytes.start / 8..bytes.end / 8).collect()
}
