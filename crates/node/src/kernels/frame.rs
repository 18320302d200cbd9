//! What a call says beside its typed arrays: numbers that JavaScript writes into memory of ours before it calls.
//!
//! Reading an options object or a list costs more than most kernels on a thousand elements. So each environment has one
//! frame: JavaScript fills it in by plain stores, and the call reads it. Nothing in it is trusted.

use std::ops::Range;

use napi_derive::napi;
use tsdsm_kernels::array::MAX_RANK;
use tsdsm_kernels::{Error, Result, WeakScalar};

/// The most operands that a kernel has, with `where`.
pub const OPERANDS: usize = 6;
/// Which of them is `where`.
pub const WHERE: usize = OPERANDS - 1;
/// The most numbers that a kernel has beside what all have.
const NUMBERS: usize = 32;

const KERNEL: usize = 0;
const THREADS: usize = 1;
const RANGE: usize = 2;
const AXES: usize = 4;
const FIRST_NUMBER: usize = AXES + 1 + MAX_RANK;
const FIRST_OPERAND: usize = FIRST_NUMBER + NUMBERS;

const KIND: usize = 0;
const RANK: usize = 1;
const OFFSET: usize = 2;
const VALUE: usize = 3;
const SHAPE: usize = 4;
const STRIDES: usize = SHAPE + MAX_RANK;
const OPERAND_LENGTH: usize = STRIDES + MAX_RANK;

/// 64-bit words of a frame.
pub const LENGTH: usize = FIRST_OPERAND + OPERANDS * OPERAND_LENGTH;

/// Kinds of operands above those that are dtypes' codes.
const NUMBER: u8 = 16;
const BIGINT: u8 = 17;
const NEGATIVE_BIGINT: u8 = 18;
const BOOLEAN: u8 = 19;

/// The rank that says: one axis, with all elements of the typed array.
const FLAT: f64 = -1.0;
/// Added to the rank where the strides are given; without, the elements are in C order.
const STRIDED: usize = 16;

/// Where in a frame things stand, in 64-bit words.
#[napi(object, object_from_js = false)]
pub struct KernelLayout {
    /// Words of a frame. They are doubles unless something else is said.
    pub length: u32,
    /// Which kernel: its place in `kernelTable()`.
    pub kernel: u32,
    /// The number of threads.
    pub threads: u32,
    /// Start and stop of the range; a start of -1 for none.
    pub range: u32,
    /// The number of axes, then the axes; -1 for none.
    pub axes: u32,
    /// The kernel's own numbers. A 64-bit integer is written as such.
    pub numbers: u32,
    /// How many of them there can be.
    pub number_count: u32,
    /// The first operand.
    pub operands: u32,
    /// From one operand to the next.
    pub operand_length: u32,
    /// How many operands there can be; the last is `where`.
    pub operand_count: u32,
    /// In an operand: a dtype's code for an array, or one of the kinds below; -1 for none.
    pub kind: u32,
    /// In an operand: the number of axes; `flat` for one axis with all elements of the typed array; `strided` is added
    /// where the strides are given, without which the elements are in C order.
    pub rank: u32,
    /// In an operand: elements of the typed array before the first one.
    pub offset: u32,
    /// In an operand: the value of a scalar; a bigint as 64 bits.
    pub value: u32,
    /// In an operand: lengths of the axes.
    pub shape: u32,
    /// In an operand: elements from one index to the next along each axis.
    pub strides: u32,
    /// A number, for an element type that is worked out from the other operands.
    pub number_kind: u32,
    /// A bigint of 0 or more, up to 64 bits.
    pub bigint_kind: u32,
    /// A negative bigint of up to 64 bits.
    pub negative_bigint_kind: u32,
    /// A boolean, as 0 or 1.
    pub boolean_kind: u32,
    /// Instead of a rank: see there.
    pub flat: i32,
    /// Added to a rank: see there.
    pub strided: u32,
    /// The most axes.
    pub max_rank: u32,
}

/// Where in a frame things stand.
#[napi(catch_unwind)]
pub fn kernel_layout() -> KernelLayout {
    KernelLayout {
        length: LENGTH as u32,
        kernel: KERNEL as u32,
        threads: THREADS as u32,
        range: RANGE as u32,
        axes: AXES as u32,
        numbers: FIRST_NUMBER as u32,
        number_count: NUMBERS as u32,
        operands: FIRST_OPERAND as u32,
        operand_length: OPERAND_LENGTH as u32,
        operand_count: OPERANDS as u32,
        kind: KIND as u32,
        rank: RANK as u32,
        offset: OFFSET as u32,
        value: VALUE as u32,
        shape: SHAPE as u32,
        strides: STRIDES as u32,
        number_kind: NUMBER.into(),
        bigint_kind: BIGINT.into(),
        negative_bigint_kind: NEGATIVE_BIGINT.into(),
        boolean_kind: BOOLEAN.into(),
        flat: FLAT as i32,
        strided: STRIDED as u32,
        max_rank: MAX_RANK as u32,
    }
}

/// One call's numbers.
#[derive(Clone)]
pub struct Frame([u64; LENGTH]);

impl Default for Frame {
    fn default() -> Self {
        Frame([0; LENGTH])
    }
}

/// What stands for an operand.
pub enum Kind {
    /// Nothing.
    None,
    /// An array of the element type with this code.
    Array(u8),
    /// A scalar.
    Scalar(WeakScalar),
}

/// Where an operand's elements lie in its typed array.
pub struct Geometry {
    rank: usize,
    shape: [usize; MAX_RANK],
    strides: [isize; MAX_RANK],
    /// Elements before the first one.
    pub offset: usize,
}

