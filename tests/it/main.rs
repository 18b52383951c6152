//! Integration tests: one binary, since linking is what takes time; a module a topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on should say so")]

mod apply;
mod explain;
mod journal;
mod laws;
mod report;
mod shown;
mod support;
