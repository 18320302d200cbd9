//! Matrices, distances, stencils.

use tsdsm_kernels::distance::{Metric, cdist, nearest};
use tsdsm_kernels::matmul::{Matmul, matmul};
use tsdsm_kernels::stencil::{Boundary, Stencil, stencil};
use tsdsm_kernels::transpose::transpose;

use crate::kernels::answer::Answer;
use crate::kernels::table::Table;

/// Enters them.
pub fn register(table: &mut Table) {
    table.writes("linear", "matmul", |call| {
        let options = Matmul { threads: call.threads()?, range: call.range()?, rows: call.optional(3)? };
        matmul(call.out(0)?, &call.input(1)?, &call.input(2)?, &options)
    });
    table.writes("linear", "transpose", |call| {
        let axes = call.frame().axes()?;
        // Negative axes are counted from the end by JavaScript; one that is left is too large for any array here.
        let axes = axes.map(|axes| axes.iter().map(|&axis| axis as usize).collect::<Vec<_>>());
        transpose(call.out(0)?, &call.input(1)?, axes.as_deref(), &call.share()?)
    });
    table.writes("linear", "cdist", |call| {
        let metric = call.choice("metric", 0, &Metric::ALL)?;
        cdist(call.out(0)?, &call.input(1)?, &call.input(2)?, metric, &call.share()?)
    });
    table.answers("linear", "nearest", 2, |call| {
        let squares = call.optional_out(1)?;
        nearest(call.out(0)?, squares, &call.input(2)?, &call.input(3)?, &call.share()?).map(|()| Answer::Nothing)
    });
    table.writes("linear", "stencil", |call| {
        let boundary = call.choice("boundary", 0, &Boundary::ALL)?;
        let options = Stencil { threads: call.threads()?, range: call.range()?, boundary };
        stencil(call.out(0)?, &call.input(1)?, &call.list(2)?, &options)
    });
}
