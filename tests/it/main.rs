//! Integration tests: one binary, a module for each room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod apply;
mod journal;
mod shown;
mod support;
