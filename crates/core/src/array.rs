//! Arrays: each a `.npy` file, in shared memory or anywhere else, mapped.
//!
//! ```
//! use tsdsm_core::array::{self, Spec};
//! use tsdsm_core::{dtype::DType, name, segment, segment::Access};
//!
//! let name = name::array_segment(&format!("doc-{}", std::process::id()), "A");
//! let ours = array::create(&name, &Spec::new(DType::F64, vec![2, 3])?, 0o600)?;
//! // In this process or in another:
//! let theirs = array::attach(&name, Access::ReadWrite)?;
//! assert_eq!(theirs.spec.shape(), [2, 3]);
//! // SAFETY: six elements, and nobody else at work; with others, a lock or a barrier has to say whose turn it is.
//! unsafe {
//!     ours.data().cast::<f64>().add(5).write(1.5);
//!     assert_eq!(theirs.data().cast::<f64>().add(5).read(), 1.5);
//! }
//! segment::unlink(&name, Some(ours.id))?;
//! # Ok::<(), tsdsm_core::Error>(())
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::dtype::DType;
use crate::mapping::Mapping;
use crate::name;
use crate::npy::{self, DATA_OFFSET};
use crate::segment::{self, Access, Draft, FileId, Opened};
use crate::{Error, Result};

/// The most dimensions that an array can have: what every NumPy takes.
pub const MAX_DIMS: usize = 32;
/// The longest that one dimension can be: every length is exact in a double, JavaScript's number.
pub const MAX_EXTENT: u64 = (1 << 53) - 1;
/// The largest that the data can be in bytes: with any header still within `isize`.
const MAX_BYTES: u64 = i64::MAX as u64 - (1 << 17);

/// Type and shape of an array in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    dtype: DType,
    shape: Vec<u64>,
    len: u64,
}

impl Spec {
    /// Checks a shape: up to [`MAX_DIMS`] lengths (none for a single value; a 0 makes it empty) of up to
    /// [`MAX_EXTENT`], whose product in bytes is below 2^63.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that says what is wrong.
    pub fn new(dtype: DType, shape: Vec<u64>) -> Result<Spec> {
        if shape.len() > MAX_DIMS {
            let found = shape.len();
            return Err(Error::InvalidArgument(format!("the shape has {found} dimensions; there can be {MAX_DIMS}")));
        }
        if let Some(extent) = shape.iter().find(|&&extent| extent > MAX_EXTENT) {
            return Err(Error::InvalidArgument(format!("the shape holds {extent}; a length can be up to 2^53 - 1")));
        }
        // Lengths beside a 0 are held to the same limit, as in NumPy.
        let bytes = shape.iter().filter(|&&extent| extent != 0).try_fold(dtype.size() as u64, |n, &m| n.checked_mul(m));
        match bytes {
            Some(bytes) if bytes <= MAX_BYTES => {
                let len = if shape.contains(&0) { 0 } else { bytes / dtype.size() as u64 };
                Ok(Spec { dtype, shape, len })
            }
            _ => Err(Error::InvalidArgument(format!("the shape {shape:?} has more bytes than there are addresses"))),
        }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Elements.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Is one of the lengths 0?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of data.
    pub fn bytes(&self) -> u64 {
        self.len * self.dtype.size() as u64
    }
}

/// An array that is mapped.
#[derive(Debug, Clone)]
pub struct ArrayMapping {
    /// The whole file, header and data.
    pub mapping: Arc<Mapping>,
    /// Where the data begins in it.
    pub offset: usize,
    /// Type and shape.
    pub spec: Spec,
    /// Which file it is.
    pub id: FileId,
}

impl ArrayMapping {
    /// The first element, aligned for its type; there is none to read where the array is empty.
    pub fn data(&self) -> *mut u8 {
        // SAFETY: the offset was checked to be within the mapping, or at its end where there is no data.
        unsafe { self.mapping.as_ptr().add(self.offset) }
    }

