//! Joins a running Node cluster by its name, waits at its barrier and fills one of its arrays.
//!
//! ```text
//! cargo run --package tsdsm-core --example join -- NAME
//! ```
//!
//! The Node program, beforehand or afterwards as far as the barrier is concerned:
//!
//! ```ts
//! const cluster = await Cluster.start(2, { name: 'NAME' })
//! const squares = cluster.createShared('squares', 1000, 'float64')
//! const step = cluster.createBarrier('step', { parties: 2 })
//! cluster.createLock('ledger')
//! await step.waitAsync()     // from here on the array is the Rust program's
//! await step.waitAsync()     // and from here on it is filled
//! ```

use std::process::ExitCode;

use tsdsm_core::Result;
use tsdsm_core::cluster::Cluster;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        eprintln!("usage: join NAME (that of a running cluster: Cluster.start(n, {{ name }}))");
        return ExitCode::from(2);
    };
    match take_part(&name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

fn take_part(name: &str) -> Result<()> {
    let cluster = Cluster::join(name)?;
    let squares = cluster.array::<f64>("squares")?;
    let step = cluster.barrier("step")?;

    step.wait(None)?;
    for i in 0..squares.len() {
        squares.set(i, (i * i) as f64);
    }
    step.wait(None)?;

    // Held by one at a time, in whatever language. A holder that was killed is an error here, and not a hang.
    let held = cluster.lock("ledger")?.acquire(None)?;
    println!("filled {} elements of '{name}', beside {} workers", squares.len(), cluster.workers());
    held.release()
}
