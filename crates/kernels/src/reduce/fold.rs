//! Folds: how elements are put together, in lanes that no compiler and no instruction set may reorder.
//!
//! A fold of n elements has a number of *lanes* that depends on its type alone: element i goes to lane i modulo the
//! lanes, in order. At the end the upper half of the lanes is folded onto the lower one, until one is left. Lanes that no
//! element has reached are left out, which is the same as if they held the identity. A product is never fused with a sum.
//! So the result is the same bits whatever the vectors' width.

use std::marker::PhantomData;

use crate::dtype::{DType, Element};
use crate::isa::{Isa, Kernel};

use super::operation::{Add, Greatest, Least, Multiply, Operation};

/// Bytes of a fold's lanes: enough vectors to hide the latency of an addition.
pub(super) const LANE_BYTES: usize = 128;

/// What puts two values together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Multiply,
    Least,
    Greatest,
}

/// A fold over accumulators of one type.
#[derive(Clone, Copy)]
pub(super) struct Fold {
    /// The accumulators' type: `I64` or `F64` for sums and products, every type but `F16` for the least and greatest.
    pub dtype: DType,
    /// Whether the result does not depend on the order of the elements.
    pub is_exact: bool,
    /// Its lanes for one result.
    pub lanes: usize,
    clear: unsafe fn(*mut u8, usize),
    fold: unsafe fn(*mut u8, usize, *const u8, usize),
    halve: unsafe fn(*mut u8, usize, usize),
    one: unsafe fn(*mut u8, *const u8, usize),
}

impl Fold {
    /// The fold of an operation on accumulators of a type; sums of booleans and small integers are those of `I64`.
    pub fn new(op: Op, dtype: DType) -> Fold {
        match op {
            Op::Add => Fold::sum::<Add>(dtype),
            Op::Multiply => Fold::sum::<Multiply>(dtype),
            Op::Least => Fold::extreme::<Least>(dtype),
            Op::Greatest => Fold::extreme::<Greatest>(dtype),
        }
    }

    fn sum<O: Operation<f64> + Operation<i64>>(dtype: DType) -> Fold {
        match dtype {
            DType::F64 => Fold { is_exact: false, ..Fold::of::<O, f64, 16>() },
            _ => Fold::of::<O, i64, 16>(),
        }
    }

    #[rustfmt::skip]
    fn extreme<O>(dtype: DType) -> Fold
    where
        O: Operation<i8> + Operation<u8> + Operation<i16> + Operation<u16> + Operation<i32> + Operation<u32>
            + Operation<i64> + Operation<u64> + Operation<f32> + Operation<f64>,
    {
        match dtype {
            DType::Bool => Fold { dtype: DType::Bool, ..Fold::of::<O, u8, 128>() },
            DType::I8 => Fold::of::<O, i8, 128>(),
            DType::U8 => Fold::of::<O, u8, 128>(),
            DType::I16 => Fold::of::<O, i16, 64>(),
            DType::U16 => Fold::of::<O, u16, 64>(),
            DType::I32 => Fold::of::<O, i32, 32>(),
            DType::U32 => Fold::of::<O, u32, 32>(),
            DType::I64 => Fold::of::<O, i64, 16>(),
            DType::U64 => Fold::of::<O, u64, 16>(),
            DType::F16 | DType::F32 => Fold::of::<O, f32, 32>(),
            DType::F64 => Fold::of::<O, f64, 16>(),
        }
    }

    fn of<O: Operation<A>, A: Element, const N: usize>() -> Fold {
        const { assert!(N * size_of::<A>() == LANE_BYTES) }
        Fold {
            dtype: A::DTYPE,
            is_exact: true,
            lanes: if O::IS_FREE { 1 } else { N },
            clear: clear::<O, A>,
            fold: fold::<O, A, N>,
            halve: halve::<O, A, N>,
            one: one::<O, A, N>,
        }
    }

    /// The accumulator that changes no other.
    pub fn identity(&self) -> u64 {
        let mut identity = 0u64;
        // SAFETY: no accumulator is larger.
        unsafe { self.clear((&raw mut identity).cast(), 1) };
        identity
    }

    /// Sets `len` accumulators to the identity.
    ///
    /// # Safety
    /// They may be written, and are of the fold's type; so in all methods.
    pub unsafe fn clear(&self, accumulators: *mut u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { (self.clear)(accumulators, len) }
    }

    /// Folds element i of `len` onto accumulator i modulo `period`.
    ///
    /// # Safety
    /// `elements` may be read, and no accumulator is among them.
    pub unsafe fn fold(&self, accumulators: *mut u8, period: usize, elements: *const u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { (self.fold)(accumulators, period, elements, len) }
    }

    /// Folds `len` elements of one result: all of the above and below in one.
    ///
    /// # Safety
    /// `elements` may be read, and `result` is not among them.
    pub unsafe fn one(&self, result: *mut u8, elements: *const u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { (self.one)(result, elements, len) }
    }

    /// Folds rows of accumulators, `lanes` of them and each of `width`, onto the first row.
    ///
    /// # Safety
    /// There are as many.
    pub unsafe fn collapse(&self, accumulators: *mut u8, lanes: usize, width: usize) {
        if lanes > 1 {
            // SAFETY: the caller's promise.
            unsafe { (self.halve)(accumulators, lanes, width) }
        }
    }
}

unsafe fn clear<O: Operation<A>, A: Element>(accumulators: *mut u8, len: usize) {
    for i in 0..len {
        // SAFETY: the caller's promise.
        unsafe { accumulators.cast::<A>().add(i).write(O::IDENTITY) };
    }
}

