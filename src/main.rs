//! The `geovagt` command: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// A request allocates some dozens of times, and another thread frees what it leaves for the log:
/// glibc spends a tenth of the request on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    geovagt::cli::main()
}
