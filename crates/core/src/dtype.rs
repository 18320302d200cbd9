//! Types of array elements.

use crate::{Error, Result};

#[cfg(target_endian = "big")]
compile_error!("tsdsm maps little-endian data");

/// The type of an array's elements, as NumPy has it, in this machine's (little-endian) byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// One byte, 0 or 1.
    Bool,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// IEEE 754 binary16.
    F16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// IEEE 754 binary32.
    F32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 64 bits.
    U64,
    /// IEEE 754 binary64.
    F64,
}

impl DType {
    /// Every type there is.
    pub const ALL: [DType; 12] = [
        DType::Bool,
        DType::I8,
        DType::U8,
        DType::I16,
        DType::U16,
        DType::F16,
        DType::I32,
        DType::U32,
        DType::F32,
        DType::I64,
        DType::U64,
        DType::F64,
    ];

    /// What NumPy writes into a file's header for it, such as `<i4`.
    pub const fn descr(self) -> &'static str {
        match self {
            DType::Bool => "|b1",
            DType::I8 => "|i1",
            DType::U8 => "|u1",
            DType::I16 => "<i2",
            DType::U16 => "<u2",
            DType::F16 => "<f2",
            DType::I32 => "<i4",
            DType::U32 => "<u4",
            DType::F32 => "<f4",
            DType::I64 => "<i8",
            DType::U64 => "<u8",
            DType::F64 => "<f8",
        }
    }

    /// NumPy's name of it, such as `int32`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::F16 => "float16",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::F32 => "float32",
            DType::I64 => "int64",
            DType::U64 => "uint64",
            DType::F64 => "float64",
        }
    }

    /// The type that NumPy calls `name`, or has in files as [`DType::from_descr`] says.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that says why this type cannot be shared.
    pub fn parse(name: &str) -> Result<DType> {
        let found = DType::ALL.into_iter().find(|dtype| dtype.name() == name);
        found.map_or_else(|| DType::from_descr(name), Ok)
    }

    /// Bytes of one element; also its alignment.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
        }
    }

    /// The type that NumPy calls `descr`: a kind and a size (`f8`), before them the byte order (`<`, or `=` for this
    /// machine's; types of one byte take any, usually `|`).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that says why this type cannot be shared.
    pub fn from_descr(descr: &str) -> Result<DType> {
        let (order, code) = match descr.as_bytes().first() {
            Some(b'<' | b'>' | b'=' | b'|') => descr.split_at(1),
            _ => ("=", descr),
        };
        let found = DType::ALL.into_iter().find(|dtype| &dtype.descr()[1..] == code);
        match (found, order) {
            (Some(dtype), _) if dtype.size() == 1 => Ok(dtype),
            (Some(_), ">") => refuse(descr, "is big-endian; convert it with a.astype(a.dtype.newbyteorder('<'))"),
            (Some(dtype), "<" | "=") => Ok(dtype),
            (Some(_), _) => refuse(descr, "has no byte order; begin it with '<'"),
            (None, _) => refuse(descr, Self::why_not(code)),
        }
    }

    fn why_not(code: &str) -> &'static str {
        match code.as_bytes().first() {
            Some(b'O') => "holds Python objects, which cannot be shared; convert it to numbers",
            Some(b'c') => "is complex; share the real and the imaginary parts as two arrays",
            Some(b'S' | b'U' | b'a') => "holds text, which is not supported; share its bytes as uint8",
            Some(b'M' | b'm') => "holds times, which are not supported; share them as int64, a.view('i8')",
            Some(b'V') => "is a record, which is not supported; share each field as an array of its own",
            _ => {
                "is not a type that can be shared; it may be bool, int8 to int64, uint8 to uint64, float16, float32 or float64"
            }
        }
    }
}

fn refuse(descr: &str, reason: &str) -> Result<DType> {
    // A damaged header can put anything here: show it shortened.
    let shown: String = descr.chars().take(40).collect();
    Err(Error::InvalidArgument(format!("the dtype {shown:?} {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_again_under_every_spelling_of_its_order() {
        for dtype in DType::ALL {
            let code = &dtype.descr()[1..];
            assert_eq!(DType::from_descr(dtype.descr()).unwrap(), dtype);
            assert_eq!(DType::parse(dtype.name()).unwrap(), dtype);
            assert_eq!(DType::parse(dtype.descr()).unwrap(), dtype);
            assert_eq!(DType::from_descr(code).unwrap(), dtype);
            assert_eq!(DType::from_descr(&format!("<{code}")).unwrap(), dtype);
            assert_eq!(DType::from_descr(&format!("={code}")).unwrap(), dtype);
            let big = DType::from_descr(&format!(">{code}"));
            let none = DType::from_descr(&format!("|{code}"));
            if dtype.size() == 1 {
                assert_eq!((big.unwrap(), none.unwrap()), (dtype, dtype));
            } else {
                assert!(big.unwrap_err().to_string().contains("big-endian"));
                assert!(none.unwrap_err().to_string().contains("no byte order"));
            }
        }
    }

    #[test]
    fn other_types_are_refused_with_what_to_do() {
        for (descr, words) in [
            ("|O", "Python objects"),
            ("<c16", "complex"),
            ("<U5", "text"),
            ("|S5", "text"),
            ("<M8[ns]", "times"),
            ("|V8", "record"),
            ("<f16", "may be bool"),
            ("", "may be bool"),
            ("<", "may be bool"),
            ("é4", "may be bool"),
            ("<i4 ", "may be bool"),
        ] {
            let message = DType::from_descr(descr).unwrap_err().to_string();
            assert!(message.contains(words), "{descr:?}: {message:?}");
        }
    }
}
