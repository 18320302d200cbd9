//! The executor of kernels over independent elements.
//!
//! It goes through `out` in blocks that fit the first cache. An operand that lies contiguous is used where it lies, a whole
//! row or array at once if nothing else asks for blocks. One that is strided, broadcast or of another type is first
//! gathered into a block, so that an operation is no more than a loop over contiguous elements; and what cannot be written
//! at once goes through a block, too: strided, masked, cast, in-place, and results too large for the caches.
//!
//! Operations that are no more than memory is have a second loop, which goes through whole arrays by lines of the caches:
//! for the last two of these, and where an operand is one element everywhere.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::elementwise::loops::{Block, LineLoop, Lines, Loop, Signature};
use crate::elementwise::moves::{fill, gather, scatter, scatter_where};
use crate::elementwise::space::{Cursor, OPERANDS, Space};
use crate::error::{Result, refuse};
use crate::overlap::{is_same_view, may_overlap, overlaps_itself};
use crate::stream::{self, LINE_BYTES};
use crate::threads::{LINE, Threads};

/// Bytes of a block of the widest type.
const BLOCK_BYTES: usize = 4096;

/// Rows that are shorter than this go into blocks together.
const SHORT_ROW: usize = 64;

/// Elements up to which a plain job is done at once: to plan it takes as long as to compute a thousand.
const SMALL: usize = 16 << 10;

/// The operand that is written, the first input, and the mask, by their numbers in the [`Space`].
const OUT: usize = 0;
const FIRST_INPUT: usize = 1;
const MASK: usize = OPERANDS - 1;
const INPUTS: usize = MASK - FIRST_INPUT;

/// What a kernel does with a block. The loop of an operation, or a closure with values of its own.
pub(crate) type Body<'a> = dyn Fn(&Block) + Sync + 'a;

/// A kernel over independent elements, with its operands.
pub(crate) struct Job<'a> {
    /// Where the results go.
    pub out: ArrayMut<'a>,
    /// What it reads: at most three; each is broadcast to the shape of `out`.
    pub inputs: &'a [&'a Array<'a>],
    /// The type that the body reads of each input.
    pub reads: &'a [DType],
    /// The type that the body writes, and the one that this is rounded to before it becomes that of `out`.
    pub writes: [DType; 2],
    /// What is done; the result is the first input where there is none.
    pub body: Option<&'a Body<'a>>,
    /// The same by lines, if there is such a form, for the types that the body has.
    pub lines: Option<LineLoop>,
    /// Whether blocks are in C order, with [`Block::start`].
    pub ordered: bool,
    /// How much one element is to compute, in additions: with more, less elements are worth a thread.
    pub weight: usize,
}

