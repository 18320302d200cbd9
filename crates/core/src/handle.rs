//! Arrays by handle: what `array.handle()` gives in JavaScript, mapped once more.
//!
//! ```
//! use tsdsm_core::array::{self, Spec};
//! use tsdsm_core::{dtype::DType, handle::Handle, name, segment, segment::Access};
//!
//! let name = name::array_segment(&format!("doc-handle-{}", std::process::id()), "A");
//! let array = array::create(&name, &Spec::new(DType::F32, vec![4, 3])?, 0o600)?;
//! // Rows 1 and 2 of it:
//! let handle = Handle { shape: vec![2, 3], offset: 3, ..Handle::of_segment(&name, &array) };
//! let view = handle.attach()?;
//! assert_eq!((view.shape(), view.strides()), (&[2, 3][..], &[3, 1][..]));
//! assert_eq!(view.data() as usize, view.array().data() as usize + 12);
//! segment::unlink(&name, Some(array.id))?;
//! # Ok::<(), tsdsm_core::Error>(())
//! ```

use std::path::PathBuf;

use crate::array::{self, ArrayMapping, Spec};
use crate::dtype::DType;
use crate::segment::Access;
use crate::{Error, Result};

/// Where a shared array is, and which part of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// The segment; not looked at where there is a file.
    pub segment: String,
    /// The `.npy` file, for an array that is mapped from one.
    pub file: Option<PathBuf>,
    /// Which segment or file it was, as [`crate::segment::FileId`] is written; another one of the same name is refused.
    pub id: Option<String>,
    /// Type and shape of the whole array.
    pub whole: Spec,
    /// The shape of the part.
    pub shape: Vec<u64>,
    /// Elements before its first one.
    pub offset: u64,
    /// Its strides, in elements; none where its elements lie one after the other.
    pub strides: Option<Vec<i64>>,
    /// How it is to be mapped.
    pub access: Access,
}

impl Handle {
    /// The handle of all of an array in a segment.
    pub fn of_segment(segment: &str, array: &ArrayMapping) -> Handle {
        Handle {
            segment: segment.to_owned(),
            file: None,
            id: Some(array.id.to_string()),
            whole: array.spec.clone(),
            shape: array.spec.shape().to_vec(),
            offset: 0,
            strides: None,
            access: Access::ReadWrite,
        }
    }

    /// Maps the array: some 10 µs. Without a cluster; whoever has it from JavaScript takes care that it is not used after
    /// the other side thinks it closed, by using it for one call only, or by a lock or barrier.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a part that does not lie within the whole, those of [`array::attach`], and
    /// [`Error::IncompatibleSegment`] where another array has its name now.
    pub fn attach(&self) -> Result<View> {
        let (shape, strides) = self.layout()?;
        let array = match &self.file {
            Some(path) => array::open_file(path, self.access)?,
            None => array::attach(&self.segment, self.access)?,
        };
        let same = self.id.as_ref().is_none_or(|id| *id == array.id.to_string());
        if !same || array.spec != self.whole {
            let reason = "it was deleted and made again since the handle was made; make a new handle".to_owned();
            return Err(Error::IncompatibleSegment { name: self.name(), reason });
        }
        Ok(View { array, shape, strides, offset: self.offset as usize })
    }

    fn name(&self) -> String {
        self.file.as_ref().map_or_else(|| self.segment.clone(), |path| path.display().to_string())
    }

    /// Shape and strides, for elements that all lie within the whole.
    fn layout(&self) -> Result<(Vec<usize>, Vec<isize>)> {
        let part = Spec::new(self.whole.dtype(), self.shape.clone())?;
        let strides = self.strides.clone().unwrap_or_else(|| in_order(&self.shape));
        if strides.len() != self.shape.len() || !self.lies_within(&part, &strides) {
            return Err(Error::InvalidArgument(format!(
                "a part of shape {:?} with strides {strides:?} at {} does not lie within shape {:?}",
                self.shape,
                self.offset,
                self.whole.shape()
            )));
        }
        // What lies within memory fits.
        Ok((self.shape.iter().map(|&n| n as usize).collect(), strides.iter().map(|&n| n as isize).collect()))
    }

