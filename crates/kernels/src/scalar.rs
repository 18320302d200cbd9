//! Numbers without an element type as elements, by NumPy 2's rule for Python's numbers: the arrays that they meet decide
//! on the type, and what that type does not have is refused.

use crate::cast::Casts;
use crate::dtype::{DType, Kind};
use crate::error::{Result, refuse};

/// A number that has no element type yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeakScalar {
    /// A number, whole or not.
    Number(f64),
    /// An integer.
    Integer(i128),
    /// True or false.
    Boolean(bool),
}

impl WeakScalar {
    /// It as one element, whose bytes are the first of the word's. Floating-point types round; for the others it has to be
    /// one of their values.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for what an integer type or bool does not have: fractions, NaN, too large ones.
    pub fn element(self, dtype: DType) -> Result<[u8; 8]> {
        let bits = match dtype {
            DType::F64 => self.number().to_bits(),
            DType::F32 => (self.number() as f32).to_bits().into(),
            DType::F16 => to_f16(self.number()).into(),
            _ => self.integer(dtype)? as u64,
        };
        Ok(bits.to_le_bytes())
    }

    fn number(self) -> f64 {
        match self {
            WeakScalar::Number(number) => number,
            WeakScalar::Integer(integer) => integer as f64,
            WeakScalar::Boolean(truth) => f64::from(u8::from(truth)),
        }
    }

    fn integer(self, dtype: DType) -> Result<i128> {
        let integer = match self {
            // The cast is exact, or saturates far outside of every type.
            WeakScalar::Number(number) if number.trunc() == number => number as i128,
            WeakScalar::Number(number) => return refuse(format!("{number} is no {dtype}: only integers are")),
            WeakScalar::Integer(integer) => integer,
            WeakScalar::Boolean(truth) => truth.into(),
        };
        let bits = 8 * dtype.size();
        let (lowest, highest) = match dtype.kind() {
            Kind::Bool => (0, 1),
            Kind::Signed => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            _ => (0, (1 << bits) - 1),
        };
        if lowest <= integer && integer <= highest {
            return Ok(integer);
        }
        refuse(format!("{integer} is no {dtype}: it has {lowest} to {highest}"))
    }
}

/// The bits of a float64 as a float16, rounded once. (`half` does not look at its lower 32 bits.)
pub(crate) fn to_f16(number: f64) -> u16 {
    let [mut target, mut first, mut second] = [[0u64]; 3];
    let buffers = [first.as_mut_ptr().cast(), second.as_mut_ptr().cast()];
    // SAFETY: each is one word, more than any of the types has.
    unsafe {
        let number = [number];
        Casts::new(DType::F64, DType::F16).run(number.as_ptr().cast(), 1, Some(target.as_mut_ptr().cast()), buffers);
    }
    target[0] as u16
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn integers_of_every_type_are_taken_to_their_limits() {
        for (dtype, lowest, highest) in [
            (DType::Bool, 0, 1),
            (DType::I8, i8::MIN.into(), i8::MAX.into()),
            (DType::U8, 0, u8::MAX.into()),
            (DType::I16, i16::MIN.into(), i16::MAX.into()),
            (DType::U16, 0, u16::MAX.into()),
            (DType::I32, i32::MIN.into(), i32::MAX.into()),
            (DType::U32, 0, u32::MAX.into()),
            (DType::I64, i64::MIN.into(), i64::MAX.into()),
            (DType::U64, 0i128, u64::MAX.into()),
        ] {
            for value in [lowest, highest] {
                let element = WeakScalar::Integer(value).element(dtype).unwrap();
                assert_eq!(element[..dtype.size()], value.to_le_bytes()[..dtype.size()], "{value} as {dtype}");
            }
            for value in [lowest - 1, highest + 1] {
                assert!(WeakScalar::Integer(value).element(dtype).is_err(), "{value} as {dtype}");
            }
            for value in [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e30] {
                assert!(WeakScalar::Number(value).element(dtype).is_err(), "{value} as {dtype}");
            }
            assert_eq!(WeakScalar::Number(1.0).element(dtype), WeakScalar::Boolean(true).element(dtype));
        }
    }

    #[test]
    fn floating_point_types_round() {
        let element = |value: f64, dtype| WeakScalar::Number(value).element(dtype).unwrap();
        assert_eq!(element(0.1, DType::F64), 0.1f64.to_le_bytes());
        assert_eq!(element(0.1, DType::F32)[..4], 0.1f32.to_le_bytes());
        assert_eq!(element(1e300, DType::F32)[..4], f32::INFINITY.to_le_bytes());
        assert_eq!(element(65504.0, DType::F16)[..2], f16::MAX.to_le_bytes());
        // Just above halfway between two of them.
        assert_eq!(
            element(1.0 + 2f64.powi(-11) + 2f64.powi(-40), DType::F16)[..2],
            (f16::ONE.to_bits() + 1).to_le_bytes()
        );
        assert_eq!(WeakScalar::Integer(-3).element(DType::F64).unwrap(), (-3f64).to_le_bytes());
    }
}
