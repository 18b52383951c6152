//! rollcall keeps who-has-access-to-what in git.

pub mod apply;
pub mod diagnostic;
pub mod document;
pub mod guard;
pub mod journal;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod report;
pub mod rules;
pub mod settings;
pub mod source;
pub mod store;
