//! An addon of your own that works on the shared arrays of tsdsm: it blurs an image that TypeScript has made, a share of
//! the rows for each worker, as the very participant that calls it.

use napi::bindgen_prelude::Function;
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::adopted::Adopted;
use tsdsm_core::array::Spec;
use tsdsm_core::dtype::DType;
use tsdsm_core::handle::View;
use tsdsm_core::named::Placement;
use tsdsm_core::segment::Access;
use tsdsm_core::shared_array::SharedArray;
use tsdsm_core::{Error, Result as Shared};
use tsdsm_kernels::reduce::{self, Reduction, Scalar, reduce};
use tsdsm_kernels::stencil::{Boundary, Stencil, stencil};
use tsdsm_node::embed::{ArrayHandle, ParticipantHandle, array, array_mut};
use tsdsm_node::error::OrThrow;

// The functions and types of tsdsm's own binding become a part of this addon.
pub use tsdsm_node::*;

/// What a pixel keeps of itself, and what it gets from each of its four neighbours.
const WEIGHTS: [f64; 5] = [0.5, 0.125, 0.125, 0.125, 0.125];

/// Blurs the float32 `image` into the shared array `name`, together with the other workers of the run: all have to call
/// it. TypeScript finds the result by `res.getShared(name, 'float32')`. Adds its light to `total`, a float64 array of one
/// element, and returns that of this worker's rows.
#[napi]
pub fn blur(env: &Env, me: ParticipantHandle, image: ArrayHandle, name: String, total: ArrayHandle) -> Result<f64> {
    let me = me.adopt(env)?;
    let (image, total) = (image.attach(env)?, total.attach(env)?);
    let blurred = create_once(&me, &name, &image).or_throw(env)?;

    let rows = share(&me, image.shape()[0]);
    let how = Stencil { range: Some(rows.clone()), boundary: Boundary::Copied, ..Stencil::default() };
    stencil(array_mut(&blurred).or_throw(env)?, &array(&image).or_throw(env)?, &WEIGHTS, &how).or_throw(env)?;

    let mine = array(&blurred).and_then(|blurred| blurred.slice(0, rows)).or_throw(env)?;
    let Scalar::F64(light) = reduce(Reduction::Sum, &mine, &reduce::Options::default()).or_throw(env)? else {
        unreachable!("sums of floats are float64")
    };
    add_under_lock(&me, total, light).or_throw(env)?;

    // Whoever passes knows that all rows are done.
    me.run_barrier().and_then(|barrier| barrier.wait(None)).or_throw(env)?;
    Ok(light)
}

/// Calls `work` while Rust holds the cluster's lock `name`: TypeScript on other threads has to wait for it, and on this
/// one holds it as well.
#[napi]
pub fn with_lock(env: &Env, me: ParticipantHandle, name: String, work: Function<(), ()>) -> Result<()> {
    let me = me.adopt(env)?;
    let lock = me.lock(&name).or_throw(env)?;
    // Released when it goes out of scope, whatever `work` does.
    let _held = lock.acquire(None).or_throw(env)?;
    work.call(())
}

/// The float32 array `name`, of the shape of another; whichever worker comes first makes it.
fn create_once(me: &Adopted, name: &str, like: &View) -> Shared<View> {
    let lock = me.default_lock();
    let _held = lock.acquire(None)?;
    let found = match me.attach_array(name, Access::ReadWrite) {
        Err(Error::NotFound { .. }) => {
            let shape = like.shape().iter().map(|&length| length as u64).collect();
            let placement = Placement { mode: me.control().mode()?, file: None, persist: false };
            me.create_array(name, &Spec::new(DType::F32, shape)?, &placement)?
        }
        found => found?,
    };
    Ok(View::from(found.array))
}

fn add_under_lock(me: &Adopted, total: View, light: f64) -> Shared<()> {
    let total = SharedArray::<f64>::of(total.array().clone())?;
    let lock = me.default_lock();
    let _held = lock.acquire(None)?;
    total.set(0, total.get(0) + light);
    Ok(())
}

/// This worker's rows of so many.
fn share(me: &Adopted, rows: usize) -> std::ops::Range<usize> {
    let workers = me.control().limits().workers as usize;
    let worker = me.worker().unwrap_or(0) as usize;
    rows * worker / workers..rows * (worker + 1) / workers
}
