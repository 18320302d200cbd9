//! What the kernel says of itself, in files of text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longer than the files that are read this way mostly are.
const USUAL: usize = 8192;

/// Reads a file of /proc or /sys. Their size is 0 until they are read, so `fs::read_to_string` would go in small steps,
/// each a system call.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::with_capacity(USUAL);
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}
