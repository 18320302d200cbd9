//! What is summed up of the numbers of two lines: products, or what distances are made of.

use super::lanes::Lanes;
use super::word::Word;

/// One operation on pairs of numbers, and how the results become one. An empty line gives zero.
pub(crate) trait Inner: Copy + Send + Sync + 'static {
    /// `sum` with one pair more.
    fn step<V: Lanes>(sum: V, a: V, b: V) -> V;

    /// What comes of two parts of the pairs.
    #[inline(always)]
    fn join<V: Lanes>(sum: V, other: V) -> V {
        sum.plus(other)
    }

    /// As [`join`](Self::join), for single numbers.
    #[inline(always)]
    fn join_words<W: Word>(sum: W, other: W) -> W {
        sum.plus(other)
    }

    /// What comes of all pairs.
    #[inline(always)]
    fn finish<W: Word>(sum: W) -> W {
        sum
    }

    /// Whether [`finish`](Self::finish) does something.
    const FINISHES: bool = false;
}

/// The sum of products.
#[derive(Clone, Copy)]
pub(crate) struct Products;

/// The sum of squared differences.
#[derive(Clone, Copy)]
pub(crate) struct Squares;

/// The square root of the sum of squared differences.
#[derive(Clone, Copy)]
pub(crate) struct RootOfSquares;

/// The sum of absolute differences.
#[derive(Clone, Copy)]
pub(crate) struct Differences;

/// The largest absolute difference.
#[derive(Clone, Copy)]
pub(crate) struct LargestDifference;

impl Inner for Products {
    #[inline(always)]
    fn step<V: Lanes>(sum: V, a: V, b: V) -> V {
        sum.multiply_add(a, b)
    }
}

impl Inner for Squares {
    #[inline(always)]
    fn step<V: Lanes>(sum: V, a: V, b: V) -> V {
        let difference = a.minus(b);
        sum.multiply_add(difference, difference)
    }
}

impl Inner for RootOfSquares {
    const FINISHES: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(sum: V, a: V, b: V) -> V {
        Squares::step(sum, a, b)
    }

    #[inline(always)]
    fn finish<W: Word>(sum: W) -> W {
        sum.root()
    }
}

impl Inner for Differences {
    #[inline(always)]
    fn step<V: Lanes>(sum: V, a: V, b: V) -> V {
        sum.plus(magnitude(a, b))
    }
}

impl Inner for LargestDifference {
    #[inline(always)]
    fn step<V: Lanes>(sum: V, a: V, b: V) -> V {
        sum.larger(magnitude(a, b))
    }

    #[inline(always)]
    fn join<V: Lanes>(sum: V, other: V) -> V {
        sum.larger(other)
    }

    #[inline(always)]
    fn join_words<W: Word>(sum: W, other: W) -> W {
        sum.larger(other)
    }
}

/// The absolute difference.
#[inline(always)]
fn magnitude<V: Lanes>(a: V, b: V) -> V {
    a.minus(b).larger(b.minus(a))
}
