//! Elements between a block in the cache and wherever they lie. Only bytes move, so there is one form for each size.

use crate::dtype::DType;

/// Runs an expression with `$T` standing for the unsigned integer of the size of a [`DType`].
macro_rules! with_size {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $T = u8;
                $body
            }
            2 => {
                type $T = u16;
                $body
            }
            4 => {
                type $T = u32;
                $body
            }
            _ => {
                type $T = u64;
                $body
            }
        }
    };
}
pub(crate) use with_size;

/// Copies `len` elements that lie `step` elements apart to one after the other.
///
/// # Safety
/// All of them may be read, `to` may be written, and they do not overlap.
pub(crate) unsafe fn gather(dtype: DType, to: *mut u8, from: *const u8, step: isize, len: usize) {
    with_size!(dtype, T => {
        let (to, from) = (to.cast::<T>(), from.cast::<T>());
        // SAFETY: the caller's promise.
        unsafe {
            match step {
                1 => to.copy_from_nonoverlapping(from, len),
                0 => repeat(to, from.read(), len),
                _ => (0..len).for_each(|i| to.add(i).write(from.offset(i as isize * step).read())),
            }
        }
    });
}

/// Copies `len` elements that lie one after the other to `step` elements apart.
///
/// # Safety
/// As for [`gather`].
pub(crate) unsafe fn scatter(dtype: DType, to: *mut u8, step: isize, from: *const u8, len: usize) {
    with_size!(dtype, T => {
        let (to, from) = (to.cast::<T>(), from.cast::<T>());
        // SAFETY: the caller's promise.
        unsafe {
            match step {
                1 => to.copy_from_nonoverlapping(from, len),
                _ => (0..len).for_each(|i| to.offset(i as isize * step).write(from.add(i).read())),
            }
        }
    });
}

/// Copies those of `len` elements for which the mask's byte is not 0; the others' places are not touched.
///
/// # Safety
/// As for [`gather`]; `mask` has `len` bytes.
pub(crate) unsafe fn scatter_where(
    dtype: DType,
    to: *mut u8,
    step: isize,
    from: *const u8,
    mask: *const u8,
    len: usize,
) {
    with_size!(dtype, T => {
        let (to, from) = (to.cast::<T>(), from.cast::<T>());
        for i in 0..len {
            // SAFETY: the caller's promise.
            unsafe {
                if mask.add(i).read() != 0 {
                    to.offset(i as isize * step).write(from.add(i).read());
                }
            }
        }
    });
}

/// Writes the element at `from` to all `len` places of a block that begins with it or lies elsewhere.
///
/// # Safety
/// `from` may be read, and `to` may be written.
pub(crate) unsafe fn fill(dtype: DType, to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    with_size!(dtype, T => unsafe { repeat(to.cast::<T>(), from.cast::<T>().read(), len) });
}

unsafe fn repeat<T: Copy>(to: *mut T, value: T, len: usize) {
    for i in 0..len {
        // SAFETY: the caller's promise.
        unsafe { to.add(i).write(value) };
    }
}
