//! Order statistics: partitions, quantiles, medians.

use half::f16;

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::{DType, Kind, with_dtype};
use crate::elements::{Elements, ElementsMut};
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::gather::check_place;
use crate::scratch::Scratch;
use crate::share::{Share, axis_of};
use crate::sort::keys::Word;
use crate::sort::{Lanes, check_overlap, lanes_last, read_keys};
use crate::threads::{INLINE, Threads};

/// Writes the elements of `a` along an axis to `out` so that those at the places `kth` are the ones that a sort would put
/// there, nothing before such a place is larger, and nothing behind it smaller. `out` may be `a` itself. Negative places
/// and axes count from the last one.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types or shapes, an axis or a place that is not there, and memory that
/// is shared but not the same view; [`crate::Error::OutOfMemory`]: needs the memory of what is partitioned at a time.
pub fn partition(out: ArrayMut<'_>, a: &Array<'_>, kth: &[isize], axis: isize, share: &Share) -> Result<()> {
    if out.dtype() != a.dtype() {
        return refuse(format!("the partition of {} is not of type {}", a.dtype(), out.dtype()));
    }
    check_overlap(&out, a)?;
    let length = a.shape()[axis_of(axis, a.rank())?];
    let place = |&k: &isize| {
        let place = if k < 0 { k + length as isize } else { k };
        if place < 0 || place >= length as isize {
            return refuse(format!("there is no place {k} among {length}"));
        }
        Ok(place as usize)
    };
    let mut places = kth.iter().map(place).collect::<Result<Vec<_>>>()?;
    places.sort_unstable();
    places.dedup();
    let (mut out, a) = lanes_last(out, a, axis, share)?;
    let lanes = Lanes::new(&mut out, &a);
    with_size!(a.dtype(), W => lanes.each(share.threads, || Scratch::<W>::new(lanes.length), |lane, keys, threads| {
        let first = lane * lanes.length;
        let keys = read_keys(&lanes.a, first, lanes.length, keys, threads);
        select(keys, 0, &places);
        W::to_elements(keys, a.dtype());
        // SAFETY: the lane lies in the output, and is written here alone.
        unsafe { lanes.out.write(first, lanes.length, keys.as_ptr().cast()) };
    }))
}

/// The quantiles `q`, each from 0 to 1, of the elements of `a` along an axis, or of all of them; between two elements by
/// linear interpolation, as NumPy's `quantile` does with an array of `q`. Where an element is NaN, so are the quantiles.
///
/// `out` has an axis for `q`, and behind it those of `a` without the one that is gone; results are float64, computed from
/// differences of the type of `a`. A range is one of the first axis of what remains of `a`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for a `q` out of range, nothing to take a quantile of, bools, shapes and types that do
/// not fit, and an `out` that shares memory; [`crate::Error::OutOfMemory`]: needs the memory of what a quantile is taken
/// of at a time.
pub fn quantile(out: ArrayMut<'_>, a: &Array<'_>, q: &[f64], axis: Option<isize>, share: &Share) -> Result<()> {
    if let Some(bad) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return refuse(format!("quantiles lie between 0 and 1, {bad} does not"));
    }
    if a.dtype() == DType::Bool {
        return refuse("there are no quantiles of bools");
    }
    let order = Statistics::new(&out, a, axis, true, DType::F64)?;
    if order.length == 0 {
        return refuse("there are no quantiles of nothing");
    }
    if out.shape()[0] != q.len() {
        return refuse(format!("{} quantiles do not go into the shape {:?}", q.len(), out.shape()));
    }
    let last = order.length - 1;
    let at = q.iter().map(|q| last as f64 * q).collect::<Vec<_>>();
    let places = at.iter().flat_map(|at| [*at as usize, (*at as usize + 1).min(last)]).collect();
    order.compute(out, a, places, DType::F64, share, |dtype, sorted, results| {
        for ((result, at), pair) in results.iter_mut().zip(&at).zip(sorted.chunks_exact(2)) {
            let weight = at - at.floor();
            *result = between(dtype, pair[0], pair[1], weight);
        }
    })
}

