//! What an addon of somebody else's takes from JavaScript when it links this crate: participants and arrays, by handle.

use std::path::PathBuf;

use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::adopted::{self, Adopted};
use tsdsm_core::array::{MAX_EXTENT, Spec};
use tsdsm_core::dtype::DType;
use tsdsm_core::handle::{Handle, View};
use tsdsm_core::segment::Access;
use tsdsm_kernels as kernels;

use crate::args::{count, integer};
use crate::error::{OrThrow, invalid};
use crate::session::Session;

/// Who takes part in a cluster, on which thread and in which run: for native addons, which act for it.
#[napi(object)]
#[derive(Debug, Clone)]
pub struct ParticipantHandle {
    /// The cluster's name.
    pub cluster: String,
    /// Tells two clusters of one name apart.
    pub uuid: String,
    /// The version of the layout of the cluster's memory. An addon built with another one refuses the handle.
    pub abi: u32,
    /// What stands in a lock word that this participant holds.
    pub participant: u32,
    /// The number of the run whose task this is; 0 outside of tasks.
    pub run: u32,
}

impl ParticipantHandle {
    /// Acts for the thread of JavaScript that this handle is of, which is the calling one.
    ///
    /// # Errors
    /// Those of [`Adopted::new`], as JavaScript errors.
    pub fn adopt(&self, env: &Env) -> Result<Adopted> {
        let ParticipantHandle { cluster, uuid, abi, participant, run } = self.clone();
        Adopted::new(&adopted::Handle { cluster, uuid, abi, participant, run }).or_throw(env)
    }
}

/// The handle of this session, in a task of that run, or in none (0).
#[napi(catch_unwind)]
pub fn session_handle(env: &Env, session: Session, run: f64) -> Result<ParticipantHandle> {
    let run = count(env, "a run", run)?;
    let adopted::Handle { cluster, uuid, abi, participant, run } =
        adopted::Handle::of(&session.control, session.owner, run);
    Ok(ParticipantHandle { cluster, uuid, abi, participant, run })
}

/// Where a shared array is, and which part of it is meant: what its `handle()` gives.
#[napi(object, object_to_js = false)]
pub struct ArrayHandle {
    /// Version of this format.
    pub tsdsm: u32,
    /// Name of the array.
    pub name: String,
    /// Name of the segment; empty for an array that is mapped from a file.
    pub segment: String,
    /// Absolute path of the file.
    pub file: Option<String>,
    /// Which segment or file it was.
    pub id: Option<String>,
    /// Element type, as NumPy calls it.
    pub dtype: String,
    /// Shape of the whole array.
    pub base: Vec<f64>,
    /// Shape of the array or view.
    pub shape: Vec<f64>,
    /// Elements before its first one.
    pub offset: f64,
    /// Strides in elements; absent when the elements lie one after the other.
    pub strides: Option<Vec<i64>>,
    /// Present when it was attached read-only, and is to be again.
    pub read_only: Option<bool>,
}

/// The version of array handles that is read here.
const FORMAT: u32 = 1;

impl ArrayHandle {
    /// Maps the array once more, for as long as the view lives. That JavaScript closes its own mapping changes nothing.
    ///
    /// # Errors
    /// Those of [`Handle::attach`], as JavaScript errors.
    pub fn attach(&self, env: &Env) -> Result<View> {
        if self.tsdsm != FORMAT {
            let message = format!("this is a handle of format {}; this addon reads format {FORMAT}", self.tsdsm);
            return Err(invalid(env, message));
        }
        let extents = |shape: &[f64]| {
            let extents = shape.iter().map(|&n| integer(env, "the length of a dimension", n, 0..=MAX_EXTENT));
            extents.collect::<Result<Vec<_>>>()
        };
        let base = extents(&self.base)?;
        let handle = Handle {
            segment: self.segment.clone(),
            file: self.file.as_ref().map(PathBuf::from),
            id: self.id.clone(),
            whole: DType::parse(&self.dtype).and_then(|dtype| Spec::new(dtype, base)).or_throw(env)?,
            shape: extents(&self.shape)?,
            offset: integer(env, "the offset of a handle", self.offset, 0..=MAX_EXTENT)?,
            strides: self.strides.clone(),
            access: if self.read_only == Some(true) { Access::ReadOnly } else { Access::ReadWrite },
        };
        handle.attach().or_throw(env)
    }
}

/// A view as kernels read it.
///
/// # Errors
/// [`kernels::Error::InvalidArgument`] for more axes than kernels take.
pub fn array(view: &View) -> kernels::Result<kernels::Array<'_>> {
    // SAFETY: a view's elements lie within its mapping, which it keeps.
    unsafe { kernels::Array::from_raw(view.data(), dtype_of(view), view.shape(), view.strides()) }
}

/// A view as kernels write it.
///
/// # Errors
/// As [`array()`].
pub fn array_mut(view: &View) -> kernels::Result<kernels::ArrayMut<'_>> {
    // SAFETY: as above. Mapped for reading and writing, or so that writes stay in this mapping.
    unsafe { kernels::ArrayMut::from_raw(view.data(), dtype_of(view), view.shape(), view.strides()) }
}

fn dtype_of(view: &View) -> kernels::DType {
    let same = |dtype: &kernels::DType| dtype.name() == view.dtype().name();
    kernels::DType::ALL.into_iter().find(same).expect("kernels have every type that arrays have")
}
