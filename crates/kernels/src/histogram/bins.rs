//! Which bin a number lies in.

use half::f16;

use crate::array::Array;
use crate::dtype::DType;
use crate::elements::{BLOCK, Block, CastElements};
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::gather::indices::IndexBlock;
use crate::scalar::to_f16;
use crate::search::positions;
use crate::sort::keys::Word;

/// The bins of a [`histogram`](super::histogram).
#[derive(Debug, Clone, Copy)]
pub enum Bins<'a> {
    /// As many as `out` has elements, of one width, from the first number to the second. Where these are equal, from one
    /// half below to one half above.
    Uniform(f64, f64),
    /// Between these edges, one more than `out` has elements, in ascending order; of the type of the elements, or float64.
    Edges(&'a Array<'a>),
}

/// Finds bins.
pub(crate) struct Locate<'a> {
    elements: CastElements<'a>,
    edges: Edges,
    bins: usize,
    /// The type of the elements as they were given.
    dtype: DType,
}

enum Edges {
    Uniform {
        edges: Vec<f64>,
        low: f64,
        width: f64,
        high: f64,
    },
    /// Canonical keys of edges of a type.
    Keys(Vec<u64>, DType),
}

impl<'a> Locate<'a> {
    pub fn new(a: &Array<'a>, bins: Bins<'_>, count: usize) -> Result<Locate<'a>> {
        if count == 0 {
            return refuse("a histogram has one bin or more");
        }
        let (cast, edges) = match bins {
            Bins::Uniform(low, high) => {
                let edges = uniform_edges(low, high, count, a.dtype())?;
                let (low, high) = widened(low, high);
                let [first, last] = [low, high].map(|edge| rounded(edge, a.dtype()));
                (DType::F64, Edges::Uniform { edges, low: first, width: high - low, high: last })
            }
            Bins::Edges(edges) => {
                if edges.rank() != 1 || edges.size() != count + 1 {
                    return refuse(format!("{count} bins have {} edges along one axis", count + 1));
                }
                if edges.dtype() != DType::F64 && edges.dtype() != a.dtype() {
                    return refuse(format!("edges of type {} are not for {}", edges.dtype(), a.dtype()));
                }
                (edges.dtype(), Edges::Keys(edge_keys(edges)?, edges.dtype()))
            }
        };
        Ok(Locate { elements: CastElements::new(a, cast), edges, bins: count, dtype: a.dtype() })
    }

    /// The bins of the `len` elements from position `start` on; the number of bins for those that lie in none.
    pub fn locate(&self, start: usize, len: usize, found: &mut IndexBlock) {
        let mut room: [Block; 3] = [[0; BLOCK]; 3];
        // SAFETY: the caller counts up to the number of elements.
        let elements = unsafe { self.elements.read(start, len, &mut room) };
        match &self.edges {
            Edges::Uniform { edges, low, width, high } => {
                // SAFETY: cast to float64.
                let elements = unsafe { std::slice::from_raw_parts(elements.cast::<f64>(), len) };
                for (bin, &x) in found.iter_mut().zip(elements) {
                    *bin = if x >= *low && x <= *high {
                        let above = difference(x - low, self.dtype);
                        near_edges(((above / width) * self.bins as f64) as usize, x, edges)
                    } else {
                        self.bins
                    };
                }
            }
            Edges::Keys(edges, dtype) => {
                with_size!(dtype, W => {
                    // SAFETY: cast to the type of the edges; in one of the blocks, which are ours.
                    let keys = unsafe { std::slice::from_raw_parts_mut(elements.cast_mut().cast::<W>(), len) };
                    W::to_keys(keys, *dtype);
                    W::make_canonical(keys, *dtype);
                    let mut after = [0; BLOCK];
                    positions(edges.len(), keys, &mut after[..len], |i, key| edges[i] <= key.wide());
                    let last = edges[edges.len() - 1];
                    for ((bin, &after), key) in found.iter_mut().zip(&after).zip(keys) {
                        *bin = match after as usize {
                            0 => self.bins,
                            // The last edge belongs to the last bin.
                            after if after == edges.len() && key.wide() == last => self.bins - 1,
                            after => after - 1,
                        };
                    }
                });
            }
        }
    }
}

/// The bin that was computed, or one of its neighbours: as the edges say.
#[inline(always)]
fn near_edges(bin: usize, x: f64, edges: &[f64]) -> usize {
    let last = edges.len() - 2;
    let bin = bin.min(last);
    let bin = bin - usize::from(x < edges[bin] && bin > 0);
    bin + usize::from(x >= edges[bin + 1] && bin < last)
}

/// The difference of two numbers of this type, if it is one of floating-point numbers, as NumPy computes it.
#[inline(always)]
fn difference(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(x as f32),
        DType::F16 => f16::from_f32(x as f32).to_f64(),
        _ => x,
    }
}

/// An edge as a number of this type, if it is one of floating-point numbers.
fn rounded(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(x as f32),
        DType::F16 => f16::from_bits(to_f16(x)).to_f64(),
        _ => x,
    }
}

/// An empty range made one of width 1.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if low == high { (low - 0.5, high + 0.5) } else { (low, high) }
}

/// The edges of `bins` bins of one width, as NumPy's `linspace` computes them, for elements of this type.
pub(crate) fn uniform_edges(low: f64, high: f64, bins: usize, dtype: DType) -> Result<Vec<f64>> {
    if !(low.is_finite() && high.is_finite() && low <= high) {
        return refuse(format!("there are no bins from {low} to {high}"));
    }
    let (low, high) = widened(low, high);
    let (range, count) = (high - low, bins as f64);
    let step = range / count;
    let offset = |i: usize| if step == 0.0 { i as f64 / count * range } else { i as f64 * step };
    let edge = |i: usize| rounded(if i == bins { high } else { offset(i) + low }, dtype);
    let edges: Vec<f64> = (0..=bins).map(edge).collect();
    if !edges.is_sorted_by(|a, b| a < b) {
        return refuse(format!("there are not enough numbers from {low} to {high} for {bins} bins"));
    }
    Ok(edges)
}

/// The canonical keys of edges, which are read once.
fn edge_keys(edges: &Array<'_>) -> Result<Vec<u64>> {
    let (dtype, elements) = (edges.dtype(), crate::elements::Elements::new(edges));
    let mut keys = Vec::with_capacity(edges.size());
    for (start, len) in crate::elements::blocks(0..elements.len()) {
        let mut block: Block = [0; BLOCK];
        with_size!(dtype, W => {
            // SAFETY: a block has room for as many words of at most 8 bytes.
            let words = unsafe {
                elements.read(start, len, block.as_mut_ptr().cast());
                std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), len)
            };
            W::to_keys(words, dtype);
            W::make_canonical(words, dtype);
            if words.iter().any(|word| word.wide() == W::first_nan(dtype)) && dtype.kind() == crate::dtype::Kind::Float {
                return refuse("an edge of a bin is not a number");
            }
            keys.extend(words.iter().map(|word| word.wide()));
        });
    }
    if !keys.is_sorted() {
        return refuse("the edges of bins are not in ascending order");
    }
    Ok(keys)
}
