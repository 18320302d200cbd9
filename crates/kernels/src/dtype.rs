//! Types of elements.

use std::fmt;

use half::f16;

/// Runs an expression with `$T` standing for the element type of a [`DType`] of the listed ones; the last arm is for the
/// others. Without a list, for all of them.
///
/// ```ignore
/// with_dtype!(a.dtype(), T in [F32, F64] => sum::<T>(a), other => refuse(format!("not for {other}")))
/// with_dtype!(a.dtype(), T => fill::<T>(a))
/// ```
macro_rules! with_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::dtype::with_dtype!(@ $dtype, $T, [Bool I8 U8 I16 U16 I32 U32 I64 U64 F16 F32 F64], $body)
    };
    ($dtype:expr, $T:ident in [$($name:ident),+ $(,)?] => $body:expr, $other:pat => $else:expr) => {
        $crate::dtype::with_dtype!(@ $dtype, $T, [$($name)+], $body, $other => $else)
    };
    (@ $dtype:expr, $T:ident, [$($name:ident)+], $body:expr $(, $other:pat => $else:expr)?) => {
        match $dtype {
            $($crate::dtype::DType::$name => { type $T = $crate::dtype::of::$name; $body })+
            $($other => $else,)?
        }
    };
}
pub(crate) use with_dtype;

/// The type of an array's elements, as NumPy has it, in this machine's (little-endian) byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DType {
    /// One byte, 0 or 1; every byte but 0 counts as true.
    Bool,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 64 bits.
    U64,
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

/// What kinds of numbers there are, from the narrowest to the widest in NumPy's `same_kind` casting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// True and false.
    Bool,
    /// Integers from 0 on.
    Unsigned,
    /// Integers.
    Signed,
    /// Floating-point numbers.
    Float,
}

impl DType {
    /// Every type there is, in the order of their codes.
    pub const ALL: [DType; 12] = [
        DType::Bool,
        DType::I8,
        DType::U8,
        DType::I16,
        DType::U16,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::U64,
        DType::F16,
        DType::F32,
        DType::F64,
    ];

    /// The type of this code: its place in [`DType::ALL`].
    pub fn from_code(code: u8) -> Option<DType> {
        DType::ALL.get(usize::from(code)).copied()
    }

    /// NumPy's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::I64 => "int64",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// Bytes of one element; also its alignment.
    pub const fn size(self) -> usize {
        with_dtype!(self, T => size_of::<T>())
    }

    /// What kind of numbers it has.
    pub const fn kind(self) -> Kind {
        match self {
            DType::Bool => Kind::Bool,
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => Kind::Unsigned,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => Kind::Signed,
            DType::F16 | DType::F32 | DType::F64 => Kind::Float,
        }
    }

    /// The unsigned integer type of its size, if it is an integer type; else itself. The bits of what wraps are the same.
    pub const fn to_unsigned(self) -> DType {
        match self {
            DType::I8 => DType::U8,
            DType::I16 => DType::U16,
            DType::I32 => DType::U32,
            DType::I64 => DType::U64,
            other => other,
        }
    }

    /// Whether a result of this type may be stored into an `out` of that one: NumPy's `same_kind` rule. A narrower type of
    /// the same kind, or a wider kind.
    pub fn can_store_into(self, out: DType) -> bool {
        self.kind() <= out.kind()
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An element of type bool: a byte, so that no byte which another process writes is an invalid value.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
pub struct Bool(u8);

impl Bool {
    /// The truth: every byte but 0.
    #[inline(always)]
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for Bool {
    #[inline(always)]
    fn from(truth: bool) -> Self {
        Bool(truth as u8)
    }
}

impl PartialEq for Bool {
    #[inline(always)]
    fn eq(&self, other: &Bool) -> bool {
        self.get() == other.get()
    }
}

/// A Rust type that is the element of arrays.
///
/// # Safety
/// Every pattern of bits is a valid value, there is no padding, and size and alignment are `DTYPE.size()`.
pub unsafe trait Element: Copy + Send + Sync + fmt::Debug + PartialEq + 'static {
    /// The type of arrays of it.
    const DTYPE: DType;
}

macro_rules! elements {
    ($($type:ty => $dtype:ident),* $(,)?) => {
        $(
            const _: () = assert!(size_of::<$type>() == DType::$dtype.size() && align_of::<$type>() == size_of::<$type>());
            // SAFETY: a plain number, or a byte around which every value is allowed; its size stands above.
            unsafe impl Element for $type {
                const DTYPE: DType = DType::$dtype;
            }
        )*
    };
}

elements! {
    Bool => Bool, i8 => I8, u8 => U8, i16 => I16, u16 => U16, i32 => I32, u32 => U32, i64 => I64, u64 => U64,
    f16 => F16, f32 => F32, f64 => F64,
}

/// The Rust type of each [`DType`], by its name, for `with_dtype`.
#[allow(missing_docs)]
pub mod of {
    pub type Bool = super::Bool;
    pub type I8 = i8;
    pub type U8 = u8;
    pub type I16 = i16;
    pub type U16 = u16;
    pub type I32 = i32;
    pub type U32 = u32;
    pub type I64 = i64;
    pub type U64 = u64;
    pub type F16 = half::f16;
    pub type F32 = f32;
    pub type F64 = f64;
}
