//! Sorting and searching, and elements at indices.

use tsdsm_kernels::elementwise::Binary;
use tsdsm_kernels::gather::{Accumulation, combine_at, put, scatter_add, take};
use tsdsm_kernels::histogram::{Bins, bin_edges, bincount, histogram};
use tsdsm_kernels::quantile::{median, partition, quantile};
use tsdsm_kernels::search::{Side, searchsorted};
use tsdsm_kernels::sort::{argsort, sort};
use tsdsm_kernels::unique::{Details, unique};
use tsdsm_kernels::{DType, Error, Result};

use crate::kernels::answer::Answer;
use crate::kernels::table::Table;

/// Enters them.
pub fn register(table: &mut Table) {
    sorting(table);
    at_indices(table);
    counting(table);
}

fn sorting(table: &mut Table) {
    table.writes("sort", "sort", |call| {
        let a = call.input(1)?;
        sort(call.out(0)?, &a, call.axis()?.unwrap_or(-1), &call.share()?)
    });
    table.writes("sort", "argsort", |call| {
        let a = call.input(1)?;
        argsort(call.out(0)?, &a, call.axis()?.unwrap_or(-1), &call.share()?)
    });
    table.writes("partition", "partition", |call| {
        let places = call.list(2)?.into_iter().map(place).collect::<Result<Vec<_>>>()?;
        partition(call.out(0)?, &call.input(1)?, &places, call.axis()?.unwrap_or(-1), &call.share()?)
    });
    table
        .writes("quantile", "median", |call| median(call.out(0)?, &call.input(1)?, call.axis()?, &call.share()?))
        .tell_results(|dtype| if matches!(dtype, DType::F16 | DType::F32) { dtype } else { DType::F64 });
    table
        .writes("quantile", "quantile", |call| {
            quantile(call.out(0)?, &call.input(1)?, &call.list(2)?, call.axis()?, &call.share()?)
        })
        .tell_results(|_| DType::F64);
    table.writes("search", "searchsorted", |call| {
        let side = call.choice("side", 0, &[Side::Left, Side::Right])?;
        let [haystack, needles] = call.inputs([1, 2])?;
        searchsorted(call.out(0)?, &haystack, &needles, side, &call.share()?)
    });
    table.answers("unique", "unique", 4, |call| {
        let details =
            Details { counts: call.optional_out(1)?, index: call.optional_out(2)?, inverse: call.optional_out(3)? };
        unique(call.out(0)?, &call.input(4)?, details, call.threads()?).map(|count| Answer::Unsigned(count as u64))
    });
}

fn at_indices(table: &mut Table) {
    table.writes("gather", "take", |call| {
        take(call.out(0)?, &call.input(1)?, &call.input(2)?, call.axis()?, &call.share()?)
    });
    table.writes("gather", "put", |call| {
        let out = call.out(0)?;
        let values = call.input_as(2, out.dtype())?;
        put(out, &call.input(1)?, &values, call.axis()?, &call.share()?)
    });
    table.writes("gather", "scatterAdd", |call| {
        let out = call.out(0)?;
        let values = call.input_as(2, out.dtype())?;
        let accumulation = call.choice("way to add", 0, &[Accumulation::Ordered, Accumulation::Atomic])?;
        scatter_add(out, &call.input(1)?, &values, accumulation, &call.share()?)
    });
    table.writes("combine", "combineAt", |call| {
        let op = call.choice("operation", 0, &Binary::ALL)?;
        let [a, b] = call.inputs([1, 2])?;
        combine_at(op, call.out(0)?, &a, &b, &call.input(3)?, &call.share()?)
    });
}

fn counting(table: &mut Table) {
    table.writes("histogram", "bincount", |call| {
        bincount(call.out(0)?, &call.input(1)?, call.optional(3)?.as_ref(), &call.share()?)
    });
    table.writes("histogram", "histogram", |call| {
        let edges = call.optional(2)?;
        let bins = match &edges {
            Some(edges) => Bins::Edges(edges),
            None => Bins::Uniform(call.frame().number(LOW), call.frame().number(HIGH)),
        };
        histogram(call.out(0)?, &call.input(1)?, bins, call.optional(3)?.as_ref(), &call.share()?)
    });
    table.writes("histogram", "binEdges", |call| {
        let dtype = call.choice("element type", DTYPE, &DType::ALL)?;
        bin_edges(call.out(0)?, call.frame().number(LOW), call.frame().number(HIGH), dtype)
    });
}

/// Numbers of a histogram: its bounds, and the type of what is counted.
const LOW: usize = 0;
const HIGH: usize = 1;
const DTYPE: usize = 2;

/// A place that is counted from the end where it is negative.
fn place(number: f64) -> Result<isize> {
    let place = number as isize;
    if place as f64 == number { Ok(place) } else { Err(Error::InvalidArgument(format!("{number} is no place"))) }
}
