//! Kernels over independent elements.

use tsdsm_kernels::elementwise::{Binary, Unary, axpy, binary, cast, clip, copy, fill, fma, select, unary};

use crate::kernels::table::Table;

/// Enters them. The families are named by the number of inputs.
pub fn register(table: &mut Table) {
    for op in Unary::ALL {
        table.writes("unary", op.name(), move |call| {
            let [a] = call.inputs([1])?;
            unary(op, call.out(0)?, &a, &call.elementwise()?)
        });
    }
    for op in Binary::ALL {
        table.writes("binary", op.name(), move |call| {
            let [a, b] = call.inputs([1, 2])?;
            binary(op, call.out(0)?, &a, &b, &call.elementwise()?)
        });
    }
    table.writes("unary", "copy", |call| {
        let [a] = call.inputs([1])?;
        copy(call.out(0)?, &a, &call.elementwise()?)
    });
    table.writes("unary", "cast", |call| cast(call.out(0)?, &call.input(1)?, &call.elementwise()?));
    table.writes("unary", "fill", |call| {
        let [value] = call.inputs([1])?;
        fill(call.out(0)?, &value, &call.elementwise()?)
    });
    table.writes("binary", "axpy", |call| {
        let [alpha, x] = call.inputs([1, 2])?;
        axpy(call.out(0)?, &alpha, &x, &call.elementwise()?)
    });
    table.writes("ternary", "fma", |call| {
        let [a, b, c] = call.inputs([1, 2, 3])?;
        fma(call.out(0)?, &a, &b, &c, &call.elementwise()?)
    });
    table.writes("ternary", "clip", |call| {
        let [a, low, high] = call.inputs([1, 2, 3])?;
        clip(call.out(0)?, &a, &low, &high, &call.elementwise()?)
    });
    table.writes("ternary", "where", |call| {
        let [condition] = call.inputs([1])?;
        let [a, b] = call.inputs([2, 3])?;
        select(call.out(0)?, &condition, &a, &b, &call.elementwise()?)
    });
}
