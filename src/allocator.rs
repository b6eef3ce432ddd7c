//! How the system's allocator gives memory back.
//!
//! Always holds: this is called once, before there is a second thread.

/// Blocks from this size on come from the operating system and go back to it when they are freed.
#[cfg(target_env = "gnu")]
const ON_ITS_OWN: libc::c_int = 1 << 20;

/// So much that is free stays at hand. Setting the one above makes glibc forget to adapt this one,
/// and it would ask the operating system at every turn.
#[cfg(target_env = "gnu")]
const AT_HAND: libc::c_int = 16 << 20;

/// So much more is taken at a time.
#[cfg(target_env = "gnu")]
const AT_A_TIME: libc::c_int = 1 << 20;

/// Keeps what only the start needs from staying with the process: the database is compiled into its
/// tables through blocks of many megabytes. glibc would raise its own limit at the first of them and
/// hold on to all that follow: twice the memory, measured.
pub fn settle() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "glibc offers these settings in no other way")]
    // SAFETY: mallopt changes numbers of the allocator's; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, ON_ITS_OWN);
        libc::mallopt(libc::M_TRIM_THRESHOLD, AT_HAND);
        libc::mallopt(libc::M_TOP_PAD, AT_A_TIME);
    }
}
