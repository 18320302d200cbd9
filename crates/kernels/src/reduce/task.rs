//! A reduction whose arguments fit together.

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::{DType, Element, Kind};
use crate::error::{Result, refuse};
use crate::field::{Axes, Field, Order};
use crate::scratch::Scratch;
use crate::threads::Threads;

use super::count::count_of;
use super::feed::{Centres, Feed, Map};
use super::finish::{Count, Finish, Last, Target};
use super::fold::{Fold, Op};
use super::moments::Moments;
use super::options::{Options, Reduction};
use super::tree::{Side, Tree};

/// What is to be reduced, and how.
pub(super) struct Task<'a> {
    pub op: Reduction,
    /// The elements, and the mask with their shape: those of the range.
    pub a: Array<'a>,
    pub mask: Option<Array<'a>>,
    initial: Option<Array<'a>>,
    pub axes: Axes,
    ddof: f64,
    pub threads: Threads,
    pub fold: Fold,
    /// What makes accumulators of elements.
    pub casts: Casts,
}

impl<'a> Task<'a> {
    /// Checks everything but an output.
    pub fn new(op: Reduction, a: &Array<'a>, axes: Axes, options: &Options<'a>) -> Result<Task<'a>> {
        let (fold, casts) = fold_of(op, a.dtype());
        let mut task = Task {
            op,
            a: *a,
            mask: None,
            initial: options.initial,
            axes,
            ddof: options.ddof,
            threads: options.threads,
            fold,
            casts,
        };
        if let Some(mask) = &options.mask {
            if !matches!(mask.dtype(), DType::Bool | DType::U8) {
                return refuse(format!("a mask has type bool or uint8, not {}", mask.dtype()));
            }
            task.mask = Some(mask.broadcast(a.shape())?);
        }
        if let Some(range) = &options.range {
            task.a = task.a.slice(0, range.clone())?;
            task.mask = task.mask.map(|mask| mask.slice(0, range.clone())).transpose()?;
        }
        task.check(options)?;
        Ok(task)
    }

    fn check(&self, options: &Options<'_>) -> Result<()> {
        let name = self.op.name();
        let is_extreme = matches!(self.op, Reduction::Min | Reduction::Max);
        if let Some(initial) = &options.initial {
            if !is_extreme && !matches!(self.op, Reduction::Sum | Reduction::Prod) {
                return refuse(format!("{name} has no initial value"));
            }
            if initial.rank() != 0 || initial.dtype() != self.a.dtype() {
                return refuse(format!("an initial value is one {}, not a {initial:?}", self.a.dtype()));
            }
        }
        if self.op.is_index() {
            if options.mask.is_some() {
                return refuse(format!("{name} takes no mask"));
            }
            let axes = self.axes[..self.a.rank()].iter().filter(|&&is_reduced| is_reduced).count();
            if axes != 1 && axes != self.a.rank() {
                return refuse(format!("{name} goes along one axis, or over all elements"));
            }
        }
        if is_extreme && options.mask.is_some() && options.initial.is_none() {
            return refuse(format!("{name} with a mask needs an initial value, for where nothing is left"));
        }
        let has_no_empty = self.op.is_index() || is_extreme && options.initial.is_none();
        if has_no_empty && self.reduced() == 0 && self.kept() > 0 {
            return refuse(format!("there is no {name} of no elements"));
        }
        if !options.ddof.is_finite() {
            return refuse(format!("ddof is a number, not {}", options.ddof));
        }
        Ok(())
    }

    /// Elements of one result.
    pub fn reduced(&self) -> usize {
        self.lengths(true)
    }

    /// Results.
    pub fn kept(&self) -> usize {
        self.lengths(false)
    }

    fn lengths(&self, is_reduced: bool) -> usize {
        self.a
            .shape()
            .iter()
            .zip(&self.axes)
            .filter(|(_, axis)| **axis == is_reduced)
            .map(|(length, _)| length)
            .product()
    }

    /// The axes in the order to go in: as they lie in memory where the results do not depend on it.
    pub fn order(&self) -> Order {
        let mut axes = std::array::from_fn(|i| i);
        let strides = self.a.strides();
        let is_free = self.fold.is_exact && !self.op.is_index();
        axes[..strides.len()].sort_by_key(|&axis| {
            let distance = if self.axes[axis] && !is_free { 0 } else { strides[axis].unsigned_abs() };
            (!self.axes[axis], std::cmp::Reverse(distance))
        });
        Order { axes, rank: strides.len(), reduced: self.axes }
    }

    /// Does it, for a reduction that is no index. `out` has the shape of the results, and shares no element with an input.
    pub fn run(&self, mut out: ArrayMut<'_>) -> Result<()> {
        if out.size() == 0 {
            return Ok(());
        }
        let order = self.order();
        let casts = Casts::new(self.accumulated(), out.dtype());
        let target = Target::new(&mut out, &order, casts);
        let initial = self.initial_bits();
        if self.reduced() == 0 {
            let count = Count::Same(0);
            Finish { fold: &self.fold, last: self.last(), count, initial, target }.write_identities(self.kept());
            return Ok(());
        }

        let mut counts = self.counts(&order)?;
        // SAFETY: all of them are written.
        let counts = counts.as_mut().map(|counts| unsafe { &*counts.assume_init() });
        let count = || counts.map_or(Count::Same(self.reduced()), Count::Each);
        let finish = Finish { fold: &self.fold, last: self.last(), count: count(), initial, target };
        if !matches!(self.op, Reduction::Var | Reduction::Std) {
            let map = if self.op == Reduction::Norm { Map::Square } else { Map::Plain };
            return self.tree(&order, map).run(&finish, self.threads);
        }
        let plain = self.tree(&order, Map::Plain);
        // Columns of one block would not stay in the cache.
        if self.mask.is_some() || plain.side == Side::Columns && plain.blocks() == 1 {
            let mut means = self.means(&plain, count())?;
            // SAFETY: all of them are written.
            let centres = Centres { of: unsafe { means.assume_init() }, first: 0 };
            return self.tree(&order, Map::Deviation(centres)).run(&finish, self.threads);
        }
        let mut moments = Moments::new(&plain, 0..plain.blocks(), self.threads)?;
        let mut means = self.means(&Tree::of_partials(self.fold, &moments.sums()?), count())?;
        // SAFETY: as above.
        let squares = moments.about(unsafe { means.assume_init() })?;
        Tree::of_partials(self.fold, &squares).run(&finish, self.threads)
    }

    /// The tree over the elements.
    pub fn tree<'m>(&'m self, order: &Order, map: Map<'m>) -> Tree<'m> {
        let mask = self.mask.as_ref().map(|mask| Field::new(mask, order));
        let feed = Feed {
            field: Field::new(&self.a, order),
            casts: self.casts,
            map,
            mask,
            count: count_of(self.op, self.a.dtype()),
        };
        Tree::new(self.fold, feed, self.reduced(), self.kept())
    }

    /// How many elements each result has, where the mask says so and it matters.
    fn counts(&self, order: &Order) -> Result<Option<Scratch<i64>>> {
        let Some(mask) = self.mask.filter(|_| !matches!(self.last(), Last::Nothing | Last::Root)) else {
            return Ok(None);
        };
        let fold = Fold::new(Op::Add, DType::I64);
        let casts = Casts::through(mask.dtype(), DType::Bool, DType::I64);
        let feed = Feed { field: Field::new(&mask, order), casts, map: Map::Plain, mask: None, count: None };
        let tree = Tree::new(fold, feed, self.reduced(), self.kept());
        self.collect(&tree, Last::Nothing, Count::Same(0)).map(Some)
    }

    /// The means that deviations are from.
    fn means(&self, sums: &Tree<'_>, count: Count<'_>) -> Result<Scratch<f64>> {
        self.collect(sums, Last::Mean, count)
    }

    /// The results of a tree in private memory, in its order.
    fn collect<T: Element>(&self, tree: &Tree<'_>, last: Last, count: Count<'_>) -> Result<Scratch<T>> {
        let mut results = Scratch::<T>::new(self.kept())?;
        let data = results.uninit().as_mut_ptr().cast();
        // SAFETY: it has room for the results.
        let mut out = unsafe { ArrayMut::from_raw(data, T::DTYPE, &[self.kept()], &[1]) }?;
        let target = Target::new(&mut out, &Order::of_one(), Casts::new(T::DTYPE, T::DTYPE));
        tree.run(&Finish { fold: &tree.fold, last, count, initial: None, target }, self.threads)?;
        Ok(results)
    }

    /// What the accumulators hold in the end: bits that may be those of unsigned integers.
    pub fn accumulated(&self) -> DType {
        match self.op.result_dtype(self.a.dtype()) {
            DType::U64 => DType::U64,
            _ => self.fold.dtype,
        }
    }

    fn last(&self) -> Last {
        match self.op {
            Reduction::Mean => Last::Mean,
            Reduction::Norm => Last::Root,
            Reduction::Var => Last::Variance { ddof: self.ddof },
            Reduction::Std => Last::Deviation { ddof: self.ddof },
            _ => Last::Nothing,
        }
    }

    /// The initial value as an accumulator.
    fn initial_bits(&self) -> Option<u64> {
        let initial = self.initial?;
        let mut buffers = [0u64; 2];
        let [first, second] = buffers.each_mut().map(|buffer| (&raw mut *buffer).cast());
        let mut bits = 0u64;
        // SAFETY: the array has one element, and no type is larger than a buffer.
        unsafe {
            let at = self.casts.run(initial.data(), 1, None, [first, second]);
            (&raw mut bits).cast::<u8>().copy_from_nonoverlapping(at, self.fold.dtype.size());
        }
        Some(bits)
    }
}