/// The medians of the elements of `a` along an axis, or of all of them: the mean of the two in the middle. NaN where an
/// element is NaN, and of nothing.
///
/// `out` has the shape of `a` without the axis that is gone. Medians of float32 and float16 have that type, others float64.
/// A range is one of the first axis of `out`.
///
/// # Errors
/// As for [`quantile`].
pub fn median(out: ArrayMut<'_>, a: &Array<'_>, axis: Option<isize>, share: &Share) -> Result<()> {
    if a.dtype() == DType::Bool {
        return refuse("there are no medians of bools");
    }
    let result = if a.dtype().kind() == Kind::Float { a.dtype() } else { DType::F64 };
    let order = Statistics::new(&out, a, axis, false, result)?;
    let odd = order.length % 2 == 1;
    let places = vec![order.length.saturating_sub(1) / 2, order.length / 2];
    order.compute(out, a, places, result, share, |dtype, pair, results| {
        results[0] = if odd { number(dtype, pair[0]) } else { mean(dtype, pair[0], pair[1]) };
    })
}

/// Puts the keys that belong at `places`, ascending and counted from `first`, there.
fn select<W: Word>(keys: &mut [W], first: usize, places: &[usize]) {
    let Some(&place) = places.get(places.len() / 2) else { return };
    let (before, _, behind) = keys.select_nth_unstable(place - first);
    select(before, first, &places[..places.len() / 2]);
    select(behind, place + 1, &places[places.len() / 2 + 1..]);
}

/// What is taken of the elements along an axis when these are in order.
struct Statistics {
    /// The axis that goes, or all of them.
    axis: Option<usize>,
    /// Elements along it.
    length: usize,
    /// Axes of `out` that come before those of `a`.
    leading: usize,
}

impl Statistics {
    fn new(out: &Array<'_>, a: &Array<'_>, axis: Option<isize>, leading: bool, result: DType) -> Result<Statistics> {
        check_place(out, &[a])?;
        if !result.can_store_into(out.dtype()) {
            return refuse(format!("a result of type {result} cannot be stored into {}", out.dtype()));
        }
        let axis = axis.map(|axis| axis_of(axis, a.rank())).transpose()?;
        let remains: Vec<usize> = match axis {
            Some(axis) => (0..a.rank()).filter(|&i| i != axis).map(|i| a.shape()[i]).collect(),
            None => Vec::new(),
        };
        let leading = usize::from(leading);
        if out.rank() != remains.len() + leading || out.shape()[leading..] != remains {
            return refuse(format!("results for {remains:?} do not go into the shape {:?}", out.shape()));
        }
        Ok(Statistics { axis, length: axis.map_or(a.size(), |axis| a.shape()[axis]), leading })
    }

    /// Selects the elements at `places` of each lane, from which `finish` computes the lane's results, as float64 that are
    /// exact in the type `result`.
    fn compute(
        &self,
        out: ArrayMut<'_>,
        a: &Array<'_>,
        places: Vec<usize>,
        result: DType,
        share: &Share,
        finish: impl Fn(DType, &[u64], &mut [f64]) + Sync + Send,
    ) -> Result<()> {
        let (mut a, mut out) = (*a, out);
        if let Some(axis) = self.axis {
            let order: Vec<usize> = (0..a.rank()).filter(|&i| i != axis).chain([axis]).collect();
            a = a.permute(&order)?;
        }
        if let Some(range) = &share.range {
            if self.axis.is_none() || a.rank() < 2 {
                return refuse("a range cannot cut what is put in order");
            }
            (a, out) = (a.slice(0, range.clone())?, out.into_slice(self.leading, range.clone())?);
        }
        let lanes = a.size().checked_div(self.length).unwrap_or(out.size());
        let each = if self.leading == 1 { out.shape()[0] } else { 1 };
        let mut ordered = places.clone();
        ordered.sort_unstable();
        ordered.dedup();
        let (elements, out) = (Elements::new(&a), ElementsMut::new(&mut out));
        let work = Work { elements, out, places, ordered, length: self.length, each, lanes, result };
        with_size!(a.dtype(), W => work.run::<W>(share.threads, finish))
    }
}