/// Does the operation of a signature, whose inputs have one type.
pub(crate) fn execute(
    out: ArrayMut<'_>,
    inputs: &[&Array<'_>],
    signature: &Signature,
    weight: usize,
    options: &Elementwise<'_>,
) -> Result<()> {
    if !signature.result.can_store_into(out.dtype()) {
        return refuse(format!("a result of type {} cannot be stored into {}", signature.result, out.dtype()));
    }
    // SAFETY: a job's blocks are of the types that it names.
    let body = signature.run.map(|run: Loop| move |block: &Block| unsafe { run(block) });
    Job {
        out,
        inputs,
        reads: &[signature.input; INPUTS][..inputs.len()],
        writes: [signature.output, signature.result],
        body: body.as_ref().map(|body| body as &Body<'_>),
        lines: signature.run_lines,
        ordered: false,
        weight,
    }
    .run(options)
}

impl Job<'_> {
    /// Checks the operands, and does it.
    pub fn run(self, options: &Elementwise<'_>) -> Result<()> {
        if self.run_plain(options) {
            return Ok(());
        }
        let shape = self.out.shape();
        let mut operands: [Option<&Array<'_>>; OPERANDS] = [None; OPERANDS];
        operands[OUT] = Some(&self.out);
        for (operand, input) in operands[FIRST_INPUT..].iter_mut().zip(self.inputs) {
            *operand = Some(input);
        }
        if let Some(mask) = &options.mask {
            if !matches!(mask.dtype(), DType::Bool | DType::U8) {
                return refuse(format!("a mask has type bool or uint8, not {}", mask.dtype()));
            }
            operands[MASK] = Some(mask);
        }
        // Only what changes is copied: a small call has no time for more.
        let mut wide = [None; OPERANDS];
        let operands = changed(operands, &mut wide, |array| {
            if array.shape() == shape { Ok(None) } else { array.broadcast(shape).map(Some) }
        })?;
        if overlaps_itself(&self.out) {
            return refuse("two elements of the output lie at one place");
        }
        let mut in_place = false;
        for input in operands[FIRST_INPUT..].iter().flatten() {
            if is_same_view(input, &self.out) {
                in_place = true;
            } else if may_overlap(input, &self.out) {
                return refuse("the output overlaps an input, and is not the same view of the same memory");
            }
        }
        let mut part = [None; OPERANDS];
        let (operands, first) = match &options.range {
            Some(range) => {
                let operands = changed(operands, &mut part, |array| array.slice(0, range.clone()).map(Some))?;
                (operands, range.start * shape[1..].iter().product::<usize>())
            }
            None => (operands, 0),
        };
        let space = Space::new(&operands, self.ordered);
        let plan = Plan::new(&self, &operands, &space, in_place, first);
        options.threads.split(space.size(), LINE, self.weight, |part| plan.run(part));
        Ok(())
    }

    /// Does all of it by one call of the body, if it is small and plain: contiguous arrays of one shape, of the body's
    /// types, and apart from the output. There is nothing to refuse then. Whether it was.
    fn run_plain(&self, options: &Elementwise<'_>) -> bool {
        let Some(body) = self.body else { return false };
        let out: &Array<'_> = &self.out;
        let span = |array: &Array<'_>| {
            let start = array.data() as usize;
            start..start + out.size() * array.dtype().size()
        };
        let fits = |(input, &reads): (&&Array<'_>, &DType)| {
            input.dtype() == reads && input.shape() == out.shape() && input.is_contiguous() && {
                let (input, out) = (span(input), span(out));
                input.end <= out.start || out.end <= input.start
            }
        };
        let len = out.size();
        let plain = (1..=SMALL).contains(&len)
            && options.mask.is_none()
            && options.range.is_none()
            && options.threads.for_work(len.saturating_mul(self.weight)) == Threads::ONE
            && self.writes == [out.dtype(); 2]
            && out.is_contiguous()
            && self.inputs.iter().zip(self.reads).all(fits);
        if plain {
            let inputs = std::array::from_fn(|i| self.inputs.get(i).map_or(std::ptr::null(), |input| input.data()));
            body(&Block { out: out.data().cast_mut(), inputs, len, start: 0 });
        }
        plain
    }
}

/// The operands, of which some are changed and kept in `kept`.
fn changed<'k, 'a>(
    mut operands: [Option<&'k Array<'a>>; OPERANDS],
    kept: &'k mut [Option<Array<'a>>; OPERANDS],
    mut change: impl FnMut(&Array<'a>) -> Result<Option<Array<'a>>>,
) -> Result<[Option<&'k Array<'a>>; OPERANDS]> {
    for (operand, kept) in operands.iter_mut().zip(kept) {
        if let Some(array) = operand {
            *kept = change(array)?;
            *operand = kept.as_ref().or(*operand);
        }
    }
    Ok(operands)
}

/// An input of a plan.
struct Input {
    data: *const u8,
    dtype: DType,
    casts: Casts,
    /// One element everywhere, each after the other in the order of the space, or contiguous within a row that is not short.
    constant: bool,
    flat: bool,
    rows: bool,
}

/// How a job is done.
struct Plan<'a> {
    space: &'a Space,
    inputs: [Option<Input>; INPUTS],
    mask: Option<Input>,
    body: Option<&'a Body<'a>>,
    lines: Option<(LineLoop, Lines)>,
    out: *mut u8,
    out_dtype: DType,
    casts: Casts,
    /// Whether what is written lies contiguous, as for [`Input`].
    flat: bool,
    rows: bool,
    /// Whether results may be computed to where they belong.
    direct: bool,
    /// Whether results go past the caches.
    streams: bool,
    /// The most elements of a block.
    limit: usize,
    first: usize,
}

// SAFETY: its pointers are those of arrays, which threads may share.
unsafe impl Sync for Plan<'_> {}

