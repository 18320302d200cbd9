//! The table of locks, barriers and their kin, as JavaScript sees it.

use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::objects::{self, Kind, Spec};

use crate::args::count;
use crate::error::{OrThrow, invalid};
use crate::session::Session;

fn kind_of(env: &Env, kind: f64) -> Result<Kind> {
    let code = count(env, "a kind", kind)?;
    Kind::from_code(code).ok_or_else(|| invalid(env, format!("there is no kind {code} of object")))
}

/// What an object is to be: a kind, and two numbers that belong to it.
fn spec_of(env: &Env, kind: f64, parameter: f64, option: f64) -> Result<Spec> {
    let parameter = count(env, "the parameter of an object", parameter)?;
    let option = count(env, "the option of an object", option)?;
    Ok(match kind_of(env, kind)? {
        Kind::Lock if option != 0 => Spec::FairLock,
        Kind::Lock => Spec::Lock,
        Kind::Barrier => Spec::Barrier { parties: parameter },
        Kind::RwLock => Spec::RwLock,
        Kind::Semaphore => Spec::Semaphore { permits: parameter, owned: option == 0 },
        Kind::Event => Spec::Event { automatic: option != 0, set: parameter != 0 },
        Kind::Once => Spec::Once,
        Kind::Counter => Spec::Counter,
        Kind::Condition => Spec::Condition { lock: parameter },
        Kind::Latch => Spec::Latch { count: parameter, counts_the_dead: option != 0 },
    })
}

/// Creates an object: 1 a lock (option 1: fair), 2 a barrier for so many parties, 3 a reader-writer lock, 4 a semaphore with so many
/// permits (option 1: unowned), 5 an event that is set or not (option 1: resets itself), 6 a latch with so much to
/// count (option 1: the dead count), 7 something done once, 8 a counter, 9 a condition variable with the lock of this
/// index. Its index; 0 and 1 are the defaults.
#[napi(catch_unwind)]
pub fn object_create(env: &Env, session: Session, kind: f64, name: String, parameter: f64, option: f64) -> Result<u32> {
    objects::create(&session.control, &name, &spec_of(env, kind, parameter, option)?).or_throw(env)
}

/// The index of the object of this kind and name.
#[napi(catch_unwind)]
pub fn object_find(env: &Env, session: Session, kind: f64, name: String) -> Result<u32> {
    objects::find(&session.control, &name, kind_of(env, kind)?).or_throw(env)
}

/// Deletes an object. Whoever waits in a barrier finds it broken.
#[napi(catch_unwind)]
pub fn object_delete(env: &Env, session: Session, kind: f64, name: String) -> Result<()> {
    objects::delete(&session.control, &name, kind_of(env, kind)?).or_throw(env)
}

/// Where the word of a lock (an i32) or of a counter (an i64) is in the control segment, in bytes.
#[napi(catch_unwind)]
pub fn object_offset(env: &Env, session: Session, index: f64) -> Result<f64> {
    session.control.offset_of(count(env, "an index", index)?).or_throw(env).map(|offset| offset as f64)
}

/// An object's generation: another object at the same index has another. 0 where there is none.
#[napi(catch_unwind)]
pub fn object_generation(env: &Env, session: Session, index: f64) -> Result<f64> {
    let generation = session.control.object_generation(count(env, "an index", index)?).or_throw(env)?;
    Ok(generation as f64)
}
