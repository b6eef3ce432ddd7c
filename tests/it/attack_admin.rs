//! The attacks on the administration, the guard against each, and a test that fails without it.
//!
