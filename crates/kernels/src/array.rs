//! Arrays as kernels see them: borrowed memory, an element type, a shape, and strides.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use crate::dtype::{DType, Element};
use crate::error::{Result, refuse};

/// The most axes that an array has.
pub const MAX_RANK: usize = 8;

/// Lengths of axes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    rank: u8,
    lengths: [usize; MAX_RANK],
}

impl Shape {
    /// These lengths.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] where there are more than [`MAX_RANK`], or more elements than memory can have.
    pub fn new(lengths: &[usize]) -> Result<Shape> {
        if lengths.len() > MAX_RANK {
            return refuse(format!("an array has at most {MAX_RANK} axes, not {}", lengths.len()));
        }
        // An axis of length 0 does not excuse the others.
        let size = lengths.iter().filter(|&&n| n > 0).try_fold(1usize, |size, &n| size.checked_mul(n));
        if size.is_none_or(|size| size > isize::MAX as usize / 8) {
            return refuse(format!("{lengths:?} is more than memory can have"));
        }
        let mut shape = Shape { rank: lengths.len() as u8, lengths: [1; MAX_RANK] };
        shape.lengths[..lengths.len()].copy_from_slice(lengths);
        Ok(shape)
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.iter().product()
    }

    /// The strides of an array of this shape in C order, in elements.
    pub fn strides(&self) -> [isize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..self.len()).rev() {
            strides[axis] = step;
            step *= self[axis].max(1) as isize;
        }
        strides
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.lengths[..usize::from(self.rank)]
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Elements in memory that kernels read. Other threads and processes may write to it meanwhile: then what is read is any
/// mixture of old and new bytes, and nothing worse.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    data: *const u8,
    dtype: DType,
    shape: Shape,
    strides: [isize; MAX_RANK],
    memory: PhantomData<&'a [u8]>,
}

// SAFETY: nothing but a borrowed place in memory, whose owner has promised that any thread may read it.
unsafe impl Send for Array<'_> {}
// SAFETY: as above.
unsafe impl Sync for Array<'_> {}

impl<'a> Array<'a> {
    /// The elements of a slice, along one axis.
    pub fn from_slice<T: Element>(elements: &'a [T]) -> Array<'a> {
        let shape = Shape { rank: 1, lengths: [elements.len(), 1, 1, 1, 1, 1, 1, 1] };
        Array { data: elements.as_ptr().cast(), dtype: T::DTYPE, strides: shape.strides(), shape, memory: PhantomData }
    }

    /// The elements of a slice in C order.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless the slice has as many elements as the shape.
    pub fn with_shape<T: Element>(elements: &'a [T], shape: &[usize]) -> Result<Array<'a>> {
        let shape = Shape::new(shape)?;
        if shape.size() != elements.len() {
            return refuse(format!("{} elements have not the shape {shape:?}", elements.len()));
        }
        Ok(Array { strides: shape.strides(), shape, ..Array::from_slice(elements) })
    }

    /// An array anywhere in memory. `data` is its first element; strides are in elements.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless `data` is aligned, and there is a stride for each axis.
    ///
    /// # Safety
    /// For all of `'a`, every element that shape and strides lead to lies in memory that is mapped and may be read.
    pub unsafe fn from_raw(data: *const u8, dtype: DType, shape: &[usize], strides: &[isize]) -> Result<Array<'a>> {
        let shape = Shape::new(shape)?;
        if strides.len() != shape.len() {
            return refuse(format!("{} axes need as many strides, not {}", shape.len(), strides.len()));
        }
        if !(data as usize).is_multiple_of(dtype.size()) {
            return refuse(format!("{dtype} elements lie at multiples of {} bytes", dtype.size()));
        }
        let mut all = [0; MAX_RANK];
        all[..strides.len()].copy_from_slice(strides);
        Ok(Array { data, dtype, shape, strides: all, memory: PhantomData })
    }

    /// Its first element.
    pub fn as_ptr<T: Element>(&self) -> *const T {
        debug_assert_eq!(self.dtype, T::DTYPE);
        self.data.cast()
    }

    /// Its first element, of whatever type.
    pub fn data(&self) -> *const u8 {
        self.data
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Elements from one index to the next along each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.len()]
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// Whether its elements lie one after the other in C order.
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            if self.shape[axis] != 1 && self.strides[axis] != step {
                return self.size() == 0;
            }
            step *= self.shape[axis] as isize;
        }
        true
    }

    /// The part at `range` of one axis.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless the axis is there and the range lies in it.
    pub fn slice(&self, axis: usize, range: Range<usize>) -> Result<Array<'a>> {
        let Some(&length) = self.shape.get(axis) else {
            return refuse(format!("there is no axis {axis} in the shape {:?}", self.shape));
        };
        if range.start > range.end || range.end > length {
            return refuse(format!("the range {range:?} does not lie in an axis of length {length}"));
        }
        let mut part = *self;
        part.shape.lengths[axis] = range.len();
        if range.start < length {
            let bytes = self.strides[axis] * (range.start * self.dtype.size()) as isize;
            part.data = self.data.wrapping_offset(bytes);
        }
        Ok(part)
    }

    /// Its axes in another order: axis i of the result is axis `order[i]` of it.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless `order` names each axis once.
    pub fn permute(&self, order: &[usize]) -> Result<Array<'a>> {
        let mut seen = [false; MAX_RANK];
        let fits = order.iter().all(|&axis| axis < self.rank() && !std::mem::replace(&mut seen[axis], true));
        if !fits || order.len() != self.rank() {
            return refuse(format!("{order:?} is no order of {} axes", self.rank()));
        }
        let mut turned = *self;
        for (i, &axis) in order.iter().enumerate() {
            turned.shape.lengths[i] = self.shape[axis];
            turned.strides[i] = self.strides[axis];
        }
        Ok(turned)
    }

    /// It as an array of `shape`: missing axes are put before its own, and axes of length 1 are repeated, as NumPy
    /// broadcasts.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] where the shapes do not fit.
    pub fn broadcast(&self, shape: &Shape) -> Result<Array<'a>> {
        if self.shape == *shape {
            return Ok(*self);
        }
        let mut wide = Array { shape: *shape, strides: [0; MAX_RANK], ..*self };
        let missing = shape.len().checked_sub(self.rank());
        let fits = missing.is_some_and(|missing| {
            (0..self.rank()).all(|axis| {
                let repeated = self.shape[axis] == 1;
                wide.strides[missing + axis] = if repeated { 0 } else { self.strides[axis] };
                repeated || self.shape[axis] == shape[missing + axis]
            })
        });
        if fits {
            Ok(wide)
        } else {
            refuse(format!("an array of shape {:?} does not broadcast to {shape:?}", self.shape))
        }
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} array of shape {:?} with strides {:?}", self.dtype, self.shape, self.strides())
    }
}

