//! How kernels are called, family by family: a line or two for each.

mod elementwise;
mod linear;
mod order;
mod random;
mod reduce;

use napi_derive::napi;
use tsdsm_kernels::distance::Metric;
use tsdsm_kernels::elementwise::Binary;
use tsdsm_kernels::reduce::Reduction;

use super::table::Table;

pub use reduce::{KernelPartials, kernel_partials};

/// Enters all kernels.
pub fn register(table: &mut Table) {
    elementwise::register(table);
    linear::register(table);
    order::register(table);
    random::register(table);
    reduce::register(table);
}

/// Operations that kernels take by their place in one of these lists.
#[napi(object, object_from_js = false)]
pub struct KernelOperations {
    /// Operations on two elements.
    pub binary: Vec<&'static str>,
    /// Reductions.
    pub reductions: Vec<&'static str>,
    /// Distances.
    pub metrics: Vec<&'static str>,
}

/// The names of the operations that kernels take.
#[napi(catch_unwind)]
pub fn kernel_operations() -> KernelOperations {
    KernelOperations {
        binary: Binary::ALL.iter().map(|op| op.name()).collect(),
        reductions: Reduction::ALL.iter().map(|op| op.name()).collect(),
        metrics: Metric::ALL.iter().map(|metric| metric.name()).collect(),
    }
}