impl<'a> Plan<'a> {
    fn new(
        job: &Job<'a>,
        operands: &[Option<&Array<'_>>; OPERANDS],
        space: &'a Space,
        in_place: bool,
        first: usize,
    ) -> Plan<'a> {
        let long = space.row() >= SHORT_ROW;
        let input = |operand: usize, reads: Option<DType>| {
            let array = operands[operand]?;
            Some(Input {
                data: array.data(),
                dtype: array.dtype(),
                casts: Casts::new(array.dtype(), reads.unwrap_or(array.dtype())),
                constant: space.is_constant(operand),
                flat: space.is_flat(operand),
                rows: long && space.step(operand) == 1,
            })
        };
        let inputs: [_; INPUTS] = std::array::from_fn(|i| input(FIRST_INPUT + i, job.reads.get(i).copied()));
        let mask = input(MASK, None);
        let casts = Casts::through(job.writes[0], job.writes[1], job.out.dtype());
        let (flat, rows) = (space.is_flat(OUT), long && space.step(OUT) == 1);
        let contiguous = flat || rows;
        let all = || inputs.iter().chain([&mask]).flatten();

        let traffic: usize = all().filter(|input| !input.constant).map(|input| input.dtype.size()).sum();
        let traffic = (traffic + job.out.dtype().size()).saturating_mul(job.out.size());
        let streams = contiguous && mask.is_none() && !in_place && traffic >= stream::last_level_cache();
        let constant = |input: &Input| input.constant;
        let lines = job.lines.filter(|_| {
            let gains = streams || in_place || all().any(constant);
            gains && contiguous && casts.is_empty() && mask.is_none() && all().all(|x| x.constant || x.is_direct())
        });
        let steps = std::array::from_fn(|i| usize::from(!inputs[i].as_ref().is_some_and(constant)));
        let lines = lines.map(|run| (run, Lines { steps, streams }));
        let direct = lines.is_some() || mask.is_none() && !in_place && !streams;

        // Of the loops that a block goes through, the last one at most can write to where the results belong.
        let loops = usize::from(job.body.is_some()) + casts.len();
        let needs_blocks = all().any(|input| !input.is_direct()) || loops > usize::from(direct && contiguous);
        let needs_blocks = needs_blocks && lines.is_none();
        let widest = all().map(|input| input.dtype.size().max(input.casts.widest())).max().unwrap_or(1);
        let widest = widest.max(casts.widest()).max(job.writes[0].size()).max(job.out.dtype().size());
        Plan {
            space,
            inputs,
            mask,
            body: job.body,
            lines,
            out: operands[OUT].unwrap_or(&job.out).data().cast_mut(),
            out_dtype: job.out.dtype(),
            casts,
            flat,
            rows,
            direct,
            streams,
            limit: if needs_blocks { BLOCK_BYTES / widest } else { usize::MAX },
            first,
        }
    }

    fn run(&self, part: Range<usize>) {
        let mut scratch = Scratch::new();
        // The most elements that an operand has to be repeated.
        let most = if self.lines.is_some() { LINE_BYTES } else { self.limit.min(part.len()) };
        let fixed: [_; INPUTS] = std::array::from_fn(|i| {
            self.inputs[i].as_ref().and_then(|input| input.repeated(most, scratch.of_input(i)))
        });
        let fixed_mask = self.mask.as_ref().and_then(|mask| mask.repeated(most, scratch.of_mask()));

        let mut at = part.start;
        while at < part.end {
            let cursor = self.space.cursor(at);
            let len = self.block_len(&cursor, part.end - at);
            let inputs = std::array::from_fn(|i| match (&self.inputs[i], fixed[i]) {
                (_, Some(fixed)) => fixed,
                (Some(input), None) => self.fetch(input, FIRST_INPUT + i, &cursor, at, len, scratch.of_input(i)),
                (None, None) => std::ptr::null(),
            });
            let place = self.place(&cursor, at);
            let target = place.filter(|_| self.direct);
            let buffers = scratch.of_output();
            let mut result = inputs[0];
            if let (Some((run, lines)), Some(out)) = (&self.lines, target) {
                // SAFETY: the job's blocks are of the types that it names; what is in place is the same view.
                unsafe { run(&Block { out, inputs, len, start: self.first + at }, lines) };
                result = out;
            } else if let Some(body) = self.body {
                let out = target.filter(|_| self.casts.is_empty()).unwrap_or(buffers[0]);
                body(&Block { out, inputs, len, start: self.first + at });
                result = out;
            }
            // SAFETY: blocks have room for `len` elements, and what is converted is in one of them or in an input.
            unsafe {
                result = self.casts.run(result, len, target, [buffers[1], buffers[0]]);
                let mask = self.mask.as_ref().map(|mask| {
                    fixed_mask.unwrap_or_else(|| self.fetch(mask, MASK, &cursor, at, len, scratch.of_mask()))
                });
                self.store(result, place, &cursor, len, mask);
            }
            at += len;
        }
        if self.streams {
            stream::fence();
        }
    }

