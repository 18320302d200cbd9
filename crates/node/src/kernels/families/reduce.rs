//! Reductions and scans.

use napi::Env;
use napi_derive::napi;
use tsdsm_kernels::reduce::{
    Options, Reduction, Scalar, dot, dot_partials, partials, partials_dtype, partials_len, reduce, reduce_into,
};
use tsdsm_kernels::scan::{Scan, scan};
use tsdsm_kernels::{Array, DType, Result};

use crate::args::integer;
use crate::error::invalid;
use crate::kernels::answer::Answer;
use crate::kernels::call::Call;
use crate::kernels::table::Table;

/// Which of a reduction's numbers is `ddof`.
const DDOF: usize = 0;
/// Which of the numbers of `partials` is the reduction, and which the centre.
const OP: usize = 1;
const CENTRE: usize = 2;

/// Enters them. The output, the input, and an initial value; without an output the answer is the value.
pub fn register(table: &mut Table) {
    for op in Reduction::ALL {
        let reduction = table.answers("reduction", op.name(), 1, move |call| {
            let a = call.input(1)?;
            let axes = call.frame().axes()?;
            let options = options(call, &a, axes.as_deref())?;
            match call.optional_out(0)? {
                Some(out) => reduce_into(op, out, &a, &options).map(|()| Answer::Nothing),
                None => reduce(op, &a, &options).map(answer),
            }
        });
        reduction.tell_results(|dtype| op.result_dtype(dtype));
    }
    for op in Scan::ALL {
        table.writes("scan", op.name(), move |call| {
            scan(op, call.out(0)?, &call.input(1)?, call.axis()?, &call.share()?)
        });
    }
    table.answers("dot", "dot", 0, |call| {
        let [a, b] = call.inputs([0, 1])?;
        dot(&a, &b, &options(call, &a, None)?).map(answer)
    });
    table.writes("partials", "partials", |call| {
        let op = call.choice("reduction", OP, &Reduction::ALL)?;
        let a = call.input(1)?;
        partials(op, call.out(0)?, &a, call.frame().number(CENTRE), &options(call, &a, None)?)
    });
    table.writes("dotPartials", "dotPartials", |call| {
        let [a, b] = call.inputs([1, 2])?;
        let options = Options { range: call.range()?, threads: call.threads()?, ..Options::default() };
        dot_partials(call.out(0)?, &a, &b, &options)
    });
}

/// What an array of the results of blocks has to be.
#[napi(object, object_from_js = false)]
pub struct KernelPartials {
    /// Its number of elements.
    pub length: f64,
    /// The code of its element type.
    pub dtype: u32,
}

/// What the array for the results of the blocks of so many elements of a type has to be.
#[napi(catch_unwind)]
pub fn kernel_partials(env: &Env, reduction: f64, dtype: f64, size: f64) -> napi::Result<KernelPartials> {
    let op = Reduction::from_code(integer(env, "a reduction", reduction, 0..=u8::MAX.into())? as u8);
    let dtype = DType::from_code(integer(env, "an element type", dtype, 0..=u8::MAX.into())? as u8);
    let (Some(op), Some(dtype)) = (op, dtype) else {
        return Err(invalid(env, "there is no such reduction or element type"));
    };
    let size = integer(env, "a size", size, 0..=1 << 53)? as usize;
    Ok(KernelPartials { length: partials_len(size) as f64, dtype: partials_dtype(op, dtype) as u32 })
}

fn options<'a>(call: &'a Call<'_>, a: &Array<'_>, axes: Option<&'a [isize]>) -> Result<Options<'a>> {
    Ok(Options {
        axes,
        range: call.range()?,
        mask: call.mask()?,
        initial: call.optional_as(2, a.dtype())?,
        ddof: call.frame().number(DDOF),
        threads: call.threads()?,
    })
}

fn answer(value: Scalar) -> Answer {
    match value {
        Scalar::Bool(truth) => Answer::Truth(truth),
        Scalar::I64(integer) => Answer::Signed(integer),
        Scalar::U64(integer) => Answer::Unsigned(integer),
        Scalar::F64(number) => Answer::Number(number),
        Scalar::Index(index) => Answer::Unsigned(index as u64),
    }
}
