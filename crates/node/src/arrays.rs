//! Arrays, as JavaScript sees them.

use std::path::Path;

use napi::bindgen_prelude::{Either, Null};
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::array::{self, ArrayMapping};
use tsdsm_core::segment::Access;

use crate::buffer::{External, check_length};
use crate::error::OrThrow;

/// An array that is mapped.
#[napi(object, object_from_js = false)]
pub struct MappedArray {
    /// The name in the cluster; the segment's or file's where it was attached without one.
    pub name: String,
    /// The segment; empty where it is a file.
    pub segment: String,
    /// The file's path, where it is one.
    pub file: Either<String, Null>,
    /// Which file on which device, whatever its name.
    pub id: String,
    /// What NumPy calls it, such as `<i4`.
    pub dtype: String,
    /// Elements along each dimension.
    pub shape: Vec<f64>,
    /// Bytes of data.
    pub bytes: f64,
    /// How often its name was created in the cluster; 0 without one.
    pub generation: f64,
    /// Writes stay in this mapping.
    pub read_only: bool,
    /// It outlives the cluster.
    pub persist: bool,
    /// The data, without the header, and without a copy.
    #[napi(ts_type = "ArrayBuffer")]
    pub buffer: External,
}

/// Where an array lies, and under which name it is known.
struct Place<'a> {
    name: &'a str,
    segment: &'a str,
    file: Option<&'a str>,
    generation: u64,
    persist: bool,
}

fn mapped(env: &Env, place: Place, array: &ArrayMapping, access: Access) -> Result<MappedArray> {
    check_length(env, array.spec.bytes())?;
    Ok(MappedArray {
        name: place.name.into(),
        segment: place.segment.into(),
        file: place.file.map_or(Either::B(Null), |file| Either::A(file.into())),
        id: format!("{}:{}", array.id.dev, array.id.ino),
        dtype: array.spec.dtype().descr().into(),
        shape: array.spec.shape().iter().map(|&n| n as f64).collect(),
        bytes: array.spec.bytes() as f64,
        generation: place.generation as f64,
        read_only: access == Access::ReadOnly,
        persist: place.persist,
        buffer: External::over(env, &array.mapping, array.offset, array.bytes())?,
    })
}

fn access(read_only: bool) -> Access {
    if read_only { Access::ReadOnly } else { Access::ReadWrite }
}

/// Attaches an array by its segment's name, without a cluster.
#[napi(catch_unwind)]
pub fn array_attach_segment(env: &Env, segment: String, read_only: bool) -> Result<MappedArray> {
    let array = array::attach(&segment, access(read_only)).or_throw(env)?;
    let place = Place { name: &segment, segment: &segment, file: None, generation: 0, persist: false };
    mapped(env, place, &array, access(read_only))
}

/// Attaches a `.npy` file, without a cluster.
#[napi(catch_unwind)]
pub fn array_attach_file(env: &Env, file: String, read_only: bool) -> Result<MappedArray> {
    let array = array::open_file(Path::new(&file), access(read_only)).or_throw(env)?;
    let place = Place { name: &file, segment: "", file: Some(&file), generation: 0, persist: true };
    mapped(env, place, &array, access(read_only))
}