    /// How long the block here is, of which `left` indices are left.
    fn block_len(&self, cursor: &Cursor, left: usize) -> usize {
        let in_row = if self.space.row() >= SHORT_ROW { self.space.left_in_row(cursor) } else { left };
        let mut limit = self.limit;
        if self.streams && limit < usize::MAX {
            // The next block begins with a line of the cache, so that no line is written in two ways.
            let size = self.out_dtype.size();
            let address = self.out.wrapping_offset(self.space.offset(OUT, cursor) * size as isize) as usize;
            limit -= address % LINE_BYTES / size;
        }
        in_row.min(left).min(limit)
    }

    /// Where the results belong, if they lie contiguous there.
    fn place(&self, cursor: &Cursor, at: usize) -> Option<*mut u8> {
        let size = self.out_dtype.size() as isize;
        if self.flat {
            Some(self.out.wrapping_offset(at as isize * size))
        } else if self.rows {
            Some(self.out.wrapping_offset(self.space.offset(OUT, cursor) * size))
        } else {
            None
        }
    }

    /// The elements of an input at a block, contiguous and of the type that the body reads.
    fn fetch(
        &self,
        input: &Input,
        operand: usize,
        cursor: &Cursor,
        at: usize,
        len: usize,
        buffers: [*mut u8; 2],
    ) -> *const u8 {
        let size = input.dtype.size() as isize;
        // SAFETY: all of it lies in the array, and blocks have room for `len` elements.
        unsafe {
            let here = if input.flat {
                input.data.offset(at as isize * size)
            } else if input.rows {
                input.data.offset(self.space.offset(operand, cursor) * size)
            } else {
                let step = self.space.step(operand);
                self.space.pieces(operand, cursor, len, |offset, done, count| {
                    let from = input.data.offset(offset * size);
                    gather(input.dtype, buffers[0].add(done * size as usize), from, step, count);
                });
                buffers[0].cast_const()
            };
            input.casts.run(here, len, None, [buffers[1], buffers[0]])
        }
    }

    /// Brings results to where they belong.
    ///
    /// # Safety
    /// `result` has `len` elements of the type of what is written, `mask` as many bytes.
    unsafe fn store(
        &self,
        result: *const u8,
        place: Option<*mut u8>,
        cursor: &Cursor,
        len: usize,
        mask: Option<*const u8>,
    ) {
        let dtype = self.out_dtype;
        let size = dtype.size();
        if place.is_some_and(|place| place.cast_const() == result) {
            return;
        }
        // SAFETY: the caller's promise; the places lie in the array.
        unsafe {
            match (place, mask) {
                (Some(place), None) if self.streams => stream::copy(place, result, len * size),
                (Some(place), None) => place.copy_from_nonoverlapping(result, len * size),
                _ => {
                    let step = self.space.step(OUT);
                    self.space.pieces(OUT, cursor, len, |offset, done, count| {
                        let to = self.out.offset(offset * size as isize);
                        let from = result.add(done * size);
                        match mask {
                            Some(mask) => scatter_where(dtype, to, step, from, mask.add(done), count),
                            None => scatter(dtype, to, step, from, count),
                        }
                    });
                }
            }
        }
    }
}

impl Input {
    /// Whether it can be used where it lies.
    fn is_direct(&self) -> bool {
        (self.flat || self.rows) && self.casts.is_empty()
    }

    /// A block of `len` times the element that it is, if it is one everywhere.
    fn repeated(&self, len: usize, buffers: [*mut u8; 2]) -> Option<*const u8> {
        if !self.constant {
            return None;
        }
        // SAFETY: blocks have room for `len` elements; the array has one.
        unsafe {
            gather(self.dtype, buffers[0], self.data, 1, 1);
            let element = self.casts.run(buffers[0], 1, None, [buffers[1], buffers[0]]);
            fill(self.casts.to(), buffers[0], element, len);
        }
        Some(buffers[0])
    }
}

/// Blocks: two for each input and the output, and one for the mask.
#[repr(align(64))]
struct Scratch([MaybeUninit<[u8; BLOCK_BYTES]>; 2 * INPUTS + 3]);

impl Scratch {
    fn new() -> Scratch {
        Scratch([const { MaybeUninit::uninit() }; 2 * INPUTS + 3])
    }

    fn of_input(&mut self, input: usize) -> [*mut u8; 2] {
        self.pair(2 * input)
    }

    fn of_output(&mut self) -> [*mut u8; 2] {
        self.pair(2 * INPUTS)
    }

    fn of_mask(&mut self) -> [*mut u8; 2] {
        // A mask is not cast.
        [self.0[2 * INPUTS + 2].as_mut_ptr().cast(); 2]
    }

    fn pair(&mut self, first: usize) -> [*mut u8; 2] {
        let start = self.0.as_mut_ptr();
        [start.wrapping_add(first).cast(), start.wrapping_add(first + 1).cast()]
    }
}
