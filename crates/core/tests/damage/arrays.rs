//! The headers of arrays: `.npy` files, in memory and on a file system.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tsdsm_core::array::{self, MAX_DIMS, Spec};
use tsdsm_core::dtype::DType;
use tsdsm_core::npy::{self, DATA_OFFSET};
use tsdsm_core::segment::Access;
use tsdsm_core::{Error, npy::Header};

use crate::guard::{read_each, survive};
use crate::scratch::Folder;

/// What may stand somewhere in the text of a header.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "'",
    "\"",
    ":",
    ",",
    " ",
    "\n",
    "\\",
    "descr",
    "fortran_order",
    "shape",
    "'shape': (",
    "<f8",
    ">f8",
    "|b1",
    "<c16",
    "|O",
    "True",
    "False",
    "None",
    "0",
    "1",
    "9007199254740991",
    "9007199254740992",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "1L",
    "1e9",
    "0x10",
    "٣",
    "é",
    "\u{0}",
];

/// One thing that happens to the bytes of a file.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, &'static str),
    Overwrite(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let piece = || proptest::sample::select(PIECES);
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), piece()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), piece()).prop_map(|(at, piece)| Change::Overwrite(at, piece)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (any::<Index>(), 1..20_usize, 1..200_usize).prop_map(|(at, len, times)| Change::Repeat(at, len, times)),
        any::<Index>().prop_map(Change::Cut),
    ]
}

impl Change {
    /// Most of a header is spaces: what happens, happens near its beginning.
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &Index| at.index(bytes.len().clamp(1, 120)).min(bytes.len());
        let end = |at: usize, len: usize| (at + len).min(bytes.len());
        match *self {
            Change::Flip(ref at, bit) => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << bit);
            }
            Change::Set(ref at, to) => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte = to);
            }
            Change::Insert(ref at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece.bytes());
            }
            Change::Overwrite(ref at, piece) => {
                let at = place(at);
                bytes.splice(at..end(at, piece.len()), piece.bytes());
            }
            Change::Remove(ref at, len) => {
                let at = place(at);
                bytes.drain(at..end(at, len));
            }
            Change::Repeat(ref at, len, times) => {
                let at = place(at);
                let part = bytes[at..end(at, len)].repeat(times);
                bytes.splice(at..at, part);
            }
            // Anywhere.
            Change::Cut(ref at) => bytes.truncate(at.index(bytes.len() + 1)),
        }
    }
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let extent = prop_oneof![Just(0_u64), Just(1), 0..100_u64, 0..=array::MAX_EXTENT];
    (proptest::sample::select(&DType::ALL[..]), vec(extent, 0..=MAX_DIMS)).prop_map(|(dtype, mut shape)| {
        loop {
            match Spec::new(dtype, shape.clone()) {
                Ok(spec) => return spec,
                // Too large for any memory.
                Err(_) => drop(shape.pop()),
            }
        }
    })
}

/// The bytes of a header that has suffered, perhaps of another version of the format.
fn damaged(spec: &Spec, version: u8, changes: &[Change]) -> Vec<u8> {
    let mut bytes = npy::encode(spec).to_vec();
    if version > 1 {
        let len = bytes.len() as u32 - 10;
        bytes.splice(6..10, [version, 0].into_iter().chain(len.to_le_bytes()));
    }
    changes.iter().for_each(|change| change.apply(&mut bytes));
    bytes
}

/// What a header says lies within the file, whatever it is.
fn is_sound(header: &Header, file_len: u64) -> bool {
    header.offset as u64 + header.spec.bytes() == file_len && header.offset.is_multiple_of(header.spec.dtype().size())
}

#[test]
fn a_damaged_array_header_is_refused_or_lies_within_its_file() {
    survive("arrays::role_decodes");
}

#[test]
#[ignore = "a role in other tests"]
fn role_decodes() {
    let len = prop_oneof![Just(None), any::<u64>().prop_map(Some), (0..20_000_u64).prop_map(Some)];
    let inputs = (any_spec(), 1..4_u8, vec(change(), 1..5), len);
    read_each(".npy header", 58, inputs, |(spec, version, changes, len)| {
        let len = len.unwrap_or(DATA_OFFSET as u64 + spec.bytes());
        match npy::decode(&damaged(&spec, version, &changes), len) {
            Ok(header) => assert!(is_sound(&header, len), "{header:?}"),
            Err(reason) => assert!(!reason.is_empty()),
        }
    });
}

#[test]
fn a_damaged_array_file_is_refused_or_all_of_it_can_be_read() {
    survive("arrays::role_opens");
}

#[test]
#[ignore = "a role in other tests"]
fn role_opens() {
    let folder = Folder::new();
    let path = folder.path("damaged.npy");
    let small = (proptest::sample::select(&DType::ALL[..]), vec(0..6_u64, 0..4))
        .prop_map(|(dtype, shape)| Spec::new(dtype, shape).unwrap());
    let inputs = (small, 1..4_u8, vec(change(), 0..4), -20..20_i64);
    read_each(".npy file", 5, inputs, |(spec, version, changes, longer)| {
        let mut bytes = damaged(&spec, version, &changes);
        let len = bytes.len() as i64 + spec.bytes() as i64 + if longer % 3 == 0 { 0 } else { longer };
        bytes.resize(len.max(0) as usize, 7);
        fs::write(&path, &bytes).unwrap();
        match array::open_file(&path, Access::ReadOnly) {
            Ok(array) => {
                assert_eq!(array.bytes() as u64, array.spec.bytes());
                // SAFETY: so many bytes are mapped, and nobody else writes.
                let all = unsafe { std::slice::from_raw_parts(array.data(), array.bytes()) };
                assert!(all == &bytes[array.offset..]);
            }
            Err(Error::IncompatibleSegment { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    });
}
