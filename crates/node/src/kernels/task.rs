//! Kernels off the event loop, on libuv's pool: they end in bounded time.
//!
//! Mapped memory stays mapped until the kernel has ended, whatever becomes of the arrays over it. The engine's own memory
//! cannot be held: a program may give it away, or the engine free it. So such operands are copied before the kernel runs,
//! and the elements that it has
//! changed are copied back when it has: what the program stores in others meanwhile stays.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use napi::{Env, Result, Status, Task, check_status, sys};
use tsdsm_core::Error;
use tsdsm_core::mapping::Mapping;
use tsdsm_kernels::Result as KernelResult;

use super::answer::Answer;
use super::call::Call;
use super::copies::Copies;
use super::frame::{Frame, OPERANDS};
use super::operand::{Memory, memory_of};
use super::refused;
use super::table::Kernel;
use crate::error::to_js;
use crate::mapped::mapping_of;

/// A call that is computed later.
pub struct Job {
    kernel: &'static Kernel,
    frame: Box<Frame>,
    /// What the kernel computes on: mapped memory, and copies.
    memory: [Option<Memory>; OPERANDS],
    _mapped: Vec<Arc<Mapping>>,
    _copies: Copies,
    results: Vec<CopyBack>,
}

/// A typed array that the kernel was to write, where it writes a copy.
struct CopyBack {
    array: sys::napi_ref,
    /// Its memory when the kernel was called, a copy of what was in it then, and the copy that the kernel writes.
    original: Memory,
    before: *const u8,
    copy: *const u8,
    _before: Copies,
}

// SAFETY: the pointers lead into mappings and copies that the job owns, and to typed arrays that nothing but `resolve` and
// `finally` touch, on the environment's thread.
unsafe impl Send for Job {}

impl Job {
    /// A job with the frame's numbers on this memory, that of the arguments.
    ///
    /// # Errors
    /// `ERR_TSDSM_SYSTEM` when there is no memory for copies.
    pub fn new(
        env: &Env,
        kernel: &'static Kernel,
        frame: &Frame,
        mut memory: [Option<Memory>; OPERANDS],
        values: &[sys::napi_value; OPERANDS],
    ) -> Result<Job> {
        let mut mapped = Vec::new();
        let mut private = Vec::new();
        for (operand, memory) in memory.iter().enumerate() {
            let Some(memory) = memory else { continue };
            match mapping_of(memory.data, memory.bytes()) {
                Some(mapping) => mapped.push(mapping),
                None => private.push((operand, *memory)),
            }
        }
        // SAFETY: the engine's memory, inside a call of this environment.
        let copies = unsafe { Copies::of(private.iter().map(|(_, memory)| (memory.data, memory.bytes()))) };
        let mut copies = copies.map_err(|error| refused(env, kernel, &error))?;
        let mut results = Vec::new();
        for (operand, original) in private {
            let copy = copies.place_of(original.data);
            memory[operand] = Some(Memory { data: copy, ..original });
            if operand < kernel.outs {
                // SAFETY: as above.
                let kept = unsafe { Copies::of(std::iter::once((original.data, original.bytes()))) };
                let mut kept = kept.map_err(|error| refused(env, kernel, &error))?;
                let before = kept.place_of(original.data);
                let mut array = ptr::null_mut();
                // SAFETY: an argument of this call, inside it.
                check_status!(unsafe { sys::napi_create_reference(env.raw(), values[operand], 1, &mut array) })?;
                results.push(CopyBack { array, original, before, copy, _before: kept });
            }
        }
        Ok(Job { kernel, frame: Box::new(frame.clone()), memory, _mapped: mapped, _copies: copies, results })
    }

    /// Copies what the kernel has changed back into a typed array of the engine's own.
    fn copy_back(&self, env: &Env, result: &CopyBack) -> Result<()> {
        let mut value = ptr::null_mut();
        // SAFETY: the job's reference, on the environment's thread with a scope open.
        check_status!(unsafe { sys::napi_get_reference_value(env.raw(), result.array, &mut value) })?;
        let Memory { data, len, dtype } = result.original;
        let now = memory_of(env, self.kernel, value, dtype)?;
        if (now.data, now.len) != (data, len) {
            let what = format!("{}: the memory of out, before the kernel ended,", self.kernel.name);
            return Err(to_js(env, &Error::Closed(what)));
        }
        // SAFETY: the typed array's memory, which nothing takes away during this call, and copies of the job's, which the
        // kernel has done with: each of `len` elements of this size, as aligned as the first.
        unsafe {
            let (before, after) = (result.before, result.copy);
            match dtype.size() {
                1 => store_changes::<u8>(data, before, after, len),
                2 => store_changes::<u16>(data, before, after, len),
                4 => store_changes::<u32>(data, before, after, len),
                _ => store_changes::<u64>(data, before, after, len),
            }
        }
        Ok(())
    }
}

/// Stores those of `len` elements at `to` that are not what they were before.
///
/// # Safety
/// As many words may be read and written, and are aligned.
unsafe fn store_changes<W: Copy + PartialEq>(to: *mut u8, before: *const u8, after: *const u8, len: usize) {
    let (to, before, after) = (to.cast::<W>(), before.cast::<W>(), after.cast::<W>());
    for i in 0..len {
        // SAFETY: the caller's promise.
        unsafe {
            let word = after.add(i).read();
            if word != before.add(i).read() {
                to.add(i).write(word);
            }
        }
    }
}

impl Task for Job {
    type Output = KernelResult<Answer>;
    type JsValue = Answer;

    fn compute(&mut self) -> Result<Self::Output> {
        // SAFETY: the job holds the mappings and the copies.
        let call = unsafe { Call::new(&self.frame, self.memory) };
        catch_unwind(AssertUnwindSafe(|| self.kernel.run(&call)))
            .map_err(|_| napi::Error::new(Status::GenericFailure, format!("{} panicked", self.kernel.name)))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> Result<Answer> {
        let answer = output.map_err(|error| refused(&env, self.kernel, &error))?;
        for result in &self.results {
            self.copy_back(&env, result)?;
        }
        Ok(answer)
    }

    fn finally(self, env: Env) -> Result<()> {
        for result in &self.results {
            // SAFETY: made by `new`, deleted once, on the environment's thread.
            check_status!(unsafe { sys::napi_delete_reference(env.raw(), result.array) })?;
        }
        Ok(())
    }
}
