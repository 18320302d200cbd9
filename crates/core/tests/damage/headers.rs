//! The header of a control segment.

use proptest::collection::vec;
use proptest::prelude::*;
use tsdsm_core::Error;
use tsdsm_core::control::Control;
use tsdsm_core::segment;

use crate::damage::damage;
use crate::guard::{read_each, survive};
use crate::victim::{LIMITS, Victim};

/// What never changes, in words: see `layout::Header`.
const HEADER: std::ops::Range<usize> = 0..16;

#[test]
fn a_damaged_header_is_refused_or_says_what_it_said() {
    survive("headers::role_attaches");
}

#[test]
#[ignore = "a role in other tests"]
fn role_attaches() {
    let victim = Victim::new();
    read_each("control header", 30, vec(damage(), 1..4), |damages| {
        victim.suffer(&damages, &[HEADER]);
        match Control::attach(&victim.cluster.0) {
            Ok(control) => assert_eq!(*control.limits(), LIMITS),
            Err(Error::IncompatibleSegment { .. } | Error::NotFound { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    });
    victim.close();
}

#[test]
fn a_segment_that_was_cut_or_has_grown_is_refused_or_as_it_was() {
    survive("headers::role_attaches_another_size");
}

#[test]
#[ignore = "a role in other tests"]
fn role_attaches_another_size() {
    let victim = Victim::new();
    let whole = victim.control.mapping().len() as u64;
    let path = segment::path(&victim.cluster.control());
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    // The first bytes are spared by most cuts, and the end by most that come near it.
    let len = prop_oneof![0..600_u64, 0..2 * whole, whole - 5000..whole + 5000];
    read_each("control segment's size", 2, (len, vec(damage(), 0..2)), |(len, damages)| {
        victim.suffer(&damages, &[HEADER]);
        file.set_len(len).unwrap();
        let found = Control::attach(&victim.cluster.0).map(|control| *control.limits());
        file.set_len(whole).unwrap();
        match found {
            Ok(limits) => assert!(len >= whole && limits == LIMITS),
            Err(Error::IncompatibleSegment { .. } | Error::NotFound { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    });
    victim.close();
}