unsafe fn fold<O: Operation<A>, A: Element, const N: usize>(
    accumulators: *mut u8,
    period: usize,
    elements: *const u8,
    len: usize,
) {
    let elements = elements.cast::<A>();
    if O::IS_FREE && period == 1 {
        // SAFETY: there is one, and it is private.
        let total = unsafe { &mut *accumulators.cast::<A>() };
        Isa::best().run_narrow(Total { total, elements, len, operation: PhantomData::<O> });
    } else if period == N {
        // SAFETY: the accumulators are private, and there are `period`.
        let lanes = unsafe { &mut *accumulators.cast::<[A; N]>() };
        Isa::best().run_narrow(Lanes { lanes, elements, len, operation: PhantomData::<O> });
    } else {
        // SAFETY: the accumulators are private, and there are `period`, or `len` if that is less.
        let accumulators = unsafe { std::slice::from_raw_parts_mut(accumulators.cast::<A>(), period.min(len)) };
        Isa::best().run_narrow(Rows { accumulators, elements, len, operation: PhantomData::<O> });
    }
}

/// All elements onto one accumulator, in the order that the compiler likes best.
struct Total<'a, O, A> {
    total: &'a mut A,
    elements: *const A,
    len: usize,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Element> Kernel for Total<'_, O, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut total = *self.total;
        for i in 0..self.len {
            // SAFETY: below `len`.
            total = O::apply(total, unsafe { self.elements.add(i).read() });
        }
        *self.total = total;
    }
}

/// Element i onto lane i modulo N, with the lanes in registers.
struct Lanes<'a, O, A, const N: usize> {
    lanes: &'a mut [A; N],
    elements: *const A,
    len: usize,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Element, const N: usize> Kernel for Lanes<'_, O, A, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut lanes = *self.lanes;
        let whole = self.len - self.len % N;
        let mut first = 0;
        while first < whole {
            for (lane, accumulator) in lanes.iter_mut().enumerate() {
                // SAFETY: below `len`.
                *accumulator = O::apply(*accumulator, unsafe { self.elements.add(first + lane).read() });
            }
            first += N;
        }
        for (lane, accumulator) in lanes.iter_mut().enumerate().take(self.len - whole) {
            // SAFETY: below `len`.
            *accumulator = O::apply(*accumulator, unsafe { self.elements.add(whole + lane).read() });
        }
        *self.lanes = lanes;
    }
}

/// Rows of elements, one after the other, onto one row of accumulators.
struct Rows<'a, O, A> {
    accumulators: &'a mut [A],
    elements: *const A,
    len: usize,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Element> Kernel for Rows<'_, O, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut first = 0;
        while first < self.len {
            let width = self.accumulators.len().min(self.len - first);
            for (i, accumulator) in self.accumulators[..width].iter_mut().enumerate() {
                // SAFETY: below `len`.
                *accumulator = O::apply(*accumulator, unsafe { self.elements.add(first + i).read() });
            }
            first += width;
        }
    }
}

unsafe fn halve<O: Operation<A>, A: Element, const N: usize>(accumulators: *mut u8, lanes: usize, width: usize) {
    if lanes == N && width == 1 {
        // SAFETY: the accumulators are private, and there are `N`.
        let lanes = unsafe { &mut *accumulators.cast::<[A; N]>() };
        lanes[0] = halved::<O, A, N>(*lanes);
        return;
    }
    // SAFETY: the accumulators are private, and there are so many.
    let accumulators = unsafe { std::slice::from_raw_parts_mut(accumulators.cast::<A>(), lanes * width) };
    Isa::best().run_narrow(Halve { accumulators, width, operation: PhantomData::<O> });
}

/// The upper half of rows of accumulators onto the lower half, until one row is left.
struct Halve<'a, O, A> {
    accumulators: &'a mut [A],
    width: usize,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Element> Kernel for Halve<'_, O, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut left = self.accumulators.len();
        while left > self.width {
            let half = (left / self.width).next_power_of_two() / 2 * self.width;
            let (lower, upper) = self.accumulators[..left].split_at_mut(half);
            for (accumulator, element) in lower.iter_mut().zip(upper.iter()) {
                *accumulator = O::apply(*accumulator, *element);
            }
            left = half;
        }
    }
}

/// The upper half of lanes onto the lower half, until one is left.
#[inline(always)]
pub(super) fn halved<O: Operation<A>, A: Element, const N: usize>(mut lanes: [A; N]) -> A {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = O::apply(lanes[i], lanes[half + i]);
        }
        half /= 2;
    }
    lanes[0]
}

unsafe fn one<O: Operation<A>, A: Element, const N: usize>(result: *mut u8, elements: *const u8, len: usize) {
    let one = One { elements: elements.cast::<A>(), len, operation: PhantomData::<O> };
    // SAFETY: the caller's promise.
    unsafe { result.cast::<A>().write(Isa::best().run_narrow::<One<O, A, N>>(one)) };
}

/// All elements of one result.
struct One<O, A, const N: usize> {
    elements: *const A,
    len: usize,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Element, const N: usize> Kernel for One<O, A, N> {
    type Output = A;

    #[inline(always)]
    fn run(self) -> A {
        let One { elements, len, operation } = self;
        if O::IS_FREE {
            let mut total = O::IDENTITY;
            Total { total: &mut total, elements, len, operation }.run();
            return total;
        }
        let mut lanes = [O::IDENTITY; N];
        Lanes { lanes: &mut lanes, elements, len, operation }.run();
        halved::<O, A, N>(lanes)
    }
}
