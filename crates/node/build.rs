//! Build script of the binding.

fn main() {
    napi_build::setup();
}
