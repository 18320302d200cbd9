//! Sorting, and elements at indices.

use tsdsm_kernels::elementwise::Binary;
use tsdsm_kernels::gather::{Accumulation, combine_at, put, scatter_add, take};
use tsdsm_kernels::sort::{argsort, sort};

use crate::kernels::table::Table;

/// Enters them.
pub fn register(table: &mut Table) {
    table.writes("sort", "sort", |call| {
        let a = call.input(1)?;
        sort(call.out(0)?, &a, call.axis()?.unwrap_or(-1), &call.share()?)
    });
    table.writes("sort", "argsort", |call| {
        let a = call.input(1)?;
        argsort(call.out(0)?, &a, call.axis()?.unwrap_or(-1), &call.share()?)
    });
    table.writes("gather", "take", |call| {
        take(call.out(0)?, &call.input(1)?, &call.input(2)?, call.axis()?, &call.share()?)
    });
    table.writes("gather", "put", |call| {
        let out = call.out(0)?;
        let values = call.input_as(2, out.dtype())?;
        put(out, &call.input(1)?, &values, call.axis()?, &call.share()?)
    });
    for (name, accumulation) in [("scatterAdd", Accumulation::Ordered), ("atomicAdd", Accumulation::Atomic)] {
        table.writes("scatter", name, move |call| {
            let out = call.out(0)?;
            let values = call.input_as(2, out.dtype())?;
            scatter_add(out, &call.input(1)?, &values, accumulation, &call.share()?)
        });
    }
    table.writes("combine", "combineAt", |call| {
        let op = call.choice("an operation", 0, &Binary::ALL)?;
        let [a, b] = call.inputs([1, 2])?;
        combine_at(op, call.out(0)?, &a, &b, &call.input(3)?, &call.share()?)
    });
}
