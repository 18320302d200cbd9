//! Where everything stands: follows from a cluster's limits.

use std::mem::{offset_of, size_of};

use super::{ArrayCell, Body, Header, LINE, Live, MailCell, PAGE, PAPER, PER_SLOT, SLOTS};
use crate::control::Limits;
use crate::table;

/// Where the parts of one cluster's segment begin, in bytes. Follows from the limits; kept by each process for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    objects: usize,
    object_stride: usize,
    arrays: usize,
    mailbox: usize,
    paper: usize,
    /// The size of the whole segment.
    pub bytes: usize,
}

impl Geometry {
    /// The geometry for limits that [`Limits::check`] has passed; those are too small for anything here to overflow.
    pub fn of(limits: &Limits) -> Self {
        let table = PER_SLOT * table::entries(limits.slots as usize);
        let objects = SLOTS + LINE * limits.slots as usize;
        let object_stride = (LINE + size_of::<Body>() + table).next_multiple_of(LINE);
        let arrays = objects + object_stride * limits.objects as usize;
        let mailbox = (arrays + size_of::<ArrayCell>() * limits.arrays as usize).next_multiple_of(PAGE);
        let paper = mailbox + size_of::<MailCell>() * limits.workers as usize;
        Geometry { objects, object_stride, arrays, mailbox, paper, bytes: paper + PAPER }
    }

    /// Where slot `index` stands.
    pub fn slot(&self, index: u32) -> usize {
        SLOTS + LINE * index as usize
    }

    /// Where object `index` stands: its head.
    pub fn object(&self, index: u32) -> usize {
        self.objects + self.object_stride * index as usize
    }

    /// Where the body of object `index` stands. A lock's word comes first in it.
    pub fn object_body(&self, index: u32) -> usize {
        self.object(index) + LINE
    }

    /// Where the table of object `index` stands.
    pub fn object_table(&self, index: u32) -> usize {
        self.object_body(index) + size_of::<Body>()
    }

    /// Where cell `index` of the catalogue stands.
    pub fn array(&self, index: u32) -> usize {
        self.arrays + size_of::<ArrayCell>() * index as usize
    }

    /// Where the mailbox cell of a worker stands.
    pub fn mail(&self, worker: u32) -> usize {
        self.mailbox + size_of::<MailCell>() * worker as usize
    }

    /// Where the paper stands.
    pub fn paper(&self) -> usize {
        self.paper
    }
}

/// Offsets that JavaScript works on with Atomics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    /// Of the u32 [`Live::run`].
    pub run_word: usize,
    /// Of the u32 [`Live::cancel`].
    pub cancel_word: usize,
    /// Of worker 0's mailbox cell.
    pub mailbox_base: usize,
    /// From one worker's cell to the next.
    pub mailbox_stride: usize,
    /// Within a cell, of the u32 status.
    pub mailbox_status: usize,
    /// Within a cell, of the u32 run number.
    pub mailbox_run: usize,
    /// Within a cell, of two f64: done and total.
    pub mailbox_progress: usize,
}

impl Geometry {
    /// The offsets for JavaScript.
    pub fn offsets(&self) -> Offsets {
        let live = offset_of!(Header, live);
        Offsets {
            run_word: live + offset_of!(Live, run),
            cancel_word: live + offset_of!(Live, cancel),
            mailbox_base: self.mailbox,
            mailbox_stride: size_of::<MailCell>(),
            mailbox_status: offset_of!(MailCell, status),
            mailbox_run: offset_of!(MailCell, run),
            mailbox_progress: offset_of!(MailCell, progress),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_follow_each_other_aligned_and_without_overlap(
            workers in 1u32..=1000, more in 1u32..=23, objects in 2u32..=65_536, arrays in 1u32..=65_536,
        ) {
            let limits = Limits { workers, slots: workers + more, objects, arrays };
            limits.check().unwrap();
            let all = Geometry::of(&limits);
            let table = PER_SLOT * limits.slots as usize;
            prop_assert!(size_of::<Header>() <= all.slot(0));
            prop_assert!(all.slot(limits.slots) <= all.object(0));
            prop_assert!(all.object_table(0) + table <= all.object(1));
            prop_assert!(all.object_table(0) + 8 * table::entries(limits.slots as usize) <= all.object(1));
            prop_assert!(all.object(objects) <= all.array(0));
            prop_assert!(all.array(arrays) <= all.mail(0));
            prop_assert!(all.mail(workers) <= all.paper());
            prop_assert_eq!(all.paper() + PAPER, all.bytes);
            for (offset, align) in [(all.slot(1), LINE), (all.object(1), LINE), (all.object_table(1), LINE),
                                    (all.array(1), LINE), (all.mail(1), PAGE), (all.bytes, PAGE)] {
                prop_assert!(offset.is_multiple_of(align));
            }
        }
    }
}