    /// Bytes of data.
    pub fn bytes(&self) -> usize {
        self.mapping.len() - self.offset
    }
}

/// Makes an array of zeros in a new segment, all of it allocated: about 0.3 s per GiB.
///
/// # Errors
/// Those of [`Draft::new`] and [`Draft::publish`]; nothing is left behind.
pub fn create(segment: &str, spec: &Spec, mode: u32) -> Result<ArrayMapping> {
    draft(segment, spec, mode)?.publish()
}

/// Makes an array of zeros in a new `.npy` file, which stays when everybody is gone. It is complete, and its storage
/// allocated, when it appears under its name. What is written to it reaches the disk when the system likes.
///
/// # Errors
/// [`Error::NameExists`], [`Error::NotFound`] without the folder, [`Error::OutOfSharedMemory`] where the file system
/// lacks the room, [`Error::Unsupported`] where it is read-only or cannot share mapped files. Nothing is left behind.
pub fn create_file(path: &Path, spec: &Spec, mode: u32) -> Result<ArrayMapping> {
    draft_file(path, spec, mode)?.publish()
}

/// An array that nobody else sees yet. Dropped unpublished it is gone.
pub(crate) struct Unpublished {
    draft: Draft,
    spec: Spec,
}

/// The first part of [`create`], which takes all of its time.
pub(crate) fn draft(segment: &str, spec: &Spec, mode: u32) -> Result<Unpublished> {
    Ok(Unpublished::new(Draft::new(segment, file_len(spec)?, mode)?, spec))
}

/// The first part of [`create_file`].
pub(crate) fn draft_file(path: &Path, spec: &Spec, mode: u32) -> Result<Unpublished> {
    Ok(Unpublished::new(Draft::in_file(path, file_len(spec)?, mode)?, spec))
}

impl Unpublished {
    fn new(draft: Draft, spec: &Spec) -> Unpublished {
        let header = npy::encode(spec);
        // SAFETY: a draft's mapping is at least a page, and nobody else has it before it is published.
        unsafe { std::ptr::copy_nonoverlapping(header.as_ptr(), draft.mapping().as_ptr(), header.len()) }
        Unpublished { draft, spec: spec.clone() }
    }

    /// Which file it is.
    pub(crate) fn id(&self) -> FileId {
        self.draft.id()
    }

    /// The file's size in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.draft.mapping().len() as u64
    }

    /// Gives it its name.
    pub(crate) fn publish(self) -> Result<ArrayMapping> {
        let published = self.draft.publish()?;
        Ok(ArrayMapping { mapping: published.mapping, offset: DATA_OFFSET, spec: self.spec, id: published.id })
    }
}

/// Attaches the array in a segment: one of ours, or one that NumPy's `open_memmap` made.
///
/// # Errors
/// [`Error::InvalidArgument`] for a name that no segment has, [`Error::NotFound`], [`Error::IncompatibleSegment`] where
/// it is truncated or no array of numbers in C order. Nothing has been changed or unlinked then.
pub fn attach(segment: &str, access: Access) -> Result<ArrayMapping> {
    name::check_segment(segment)?;
    open(segment, &segment::path(segment), access, false)
}

/// Maps an existing `.npy` file, wherever it is. Writes reach the file (and everybody who maps it), unless the access is
/// read-only. Whoever shortens the file while it is mapped makes the next touch of the lost part a SIGBUS.
///
/// # Errors
/// As [`attach`].
pub fn open_file(path: &Path, access: Access) -> Result<ArrayMapping> {
    open(&path.display().to_string(), path, access, true)
}

fn file_len(spec: &Spec) -> Result<usize> {
    usize::try_from(DATA_OFFSET as u64 + spec.bytes())
        .map_err(|_| Error::InvalidArgument(format!("the shape {:?} is too large for this machine", spec.shape)))
}

fn open(name: &str, path: &Path, access: Access, follow: bool) -> Result<ArrayMapping> {
    segment::retry(name, || {
        let opened = Opened::open(name, path, access, follow)?;
        let header = npy::read(&opened.file, opened.len as u64)
            .map_err(|source| Error::System { call: format!("read {}", path.display()), source })?
            .map_err(|reason| Error::IncompatibleSegment { name: name.into(), reason })?;
        // The descriptor is closed here: thousands of arrays must not cost thousands of descriptors.
        Ok(opened.map_if_current()?.map(|attached| ArrayMapping {
            mapping: attached.mapping,
            offset: header.offset,
            spec: header.spec,
            id: attached.id,
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_counts_its_elements_and_bytes() {
        let count =
            |dtype, shape: &[u64]| Spec::new(dtype, shape.to_vec()).map(|spec| (spec.len(), spec.bytes())).unwrap();
        assert_eq!(count(DType::F64, &[]), (1, 8));
        assert_eq!(count(DType::I16, &[3, 5]), (15, 30));
        assert_eq!(count(DType::I16, &[3, 0, 5]), (0, 0));
        assert_eq!(count(DType::U8, &[MAX_EXTENT]), (MAX_EXTENT, MAX_EXTENT));
    }

    #[test]
    fn shapes_that_no_memory_holds_are_refused() {
        for (shape, words) in [
            (vec![MAX_EXTENT + 1], "2^53"),
            (vec![1 << 32, 1 << 32], "more bytes"),
            (vec![1 << 32, 1 << 28], "more bytes"),
            (vec![0, 1 << 52, 1 << 52], "more bytes"),
            (vec![1; MAX_DIMS + 1], "33 dimensions"),
        ] {
            let refused = Spec::new(DType::F64, shape.clone()).unwrap_err().to_string();
            assert!(refused.contains(words), "{shape:?}: {refused}");
        }
    }
}
