//! The home of the numeric kernels: functions on slices, which know nothing of segments, clusters or Node.
