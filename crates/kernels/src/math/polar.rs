//! Random points of the plane, by polar coordinates.

use super::double::Arithmetic;
use super::{log, trig};

/// √(-2 ln u) cos(2π v) and √(-2 ln u) sin(2π v), to a few ulp, for 0 < u <= 1 and 0 <= v < 1: two independent numbers of
/// the normal distribution where u and v are of the uniform one (Box and Muller, 1958).
#[inline(always)]
pub(crate) fn polar<A: Arithmetic>(u: f64, v: f64) -> (f64, f64) {
    let radius = (-2.0 * log::log::<A>(u)).sqrt();
    let (cos, sin) = trig::cos_sin_of_turns::<A>(v);
    (radius * cos, radius * sin)
}
