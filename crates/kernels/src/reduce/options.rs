//! What a reduction does, over what, and what comes of it.

use std::ops::Range;

use crate::array::{Array, ArrayMut, MAX_RANK, Shape};
use crate::dtype::{DType, Kind};
use crate::error::{Result, refuse};
use crate::field::Axes;
use crate::share::axis_of;
use crate::threads::Threads;

/// What a reduction makes of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reduction {
    /// Their sum: 0 of none.
    Sum,
    /// Their product: 1 of none.
    Prod,
    /// Their sum divided by their number: NaN of none.
    Mean,
    /// The mean of the squared distances from their mean, divided by their number less `ddof`.
    Var,
    /// The square root of `Var`.
    Std,
    /// The square root of the sum of their squares: NumPy's `linalg.norm` of a vector.
    Norm,
    /// The least; NaN if one of them is.
    Min,
    /// The greatest; NaN if one of them is.
    Max,
    /// The index of the first least one, or of the first NaN.
    Argmin,
    /// The index of the first greatest one, or of the first NaN.
    Argmax,
    /// Whether one of them is not 0: false of none.
    Any,
    /// Whether none of them is 0: true of none.
    All,
    /// How many of them are not 0.
    CountNonzero,
}

impl Reduction {
    /// Every reduction there is, in the order of their codes.
    pub const ALL: [Reduction; 13] = [
        Reduction::Sum,
        Reduction::Prod,
        Reduction::Mean,
        Reduction::Var,
        Reduction::Std,
        Reduction::Norm,
        Reduction::Min,
        Reduction::Max,
        Reduction::Argmin,
        Reduction::Argmax,
        Reduction::Any,
        Reduction::All,
        Reduction::CountNonzero,
    ];

    /// The reduction of this code: its place in [`Reduction::ALL`].
    pub fn from_code(code: u8) -> Option<Reduction> {
        Reduction::ALL.get(usize::from(code)).copied()
    }

    /// Its name in JavaScript.
    pub const fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Prod => "prod",
            Reduction::Mean => "mean",
            Reduction::Var => "var",
            Reduction::Std => "std",
            Reduction::Norm => "norm",
            Reduction::Min => "min",
            Reduction::Max => "max",
            Reduction::Argmin => "argmin",
            Reduction::Argmax => "argmax",
            Reduction::Any => "any",
            Reduction::All => "all",
            Reduction::CountNonzero => "countNonzero",
        }
    }

    /// The type of its results, as NumPy has it: sums and products of booleans and integers have 64 bits, the mean and its
    /// kin of them are float64, and floating-point types stay.
    pub const fn result_dtype(self, dtype: DType) -> DType {
        let kind = dtype.kind();
        match self {
            Reduction::Sum | Reduction::Prod => match kind {
                Kind::Bool | Kind::Signed => DType::I64,
                Kind::Unsigned => DType::U64,
                Kind::Float => dtype,
            },
            Reduction::Mean | Reduction::Var | Reduction::Std | Reduction::Norm => match kind {
                Kind::Float => dtype,
                _ => DType::F64,
            },
            Reduction::Min | Reduction::Max => dtype,
            Reduction::Any | Reduction::All => DType::Bool,
            Reduction::Argmin | Reduction::Argmax | Reduction::CountNonzero => DType::I64,
        }
    }

    pub(super) fn is_index(self) -> bool {
        matches!(self, Reduction::Argmin | Reduction::Argmax)
    }
}

/// A reduction to one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// A truth, or the least or greatest of some.
    Bool(bool),
    /// Of signed integers, and a sum or product of booleans.
    I64(i64),
    /// Of unsigned integers.
    U64(u64),
    /// Of floating-point numbers, and means. It is not rounded to the elements' type.
    F64(f64),
    /// An index, or a number of elements.
    Index(usize),
}

/// How to reduce.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// The axes to go over, all of them if `None`; a negative one counts from the end.
    pub axes: Option<&'a [isize]>,
    /// Indices of the input's first axis to go over, all of them if `None`. Where that axis stays, only those indices of
    /// `out` are written.
    pub range: Option<Range<usize>>,
    /// The elements to go over: those for which it is not 0. Of type bool or uint8; broadcast to the input's shape.
    pub mask: Option<Array<'a>>,
    /// A value that goes before the elements, for sum, prod, min and max: an array of rank 0 of the input's type.
    pub initial: Option<Array<'a>>,
    /// What is subtracted from the number of elements in var and std.
    pub ddof: f64,
    /// The threads to use. No result depends on them.
    pub threads: Threads,
}

impl Options<'_> {
    /// Which of `rank` axes are reduced.
    pub(super) fn axes(&self, rank: usize) -> Result<Axes> {
        let mut axes = Axes::default();
        let Some(wanted) = self.axes else {
            axes[..rank].fill(true);
            return Ok(axes);
        };
        for &axis in wanted {
            if std::mem::replace(&mut axes[axis_of(axis, rank)?], true) {
                return refuse(format!("the axis {axis} is there twice in {wanted:?}"));
            }
        }
        Ok(axes)
    }
}

/// The shape of a reduction's result: that of the input without the reduced axes.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] where an axis is not there, or there twice.
pub fn result_shape(shape: &Shape, axes: Option<&[isize]>) -> Result<Shape> {
    let reduced = Options { axes, ..Options::default() }.axes(shape.len())?;
    shape_of_kept(shape, &reduced)
}

pub(super) fn shape_of_kept(shape: &Shape, reduced: &Axes) -> Result<Shape> {
    let mut lengths = [0; MAX_RANK];
    let mut rank = 0;
    for axis in (0..shape.len()).filter(|&axis| !reduced[axis]) {
        lengths[rank] = shape[axis];
        rank += 1;
    }
    Shape::new(&lengths[..rank])
}

impl Scalar {
    /// The type in which a result of this type is one value: the widest of its kind.
    pub(super) fn widest(result: DType) -> DType {
        match result.kind() {
            Kind::Bool => DType::Bool,
            Kind::Signed => DType::I64,
            Kind::Unsigned => DType::U64,
            Kind::Float => DType::F64,
        }
    }

    /// What `write` writes into an array of rank 0, whose type is the widest of its kind.
    pub(super) fn read(dtype: DType, write: impl FnOnce(ArrayMut<'_>) -> Result<()>) -> Result<Scalar> {
        let mut cell = 0u64;
        // SAFETY: the cell has room for every type.
        write(unsafe { ArrayMut::from_raw((&raw mut cell).cast(), dtype, &[], &[]) }?)?;
        Ok(match dtype {
            DType::Bool => Scalar::Bool(cell.to_le_bytes()[0] != 0),
            DType::F64 => Scalar::F64(f64::from_bits(cell)),
            DType::U64 => Scalar::U64(cell),
            _ => Scalar::I64(cell as i64),
        })
    }
}
