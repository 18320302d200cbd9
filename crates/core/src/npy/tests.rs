use std::fs;

use proptest::prelude::*;

use super::*;
use crate::array::MAX_DIMS;
use crate::dtype::DType;

fn spec(dtype: DType, shape: &[u64]) -> Spec {
    Spec::new(dtype, shape.to_vec()).unwrap()
}

/// A file's header of `version` with `text`, filled up as NumPy does.
fn header(version: u8, text: &str) -> Vec<u8> {
    let prefix = if version == 1 { V1_PREFIX } else { V2_PREFIX };
    let len = (prefix + text.len() + 1).next_multiple_of(64) - prefix;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((len as u16).to_le_bytes()),
        _ => bytes.extend((len as u32).to_le_bytes()),
    }
    bytes.extend(format!("{text:<width$}\n", width = len - 1).bytes());
    bytes
}

fn decode_text(text: &str, data: u64) -> Result<Header, String> {
    let bytes = header(1, text);
    decode(&bytes, bytes.len() as u64 + data)
}

#[track_caller]
fn refused(text: &str, words: &str) {
    let reason = decode_text(text, 0).expect_err(text);
    assert!(reason.contains(words), "{text}: {reason:?} lacks {words:?}");
}

#[test]
fn our_header_is_one_page_of_version_1_that_ends_in_a_newline() {
    let page = encode(&spec(DType::I32, &[3, 4]));
    assert_eq!(&page[..10], b"\x93NUMPY\x01\x00\xf6\x0f"); // 4086
    let text = std::str::from_utf8(&page[10..]).unwrap();
    assert_eq!(text.trim_end(), "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 4), }");
    assert!(text.ends_with(" \n") && !text.contains('\0'));
}

#[test]
fn the_longest_shape_fits() {
    let mut shape = vec![1; MAX_DIMS];
    shape[0] = 0;
    shape[1] = crate::array::MAX_EXTENT;
    let spec = spec(DType::Bool, &shape);
    assert_eq!(decode(&encode(&spec), DATA_OFFSET as u64).unwrap().spec, spec);
}

#[test]
fn what_numpy_writes_is_read() {
    for version in [1, 2, 3] {
        let bytes = header(version, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }");
        let found = decode(&bytes, bytes.len() as u64 + 48).unwrap();
        assert_eq!(found, Header { spec: spec(DType::F64, &[2, 3]), offset: 128 });
    }
    for (shape, expected) in
        [("()", &[][..]), ("(0,)", &[0]), ("(1,)", &[1]), ("(2L, 3L)", &[2, 3]), ("(2, 3,)", &[2, 3])]
    {
        let found = decode_text(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"), {
            expected.iter().product::<u64>()
        });
        assert_eq!(found.unwrap().spec, spec(DType::U8, expected));
    }
    // Other writers: another order of keys, double quotes, no spaces.
    let found = decode_text(r#"{"shape":(4,),"fortran_order":False,"descr":"<i2"}"#, 8).unwrap();
    assert_eq!(found.spec, spec(DType::I16, &[4]));
}

#[test]
fn other_contents_are_refused_with_the_reason() {
    let text = |descr: &str, order: &str, shape: &str| {
        format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}")
    };
    refused(&text("'<i4'", "True", "(2, 3)"), "Fortran order");
    refused(&text("'>i4'", "False", "(0,)"), "big-endian");
    refused(&text("'|O'", "False", "(0,)"), "Python objects");
    refused(&text("[('a', '<i4'), ('b', '<f8')]", "False", "(0,)"), "structured dtype");
    refused(&text("'<c16'", "False", "(0,)"), "complex");
    refused(&text("'<i4'", "False", "(-1,)"), "no length");
    refused(&text("'<i4'", "False", "(1.5,)"), "comma is missing");
    refused(&text("'<i4'", "False", "(3)"), "comma is missing");
    refused(&text("'<i4'", "False", "(99999999999999999999,)"), "larger than any memory");
    refused(&text("'<i4'", "False", "(9007199254740992,)"), "2^53");
    refused(&text("'<i4'", "False", "(4294967296, 4294967296)"), "more bytes");
    refused(&text("'<i4'", "False", "(4294967296, 4294967296, 0)"), "more bytes");
    refused(&text("'<i4'", "False", &format!("({})", "1, ".repeat(MAX_DIMS + 1))), "more than 32 dimensions");
    refused(&text("'<i4'", "None", "(0,)"), "neither True nor False");
    refused(&text(r"'\x3ci4'", "False", "(0,)"), "escape");
    refused("{'descr': '<i4', 'fortran_order': False, }", "a key is missing");
    refused("{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (), }", "twice");
    refused("{'descr': '<i4', 'fortran_order': False, 'shape': (0,), 'x': 'y', }", "does not know");
    refused("{'descr': '<i4', 'fortran_order': False, 'shape': (0,), } + {}", "follows the dictionary");
    refused("{'descr': '<i4' 'fortran_order': False, 'shape': (0,), }", "comma is missing");
    refused("{'descr': '<i4", "does not end");
    refused("", "'{' is missing");
    refused(&text("'<i4'", "False", "(2,)"), "truncated: it has 128 bytes of 136");
    let reason = decode_text(&text("'<i4'", "False", "(2,)"), 9).unwrap_err();
    assert!(reason.contains("1 bytes that its header does not account for"), "{reason}");
}

