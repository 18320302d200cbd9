//! What the operating system has to give, one folder per system.

#[cfg(not(target_os = "linux"))]
compile_error!("tsdsm supports Linux so far");

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;
