//! The dot product.

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::{DType, Kind};
use crate::error::{Result, refuse};
use crate::field::{Field, Order};

use super::check_output;
use super::feed::{Feed, Map};
use super::finish::{Count, Finish, Last, Target};
use super::fold::{Fold, Op};
use super::options::{Options, Scalar};
use super::partials::{blocks_of, check_partials, write_blocks};
use super::tree::Tree;

/// The sum of the products of the elements of `a` and `b`, which have one type and one shape: NumPy's `vdot`.
///
/// It is made as a sum is: in float64 for floating-point numbers. That of integers wraps in their own type, and that of
/// booleans is whether both are true anywhere. Of the options it takes `range` and `threads`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for other types, shapes or options. [`crate::Error::OutOfMemory`].
pub fn dot(a: &Array<'_>, b: &Array<'_>, options: &Options<'_>) -> Result<Scalar> {
    check(a, b, options)?;
    let (mut a, mut b) = (*a, *b);
    if let Some(range) = &options.range {
        a = a.slice(0, range.clone())?;
        b = b.slice(0, range.clone())?;
    }
    let dtype = a.dtype();
    let is_float = dtype.kind() == Kind::Float;
    let fold = Fold::new(Op::Add, if is_float { DType::F64 } else { DType::I64 });
    Scalar::read(Scalar::widest(dtype), |mut cell| {
        let casts = Casts::through(fold.dtype, if is_float { DType::F64 } else { dtype }, cell.dtype());
        let target = Target::new(&mut cell, &Order::of_all(0), casts);
        let finish = Finish { fold: &fold, last: Last::Nothing, count: Count::Same(0), initial: None, target };
        if a.size() == 0 {
            finish.write_identities(1);
            return Ok(());
        }
        let with = Field::new(&b, &Order::of_all(b.rank()));
        tree(fold, &a, &with).run(&finish, options.threads)
    })
}

/// Writes the results of those blocks that begin in the range, as [`partials`](super::partials) does: float64 for
/// floating-point numbers, int64 or uint64 for integers. Their sum is the dot product to the bit, that of small integers
/// before it is wrapped.
///
/// # Errors
/// As [`dot`], and where `out` is not as said. Not for booleans.
pub fn dot_partials(mut out: ArrayMut<'_>, a: &Array<'_>, b: &Array<'_>, options: &Options<'_>) -> Result<()> {
    check(a, b, options)?;
    let dtype = Scalar::widest(a.dtype());
    if dtype == DType::Bool {
        return refuse("the blocks of a dot product of booleans have no results by themselves");
    }
    check_partials(&out, dtype, a)?;
    check_output(&out, dtype, [Some(a), Some(b), None])?;
    let blocks = blocks_of(a, options)?;
    if a.size() == 0 {
        return Ok(());
    }
    let fold = Fold::new(Op::Add, if dtype == DType::F64 { DType::F64 } else { DType::I64 });
    let with = Field::new(b, &Order::of_all(b.rank()));
    write_blocks(&tree(fold, a, &with), &mut out, fold.dtype, blocks, options)
}

fn check(a: &Array<'_>, b: &Array<'_>, options: &Options<'_>) -> Result<()> {
    if a.dtype() != b.dtype() {
        return refuse(format!("a dot product of {} and {}: cast one of them", a.dtype(), b.dtype()));
    }
    if a.shape() != b.shape() {
        return refuse(format!("a dot product of the shapes {:?} and {:?}", a.shape(), b.shape()));
    }
    if options.axes.is_some() || options.mask.is_some() || options.initial.is_some() {
        return refuse("a dot product takes no axes, mask or initial value");
    }
    Ok(())
}

fn tree<'a>(fold: Fold, a: &Array<'a>, b: &'a Field<'a>) -> Tree<'a> {
    let field = Field::new(a, &Order::of_all(a.rank()));
    let feed = Feed { field, casts: Casts::new(a.dtype(), fold.dtype), map: Map::Product(b), mask: None, count: None };
    Tree::new(fold, feed, a.size(), 1)
}
