//! Payloads that do not fit into the control segment: a segment each.

use crate::control::Control;
use crate::segment::{self, Access, Draft};
use crate::{Error, Result, name};

pub(super) fn request_segment(control: &Control, number: u64) -> String {
    name::array_segment(control.cluster(), &format!(".run.{number}"))
}

pub(super) fn result_segment(control: &Control, number: u64) -> String {
    name::array_segment(control.cluster(), &format!(".result.{number}"))
}

pub(super) fn write(control: &Control, segment: &str, bytes: &[u8]) -> Result<()> {
    let draft = Draft::new(segment, bytes.len().max(1), 0o600)?;
    let to = draft.mapping();
    assert!(to.len() >= bytes.len());
    // SAFETY: as long as the bytes, and nobody else has the segment before it is published.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
    let id = draft.publish()?.id;
    if control.is_current() {
        return Ok(());
    }
    // Main has begun to take the names away, and may not have seen this one.
    let _ = segment::unlink(segment, Some(id));
    Err(Error::Closed(format!("cluster '{}'", control.cluster())))
}

pub(super) fn read(segment: &str, len: u64) -> Result<Vec<u8>> {
    let from = segment::attach(segment, Access::ReadOnly)?.mapping;
    let len = usize::try_from(len).ok().filter(|&len| len <= from.len()).ok_or_else(|| Error::IncompatibleSegment {
        name: segment.to_owned(),
        reason: format!("it has {} bytes, not the {len} that were announced", from.len()),
    })?;
    let mut bytes = Vec::with_capacity(len);
    // SAFETY: `len` bytes are mapped, and reserved; its writer published the segment when it was done.
    unsafe {
        std::ptr::copy_nonoverlapping(from.as_ptr(), bytes.as_mut_ptr(), len);
        bytes.set_len(len);
    }
    Ok(bytes)
}
