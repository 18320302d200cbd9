//! A cluster's arrays by name: what is mapped and what the catalogue says, together.

use std::path::{Path, PathBuf};

use crate::array::{self, ArrayMapping, Spec};
use crate::catalogue::{self, Array};
use crate::control::Control;
use crate::segment::{self, Access};
use crate::{Error, Result, name};

/// How often an array may be deleted and created anew between two looks before its name counts as missing.
const RETRIES: usize = 100;

/// An array of a cluster, mapped.
#[derive(Debug, Clone)]
pub struct Named {
    /// What the catalogue knows of it.
    pub entry: Array,
    /// Another array under the same name has another one.
    pub generation: u64,
    /// The mapping.
    pub array: ArrayMapping,
    /// How it is mapped.
    pub access: Access,
}

impl Named {
    /// The name of its segment; none where it is a file.
    pub fn segment(&self, control: &Control) -> Option<String> {
        self.entry.file.is_none().then(|| name::array_segment(control.cluster(), &self.entry.name))
    }
}

/// Where a new array is to lie.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    /// Permissions, as in `chmod`.
    pub mode: u32,
    /// A new `.npy` file, which outlives the cluster; none for a segment.
    pub file: Option<&'a Path>,
    /// A segment is to outlive the cluster.
    pub persist: bool,
}

/// Makes an array of zeros and enters it into the catalogue. Allocates all of it: about 0.3 s per GiB.
///
/// # Errors
/// Those of [`array::create`], [`array::create_file`] and [`catalogue::insert`]. Nothing is left behind.
pub fn create(control: &Control, name: &str, spec: &Spec, placement: &Placement) -> Result<Named> {
    catalogue::check_free(control, name)?;
    let file = placement.file.map(absolute).transpose()?;
    let segment = name::array_segment(control.cluster(), name);
    let draft = match &file {
        Some(path) => array::draft_file(path, spec, placement.mode)?,
        None => array::draft(&segment, spec, placement.mode)?,
    };
    let (id, persist) = (draft.id(), placement.persist || file.is_some());
    let name = name.to_owned();
    let entry = Array { name, id, bytes: draft.bytes(), file, persist, read_only: false };
    let mut published = false;
    let publish = || draft.publish().inspect(|_| published = true);
    enter(control, entry, publish).inspect_err(|_| {
        // As if it had never been. A segment that cannot be removed now is removed with the cluster.
        match placement.file {
            Some(path) if published => drop(std::fs::remove_file(path)),
            Some(_) => {}
            None => drop(segment::unlink(&segment, Some(id))),
        }
    })
}

/// Enters an existing `.npy` file into the catalogue, and maps it.
///
/// # Errors
/// Those of [`array::open_file`] and [`catalogue::insert`].
pub fn open_file(control: &Control, name: &str, path: &Path, access: Access) -> Result<Named> {
    catalogue::check_free(control, name)?;
    let path = absolute(path)?;
    let array = array::open_file(&path, access)?;
    let (name, id, bytes) = (name.to_owned(), array.id, array.mapping.len() as u64);
    let read_only = access == Access::ReadOnly;
    enter(control, Array { name, id, bytes, file: Some(path), persist: true, read_only }, || Ok(array))
}

/// Maps the array that has this name now. Read-only where that is asked for, or where it was entered so.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name, [`Error::NotFound`], and those of [`array::attach`].
pub fn get(control: &Control, name: &str, access: Access) -> Result<Named> {
    for _ in 0..RETRIES {
        let (generation, entry) = catalogue::lookup(control, name)?;
        let access = if entry.read_only { Access::ReadOnly } else { access };
        let attached = match &entry.file {
            Some(path) => array::open_file(path, access),
            None => array::attach(&name::array_segment(control.cluster(), name), access),
        };
        match attached {
            Ok(array) if array.id == entry.id => return Ok(Named { entry, generation, array, access }),
            // Deleted meanwhile, and perhaps created anew: the catalogue tells.
            _ if catalogue::generation(control, name) != generation => {}
            Ok(_) => {
                let reason = "another file has taken the place of the one that was entered under this name".to_owned();
                return Err(Error::IncompatibleSegment { name: name.to_owned(), reason });
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::NotFound { what: "array", name: name.to_owned() })
}

/// Takes an array out of the catalogue and unlinks its segment; a file stays. Whoever has it mapped keeps the memory.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name, [`Error::NotFound`], [`Error::System`].
pub fn delete(control: &Control, name: &str) -> Result<()> {
    let unlink = |entry: &Array| match entry.file {
        None => segment::unlink(&name::array_segment(control.cluster(), name), Some(entry.id)).map(drop),
        Some(_) => Ok(()),
    };
    catalogue::remove_with(control, name, unlink).map(drop)
}

/// All arrays there are, mapped read-only. Those that vanish meanwhile, or cannot be attached, are left out.
pub fn list(control: &Control) -> Vec<Named> {
    let entries = catalogue::list(control).into_iter();
    entries.filter_map(|(_, entry)| get(control, &entry.name, Access::ReadOnly).ok()).collect()
}

fn enter(control: &Control, entry: Array, publish: impl FnOnce() -> Result<ArrayMapping>) -> Result<Named> {
    let (generation, array) = catalogue::insert_after(control, &entry, publish)?;
    let access = if entry.read_only { Access::ReadOnly } else { Access::ReadWrite };
    if !control.is_current() || !control.has_owner()? {
        // Main ended meanwhile, or is about to, and whoever cleans up may not have seen this array.
        return Err(Error::Closed(format!("cluster '{}'", control.cluster())));
    }
    Ok(Named { entry, generation, array, access })
}

/// Processes of one cluster may have different working directories.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|source| Error::System { call: format!("cwd of {}", path.display()), source })
}
