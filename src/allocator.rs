//! How the system's allocator gives memory back.
//!
//! Always holds: this is called once, before there is a second thread.

/// Blocks from this size on come from the operating system and go back to it when they are freed.
#[cfg(target_env = "gnu")]
const ON_ITS_OWN: libc::c_int = 1 << 20;

/// Keeps what only the start needs from staying with the process: the database is compiled into its
/// tables through blocks of many megabytes. glibc would raise its own limit at the first of them and
/// hold on to all that follow: twice the memory, measured.
pub fn settle() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "glibc offers this setting in no other way")]
    // SAFETY: mallopt changes a number of the allocator's; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, ON_ITS_OWN);
    }
}