struct Work<'a> {
    elements: Elements<'a>,
    out: ElementsMut<'a>,
    /// The places of the elements that are wanted, and these in ascending order.
    places: Vec<usize>,
    ordered: Vec<usize>,
    length: usize,
    /// Results of a lane, and how many lanes there are.
    each: usize,
    lanes: usize,
    result: DType,
}

impl Work<'_> {
    fn run<W: Word>(&self, threads: Threads, finish: impl Fn(DType, &[u64], &mut [f64]) + Sync + Send) -> Result<()> {
        let alone = self.length >= INLINE || self.lanes == 1;
        let sharing = if alone { Threads::ONE } else { threads.for_work(self.lanes.saturating_mul(self.length)) };
        let inner = if alone { threads } else { Threads::ONE };
        let jobs = sharing.parts(self.lanes, 1).into_iter().map(|part| Ok((part, Scratch::<W>::new(self.length)?)));
        sharing.for_each(jobs.collect::<Result<Vec<_>>>()?, |(part, mut keys)| {
            let mut results = vec![f64::NAN; self.each];
            let mut wanted = vec![0; self.places.len()];
            for lane in part {
                let found = self.find(lane, &mut keys, inner, &mut wanted);
                if found {
                    finish(self.elements.dtype(), &wanted, &mut results);
                } else {
                    results.fill(f64::NAN);
                }
                self.store(lane, &results);
            }
        });
        Ok(())
    }

    /// The bits of the elements that are wanted of a lane; none where there is a NaN, or nothing.
    fn find<W: Word>(&self, lane: usize, keys: &mut Scratch<W>, threads: Threads, wanted: &mut [u64]) -> bool {
        let dtype = self.elements.dtype();
        let keys = read_keys(&self.elements, lane * self.length, self.length, keys, threads);
        let has_nan = dtype.kind() == Kind::Float && keys.iter().any(|key| key.wide() >= W::first_nan(dtype));
        if has_nan || keys.is_empty() {
            return false;
        }
        select(keys, 0, &self.ordered);
        for (wanted, &place) in wanted.iter_mut().zip(&self.places) {
            let mut word = [keys[place]];
            W::to_elements(&mut word, dtype);
            *wanted = word[0].wide();
        }
        true
    }

    fn store(&self, lane: usize, results: &[f64]) {
        let casts = Casts::through(DType::F64, self.result, self.out.dtype());
        for (i, result) in results.iter().enumerate() {
            let mut room = [0u64; 2];
            let [first, second] = room.each_mut().map(|word| std::ptr::from_mut(word).cast::<u8>());
            // SAFETY: an element each; `out` has one for each result of each lane, which this thread alone writes.
            unsafe {
                let from = casts.run(std::ptr::from_ref(result).cast(), 1, None, [first, second]);
                self.out.write(i * self.lanes + lane, 1, from);
            }
        }
    }
}

/// NumPy's linear interpolation between two elements, given their bits: from the nearer one. Their difference is one of
/// their type; integers do not wrap.
fn between(dtype: DType, a: u64, b: u64, weight: f64) -> f64 {
    let (low, high) = (number(dtype, a), number(dtype, b));
    let difference = match dtype {
        DType::F16 => (f16::from_bits(b as u16) - f16::from_bits(a as u16)).to_f64(),
        DType::F32 => f64::from(high as f32 - low as f32),
        DType::F64 => high - low,
        // The difference of the bits is right for both signs.
        DType::I64 | DType::U64 => b.wrapping_sub(a) as f64,
        _ => high - low,
    };
    if weight >= 0.5 { high - difference * (1.0 - weight) } else { low + difference * weight }
}

/// The mean of two elements, given their bits, as NumPy computes it: in float32 for the narrower types.
fn mean(dtype: DType, a: u64, b: u64) -> f64 {
    let (low, high) = (number(dtype, a), number(dtype, b));
    match dtype {
        DType::F16 | DType::F32 => f64::from((low as f32 + high as f32) / 2.0),
        _ => (low + high) / 2.0,
    }
}

/// The number that these bits are.
fn number(dtype: DType, bits: u64) -> f64 {
    with_dtype!(dtype, T in [I8, U8, I16, U16, I32, U32, I64, U64] => bits as T as f64, _ => match dtype {
        DType::F16 => f16::from_bits(bits as u16).to_f64(),
        DType::F32 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    })
}
