//! What holds for every page, checked on one of each kind.

mod colours;
mod denials;
mod fixtures;
mod gallery;
mod html;
