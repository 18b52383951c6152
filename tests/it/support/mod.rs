//! What several tests need.

pub(crate) mod disk;
pub(crate) mod scripted;
