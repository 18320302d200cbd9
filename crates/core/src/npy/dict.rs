//! The text of a `.npy` header: `{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }`.
//!
//! Read is what NumPy writes under Python 2 and 3, in any order and spacing; nothing else that Python would take for a
//! dictionary.

use std::fmt::Write;

use crate::array::{MAX_DIMS, Spec};
use crate::dtype::DType;

/// The text for an array in C order.
pub fn write(spec: &Spec) -> String {
    let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': (", spec.dtype().descr());
    for (i, extent) in spec.shape().iter().enumerate() {
        let separator = if i == 0 { "" } else { " " };
        let _ = write!(text, "{separator}{extent},"); // a String takes everything
    }
    if spec.shape().len() > 1 {
        text.pop(); // the comma after the last one is needed in a tuple of one alone
    }
    text.push_str("), }");
    text
}

/// Reads the text, with what NumPy filled it up with.
pub fn read(text: &str) -> Result<Spec, String> {
    let mut cursor = Cursor { rest: text };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    cursor.expect('{')?;
    while !cursor.take('}') {
        let key = cursor.string()?;
        cursor.expect(':')?;
        let twice = match key {
            "descr" if cursor.peek('[') => {
                return Err("it holds records (a structured dtype); save each field on its own".into());
            }
            "descr" => descr.replace(cursor.string()?).is_some(),
            "fortran_order" => fortran_order.replace(cursor.boolean()?).is_some(),
            "shape" => shape.replace(cursor.tuple()?).is_some(),
            _ => return Err(damaged("a key that the format does not know")),
        };
        if twice {
            return Err(damaged("a key that is there twice"));
        }
        if !cursor.take(',') && !cursor.peek('}') {
            return Err(damaged("a comma is missing"));
        }
    }
    // Counted, which takes many bytes in one step: it is a page of spaces at every attach.
    if cursor.rest.bytes().filter(|byte| !matches!(byte, b' ' | b'\n')).count() > 0 {
        return Err(damaged("something follows the dictionary"));
    }
    let (Some(descr), Some(fortran_order), Some(shape)) = (descr, fortran_order, shape) else {
        return Err(damaged("a key is missing"));
    };
    let spec = DType::from_descr(descr).and_then(|dtype| Spec::new(dtype, shape)).map_err(|e| e.to_string())?;
    if fortran_order {
        return Err("its elements are in Fortran order; save numpy.ascontiguousarray(a)".into());
    }
    Ok(spec)
}

fn damaged(what: &str) -> String {
    format!("its header is damaged ({what})")
}

/// What is still to be read.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn peek(&mut self, c: char) -> bool {
        self.skip_spaces();
        self.rest.starts_with(c)
    }

    fn take(&mut self, c: char) -> bool {
        self.skip_spaces();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) { Ok(()) } else { Err(damaged(&format!("{c:?} is missing"))) }
    }

    /// A string without escapes.
    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.take('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect('\'')?;
        }
        let (inner, rest) = self.rest.split_once(quote).ok_or_else(|| damaged("a string does not end"))?;
        if inner.contains('\\') {
            return Err(damaged("a string with an escape"));
        }
        self.rest = rest;
        Ok(inner)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        self.skip_spaces();
        for (word, value) in [("False", false), ("True", true)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(damaged("fortran_order is neither True nor False"))
    }

    /// A tuple of lengths: `()`, `(3,)`, `(3, 4)`, `(3, 4, )`.
    fn tuple(&mut self) -> Result<Vec<u64>, String> {
        self.expect('(')?;
        let mut lengths = Vec::new();
        while !self.take(')') {
            if lengths.len() == MAX_DIMS {
                return Err(format!("it has more than {MAX_DIMS} dimensions"));
            }
            lengths.push(self.number()?);
            // (3) is a number in brackets, and no tuple.
            if !self.take(',') && (lengths.len() == 1 || !self.peek(')')) {
                return Err(damaged("a comma is missing in the shape"));
            }
        }
        Ok(lengths)
    }

    fn number(&mut self) -> Result<u64, String> {
        self.skip_spaces();
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(digits);
        // Python 2 writes its long integers as 3L.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        if number.is_empty() {
            return Err(damaged("the shape holds something that is no length"));
        }
        number.parse().map_err(|_| damaged("the shape is larger than any memory"))
    }
}
