//! Linux.

pub mod cgroup;
pub mod eventfd;
pub mod futex;
pub mod locks;
pub mod output;
pub mod process;
pub mod shm;
pub mod text;
