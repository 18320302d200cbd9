//! How the work of a kernel is shared.

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::error::{Result, refuse};
use crate::threads::Threads;

/// How a kernel is done that has no options but those that all have.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Threads that share the work.
    pub threads: Threads,
    /// The indices of the first axis of the output that are computed; all if not given. The rest is not touched.
    pub range: Option<Range<usize>>,
}

impl Share {
    /// The share of an output.
    pub(crate) fn of_out<'o>(&self, out: ArrayMut<'o>) -> Result<ArrayMut<'o>> {
        match &self.range {
            Some(range) => out.into_slice(0, range.clone()),
            None => Ok(out),
        }
    }

    /// The share of an input whose first axis is that of the output.
    pub(crate) fn of_input<'a>(&self, input: &Array<'a>) -> Result<Array<'a>> {
        match &self.range {
            Some(range) => input.slice(0, range.clone()),
            None => Ok(*input),
        }
    }
}

/// The axis of an array of `rank` axes; negative numbers count from the last one.
pub(crate) fn axis_of(axis: isize, rank: usize) -> Result<usize> {
    let found = if axis < 0 { axis + rank as isize } else { axis };
    if found < 0 || found >= rank as isize {
        return refuse(format!("there is no axis {axis} in an array of {rank} axes"));
    }
    Ok(found as usize)
}

/// A place that several threads write to, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: only a place, for values that may go to other threads; who writes to it keeps to its own part.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    pub fn new(place: *mut T) -> Shared<T> {
        Shared(place)
    }

    pub fn get(self) -> *mut T {
        self.0
    }

    /// # Safety
    /// As for [`pointer::add`].
    pub unsafe fn at(self, i: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(i) }
    }
}
