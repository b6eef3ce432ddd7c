//! `geovagt demo`: everything on this machine, with nothing installed, to look at it.

pub mod fronts;
pub mod places;
