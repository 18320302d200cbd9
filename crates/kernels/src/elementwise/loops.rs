//! Inner loops: an operation on contiguous elements, compiled for each instruction set.

use std::marker::PhantomData;

use crate::dtype::{DType, Element};
use crate::isa::{Isa, Kernel};
use crate::stream::{LINE_BYTES, Line};

/// Elements that lie one after the other: what to read, and where the results go.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Where the first result goes. It overlaps no input.
    pub out: *mut u8,
    /// The first elements of the inputs, as many as the operation has.
    pub inputs: [*const u8; 3],
    /// Number of elements.
    pub len: usize,
    /// How many elements of the whole `out` come before, in C order; only where the [`Job`](super::blocks::Job) is ordered.
    pub start: usize,
}

/// Does an operation on a block.
///
/// # Safety
/// The block's inputs may be read and its results may be written, they are of the loop's types, and do not overlap.
pub(crate) type Loop = unsafe fn(&Block);

/// An operation on one element of each of `N` inputs of type `T`, with a result of type `U`.
pub(crate) trait Operation<T, U, const N: usize> {
    /// Whether AVX-512 makes it faster, which it does where there is much to compute for each element.
    const WIDE: bool = false;

    /// Whether there is a [`LineLoop`] of it. It is as fast as memory; other operations, which bring each block of results
    /// there afterwards, reach about 0.85 of that.
    const LINES: bool = false;

    /// Does it. Has to be `#[inline(always)]`.
    fn apply(inputs: [T; N]) -> U;
}

/// Does the operation `O` on a block: a [`Loop`].
///
/// # Safety
/// See [`Loop`].
pub(crate) unsafe fn run<O: Operation<T, U, N>, T: Element, U: Element, const N: usize>(block: &Block) {
    struct Run<'a, O, T, U, const N: usize>(&'a Block, PhantomData<(O, T, U)>);

    impl<O: Operation<T, U, N>, T: Element, U: Element, const N: usize> Kernel for Run<'_, O, T, U, N> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            let Block { out, inputs, len, .. } = *self.0;
            let out = out.cast::<U>();
            for i in 0..len {
                // SAFETY: the caller's promise.
                unsafe { out.add(i).write(O::apply(std::array::from_fn(|k| inputs[k].cast::<T>().add(i).read()))) };
            }
        }
    }

    let work = Run::<O, T, U, N>(block, PhantomData);
    if O::WIDE { Isa::best().run(work) } else { Isa::best().run_narrow(work) }
}

/// How a [`LineLoop`] goes.
#[derive(Clone, Copy)]
pub(crate) struct Lines {
    /// 1 for each input; 0 for one that is the same element everywhere: then it has a line of that, and no more.
    pub steps: [usize; 3],
    /// Whether the results go past the caches; [`fence`](crate::stream::fence) has to follow.
    pub streams: bool,
}

/// Does an operation on a block, a line of the caches at a time.
///
/// # Safety
/// As for a [`Loop`], but inputs may lie exactly where the results go: each line is read before it is written.
pub(crate) type LineLoop = unsafe fn(&Block, &Lines);

/// Does the operation `O` on a block: a [`LineLoop`].
///
/// # Safety
/// See [`LineLoop`].
unsafe fn run_lines<O: Operation<T, U, N>, T: Element, U: Element, const N: usize>(block: &Block, lines: &Lines) {
    struct Run<'a, O, T, U, const N: usize>(&'a Block, Lines, PhantomData<(O, T, U)>);

    impl<O: Operation<T, U, N>, T: Element, U: Element, const N: usize> Run<'_, O, T, U, N> {
        /// The result at `i` and `lane` more, both within one line.
        ///
        /// # Safety
        /// There are such inputs.
        #[inline(always)]
        unsafe fn result(&self, i: usize, lane: usize) -> U {
            let (Block { inputs, .. }, Lines { steps, .. }) = (self.0, self.1);
            // SAFETY: the caller's promise.
            O::apply(std::array::from_fn(|k| unsafe { inputs[k].cast::<T>().add(i * steps[k] + lane).read() }))
        }
    }

    impl<O: Operation<T, U, N>, T: Element, U: Element, const N: usize> Kernel for Run<'_, O, T, U, N> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            let (out, len) = (self.0.out.cast::<U>(), self.0.len);
            let lanes = LINE_BYTES / size_of::<U>();
            let head = out.align_offset(LINE_BYTES).min(len);
            let tail = len - (len - head) % lanes;
            // SAFETY: within the block; what lies between head and tail are whole lines.
            unsafe {
                for i in (0..head).chain(tail..len) {
                    out.add(i).write(self.result(i, 0));
                }
                for i in (head..tail).step_by(lanes) {
                    let mut line = Line::default();
                    let places = (&raw mut line).cast::<U>();
                    for lane in 0..lanes {
                        places.add(lane).write(self.result(i, lane));
                    }
                    let to = out.add(i).cast();
                    if self.1.streams { line.stream(to) } else { line.store(to) }
                }
            }
        }
    }

    Isa::best().run_narrow(Run::<O, T, U, N>(block, *lines, PhantomData));
}

