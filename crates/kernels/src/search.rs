//! Searching in sorted arrays.

use crate::array::{Array, ArrayMut};
use crate::dtype::Kind;
use crate::elements::{BLOCK, Block, Elements, ElementsMut, blocks};
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::gather::check_place;
use crate::share::Share;
use crate::sort::keys::Word;
use crate::sort::{check_index_dtype, write_indices};

/// Where [`searchsorted`] finds room among equal elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Before them.
    #[default]
    Left,
    /// Behind them.
    Right,
}

/// For each of the `needles`, the position in the sorted `haystack` at which it could be put so that it stays sorted, as
/// NumPy's `searchsorted`: NaN comes last, and -0.0 equals 0.0.
///
/// `out` has the shape of the needles and the type int32, uint32, int64 or uint64. What comes of a haystack that is not
/// sorted is not said; it is a position in it.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types, a haystack of not one axis, shapes that do not fit, and an `out`
/// that shares memory with the others or does not hold the positions.
pub fn searchsorted(
    out: ArrayMut<'_>,
    haystack: &Array<'_>,
    needles: &Array<'_>,
    side: Side,
    share: &Share,
) -> Result<()> {
    if haystack.dtype() != needles.dtype() {
        return refuse(format!("{} is not searched for in {}: cast one of them", needles.dtype(), haystack.dtype()));
    }
    if haystack.rank() != 1 {
        return refuse(format!("a sorted array has one axis, not {}", haystack.rank()));
    }
    if out.shape() != needles.shape() {
        return refuse(format!("the result has the shape {:?}, not {:?}", needles.shape(), out.shape()));
    }
    check_index_dtype(out.dtype(), haystack.size() + 1)?;
    check_place(&out, &[haystack, needles])?;
    let (needles, mut out) = (share.of_input(needles)?, share.of_out(out)?);
    let (haystack, needles, out) = (Elements::new(haystack), Elements::new(&needles), ElementsMut::new(&mut out));
    with_size!(haystack.dtype(), W => search::<W>(&haystack, &needles, &out, side, share));
    Ok(())
}

/// Needles that are searched for at once, so that they wait for memory together.
const TOGETHER: usize = 16;

fn search<W: Word>(haystack: &Elements<'_>, needles: &Elements<'_>, out: &ElementsMut<'_>, side: Side, share: &Share) {
    match haystack.dtype().kind() {
        Kind::Float => search_keys::<W>(haystack, needles, out, side, share, |word| word.float_key()),
        kind => {
            let signed = kind == Kind::Signed;
            search_keys::<W>(haystack, needles, out, side, share, move |word| word.integer_key(signed));
        }
    }
}

#[inline(always)]
fn search_keys<W: Word>(
    haystack: &Elements<'_>,
    needles: &Elements<'_>,
    out: &ElementsMut<'_>,
    side: Side,
    share: &Share,
    key_of: impl Fn(W) -> W + Sync,
) {
    let dtype = haystack.dtype();
    let steps = haystack.len().max(2).ilog2() as usize;
    share.threads.split(needles.len(), BLOCK, steps, |part| {
        let (data, step) = haystack.line().unwrap_or((haystack.at(0), 0));
        let data = data.cast::<W>();
        // SAFETY: `i` is below the length. It is read once, and leads no further than to the next position.
        let at = |i: usize| key_of(unsafe { data.wrapping_offset(i as isize * step).read() });
        for (start, len) in blocks(part) {
            let mut block: Block = [0; BLOCK];
            // SAFETY: a block has room for as many words of at most 8 bytes.
            let keys = unsafe {
                needles.read(start, len, block.as_mut_ptr().cast());
                std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), len)
            };
            W::to_keys(keys, dtype);
            // So the keys of the haystack need not be canonical.
            W::make_bounds(keys, dtype, side == Side::Right);
            let mut found = [0u64; BLOCK];
            match side {
                Side::Left => positions(haystack.len(), keys, &mut found[..len], |i, key| at(i) < key),
                Side::Right => positions(haystack.len(), keys, &mut found[..len], |i, key| at(i) <= key),
            }
            write_indices(out, start, len, found[..len].iter().copied());
        }
    });
}

/// For each key, how many of `len` elements come before it: `is_before` says so of one, and is true for the first ones.
#[inline(always)]
pub(crate) fn positions<K: Copy>(len: usize, keys: &[K], found: &mut [u64], is_before: impl Fn(usize, K) -> bool) {
    found.fill(0);
    if len == 0 {
        return;
    }
    let (groups, rest) = keys.as_chunks::<TOGETHER>();
    let (found_groups, found_rest) = found.as_chunks_mut::<TOGETHER>();
    for (keys, found) in groups.iter().zip(found_groups) {
        descend(len, keys, found, &is_before);
    }
    for (key, found) in rest.iter().zip(found_rest) {
        descend(len, &[*key], std::array::from_mut(found), &is_before);
    }
}

/// Halves what is left, for some keys together.
#[inline(always)]
fn descend<K: Copy, const N: usize>(
    len: usize,
    keys: &[K; N],
    found: &mut [u64; N],
    is_before: &impl Fn(usize, K) -> bool,
) {
    let mut left = len as u64;
    while left > 1 {
        let half = left / 2;
        for i in 0..N {
            // No branch: where it goes cannot be foreseen.
            let next = found[i] + half;
            found[i] = std::hint::select_unpredictable(is_before((next - 1) as usize, keys[i]), next, found[i]);
        }
        left -= half;
    }
    for i in 0..N {
        found[i] += u64::from(is_before(found[i] as usize, keys[i]));
    }
}
