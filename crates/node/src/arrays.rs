//! Arrays, as JavaScript sees them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use napi::bindgen_prelude::{AsyncTask, Either, Null, ToNapiValue, TypeName};
use napi::{Env, Result, Task, ValueType, check_status, sys};
use napi_derive::napi;
use tsdsm_core::array::{self, ArrayMapping, MAX_EXTENT, Spec};
use tsdsm_core::catalogue;
use tsdsm_core::control::Control;
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{self, Named, Placement};
use tsdsm_core::segment::Access;

use crate::args::integer;
use crate::buffer::{External, check_length};
use crate::error::OrThrow;
use crate::session::{Session, closed};

/// What is known of an array.
#[napi(object, object_from_js = false)]
pub struct ArrayInfo {
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
    /// Another array under the same name in the cluster has another one; 0 without a cluster.
    pub generation: f64,
    /// Writes stay in this mapping.
    pub read_only: bool,
    /// It outlives the cluster.
    pub persist: bool,
}

/// An array that is mapped: for JavaScript, an `ArrayInfo` with its `buffer`.
pub struct MappedArray {
    info: ArrayInfo,
    buffer: External,
}

impl TypeName for MappedArray {
    fn type_name() -> &'static str {
        "MappedArray"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ToNapiValue for MappedArray {
    unsafe fn to_napi_value(env: sys::napi_env, array: Self) -> Result<sys::napi_value> {
        // SAFETY: the caller's promise; `object` is the object just made.
        unsafe {
            let object = ArrayInfo::to_napi_value(env, array.info)?;
            check_status!(sys::napi_set_named_property(env, object, c"buffer".as_ptr(), array.buffer.value()))?;
            Ok(object)
        }
    }
}

fn info(array: &ArrayMapping, access: Access) -> ArrayInfo {
    ArrayInfo {
        name: String::new(),
        segment: String::new(),
        file: Either::B(Null),
        id: array.id.to_string(),
        dtype: array.spec.dtype().descr().into(),
        shape: array.spec.shape().iter().map(|&extent| extent as f64).collect(),
        bytes: array.spec.bytes() as f64,
        generation: 0.0,
        read_only: access == Access::ReadOnly,
        persist: false,
    }
}

fn named_info(control: &Control, named: &Named) -> ArrayInfo {
    ArrayInfo {
        name: named.entry.name.clone(),
        segment: named.segment(control).unwrap_or_default(),
        file: named.entry.file.as_ref().map_or(Either::B(Null), |path| Either::A(path.display().to_string())),
        generation: named.generation as f64,
        persist: named.entry.persist,
        ..info(&named.array, named.access)
    }
}

fn mapped(env: &Env, array: &ArrayMapping, info: ArrayInfo) -> Result<MappedArray> {
    Ok(MappedArray { buffer: External::over(env, &array.mapping, array.offset, array.spec.bytes() as usize)?, info })
}

fn access(read_only: bool) -> Access {
    if read_only { Access::ReadOnly } else { Access::ReadWrite }
}

/// Where a new array is to lie.
#[napi(object, object_to_js = false)]
pub struct ArrayOptions {
    /// Permissions, as in `chmod`.
    pub mode: f64,
    /// A new `.npy` file instead of a segment.
    pub file: Option<String>,
    /// The segment is to outlive the cluster.
    pub persist: Option<bool>,
}

/// An array to be made, with arguments that were checked.
pub struct Creation {
    control: Arc<Control>,
    closed: Arc<RwLock<bool>>,
    name: String,
    spec: Spec,
    mode: u32,
    file: Option<PathBuf>,
    persist: bool,
}

impl Creation {
    fn check(
        env: &Env,
        session: &Session,
        name: String,
        descr: &str,
        shape: &[f64],
        options: ArrayOptions,
    ) -> Result<Creation> {
        let extent = |extent: &f64| integer(env, "the length of a dimension", *extent, 0..=MAX_EXTENT);
        let shape = shape.iter().map(extent).collect::<Result<Vec<_>>>()?;
        let spec = DType::from_descr(descr).and_then(|dtype| Spec::new(dtype, shape)).or_throw(env)?;
        check_length(env, spec.bytes())?;
        catalogue::check_free(&session.control, &name).or_throw(env)?;
        Ok(Creation {
            control: Arc::clone(&session.control),
            closed: Arc::clone(&session.closed),
            name,
            spec,
            mode: integer(env, "the mode of an array", options.mode, 0..=0o777)? as u32,
            file: options.file.map(PathBuf::from),
            persist: options.persist.unwrap_or(false),
        })
    }

