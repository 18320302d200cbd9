//! Whether arrays share memory, exactly: two columns of one matrix do not.
//!
//! The question is whether a sum of multiples of the strides, each multiple within its axis, hits the distance between the
//! arrays: a bounded linear Diophantine equation. As NumPy does, terms are tried from the largest stride on, cut off by
//! what the remaining ones can reach and by their greatest common divisor.

use crate::array::{Array, MAX_RANK};

/// Terms that an equation has: the axes of two arrays, and the bytes within their elements.
const TERMS: usize = 2 * MAX_RANK + 2;

/// Values that are tried before the answer is "perhaps". Only contrived strides need more than a few.
const TRIES: usize = 1 << 16;

/// Whether an element of `a` and an element of `b` share a byte.
///
/// The answer is exact, but for strides contrived to be hard, where it may be true for arrays that do not.
pub fn may_overlap(a: &Array<'_>, b: &Array<'_>) -> bool {
    if a.size() == 0 || b.size() == 0 {
        return false;
    }
    let (first_a, end_a) = bounds(a);
    let (first_b, end_b) = bounds(b);
    if end_a <= first_b || end_b <= first_a {
        return false;
    }
    let mut equation = Equation::new((b.data() as i64).wrapping_sub(a.data() as i64));
    equation.add_axes(a, 1);
    equation.add_axes(b, -1);
    if a.dtype().size() != b.dtype().size() {
        equation.add(1, a.dtype().size() as i64 - 1);
        equation.add(-1, b.dtype().size() as i64 - 1);
    }
    equation.may_have_solution()
}

/// Whether two different indices of `a` lead to one place.
pub fn overlaps_itself(a: &Array<'_>) -> bool {
    if a.size() == 0 {
        return false;
    }
    let mut axes = [(0i64, 0i64); MAX_RANK];
    let mut rank = 0;
    for (&length, &stride) in a.shape().iter().zip(a.strides()).filter(|(length, _)| **length > 1) {
        axes[rank] = ((stride as i64).abs(), length as i64 - 1);
        rank += 1;
    }
    let axes = &mut axes[..rank];
    axes.sort_unstable();
    // Each stride steps over everything that the smaller ones reach: so it is for all but contrived arrays.
    let mut reach = 0;
    if axes.iter().all(|&(stride, last)| {
        let clear = stride > reach;
        reach += stride * last;
        clear
    }) {
        return false;
    }
    // Two indices lead to one place: the first axis on which they differ is k, there by at least one.
    (0..rank).any(|k| {
        let (stride, last) = axes[k];
        let target: i64 = axes[k + 1..].iter().map(|(stride, last)| stride * last).sum();
        let mut equation = Equation::new(target - stride);
        equation.add(stride, last - 1);
        for &(stride, last) in &axes[k + 1..] {
            equation.add(stride, 2 * last);
        }
        equation.may_have_solution()
    })
}

/// Whether both are the same places in the same order, by elements of the same size. Both have the same shape.
pub fn is_same_view(a: &Array<'_>, b: &Array<'_>) -> bool {
    debug_assert_eq!(a.shape(), b.shape());
    a.data() == b.data()
        && a.dtype().size() == b.dtype().size()
        && a.shape().iter().zip(a.strides().iter().zip(b.strides())).all(|(&length, (a, b))| length <= 1 || a == b)
}

/// The addresses of the first byte of an array that has elements, and past the last one.
fn bounds(array: &Array<'_>) -> (i64, i64) {
    let size = array.dtype().size() as i64;
    let (mut first, mut last) = (array.data() as i64, array.data() as i64);
    for (&length, &stride) in array.shape().iter().zip(array.strides()) {
        let reach = (length as i64 - 1).wrapping_mul(stride as i64).wrapping_mul(size);
        if reach < 0 {
            first += reach;
        } else {
            last += reach;
        }
    }
    (first, last + size)
}

/// Is there an x with 0 <= x[i] <= bound[i] and the sum of coefficient[i] x[i] equal to target?
struct Equation {
    terms: [Term; TERMS],
    len: usize,
    target: i64,
}

#[derive(Clone, Copy, Default)]
struct Term {
    coefficient: i64,
    bound: i64,
    /// Of this coefficient and all after it: the greatest common divisor, and the largest sum.
    divisor: i64,
    reach: i64,
}

impl Equation {
    fn new(target: i64) -> Equation {
        Equation { terms: [Term::default(); TERMS], len: 0, target }
    }

    fn add_axes(&mut self, array: &Array<'_>, sign: i64) {
        let size = array.dtype().size() as i64;
        for (&length, &stride) in array.shape().iter().zip(array.strides()).filter(|(length, _)| **length > 1) {
            self.add(sign * stride as i64 * size, length as i64 - 1);
        }
    }

    fn add(&mut self, coefficient: i64, bound: i64) {
        if coefficient < 0 {
            // Count this one from its other end.
            self.target -= coefficient * bound;
        }
        let coefficient = coefficient.abs();
        if coefficient == 0 || bound == 0 {
            return;
        }
        if let Some(same) = self.terms[..self.len].iter_mut().find(|term| term.coefficient == coefficient) {
            same.bound += bound;
        } else {
            self.terms[self.len] = Term { coefficient, bound, ..Term::default() };
            self.len += 1;
        }
    }

    fn may_have_solution(mut self) -> bool {
        let terms = &mut self.terms[..self.len];
        terms.sort_unstable_by_key(|term| std::cmp::Reverse(term.coefficient));
        let (mut divisor, mut reach) = (0, 0);
        for term in terms.iter_mut().rev() {
            divisor = gcd(divisor, term.coefficient);
            reach += term.coefficient * term.bound;
            (term.divisor, term.reach) = (divisor, reach);
        }
        // Too many tries: perhaps.
        solve(terms, self.target, &mut { TRIES }).unwrap_or(true)
    }
}

/// Whether the terms can sum up to `target`; `None` when there are no more tries.
fn solve(terms: &[Term], target: i64, tries: &mut usize) -> Option<bool> {
    let Some((term, rest)) = terms.split_first() else {
        return Some(target == 0);
    };
    if target < 0 || target > term.reach || target % term.divisor != 0 {
        return Some(false);
    }
    let Some(next) = rest.first() else {
        return Some(true);
    };
    // What is left for the others must be a multiple of their divisor: every `step`-th value.
    let common = gcd(term.coefficient, next.divisor);
    let step = next.divisor / common;
    let least = (target - next.reach + term.coefficient - 1).div_euclid(term.coefficient).max(0);
    let most = (target / term.coefficient).min(term.bound);
    let inverse = inverse(term.coefficient / common, step);
    let residue = (i128::from(target / common) * i128::from(inverse)).rem_euclid(i128::from(step)) as i64;
    let mut x = least + (residue - least).rem_euclid(step);
    while x <= most {
        *tries = tries.checked_sub(1)?;
        if solve(rest, target - term.coefficient * x, tries)? {
            return Some(true);
        }
        x += step;
    }
    Some(false)
}

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The x in 0..modulus with a x = 1 modulo `modulus`; they have no common divisor. By the extended Euclidean algorithm.
fn inverse(a: i64, modulus: i64) -> i64 {
    let (mut x, mut next_x) = (0, 1);
    let (mut r, mut next_r) = (modulus, a % modulus);
    while next_r != 0 {
        let quotient = r / next_r;
        (x, next_x) = (next_x, x - quotient * next_x);
        (r, next_r) = (next_r, r - quotient * next_r);
    }
    x.rem_euclid(modulus)
}
