//! The `geovagt` command: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// A proxy allocates on one thread and frees on another; the system's allocator is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    geovagt::cli::main()
}