    fn create(&self) -> tsdsm_core::Result<Named> {
        // Held until the array is in the catalogue: the cluster does not end in between, and leave it behind.
        let is_closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            return Err(closed(self.control.cluster()));
        }
        let placement = Placement { mode: self.mode, file: self.file.as_deref(), persist: self.persist };
        named::create(&self.control, &self.name, &self.spec, &placement)
    }

    fn map(&self, env: &Env, named: &Named) -> Result<MappedArray> {
        mapped(env, &named.array, named_info(&self.control, named))
    }
}

impl Task for Creation {
    type Output = tsdsm_core::Result<Named>;
    type JsValue = MappedArray;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(self.create())
    }

    fn resolve(&mut self, env: Env, created: Self::Output) -> Result<MappedArray> {
        self.map(&env, &created.or_throw(&env)?)
    }
}

/// Makes an array of zeros in a new segment or file, and enters it into the cluster's catalogue. Blocks for its
/// allocation: about 0.3 s per GiB.
#[napi(catch_unwind, strict)]
pub fn array_create(
    env: &Env,
    session: Session,
    name: String,
    descr: String,
    shape: Vec<f64>,
    options: ArrayOptions,
) -> Result<MappedArray> {
    let creation = Creation::check(env, &session, name, &descr, &shape, options)?;
    creation.map(env, &creation.create().or_throw(env)?)
}

/// As `arrayCreate`, with the allocation off the event loop.
#[napi(catch_unwind, strict, ts_return_type = "Promise<MappedArray>")]
pub fn array_create_async(
    env: &Env,
    session: Session,
    name: String,
    descr: String,
    shape: Vec<f64>,
    options: ArrayOptions,
) -> Result<AsyncTask<Creation>> {
    Creation::check(env, &session, name, &descr, &shape, options).map(AsyncTask::new)
}

/// Enters an existing `.npy` file into the cluster's catalogue, and maps it.
#[napi(catch_unwind)]
pub fn array_open_file(
    env: &Env,
    session: Session,
    name: String,
    file: String,
    read_only: bool,
) -> Result<MappedArray> {
    let named = named::open_file(&session.control, &name, Path::new(&file), access(read_only)).or_throw(env)?;
    mapped(env, &named.array, named_info(&session.control, &named))
}

/// Maps the array that has this name in the cluster now.
#[napi(catch_unwind)]
pub fn array_get(env: &Env, session: Session, name: String, read_only: bool) -> Result<MappedArray> {
    let named = named::get(&session.control, &name, access(read_only)).or_throw(env)?;
    mapped(env, &named.array, named_info(&session.control, &named))
}

/// The generation of the array that has this name in the cluster now, 0 where none has: for a look before a mapping
/// that was kept is used.
#[napi(catch_unwind)]
pub fn array_generation(session: Session, name: String) -> f64 {
    catalogue::generation(&session.control, &name) as f64
}

/// Takes an array out of the catalogue and unlinks its segment; a file stays. Whoever has it mapped keeps the memory.
#[napi(catch_unwind)]
pub fn array_delete(env: &Env, session: Session, name: String) -> Result<()> {
    named::delete(&session.control, &name).or_throw(env)
}

/// All arrays of the cluster.
#[napi(catch_unwind)]
pub fn array_list(session: Session) -> Vec<ArrayInfo> {
    let listed = named::list(&session.control).into_iter();
    listed.map(|named| ArrayInfo { read_only: named.entry.read_only, ..named_info(&session.control, &named) }).collect()
}

/// Attaches an array by its segment's name, without a cluster.
#[napi(catch_unwind)]
pub fn array_attach_segment(env: &Env, segment: String, read_only: bool) -> Result<MappedArray> {
    let array = array::attach(&segment, access(read_only)).or_throw(env)?;
    let info = info(&array, access(read_only));
    mapped(env, &array, ArrayInfo { name: segment.clone(), segment, ..info })
}

/// Attaches a `.npy` file, without a cluster.
#[napi(catch_unwind)]
pub fn array_attach_file(env: &Env, file: String, read_only: bool) -> Result<MappedArray> {
    let array = array::open_file(Path::new(&file), access(read_only)).or_throw(env)?;
    let info = info(&array, access(read_only));
    mapped(env, &array, ArrayInfo { name: file.clone(), file: Either::A(file), persist: true, ..info })
}
