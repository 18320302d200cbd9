//! The header of a `.npy` file: NumPy's format, versions 1 to 3.
//!
//! `\x93NUMPY`, the version in two bytes, the length of the text that follows in two (version 1) or four bytes, and the
//! text: a Python dictionary of exactly `descr`, `fortran_order` and `shape`. Then comes the data. Bytes that are read
//! here may come from anybody: nothing in them leads to a panic, a long loop or a large allocation.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::array::Spec;

mod dict;

/// Where the data of our own files begins: one page, so that it is aligned to whatever an element or a vector unit
/// asks for, and so that equal arrays of a power of two do not fall into the same cache sets.
pub const DATA_OFFSET: usize = 4096;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Magic, version, and the shorter form of the length.
const V1_PREFIX: usize = 10;
const V2_PREFIX: usize = 12;
/// The longest header that is read. NumPy itself stops at 10,000 bytes; numbers alone need some hundred.
const MAX_HEADER: usize = 65_536;

/// What a header says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Type and shape of the data, which is in C order.
    pub spec: Spec,
    /// Where the data begins, in bytes from the start of the file.
    pub offset: usize,
}

/// The header of a file of ours: version 1, [`DATA_OFFSET`] bytes, filled with spaces, a newline at the end.
pub fn encode(spec: &Spec) -> [u8; DATA_OFFSET] {
    let mut page = [b' '; DATA_OFFSET];
    page[..6].copy_from_slice(MAGIC);
    page[6..8].copy_from_slice(&[1, 0]);
    page[8..V1_PREFIX].copy_from_slice(&((DATA_OFFSET - V1_PREFIX) as u16).to_le_bytes());
    let text = dict::write(spec);
    // The longest shape, MAX_DIMS numbers of 16 digits, leaves most of the page free.
    page[V1_PREFIX..V1_PREFIX + text.len()].copy_from_slice(text.as_bytes());
    page[DATA_OFFSET - 1] = b'\n';
    page
}

/// Reads a header from the first bytes of a file of `file_len` bytes: `bytes` are at least all of the header, or all of
/// the file.
///
/// # Errors
/// What is wrong with it, in words that complete "it cannot be attached: …".
pub fn decode(bytes: &[u8], file_len: u64) -> Result<Header, String> {
    let text = locate(bytes)?;
    let offset = text.end;
    let text = bytes.get(text).ok_or("it ends in the middle of its header")?;
    let text = std::str::from_utf8(text).map_err(|_| "its header is damaged (it is not text)")?;
    let spec = dict::read(text)?;
    if offset % spec.dtype().size() != 0 {
        return Err(format!(
            "its data begins at byte {offset}, which is not aligned for {}; write it again with numpy.save",
            spec.dtype().descr()
        ));
    }
    // Neither sum overflows: a spec has fewer than 2^63 - 2^17 bytes.
    match offset as u64 + spec.bytes() {
        wanted if file_len < wanted => Err(format!("it is truncated: it has {file_len} bytes of {wanted}")),
        wanted if file_len > wanted => {
            Err(format!("{} bytes that its header does not account for follow its data", file_len - wanted))
        }
        _ => Ok(Header { spec, offset }),
    }
}

/// Reads the header of an open file of `file_len` bytes.
///
/// # Errors
/// The system's; within it, what is wrong with the header.
pub fn read(file: &File, file_len: u64) -> io::Result<Result<Header, String>> {
    let mut bytes = read_up_to(file, DATA_OFFSET)?;
    if let Ok(text) = locate(&bytes)
        && text.end > bytes.len()
    {
        bytes = read_up_to(file, text.end)?;
    }
    Ok(decode(&bytes, file_len))
}

/// Where the text of the header is.
fn locate(bytes: &[u8]) -> Result<Range<usize>, String> {
    if !bytes.starts_with(MAGIC) {
        return Err("it is not a .npy file".into());
    }
    let short = "it ends in the middle of its header";
    let at = |range: Range<usize>| bytes.get(range).ok_or(short);
    let version = at(6..8)?;
    let (start, len) = match version {
        [1, 0] => (V1_PREFIX, at(8..10)?.iter().rev().fold(0, |n, &byte| n << 8 | byte as usize)),
        [2 | 3, 0] => (V2_PREFIX, at(8..12)?.iter().rev().fold(0, |n, &byte| n << 8 | byte as usize)),
        _ => return Err(format!("it is a .npy file of version {}.{}; 1.0 to 3.0 are known", version[0], version[1])),
    };
    if start + len > MAX_HEADER {
        return Err(format!("its header of {len} bytes is damaged, or describes more than an array of numbers"));
    }
    Ok(start..start + len)
}

/// The first `len` bytes, or fewer where the file is shorter.
fn read_up_to(file: &File, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        match file.read_at(&mut bytes[done..], done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
