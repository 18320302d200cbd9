//! Shared arrays with elements of a type that the compiler knows.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::array::{ArrayMapping, Spec};
use crate::dtype::DType;
use crate::{Error, Result};

/// Types that the elements of a shared array can have in Rust.
///
/// # Safety
/// Every bit pattern is a value, of as many bytes as an element of [`Element::DTYPE`] has.
pub unsafe trait Element: Copy + Default + fmt::Debug + 'static {
    /// What an array of it is made of.
    const DTYPE: DType;
    /// What else can be read as it: booleans as `u8` (0 or 1), the bits of float16 as `u16`.
    const ALSO: Option<DType> = None;
    /// The atomic of that size.
    #[doc(hidden)]
    type Cell;

    #[doc(hidden)]
    fn load(cell: &Self::Cell) -> Self;
    #[doc(hidden)]
    fn store(self, cell: &Self::Cell);
}

macro_rules! elements {
    ($($type:ty: $dtype:ident $(or $also:ident)?, $cell:ty, $bits:ty;)*) => {$(
        // SAFETY: numbers of that size, for which all bits are valid.
        unsafe impl Element for $type {
            const DTYPE: DType = DType::$dtype;
            $(const ALSO: Option<DType> = Some(DType::$also);)?
            type Cell = $cell;

            fn load(cell: &$cell) -> Self {
                <$type>::from_ne_bytes(cell.load(Ordering::Relaxed).to_ne_bytes())
            }

            fn store(self, cell: &$cell) {
                cell.store(<$bits>::from_ne_bytes(self.to_ne_bytes()), Ordering::Relaxed);
            }
        }

        const _: () = assert!(size_of::<$type>() == DType::$dtype.size() && size_of::<$type>() == size_of::<$cell>());
    )*};
}

elements! {
    i8: I8, AtomicU8, u8;
    u8: U8 or Bool, AtomicU8, u8;
    i16: I16, AtomicU16, u16;
    u16: U16 or F16, AtomicU16, u16;
    i32: I32, AtomicU32, u32;
    u32: U32, AtomicU32, u32;
    f32: F32, AtomicU32, u32;
    i64: I64, AtomicU64, u64;
    u64: U64, AtomicU64, u64;
    f64: F64, AtomicU64, u64;
}

/// A shared array of `T`, in C order. It stays mapped, and can be read and written, as long as one of its copies lives,
/// also after the cluster's end.
///
/// Other processes may read and write the same elements at any moment. [`get`](SharedArray::get) and
/// [`set`](SharedArray::set) are safe all the same: each is one atomic access without any order; which of several comes
/// first a lock or a barrier has to say. For the speed of plain memory there are slices, under a contract.
///
/// ```
/// use tsdsm_core::array::{self, Spec};
/// use tsdsm_core::{dtype::DType, name, segment, shared_array::SharedArray};
///
/// let name = name::array_segment(&format!("doc-typed-{}", std::process::id()), "A");
/// let made = array::create(&name, &Spec::new(DType::F64, vec![2, 3])?, 0o600)?;
/// let id = made.id;
/// let array = SharedArray::<f64>::of(made)?;
/// array.set(5, 1.5);
/// assert_eq!((array.shape(), array.get(5)), (&[2, 3][..], 1.5));
/// // SAFETY: nobody else is at work on it.
/// assert_eq!(unsafe { array.as_slice() }.iter().sum::<f64>(), 1.5);
/// segment::unlink(&name, Some(id))?;
/// # Ok::<(), tsdsm_core::Error>(())
/// ```
pub struct SharedArray<T> {
    array: ArrayMapping,
    elements: PhantomData<T>,
}

// SAFETY: its memory is shared with other processes anyhow; safe code reaches it by atomics only.
unsafe impl<T: Element> Send for SharedArray<T> {}
// SAFETY: as above.
unsafe impl<T: Element> Sync for SharedArray<T> {}

impl<T: Element> SharedArray<T> {
    /// An array that is mapped.
    ///
    /// # Errors
    /// [`Error::IncompatibleSegment`] when it holds another type.
    pub fn of(array: ArrayMapping) -> Result<SharedArray<T>> {
        let dtype = array.spec.dtype();
        if dtype != T::DTYPE && Some(dtype) != T::ALSO {
            let (found, wanted) = (dtype.descr(), T::DTYPE.descr());
            let reason = format!("it holds {found}, not {wanted}: ask for it with the type that it was created with");
            return Err(Error::IncompatibleSegment { name: "the array".to_owned(), reason });
        }
        Ok(SharedArray { array, elements: PhantomData })
    }

    /// Type and shape.
    pub fn spec(&self) -> &Spec {
        &self.array.spec
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &[u64] {
        self.array.spec.shape()
    }

    /// Elements in all.
    pub fn len(&self) -> usize {
        self.array.spec.len() as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mapping.
    pub fn mapping(&self) -> &ArrayMapping {
        &self.array
    }

    /// The first element, aligned for `T`.
    pub fn as_ptr(&self) -> *mut T {
        self.array.data().cast()
    }

    /// Element `index` in C order.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn get(&self, index: usize) -> T {
        T::load(self.cell(index))
    }

    /// Another value for element `index` in C order.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn set(&self, index: usize, value: T) {
        value.store(self.cell(index));
    }

    /// All elements, as plain memory.
    ///
    /// # Safety
    /// As long as the slice is in use nobody writes to the array, in this process or another: a lock that all heed, or
    /// the phase between two barriers, has to see to that.
    pub unsafe fn as_slice(&self) -> &[T] {
        // SAFETY: so many elements are mapped, aligned, as long as `self`; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }

    /// All elements, as plain memory that can be written. A part of them: `split_at_mut` and its kin do not help between
    /// processes; take [`as_ptr`](SharedArray::as_ptr) and make a slice of this participant's part alone.
    ///
    /// # Safety
    /// As long as the slice is in use nobody else reads or writes the array, in this process or another, by this copy
    /// or another.
    #[allow(clippy::mut_from_ref, reason = "the caller vouches for it, as with every other process's reference")]
    pub unsafe fn as_mut_slice(&self) -> &mut [T] {
        // SAFETY: as in `as_slice`.
        unsafe { std::slice::from_raw_parts_mut(self.as_ptr(), self.len()) }
    }

    fn cell(&self, index: usize) -> &T::Cell {
        let len = self.len();
        assert!(index < len, "there is no element {index} among {len}");
        // SAFETY: in bounds, as just checked; an element is aligned to its size, and so is the atomic of that size, for
        // which all bits are valid.
        unsafe { &*self.as_ptr().add(index).cast::<T::Cell>() }
    }
}

impl<T> Clone for SharedArray<T> {
    fn clone(&self) -> Self {
        SharedArray { array: self.array.clone(), elements: PhantomData }
    }
}

impl<T> fmt::Debug for SharedArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dtype, shape) = (self.array.spec.dtype().descr(), self.array.spec.shape());
        f.debug_struct("SharedArray").field("dtype", &dtype).field("shape", &shape).finish_non_exhaustive()
    }
}
