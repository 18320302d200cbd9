//! Computing at indices.

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::elements::{BLOCK, Block, Elements, ElementsMut};
use crate::elementwise::Binary;
use crate::elementwise::loops;
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::gather::indices::Indices;
use crate::gather::nearby;
use crate::overlap::{is_same_view, may_overlap, overlaps_itself};
use crate::share::Share;

/// `out[i] = a[i] op b[i]` for each i of `indices`, in one go: elements in C order of arrays of one shape; `a` and `b` may
/// be scalars, too. `out` may be an input, the same view of it. A range is one of the first axis of the indices.
///
/// Where an index occurs several times and `out` is an input, the operation may be done on the element several times.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types that the operation has not, shapes that do not fit, an index out of range,
/// and other overlap; [`crate::Error::OutOfMemory`]: where the arrays are large, needs 4 bytes for an index, 64 MiB at most.
pub fn combine_at(
    op: Binary,
    mut out: ArrayMut<'_>,
    a: &Array<'_>,
    b: &Array<'_>,
    indices: &Array<'_>,
    share: &Share,
) -> Result<()> {
    if a.dtype() != b.dtype() {
        return refuse(format!("{} is not for {} and {}: cast one of them", op.name(), a.dtype(), b.dtype()));
    }
    let Some(signature) = op.signature(a.dtype()) else {
        return refuse(format!("{} is not for {}", op.name(), a.dtype()));
    };
    if !signature.result.can_store_into(out.dtype()) {
        return refuse(format!("a result of type {} cannot be stored into {}", signature.result, out.dtype()));
    }
    for input in [a, b] {
        if input.rank() > 0 && input.shape() != out.shape() {
            return refuse(format!("an input of shape {:?} is not indexed as {:?}", input.shape(), out.shape()));
        }
        if may_overlap(&out, input) && !(input.shape() == out.shape() && is_same_view(&out, input)) {
            return refuse("the result overlaps an input, and is not the same view of it");
        }
    }
    if overlaps_itself(&out) || may_overlap(&out, indices) {
        return refuse("the result overlaps the indices or itself");
    }
    let indices = Indices::new(&share.of_input(indices)?, out.size(), share.threads)?;
    let combine = Combine {
        read: Casts::new(a.dtype(), signature.input),
        inputs: [Input::new(a), Input::new(b)],
        run: signature.run,
        write: Casts::through(signature.output, signature.result, out.dtype()),
        out: ElementsMut::new(&mut out),
    };
    let inputs = [a, b].into_iter().filter(|input| input.rank() > 0);
    let bytes = combine.out.dtype().size() + inputs.map(|input| input.dtype().size()).sum::<usize>();
    let room = || [[0; BLOCK]; 6];
    nearby::for_each_block(&indices, bytes, share.threads, room, |indices, room| combine.at(indices, room))
}

/// An input, and whether it is one element everywhere.
struct Input<'a>(Elements<'a>, bool);

impl<'a> Input<'a> {
    fn new(a: &Array<'a>) -> Input<'a> {
        Input(Elements::new(a), a.rank() == 0)
    }
}

struct Combine<'a> {
    read: Casts,
    inputs: [Input<'a>; 2],
    run: Option<loops::Loop>,
    write: Casts,
    out: ElementsMut<'a>,
}

impl Combine<'_> {
    fn at(&self, indices: &[usize], room: &mut [Block; 6]) {
        let len = indices.len();
        let [first, second, third, fourth, result, spare] = room;
        prefetch(self.out.as_elements(), indices);
        // SAFETY: blocks have room for a block of any type; the loops are for the types that go through them.
        unsafe {
            let mut operand = |input: &Input<'_>, [raw, cast]: [&mut Block; 2]| {
                gather(input, indices, raw.as_mut_ptr().cast());
                let buffers = [cast.as_mut_ptr().cast(), spare.as_mut_ptr().cast()];
                self.read.run(raw.as_ptr().cast(), len, None, buffers)
            };
            let a = operand(&self.inputs[0], [first, second]);
            let b = operand(&self.inputs[1], [third, fourth]);
            let out = result.as_mut_ptr().cast();
            let run = self.run.expect("an operation on two inputs is a loop");
            run(&loops::Block { out, inputs: [a, b, b], len, start: 0 });
            let buffers = [first.as_mut_ptr().cast(), second.as_mut_ptr().cast()];
            scatter(&self.out, indices, self.write.run(out, len, None, buffers));
        }
    }
}

/// Copies the elements at these indices.
///
/// # Safety
/// They are below the number of elements, and `to` has room.
unsafe fn gather(input: &Input<'_>, indices: &[usize], to: *mut u8) {
    let Input(elements, scalar) = input;
    let line = if *scalar { Some((elements.at(0), 0)) } else { elements.line() };
    with_size!(elements.dtype(), W => {
        let to = to.cast::<W>();
        // SAFETY: the caller's promise.
        unsafe {
            match line {
                Some((data, step)) => {
                    let data = data.cast::<W>();
                    for (i, &index) in indices.iter().enumerate() {
                        to.add(i).write(data.wrapping_offset(index as isize * step).read());
                    }
                }
                None => {
                    for (i, &index) in indices.iter().enumerate() {
                        to.add(i).write(elements.at(index).cast::<W>().read());
                    }
                }
            }
        }
    });
}

/// Writes elements to these indices.
///
/// # Safety
/// As for [`gather`].
unsafe fn scatter(out: &ElementsMut<'_>, indices: &[usize], from: *const u8) {
    let line = out.as_elements().line();
    with_size!(out.dtype(), W => {
        let from = from.cast::<W>();
        // SAFETY: the caller's promise.
        unsafe {
            match line {
                Some((data, step)) => {
                    let data = data.cast_mut().cast::<W>();
                    for (i, &index) in indices.iter().enumerate() {
                        data.wrapping_offset(index as isize * step).write(from.add(i).read());
                    }
                }
                None => {
                    for (i, &index) in indices.iter().enumerate() {
                        out.at(index).cast::<W>().write(from.add(i).read());
                    }
                }
            }
        }
    });
}

/// Asks for the lines of the elements at these indices, to write to them.
fn prefetch(elements: &Elements<'_>, indices: &[usize]) {
    #[cfg(target_arch = "x86_64")]
    if let Some((data, step)) = elements.line() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let step = step * elements.dtype().size() as isize;
        for &index in indices {
            // SAFETY: to prefetch is allowed for any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(data.wrapping_offset(index as isize * step).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (elements, indices);
}