impl Geometry {
    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape[..self.rank]
    }

    /// Elements from one index to the next.
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.rank]
    }
}

impl Frame {
    /// Words, for JavaScript to write to.
    pub fn as_mut_ptr(&mut self) -> *mut u64 {
        self.0.as_mut_ptr()
    }

    fn double(&self, word: usize) -> f64 {
        f64::from_bits(self.0[word])
    }

    fn index(&self, what: &str, word: usize) -> Result<usize> {
        let value = self.double(word);
        // The cast cuts off and saturates, and NaN becomes 0: what comes back the same is an integer.
        let index = value as usize;
        if index as f64 == value && value < (1u64 << 53) as f64 {
            Ok(index)
        } else {
            Err(Error::InvalidArgument(format!("{what} must be an integer, 0 or more, not {value}")))
        }
    }

    fn signed(&self, what: &str, word: usize) -> Result<isize> {
        let value = self.double(word);
        let integer = value as isize;
        if integer as f64 == value && value.abs() < (1u64 << 53) as f64 {
            Ok(integer)
        } else {
            Err(Error::InvalidArgument(format!("{what} must be an integer, not {value}")))
        }
    }

    /// The kernel's place in the table.
    pub fn kernel(&self) -> usize {
        self.double(KERNEL) as usize
    }

    /// The number of threads.
    pub fn threads(&self) -> Result<usize> {
        self.index("threads", THREADS)
    }

    /// The part of the first axis that is to be computed.
    pub fn range(&self) -> Result<Option<Range<usize>>> {
        if self.double(RANGE) < 0.0 {
            return Ok(None);
        }
        Ok(Some(self.index("a range's start", RANGE)?..self.index("a range's stop", RANGE + 1)?))
    }

    /// The axes that are named, of which negative ones count from the last; none where none are.
    pub fn axes(&self) -> Result<Option<Vec<isize>>> {
        if self.double(AXES) < 0.0 {
            return Ok(None);
        }
        let count = self.index("the number of axes", AXES)?.min(MAX_RANK);
        (1..=count).map(|i| self.signed("an axis", AXES + i)).collect::<Result<_>>().map(Some)
    }

    /// One of the kernel's own numbers.
    pub fn number(&self, which: usize) -> f64 {
        self.double(FIRST_NUMBER + which)
    }

    /// One of the kernel's own numbers as an index or a count.
    pub fn count(&self, what: &str, which: usize) -> Result<usize> {
        self.index(what, FIRST_NUMBER + which)
    }

    /// One of the kernel's own numbers as 64 bits.
    pub fn word(&self, which: usize) -> u64 {
        self.0[FIRST_NUMBER + which]
    }

    fn of_operand(operand: usize, field: usize) -> usize {
        FIRST_OPERAND + operand * OPERAND_LENGTH + field
    }

    /// What an operand is.
    pub fn kind(&self, operand: usize) -> Kind {
        let kind = self.double(Frame::of_operand(operand, KIND));
        let value = Frame::of_operand(operand, VALUE);
        if kind < 0.0 {
            return Kind::None;
        }
        match kind as u8 {
            NUMBER => Kind::Scalar(WeakScalar::Number(self.double(value))),
            BIGINT => Kind::Scalar(WeakScalar::Integer(self.0[value].into())),
            NEGATIVE_BIGINT => Kind::Scalar(WeakScalar::Integer((self.0[value] as i64).into())),
            BOOLEAN => Kind::Scalar(WeakScalar::Boolean(self.double(value) != 0.0)),
            code => Kind::Array(code),
        }
    }

    /// Whether an operand has one axis, with all elements of its typed array.
    pub fn is_flat(&self, operand: usize) -> bool {
        self.double(Frame::of_operand(operand, RANK)) == FLAT
    }

    /// Where the elements of an operand that is not flat lie in a typed array of `len` elements; all of them are inside.
    pub fn geometry(&self, operand: usize, len: usize) -> Result<Geometry> {
        let rank = self.index("a rank", Frame::of_operand(operand, RANK))?;
        let strided = rank >= STRIDED;
        let rank = rank % STRIDED;
        let mut geometry = Geometry { rank, shape: [1; MAX_RANK], strides: [0; MAX_RANK], offset: 0 };
        if geometry.rank > MAX_RANK {
            return Err(Error::InvalidArgument(format!("kernels take at most {MAX_RANK} axes, not {}", geometry.rank)));
        }
        geometry.offset = self.index("an offset", Frame::of_operand(operand, OFFSET))?;
        let (mut lowest, mut highest) = (geometry.offset as i128, geometry.offset as i128);
        let mut step = 1i128;
        let mut is_empty = false;
        for axis in (0..geometry.rank).rev() {
            let length = self.index("the length of an axis", Frame::of_operand(operand, SHAPE + axis))?;
            let stride = if strided {
                self.signed("a stride", Frame::of_operand(operand, STRIDES + axis))? as i128
            } else {
                step
            };
            geometry.shape[axis] = length;
            geometry.strides[axis] = stride as isize;
            is_empty |= length == 0;
            let last = stride.saturating_mul(length.max(1) as i128 - 1);
            if last < 0 {
                lowest += last
            } else {
                highest = highest.saturating_add(last)
            };
            step = step.saturating_mul(length.max(1) as i128);
        }
        if is_empty {
            // No element is looked at, wherever the first would be.
            geometry.offset = 0;
            geometry.strides = [0; MAX_RANK];
        } else if lowest < 0 || highest >= len as i128 {
            return Err(Error::InvalidArgument(format!(
                "an operand of shape {:?} with strides {:?} from {} on does not lie in a typed array of {len} elements",
                geometry.shape(),
                geometry.strides(),
                geometry.offset
            )));
        }
        Ok(geometry)
    }
}
