//! Integration tests: one binary, since linking is what takes time; a module a topic.

#![allow(clippy::expect_used, reason = "a test that can't go on should say so")]

mod explain;
mod laws;
mod report;
mod support;
