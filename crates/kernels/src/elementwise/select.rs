//! One of two elements, as a third says.

use std::marker::PhantomData;

use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::Job;
use crate::elementwise::loops::Block;
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::isa::{Isa, Kernel};

/// `out = condition ? a : b`, NumPy's `where`. The condition may have any type: all but 0 is true.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] where `a` and `b` differ in type, `out` has a narrower kind of type, shapes do not
/// fit, and for overlap; nothing was written then.
pub fn select(
    out: ArrayMut<'_>,
    condition: &Array<'_>,
    a: &Array<'_>,
    b: &Array<'_>,
    options: &Elementwise<'_>,
) -> Result<()> {
    let dtype = a.dtype();
    if dtype != b.dtype() {
        return refuse(format!("where of {dtype} and {}: one of them has to be cast", b.dtype()));
    }
    if !dtype.can_store_into(out.dtype()) {
        return refuse(format!("a result of type {dtype} cannot be stored into {}", out.dtype()));
    }
    // Bytes are tested as they are.
    let tested = if condition.dtype().size() == 1 { condition.dtype() } else { DType::Bool };
    // SAFETY: a job's blocks are of the types that it names.
    let body = |block: &Block| with_size!(dtype, T => Isa::best().run_narrow(Select::<T>(block, PhantomData)));
    Job {
        out,
        inputs: &[condition, a, b],
        reads: &[tested, dtype, dtype],
        writes: [dtype, dtype],
        body: Some(&body),
        lines: None,
        ordered: false,
        weight: 1,
    }
    .run(options)
}

/// Only bytes move: one form for each size.
struct Select<'a, T>(&'a Block, PhantomData<T>);

impl<T: Copy> Kernel for Select<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Block { out, inputs: [condition, a, b], len, .. } = *self.0;
        let (out, a, b) = (out.cast::<T>(), a.cast::<T>(), b.cast::<T>());
        for i in 0..len {
            // SAFETY: within the block.
            unsafe {
                let (a, b) = (a.add(i).read(), b.add(i).read());
                out.add(i).write(std::hint::select_unpredictable(condition.add(i).read() != 0, a, b));
            }
        }
    }
}
