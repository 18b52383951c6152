//! What several topics need.

pub(crate) mod disk;
pub(crate) mod plans;
pub(crate) mod scripted;
