//! The list of kernels: each with its public name, and how it is called.

use std::sync::LazyLock;

use napi_derive::napi;
use tsdsm_kernels::{DType, Result};

use super::answer::Answer;
use super::call::Call;
use super::families;

/// How a kernel computes.
type Compute = dyn Fn(&Call<'_>) -> Result<Answer> + Send + Sync;

/// A kernel.
pub struct Kernel {
    /// Its name in JavaScript.
    pub name: &'static str,
    /// Those of a family take the same operands.
    family: &'static str,
    /// How many of its operands, the first ones, it writes.
    pub outs: usize,
    results: Option<[DType; DType::ALL.len()]>,
    compute: Box<Compute>,
}

impl Kernel {
    /// Tells JavaScript the element type of its results for an input's, so that it can make an output.
    pub fn tell_results(&mut self, result: impl Fn(DType) -> DType) {
        self.results = Some(DType::ALL.map(result));
    }

    /// Runs it.
    pub fn run(&self, call: &Call<'_>) -> Result<Answer> {
        (self.compute)(call)
    }
}

/// What JavaScript is told of a kernel.
#[napi(object, object_from_js = false)]
pub struct KernelInfo {
    /// Its name in JavaScript.
    pub name: &'static str,
    /// Kernels of a family take the same operands.
    pub family: &'static str,
    /// How many of its operands, the first ones, it writes.
    pub outs: u32,
    /// The codes of the element types of its results, by the code of that of its input, where it can make an output.
    pub results: Option<Vec<u32>>,
}

/// All kernels, each at the place by which it is called.
#[napi(catch_unwind)]
pub fn kernel_table() -> Vec<KernelInfo> {
    let info = |kernel: &Kernel| KernelInfo {
        name: kernel.name,
        family: kernel.family,
        outs: kernel.outs as u32,
        results: kernel.results.map(|results| results.map(|dtype| dtype as u32).to_vec()),
    };
    kernels().iter().map(info).collect()
}

/// All kernels.
pub fn kernels() -> &'static [Kernel] {
    static KERNELS: LazyLock<Vec<Kernel>> = LazyLock::new(|| {
        let mut table = Table::default();
        families::register(&mut table);
        table.0
    });
    &KERNELS
}

/// The names of the element types, in the order of their codes.
#[napi(catch_unwind, js_name = "kernelDTypes")]
pub fn kernel_dtypes() -> Vec<&'static str> {
    DType::ALL.iter().map(|dtype| dtype.name()).collect()
}

/// The list of kernels as it is made.
#[derive(Default)]
pub struct Table(Vec<Kernel>);

impl Table {
    /// Enters a kernel that writes into its first operand.
    pub fn writes(
        &mut self,
        family: &'static str,
        name: &'static str,
        compute: impl Fn(&Call<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> &mut Kernel {
        self.answers(family, name, 1, move |call| compute(call).map(|()| Answer::Nothing))
    }

    /// Enters a kernel that writes into so many of its first operands, and has an answer.
    pub fn answers(
        &mut self,
        family: &'static str,
        name: &'static str,
        outs: usize,
        compute: impl Fn(&Call<'_>) -> Result<Answer> + Send + Sync + 'static,
    ) -> &mut Kernel {
        let kernel = Kernel { name, family, outs, results: None, compute: Box::new(compute) };
        self.0.push(kernel);
        self.0.last_mut().expect("it was pushed")
    }
}
