//! What several topics need.

pub(crate) mod actions;
pub(crate) mod disk;
pub(crate) mod faulty;
pub(crate) mod memory;
pub(crate) mod plans;
pub(crate) mod scripted;
pub(crate) mod show;
