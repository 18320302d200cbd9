//! Arrays.

use std::ffi::{CString, c_char, c_void};

use tsdsm_core::array::Spec;
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{Named, Placement};
use tsdsm_core::segment::Access;

use crate::cluster::ClusterHandle;
use crate::status::{Status, check, give, known, status_of};
use crate::text::text;

/// A shared array that is mapped. It stays mapped when the cluster is left, and when it ends.
pub struct ArrayHandle {
    named: Named,
    dtype: CString,
}

impl ArrayHandle {
    fn new(named: Named) -> *mut ArrayHandle {
        let dtype = CString::new(named.array.spec.dtype().descr()).unwrap_or_default();
        Box::into_raw(Box::new(ArrayHandle { named, dtype }))
    }
}

/// Maps the array `name`. `read_only`: what is written through this mapping stays in it. `*array` is to be given to
/// tsdsm_array_close().
///
/// # Safety
/// `cluster` comes from tsdsm_join(), `name` ends in NUL, and there is room at `array`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_attach(
    cluster: *const ClusterHandle,
    name: *const c_char,
    read_only: bool,
    array: *mut *mut ArrayHandle,
) -> Status {
    status_of(|| {
        check(array, "the array")?;
        // SAFETY: the caller's promise.
        let (cluster, name) = unsafe { (known(cluster, "the cluster")?, text(name, "an array's name")?) };
        let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
        // SAFETY: the caller's promise.
        unsafe { give(array, ArrayHandle::new(cluster.0.attach_array(name, access)?)) };
        Ok(())
    })
}

/// Makes the array `name`, of zeros, for all participants; it goes with the cluster. `dtype` is NumPy's name of it
/// ("float64") or what NumPy has in files ("<f8"); `shape` has `ndim` lengths, and may be null where that is 0. Takes
/// about 0.3 s per GiB. `*array` is to be given to tsdsm_array_close().
///
/// # Safety
/// `cluster` comes from tsdsm_join(), `name` and `dtype` end in NUL, `shape` has `ndim` elements, and there is room at
/// `array`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_create(
    cluster: *const ClusterHandle,
    name: *const c_char,
    dtype: *const c_char,
    shape: *const u64,
    ndim: usize,
    array: *mut *mut ArrayHandle,
) -> Status {
    status_of(|| {
        check(array, "the array")?;
        // SAFETY: the caller's promise.
        let (cluster, name, dtype) =
            unsafe { (known(cluster, "the cluster")?, text(name, "an array's name")?, text(dtype, "a dtype")?) };
        let lengths = match ndim {
            0 => Vec::new(),
            _ => {
                check(shape, "the shape")?;
                // SAFETY: the caller's promise.
                unsafe { std::slice::from_raw_parts(shape, ndim) }.to_vec()
            }
        };
        let spec = Spec::new(DType::parse(dtype)?, lengths)?;
        let placement = Placement { mode: cluster.0.control().mode()?, file: None, persist: false };
        let made = cluster.0.create_array(name, &spec, &placement)?;
        // SAFETY: the caller's promise.
        unsafe { give(array, ArrayHandle::new(made)) };
        Ok(())
    })
}

/// Takes an array's name away. Whoever has it mapped keeps the memory.
///
/// # Safety
/// `cluster` comes from tsdsm_join(), and `name` ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_delete(cluster: *const ClusterHandle, name: *const c_char) -> Status {
    status_of(|| {
        // SAFETY: the caller's promise.
        let (cluster, name) = unsafe { (known(cluster, "the cluster")?, text(name, "an array's name")?) };
        cluster.0.delete_array(name)
    })
}

/// The first element; the others follow in C order. Other processes may read and write them at any time: a lock or a
/// barrier has to say whose turn it is.
///
/// # Safety
/// `array` comes from tsdsm_array_attach() or tsdsm_array_create(); so for all that follow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_data(array: *const ArrayHandle) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { array.as_ref() }.map_or(std::ptr::null_mut(), |array| array.named.array.data().cast())
}

/// The type of the elements as NumPy has it in files: "<f8" for float64, "|u1" for uint8.
///
/// # Safety
/// As tsdsm_array_data().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_dtype(array: *const ArrayHandle) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { array.as_ref() }.map_or(std::ptr::null(), |array| array.dtype.as_ptr())
}

/// How many axes it has.
///
/// # Safety
/// As tsdsm_array_data().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_ndim(array: *const ArrayHandle) -> usize {
    // SAFETY: the caller's promise.
    unsafe { array.as_ref() }.map_or(0, |array| array.named.array.spec.shape().len())
}

/// The lengths of its axes: as many as tsdsm_array_ndim() says. Valid as long as the array.
///
/// # Safety
/// As tsdsm_array_data().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_shape(array: *const ArrayHandle) -> *const u64 {
    // SAFETY: the caller's promise.
    unsafe { array.as_ref() }.map_or(std::ptr::null(), |array| array.named.array.spec.shape().as_ptr())
}

/// Bytes of all elements.
///
/// # Safety
/// As tsdsm_array_data().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_bytes(array: *const ArrayHandle) -> usize {
    // SAFETY: the caller's promise.
    unsafe { array.as_ref() }.map_or(0, |array| array.named.array.bytes())
}

/// Whether what is written through this mapping stays in it.
///
/// # Safety
/// As tsdsm_array_data().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_is_read_only(array: *const ArrayHandle) -> bool {
    // SAFETY: the caller's promise.
    unsafe { array.as_ref() }.is_some_and(|array| array.named.access == Access::ReadOnly)
}

/// Unmaps it. Its elements must not be touched any more through this mapping. Null does nothing.
///
/// # Safety
/// `array` comes from tsdsm_array_attach() or tsdsm_array_create() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_array_close(array: *mut ArrayHandle) {
    if !array.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(array) });
    }
}
