//! Elements of an array in C order, copied to private memory and back. What is read there once stays as it is, whatever
//! other processes write to the array.

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::DType;
use crate::elementwise::moves;
use crate::elementwise::space::Space;

/// Elements that are copied at a time where a kernel needs them a short time only.
pub(crate) const BLOCK: usize = 512;

/// Private room for a block of any type.
pub(crate) type Block = [u64; BLOCK];

/// The elements of an array, to read.
pub(crate) struct Elements<'a> {
    array: Array<'a>,
    space: Space,
}

impl<'a> Elements<'a> {
    pub fn new(array: &Array<'a>) -> Elements<'a> {
        Elements { array: *array, space: Space::new(&[Some(array)], true) }
    }

    pub fn len(&self) -> usize {
        self.space.size()
    }

    pub fn dtype(&self) -> DType {
        self.array.dtype()
    }

    /// The first element, and elements from one position to the next, where that is the same everywhere.
    pub fn line(&self) -> Option<(*const u8, isize)> {
        (self.space.size() == self.space.row()).then(|| (self.array.data(), self.space.step(0)))
    }

    /// The element at a position.
    pub fn at(&self, position: usize) -> *const u8 {
        let offset = match self.line() {
            Some((_, step)) => position as isize * step,
            None => self.space.offset(0, &self.space.cursor(position)),
        };
        self.array.data().wrapping_offset(offset * self.dtype().size() as isize)
    }

    /// Copies the `len` elements from position `start` on, each of which is read once.
    ///
    /// # Safety
    /// They are there, and `to` has room for them.
    pub unsafe fn read(&self, start: usize, len: usize, to: *mut u8) {
        debug_assert!(start + len <= self.len());
        if len == 0 {
            return;
        }
        let size = self.dtype().size();
        self.space.pieces(0, &self.space.cursor(start), len, |offset, done, count| {
            let from = self.array.data().wrapping_offset(offset * size as isize);
            // SAFETY: `pieces` gives places in the array and counts up to `len`.
            unsafe { moves::gather(self.dtype(), to.add(done * size), from, self.space.step(0), count) };
        });
    }
}

/// The elements of an array, to write.
pub(crate) struct ElementsMut<'a> {
    place: *mut u8,
    elements: Elements<'a>,
}

// SAFETY: a place in memory that is borrowed to be written; who writes from several threads writes to different places.
unsafe impl Sync for ElementsMut<'_> {}

impl<'a> ElementsMut<'a> {
    pub fn new(array: &'a mut ArrayMut<'_>) -> ElementsMut<'a> {
        ElementsMut { place: array.data().cast_mut(), elements: Elements::new(array) }
    }

    pub fn len(&self) -> usize {
        self.elements.len()
    }

    pub fn dtype(&self) -> DType {
        self.elements.dtype()
    }

    /// Where they are, to read.
    pub fn as_elements(&self) -> &Elements<'a> {
        &self.elements
    }

    /// The element at a position.
    pub fn at(&self, position: usize) -> *mut u8 {
        self.elements.at(position).cast_mut()
    }

    /// Writes the `len` elements from position `start` on.
    ///
    /// # Safety
    /// They are there, no other thread writes to them, and `from` has as many of the array's type.
    pub unsafe fn write(&self, start: usize, len: usize, from: *const u8) {
        debug_assert!(start + len <= self.len());
        if len == 0 {
            return;
        }
        let (size, space) = (self.dtype().size(), &self.elements.space);
        space.pieces(0, &space.cursor(start), len, |offset, done, count| {
            let to = self.place.wrapping_offset(offset * size as isize);
            // SAFETY: `pieces` gives places in the array and counts up to `len`.
            unsafe { moves::scatter(self.dtype(), to, space.step(0), from.add(done * size), count) };
        });
    }
}

/// Pieces of at most [`BLOCK`] that are `range`.
pub(crate) fn blocks(range: std::ops::Range<usize>) -> impl Iterator<Item = (usize, usize)> {
    let end = range.end;
    range.step_by(BLOCK).map(move |start| (start, BLOCK.min(end - start)))
}

/// The elements of an array as those of another type.
pub(crate) struct CastElements<'a> {
    elements: Elements<'a>,
    casts: Casts,
}

impl<'a> CastElements<'a> {
    pub fn new(array: &Array<'a>, dtype: DType) -> CastElements<'a> {
        CastElements { elements: Elements::new(array), casts: Casts::new(array.dtype(), dtype) }
    }

    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Reads the `len` elements from position `start` on, a block at most, and says in which of the blocks they are.
    ///
    /// # Safety
    /// They are there.
    pub unsafe fn read(&self, start: usize, len: usize, room: &mut [Block; 3]) -> *const u8 {
        let [raw, first, second] = room.each_mut().map(|block| block.as_mut_ptr().cast::<u8>());
        // SAFETY: the caller's promise; a block has room for as many elements of any type.
        unsafe {
            self.elements.read(start, len, raw);
            self.casts.run(raw, len, None, [first, second])
        }
    }
}
