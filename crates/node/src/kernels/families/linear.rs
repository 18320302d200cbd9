//! Matrices.

use tsdsm_kernels::matmul::{Matmul, matmul};

use crate::kernels::table::Table;

/// Enters them.
pub fn register(table: &mut Table) {
    table.writes("matmul", "matmul", |call| {
        let options = Matmul { threads: call.threads()?, range: call.range()?, rows: call.optional(3)? };
        matmul(call.out(0)?, &call.input(1)?, &call.input(2)?, &options)
    });
}
