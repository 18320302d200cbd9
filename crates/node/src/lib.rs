//! The napi binding: thin functions over `tsdsm-core` and `tsdsm-kernels`.