/// The types that an operation has for its inputs' type, and the loop that does it.
#[derive(Clone, Copy)]
pub(crate) struct Signature {
    /// What the loop reads; inputs of another type are cast.
    pub input: DType,
    /// What the loop writes.
    pub output: DType,
    /// The type of the result, to which it is rounded before it is stored into an `out` of perhaps another type.
    pub result: DType,
    /// The loop; the result is the first input where there is none.
    pub run: Option<Loop>,
    /// The loop by lines, if the operation has one.
    pub run_lines: Option<LineLoop>,
}

impl Signature {
    /// The operation `O`.
    pub fn new<O: Operation<T, U, N>, T: Element, U: Element, const N: usize>() -> Signature {
        let run_lines: Option<LineLoop> = if O::LINES { Some(run_lines::<O, T, U, N>) } else { None };
        Signature { input: T::DTYPE, output: U::DTYPE, result: U::DTYPE, run: Some(run::<O, T, U, N>), run_lines }
    }

    /// An operation that leaves its input as it is.
    pub fn copy(dtype: DType) -> Signature {
        Signature { input: dtype, output: dtype, result: dtype, run: None, run_lines: None }
    }

    /// For inputs of type float16, what it is for float32: a result that is one is rounded.
    pub fn rounded_to_f16(self) -> Signature {
        self.with_result(DType::F32, DType::F16)
    }

    /// The same with a result of type `to` where it is `from`.
    pub fn with_result(self, from: DType, to: DType) -> Signature {
        Signature { result: if self.result == from { to } else { self.result }, ..self }
    }
}

/// Defines an enum of operations: what it is called in JavaScript stands after each.
macro_rules! named {
    ($(#[$meta:meta])* pub enum $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$doc])* $variant,)+
        }

        impl $enum {
            /// Every operation, in the order of their codes.
            pub const ALL: [$enum; [$($name),+].len()] = [$($enum::$variant),+];

            /// NumPy's name of it, in camelCase.
            pub const fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)+
                }
            }
        }
    };
}
pub(crate) use named;

/// Defines operations by what they do with elements of each of the listed types. The result has the same type, or the one
/// after the arrow. Constants of [`Operation`] may be set.
///
/// ```ignore
/// operations! {
///     Add(x, y): i32 u32 => x.wrapping_add(y);
///     Add(x, y): f32 f64 => x + y, LINES;
///     Less(x, y) -> Bool: i32 u32 f32 f64 => (x < y).into();
/// }
/// ```
macro_rules! operations {
    ($($name:ident($($x:ident),+) $(-> $out:ty)?: $($type:ty)+ => $body:expr $(, $flag:ident)*;)*) => {
        $($crate::elementwise::loops::operations!(
            @each $name, ($($x),+), [$($out)?], [$($type)+], $body, [$($flag)*]
        );)*
    };
    (@each $name:ident, $xs:tt, $out:tt, [$($type:ty)+], $body:expr, $flags:tt) => {
        $($crate::elementwise::loops::operations!(@one $name, $xs, $out, $type, $body, $flags);)+
    };
    (@one $name:ident, $xs:tt, [], $type:ty, $body:expr, $flags:tt) => {
        $crate::elementwise::loops::operations!(@one $name, $xs, [$type], $type, $body, $flags);
    };
    (@one $name:ident, ($($x:ident),+), [$out:ty], $type:ty, $body:expr, [$($flag:ident)*]) => {
        impl $crate::elementwise::loops::Operation<$type, $out, { [$(stringify!($x)),+].len() }> for $name {
            $(const $flag: bool = true;)*

            #[inline(always)]
            fn apply([$($x),+]: [$type; { [$(stringify!($x)),+].len() }]) -> $out {
                $body
            }
        }
    };
}
pub(crate) use operations;

/// The [`Signature`] of an operation for a [`DType`] among the listed ones, as an option. The result has the inputs' type,
/// or the one after the arrow.
macro_rules! signature {
    ($dtype:expr, $name:ident / $n:literal: $($listed:ident)+) => {
        match $dtype {
            $($crate::dtype::DType::$listed => Some($crate::elementwise::loops::Signature::new::<
                $name, $crate::dtype::of::$listed, $crate::dtype::of::$listed, $n,
            >()),)+
            _ => None,
        }
    };
    ($dtype:expr, $name:ident / $n:literal -> $out:ty: $($listed:ident)+) => {
        match $dtype {
            $($crate::dtype::DType::$listed => Some($crate::elementwise::loops::Signature::new::<
                $name, $crate::dtype::of::$listed, $out, $n,
            >()),)+
            _ => None,
        }
    };
}
pub(crate) use signature;
