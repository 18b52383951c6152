//! All integration tests in one binary: each further one costs the time of a link.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test that can't go on says so and ends")]

mod conformance;
mod sqlite;
mod support;
