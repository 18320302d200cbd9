fn main() {
    napi_build::setup();
    // Threads of tsdsm may be blocked in the kernel for as long as the process lives: when the worker_thread that loaded
    // the addon ends, their code must not be unmapped.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
