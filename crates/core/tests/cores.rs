//! Usable cores are those of the affinity mask and the control group, not the machine's.

mod scratch;

use scratch::roles::{Group, play, subject, succeeded};
use tsdsm_core::cores;

#[test]
fn affinity_counts() {
    succeeded(&play("has_one_core_after_it_asked_for_one", "").output().unwrap());
}

#[test]
#[ignore = "a process of another test"]
fn has_one_core_after_it_asked_for_one() {
    // SAFETY: zeros are an empty cpu_set_t; the calls read and write that one.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of_val(&allowed), &mut allowed), 0);
        let first = (0..libc::CPU_SETSIZE as usize).find(|&core| libc::CPU_ISSET(core, &allowed)).unwrap();
        assert!(cores::usable() <= libc::CPU_COUNT(&allowed) as usize);
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(first, &mut one);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&one), &one), 0);
    }
    assert_eq!(cores::usable(), 1);
}

#[test]
fn a_control_groups_quota_counts() {
    let Some(group) = Group::new("a_control_groups_quota_counts", "cpu") else { return };
    group.set("cpu.cfs_period_us", "100000");
    group.set("cpu.cfs_quota_us", "150000");
    succeeded(&group.play("has_this_many_cores", "1"));
}

#[test]
#[ignore = "a process of another test"]
fn has_this_many_cores() {
    assert_eq!(cores::usable().to_string(), subject());
}
