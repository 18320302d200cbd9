//! A control segment's header: written once, and checked by everybody who attaches.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{Limits, no_cluster};
use crate::layout::{self, Geometry, Header};
use crate::mapping::Mapping;
use crate::segment::{Attached, Opened};
use crate::sys::process;
use crate::{Error, Result};

/// The header of a mapping that is long enough for one.
pub(super) fn header_of(mapping: &Mapping) -> &Header {
    assert!(mapping.len() >= size_of::<Header>());
    // SAFETY: long enough, page aligned, and made of atomics.
    unsafe { &*mapping.as_ptr().cast::<Header>() }
}

pub(super) fn write(mapping: &Mapping, limits: &Limits, geometry: &Geometry, seed: u64) -> Result<[u64; 2]> {
    let random = u128::from_ne_bytes(process::random()?);
    let uuid = [random as u64, (random >> 64) as u64];
    let header = header_of(mapping);
    header.magic.store(layout::MAGIC, Ordering::Relaxed);
    header.abi.store(layout::ABI, Ordering::Relaxed);
    header.page.store(layout::PAGE as u32, Ordering::Relaxed);
    header.line.store(layout::LINE as u32, Ordering::Relaxed);
    header.hash.store(layout::HASH, Ordering::Relaxed);
    header.bytes.store(geometry.bytes as u64, Ordering::Relaxed);
    header.seed.store(seed, Ordering::Relaxed);
    let Limits { workers, slots, objects, arrays } = *limits;
    for (word, value) in header.limits.iter().zip([workers, slots, objects, arrays]) {
        word.store(value, Ordering::Relaxed);
    }
    for (word, value) in header.uuid.iter().zip(uuid) {
        word.store(value, Ordering::Relaxed);
    }
    header.sum.store(header.sum_up(), Ordering::Relaxed);
    Ok(uuid)
}

/// The error for what was made by another version, and differs in `what`.
pub(crate) fn other_version(name: &str, what: &str, found: u64, expected: u64) -> Error {
    let reason = format!("its {what} is {found}, this program's is {expected}; use one version of tsdsm for all");
    Error::IncompatibleSegment { name: name.to_owned(), reason }
}

/// Maps an open control segment and checks every field of its header against this program.
pub(super) fn check(opened: Opened) -> Result<(Attached, Limits, Geometry)> {
    let name = opened.name.clone();
    let refuse = |reason: String| Err(Error::IncompatibleSegment { name: name.clone(), reason });
    if opened.len < size_of::<Header>() {
        return refuse(format!("it has {} bytes, less than a control segment's header", opened.len));
    }
    let attached = opened.map()?;
    let header = header_of(&attached.mapping);
    let word = |word: &AtomicU32| word.load(Ordering::Relaxed);
    let magic = header.magic.load(Ordering::Relaxed);
    if magic == layout::PLACEHOLDER {
        return Err(no_cluster(&name));
    }
    if magic != layout::MAGIC {
        return refuse("it does not begin as a control segment of tsdsm does".to_owned());
    }
    let facts = [
        ("layout version", u64::from(word(&header.abi)), u64::from(layout::ABI)),
        ("page size", u64::from(word(&header.page)), layout::PAGE as u64),
        ("cache line", u64::from(word(&header.line)), layout::LINE as u64),
        ("layout hash", header.hash.load(Ordering::Relaxed), layout::HASH),
    ];
    if let Some((what, found, expected)) = facts.iter().find(|(_, found, expected)| found != expected) {
        return Err(other_version(&name, what, *found, *expected));
    }
    if header.sum.load(Ordering::Relaxed) != header.sum_up() {
        return refuse("its header is damaged: the checksum does not fit".to_owned());
    }
    let [workers, slots, objects, arrays] = header.limits.each_ref().map(word);
    let limits = Limits { workers, slots, objects, arrays };
    if let Err(error) = limits.check() {
        return refuse(format!("its limits are damaged: {error}"));
    }
    let geometry = Geometry::of(&limits);
    let said = header.bytes.load(Ordering::Relaxed);
    if said != geometry.bytes as u64 || attached.mapping.len() < geometry.bytes {
        let found = attached.mapping.len();
        return refuse(format!("it has {found} bytes and says {said}; its limits need {}", geometry.bytes));
    }
    Ok((attached, limits, geometry))
}
