//! Is all well? The first page.

pub(in crate::admin) mod map;
