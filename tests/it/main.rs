//! Integration tests: one binary, a module a topic.

#![allow(clippy::expect_used, reason = "a test that can't go on should say so")]

mod explain;
mod report;
mod support;
