//! Linux.

pub mod cgroup;
pub mod eventfd;
pub mod futex;
pub mod shm;
