//! Numeric kernels on slices. This crate knows nothing of segments, clusters or Node.