    fn lies_within(&self, part: &Spec, strides: &[i64]) -> bool {
        if part.is_empty() {
            return self.offset <= self.whole.len();
        }
        // No sum overflows: lengths and strides have 64 bits, and there are few of them.
        let (mut first, mut last) = (i128::from(self.offset), i128::from(self.offset));
        for (&length, &stride) in self.shape.iter().zip(strides) {
            let reach = i128::from(length - 1) * i128::from(stride);
            if reach < 0 { first += reach } else { last += reach }
        }
        first >= 0 && last < i128::from(self.whole.len())
    }
}

/// The strides of elements that lie one after the other in C order. A shape that was checked has room for them.
fn in_order(shape: &[u64]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1) as i64;
    }
    strides
}

/// A part of an array, mapped as long as this lives.
#[derive(Debug, Clone)]
pub struct View {
    array: ArrayMapping,
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

impl View {
    /// The whole array, mapped.
    pub fn array(&self) -> &ArrayMapping {
        &self.array
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.array.spec.dtype()
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements from one index to the next along each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Is one of the lengths 0?
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// The first element, aligned for its type; there is none to read where the view is empty. Others may write to what
    /// it leads to: see [`crate::mapping::Mapping`].
    pub fn data(&self) -> *mut u8 {
        // SAFETY: the offset was checked to be within the data, or at its end where there is nothing to read.
        unsafe { self.array.data().add(self.offset * self.dtype().size()) }
    }
}

impl From<ArrayMapping> for View {
    /// All of it.
    fn from(array: ArrayMapping) -> View {
        // What is mapped fits.
        let shape: Vec<usize> = array.spec.shape().iter().map(|&n| n as usize).collect();
        let strides = in_order(array.spec.shape()).into_iter().map(|n| n as isize).collect();
        View { array, shape, strides, offset: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(shape: &[u64], offset: u64, strides: Option<&[i64]>) -> Handle {
        Handle {
            segment: "tsdsm.none.A".to_owned(),
            file: None,
            id: None,
            whole: Spec::new(DType::I16, vec![4, 3]).unwrap(),
            shape: shape.to_vec(),
            offset,
            strides: strides.map(<[i64]>::to_vec),
            access: Access::ReadWrite,
        }
    }

    #[test]
    fn parts_within_the_whole_are_taken() {
        for (shape, offset, strides) in [
            (&[4, 3][..], 0, None),
            (&[2, 3], 6, None),
            (&[], 11, None),
            (&[0, 3], 12, None),
            (&[3, 4], 0, Some(&[1, 3][..])),
            (&[12], 11, Some(&[-1])),
            (&[4, 3], 11, Some(&[-3, -1])),
            (&[1000], 5, Some(&[0])),
        ] {
            part(shape, offset, strides).layout().unwrap();
        }
        assert_eq!(part(&[2, 1, 3], 0, None).layout().unwrap().1, [3, 3, 1]);
    }

    #[test]
    fn parts_that_leave_the_whole_are_refused_before_anything_is_mapped() {
        for (shape, offset, strides) in [
            (&[4, 3][..], 1, None),
            (&[5, 3], 0, None),
            (&[], 12, None),
            (&[0], 13, None),
            (&[2], 0, Some(&[-1][..])),
            (&[2], 0, Some(&[12])),
            (&[2], 0, Some(&[i64::MAX])),
            (&[3], 0, Some(&[i64::MIN])),
            (&[1 << 52], 0, Some(&[1 << 62])),
            (&[2, 3], 0, Some(&[3])),
            (&[1], u64::MAX, None),
        ] {
            let refused = part(shape, offset, strides).attach().unwrap_err().to_string();
            assert!(refused.contains("does not lie within"), "{shape:?} {offset} {strides:?}: {refused}");
        }
    }
}
