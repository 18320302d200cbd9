//! Names of clusters, arrays, locks and segments, and what is wrong with bad ones.
//!
//! A segment is called `tsdsm.<cluster>` (the control segment) or `tsdsm.<cluster>.<array>`. No cluster's name holds a
//! dot, so every segment's name can be taken apart again in one way only.

use crate::{Error, Result};

/// What every segment's name begins with.
pub const PREFIX: &str = "tsdsm.";
/// The longest cluster's name, in bytes.
pub const MAX_CLUSTER: usize = 64;
/// The longest array's name, in bytes. With the cluster's name and the prefix it stays below the 255 bytes of a file's name.
pub const MAX_ARRAY: usize = 160;
/// The longest name of a lock or barrier, in bytes.
pub const MAX_OBJECT: usize = 64;

/// Checks a cluster's name: 1 to [`MAX_CLUSTER`] bytes, without `.`, `/` and NUL.
///
/// # Errors
/// [`Error::InvalidArgument`] that says what is wrong with it.
pub fn check_cluster(name: &str) -> Result<()> {
    check("cluster", name, MAX_CLUSTER, &['.', '/', '\0'])
}

/// Checks an array's name: 1 to [`MAX_ARRAY`] bytes, without `/` and NUL, and not beginning with a dot, which marks
/// segments that a cluster makes for itself.
///
/// # Errors
/// [`Error::InvalidArgument`] that says what is wrong with it.
pub fn check_array(name: &str) -> Result<()> {
    check("array", name, MAX_ARRAY, &['/', '\0'])?;
    if name.starts_with('.') {
        return refuse(format!(
            "the array name {name:?} begins with '.', which is reserved; begin it with another letter"
        ));
    }
    Ok(())
}

/// Checks the name of a lock or barrier: 1 to [`MAX_OBJECT`] bytes without NUL.
///
/// # Errors
/// [`Error::InvalidArgument`] that says what is wrong with it.
pub fn check_object(name: &str) -> Result<()> {
    check("object", name, MAX_OBJECT, &['\0'])
}

/// Checks that `name` can be a segment of ours: `tsdsm.<cluster>` or `tsdsm.<cluster>.<array>`.
///
/// # Errors
/// [`Error::InvalidArgument`] that says what is wrong with it.
pub fn check_segment(name: &str) -> Result<()> {
    let Some((cluster, array)) = split(name) else {
        return refuse(format!("{name:?} is not the name of a segment: that has the form '{PREFIX}<cluster>.<array>'"));
    };
    check_cluster(cluster)?;
    array.map_or(Ok(()), |array| check("array", array, MAX_ARRAY, &['/', '\0']))
}

/// The control segment of a cluster.
pub fn control_segment(cluster: &str) -> String {
    format!("{PREFIX}{cluster}")
}

/// The segment of a cluster's array.
pub fn array_segment(cluster: &str, array: &str) -> String {
    format!("{PREFIX}{cluster}.{array}")
}

/// Takes a segment's name apart: its cluster, and the array where it is one. `None` where it is no segment of ours.
pub fn parse(segment: &str) -> Option<(&str, Option<&str>)> {
    check_segment(segment).ok().and_then(|()| split(segment))
}

fn split(segment: &str) -> Option<(&str, Option<&str>)> {
    let rest = segment.strip_prefix(PREFIX)?;
    Some(rest.split_once('.').map_or((rest, None), |(cluster, array)| (cluster, Some(array))))
}

fn check(what: &str, name: &str, max: usize, forbidden: &[char]) -> Result<()> {
    if name.is_empty() {
        return refuse(format!("the {what} name is empty; give it 1 to {max} bytes"));
    }
    if name.len() > max {
        return refuse(format!("the {what} name {name:?} is {} bytes long; shorten it to {max}", name.len()));
    }
    match name.chars().find(|c| forbidden.contains(c)) {
        Some(c) => refuse(format!("the {what} name {name:?} holds {c:?}; choose a name without it")),
        None => Ok(()),
    }
}

fn refuse(reason: String) -> Result<()> {
    Err(Error::InvalidArgument(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<()>, words: &str) {
        match result {
            Err(Error::InvalidArgument(message)) => assert!(message.contains(words), "{message:?} lacks {words:?}"),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn bad_names_are_refused_and_the_message_says_why() {
        refused(check_cluster(""), "empty");
        refused(check_cluster(&"c".repeat(65)), "65 bytes long");
        refused(check_cluster("a.b"), "'.'");
        refused(check_cluster("a/b"), "'/'");
        refused(check_cluster("a\0"), "'\\0'");
        refused(check_array(""), "empty");
        refused(check_array(&"é".repeat(81)), "162 bytes long");
        refused(check_array("../A"), "'/'");
        refused(check_array("A\0"), "'\\0'");
        refused(check_array(".A"), "reserved");
        refused(check_object(""), "empty");
        refused(check_object(&"o".repeat(65)), "65 bytes long");
        refused(check_object("o\0"), "'\\0'");
        refused(check_segment("A"), "not the name of a segment");
        refused(check_segment("tsdsm."), "empty");
        refused(check_segment("tsdsm.c."), "empty");
        refused(check_segment("tsdsm.c.a/b"), "'/'");
        refused(check_segment(&format!("tsdsm.c.{}", "a".repeat(161))), "161 bytes long");
    }

    #[test]
    fn names_up_to_the_limits_are_taken() {
        for cluster in ["c", "Ünï cödé", &"c".repeat(MAX_CLUSTER)] {
            check_cluster(cluster).unwrap();
            for array in ["A", "a.b", "x ", &"a".repeat(MAX_ARRAY)] {
                check_array(array).unwrap();
                let segment = array_segment(cluster, array);
                assert!(segment.len() <= 255);
                assert_eq!(parse(&segment), Some((cluster, Some(array))));
            }
            assert_eq!(parse(&control_segment(cluster)), Some((cluster, None)));
        }
        check_object("a/b.c").unwrap();
        assert_eq!(parse("tsdsm.c..overflow"), Some(("c", Some(".overflow"))));
        assert_eq!(parse("psm_12345"), None);
    }
}