#[test]
fn damaged_starts_are_refused_with_the_reason() {
    let good = header(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        decode(&bytes, bytes.len() as u64).unwrap_err()
    };
    assert!(with(&|b| b[0] = b'N').contains("not a .npy file"));
    assert!(with(&|b| b.clear()).contains("not a .npy file"));
    assert!(with(&|b| b[6] = 4).contains("version 4.0"));
    assert!(with(&|b| b[7] = 1).contains("version 1.1"));
    assert!(with(&|b| b[20] = 0xff).contains("not text"));
    assert!(with(&|b| b[8..10].copy_from_slice(&[0xff, 0xff])).contains("65535 bytes"));
    assert!(with(&|b| b[6] = 2).contains("describes more than"));
    for len in 6..good.len() {
        assert!(with(&|b| b.truncate(len)).contains("middle of its header"), "{len}");
    }
}

#[test]
fn misaligned_data_is_refused() {
    // 10 + 54 + 1 bytes: what no NumPy writes, but a file may have.
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (), }";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    let reason = decode(&bytes, bytes.len() as u64 + 8).unwrap_err();
    assert!(reason.contains("not aligned"), "{reason}");
}

#[test]
fn a_header_longer_than_a_page_is_read_whole() {
    let text = format!("{:6000}{}", "{", "'descr': '<i4', 'fortran_order': False, 'shape': (1,), }");
    let mut bytes = header(2, &text);
    let offset = bytes.len();
    bytes.extend([0; 4]);
    let path = std::env::temp_dir().join(format!("tsdsm-long-header-{}.npy", std::process::id()));
    fs::write(&path, &bytes).unwrap();
    let found = read(&File::open(&path).unwrap(), bytes.len() as u64);
    fs::remove_file(&path).unwrap();
    assert_eq!(found.unwrap().unwrap(), Header { spec: spec(DType::I32, &[1]), offset });
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let extent = prop_oneof![Just(0_u64), Just(1), 0..100_u64, 0..=crate::array::MAX_EXTENT];
    (proptest::sample::select(&DType::ALL[..]), proptest::collection::vec(extent, 0..=MAX_DIMS))
        .prop_filter_map("fits", |(dtype, shape)| Spec::new(dtype, shape).ok())
}

proptest! {
    #[test]
    fn every_header_that_is_written_is_read_back(spec in any_spec()) {
        let found = decode(&encode(&spec), DATA_OFFSET as u64 + spec.bytes());
        prop_assert_eq!(found, Ok(Header { spec, offset: DATA_OFFSET }));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), len: u64) {
        let _ = decode(&bytes, len);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[-{}()\\[\\]'\":, \\\\\n0-9Ldescrfotan_hpTFué<|>=i]{0,120}", version in 1..=3_u8, len: u64) {
        let _ = decode(&header(version, &text), len);
    }

    /// Whatever is changed in a header, the data that it leads to lies within the file.
    #[test]
    fn a_changed_header_never_leads_beyond_the_file(
        spec in any_spec(),
        changes in proptest::collection::vec((0..160_usize, any::<u8>()), 1..4),
        len in 0..20_000_u64,
    ) {
        let mut bytes = encode(&spec);
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Ok(found) = decode(&bytes, len) {
            prop_assert_eq!(found.offset as u64 + found.spec.bytes(), len);
            prop_assert_eq!(found.offset % found.spec.dtype().size(), 0);
        }
    }
}
