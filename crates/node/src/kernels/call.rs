//! One call of a kernel: its operands as the kernels' arrays, its options as theirs.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::ops::Range;

use tsdsm_kernels::elementwise::Elementwise;
use tsdsm_kernels::{Array, ArrayMut, DType, Error, Result, Share, Threads};

use super::frame::{Frame, Kind, OPERANDS, WHERE};
use super::operand::Memory;

/// A call.
pub struct Call<'a> {
    frame: &'a Frame,
    memory: [Option<Memory>; OPERANDS],
    /// Operands that are scalars, as an element each.
    scalars: [Cell<u64>; OPERANDS],
}

impl<'a> Call<'a> {
    /// A call with these numbers and typed arrays.
    ///
    /// # Safety
    /// For all of `'a`, the elements are mapped; those that the kernel writes may be written.
    pub unsafe fn new(frame: &'a Frame, memory: [Option<Memory>; OPERANDS]) -> Call<'a> {
        Call { frame, memory, scalars: Default::default() }
    }

    /// The numbers.
    pub fn frame(&self) -> &Frame {
        self.frame
    }

    /// What is made of an operand that has to be an array: of its first element, its type, its shape and its strides.
    fn array<A>(
        &self,
        operand: usize,
        make: impl FnOnce(*mut u8, DType, &[usize], &[isize]) -> Result<A>,
    ) -> Result<A> {
        let Some(memory) = self.memory[operand] else {
            let which = if operand == WHERE { "where".into() } else { format!("operand {operand}") };
            return Err(Error::InvalidArgument(format!("{which} must be an array")));
        };
        if self.frame.is_flat(operand) {
            return make(memory.data, memory.dtype, &[memory.len], &[1]);
        }
        let place = self.frame.geometry(operand, memory.len)?;
        let first = memory.data.wrapping_add(place.offset * memory.dtype.size());
        make(first, memory.dtype, place.shape(), place.strides())
    }

    /// An operand that has to be an array.
    pub fn input(&self, operand: usize) -> Result<Array<'_>> {
        // SAFETY: all elements are inside the typed array, which the maker of this call vouches for.
        self.array(operand, |data, dtype, shape, strides| unsafe { Array::from_raw(data, dtype, shape, strides) })
    }

    /// An operand that the kernel writes.
    pub fn out(&self, operand: usize) -> Result<ArrayMut<'_>> {
        // SAFETY: as `input`; JavaScript passes here what may be written.
        self.array(operand, |data, dtype, shape, strides| unsafe { ArrayMut::from_raw(data, dtype, shape, strides) })
    }

    /// An operand that may be absent, but is no scalar.
    pub fn optional(&self, operand: usize) -> Result<Option<Array<'_>>> {
        if let Kind::None = self.frame.kind(operand) { Ok(None) } else { self.input(operand).map(Some) }
    }

    /// An operand that may be a scalar: then it becomes a single element of this type.
    pub fn input_as(&self, operand: usize, dtype: DType) -> Result<Array<'_>> {
        let Kind::Scalar(value) = self.frame.kind(operand) else {
            return self.input(operand);
        };
        let cell = &self.scalars[operand];
        cell.set(u64::from_ne_bytes(value.element(dtype)?));
        // SAFETY: one element, which lives as long as this call; no element is larger than the cell.
        unsafe { Array::from_raw(cell.as_ptr().cast_const().cast(), dtype, &[], &[]) }
    }

    /// Operands of which some may be scalars: those take the type of the first that is none, or else of `out`.
    pub fn inputs<const N: usize>(&self, operands: [usize; N]) -> Result<[Array<'_>; N]> {
        let arrays = operands.iter().chain(&[0]);
        let dtype = arrays.filter_map(|&operand| self.memory[operand]).map(|memory| memory.dtype).next();
        let dtype = dtype.ok_or_else(|| Error::InvalidArgument("out must be an array".into()))?;
        let mut inputs = [Array::from_slice::<u8>(&[]); N];
        for (input, operand) in inputs.iter_mut().zip(operands) {
            *input = self.input_as(operand, dtype)?;
        }
        Ok(inputs)
    }

    /// An operand that may be absent, or a scalar.
    pub fn optional_as(&self, operand: usize, dtype: DType) -> Result<Option<Array<'_>>> {
        if let Kind::None = self.frame.kind(operand) { Ok(None) } else { self.input_as(operand, dtype).map(Some) }
    }

    /// An operand that the kernel writes, if it is there.
    pub fn optional_out(&self, operand: usize) -> Result<Option<ArrayMut<'_>>> {
        if let Kind::None = self.frame.kind(operand) { Ok(None) } else { self.out(operand).map(Some) }
    }

    /// The elements of an operand that is a list of float64, once and for all.
    pub fn list(&self, operand: usize) -> Result<Vec<f64>> {
        let list = self.input(operand)?;
        if list.dtype() != DType::F64 || list.rank() != 1 || !list.is_contiguous() {
            return Err(Error::InvalidArgument("a list of numbers is float64, and contiguous".into()));
        }
        let first = list.as_ptr::<f64>();
        // SAFETY: within the list. Volatile, since others may write to it.
        Ok((0..list.size()).map(|i| unsafe { first.add(i).read_volatile() }).collect())
    }

    /// One of several, by the number at this place.
    pub fn choice<T: Copy>(&self, what: &str, number: usize, all: &[T]) -> Result<T> {
        let chosen = all.get(self.frame.count(what, number)?).copied();
        chosen.ok_or_else(|| Error::InvalidArgument(format!("there is no such {what}")))
    }

    /// The option `axis` of kernels that take one axis at most.
    pub fn axis(&self) -> Result<Option<isize>> {
        match self.frame.axes()?.as_deref() {
            None => Ok(None),
            Some([axis]) => Ok(Some(*axis)),
            Some(axes) => Err(Error::InvalidArgument(format!("one axis is taken, not {axes:?}"))),
        }
    }

    /// The options `threads`, `range` and `where`.
    pub fn elementwise(&self) -> Result<Elementwise<'_>> {
        Ok(Elementwise { threads: self.threads()?, range: self.range()?, mask: self.mask()? })
    }

    /// The options `threads` and `range`.
    pub fn share(&self) -> Result<Share> {
        Ok(Share { threads: self.threads()?, range: self.range()? })
    }

    /// The option `where`.
    pub fn mask(&self) -> Result<Option<Array<'_>>> {
        self.optional(WHERE)
    }

    /// The option `range`.
    pub fn range(&self) -> Result<Option<Range<usize>>> {
        self.frame.range()
    }

    /// The option `threads`.
    pub fn threads(&self) -> Result<Threads> {
        let refused = || Error::InvalidArgument("threads must be 1 or more".into());
        NonZeroUsize::new(self.frame.threads()?).map(Threads::new).ok_or_else(refused)
    }
}