/// Elements in memory that kernels write.
///
/// It dereferences to the [`Array`] over the same memory.
#[derive(Debug)]
pub struct ArrayMut<'a>(Array<'a>, PhantomData<&'a mut [u8]>);

impl<'a> ArrayMut<'a> {
    /// The elements of a slice, along one axis.
    pub fn from_slice<T: Element>(elements: &'a mut [T]) -> ArrayMut<'a> {
        let data = elements.as_mut_ptr();
        ArrayMut(Array { data: data.cast(), ..Array::from_slice(elements) }, PhantomData)
    }

    /// The elements of a slice in C order.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless the slice has as many elements as the shape.
    pub fn with_shape<T: Element>(elements: &'a mut [T], shape: &[usize]) -> Result<ArrayMut<'a>> {
        let data = elements.as_mut_ptr();
        Ok(ArrayMut(Array { data: data.cast(), ..Array::with_shape(elements, shape)? }, PhantomData))
    }

    /// An array anywhere in memory. `data` is its first element; strides are in elements.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless `data` is aligned, and there is a stride for each axis.
    ///
    /// # Safety
    /// For all of `'a`, every element that shape and strides lead to lies in memory that is mapped and may be written.
    pub unsafe fn from_raw(data: *mut u8, dtype: DType, shape: &[usize], strides: &[isize]) -> Result<ArrayMut<'a>> {
        // SAFETY: the caller's promise.
        Ok(ArrayMut(unsafe { Array::from_raw(data, dtype, shape, strides) }?, PhantomData))
    }

    /// Its first element.
    pub fn as_mut_ptr<T: Element>(&mut self) -> *mut T {
        self.0.as_ptr::<T>().cast_mut()
    }

    /// The part at `range` of one axis.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless the axis is there and the range lies in it.
    pub fn slice(&mut self, axis: usize, range: Range<usize>) -> Result<ArrayMut<'_>> {
        Ok(ArrayMut(self.0.slice(axis, range)?, PhantomData))
    }

    /// Its axes in another order.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] unless `order` names each axis once.
    pub fn permute(&mut self, order: &[usize]) -> Result<ArrayMut<'_>> {
        Ok(ArrayMut(self.0.permute(order)?, PhantomData))
    }

    /// As [`ArrayMut::slice`], for as long as the whole was borrowed.
    ///
    /// # Errors
    /// As there.
    pub fn into_slice(self, axis: usize, range: Range<usize>) -> Result<ArrayMut<'a>> {
        Ok(ArrayMut(self.0.slice(axis, range)?, PhantomData))
    }

    /// As [`ArrayMut::permute`], for as long as the whole was borrowed.
    ///
    /// # Errors
    /// As there.
    pub fn into_permuted(self, order: &[usize]) -> Result<ArrayMut<'a>> {
        Ok(ArrayMut(self.0.permute(order)?, PhantomData))
    }

    /// The same place once more, for a shorter time.
    pub fn reborrow(&mut self) -> ArrayMut<'_> {
        ArrayMut(self.0, PhantomData)
    }
}

impl<'a> Deref for ArrayMut<'a> {
    type Target = Array<'a>;

    fn deref(&self) -> &Array<'a> {
        &self.0
    }
}