/// The fold of a reduction, and what makes its accumulators of elements.
pub(super) fn fold_of(op: Reduction, dtype: DType) -> (Fold, Casts) {
    let is_float = dtype.kind() == Kind::Float;
    let wide = if is_float { DType::F64 } else { DType::I64 };
    let truth = |op| {
        // Any byte but 0 is true, also to the folds.
        let dtype = if dtype == DType::U8 { DType::Bool } else { dtype };
        (Fold::new(op, DType::Bool), Casts::new(dtype, DType::Bool))
    };
    let plain = |op, to| {
        let fold = Fold::new(op, to);
        (fold, Casts::new(dtype, fold.dtype))
    };
    match op {
        Reduction::Sum => plain(Op::Add, wide),
        Reduction::Prod => plain(Op::Multiply, wide),
        Reduction::Mean | Reduction::Var | Reduction::Std | Reduction::Norm => plain(Op::Add, DType::F64),
        // One truth is not greater than another.
        Reduction::Argmin if dtype == DType::Bool => (Fold::new(Op::Least, dtype), Casts::new(DType::U8, dtype)),
        Reduction::Argmax if dtype == DType::Bool => (Fold::new(Op::Greatest, dtype), Casts::new(DType::U8, dtype)),
        Reduction::Min | Reduction::Argmin => plain(Op::Least, dtype),
        Reduction::Max | Reduction::Argmax => plain(Op::Greatest, dtype),
        Reduction::Any => truth(Op::Greatest),
        Reduction::All => truth(Op::Least),
        Reduction::CountNonzero => (Fold::new(Op::Add, DType::I64), Casts::through(dtype, DType::Bool, DType::I64)),
    }
}
