//! rollcall keeps who-has-access-to-what in git.

pub mod diagnostic;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod rules;
pub mod source;
pub mod store;
