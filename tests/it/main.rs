//! All integration tests in one binary: each further one costs the time of a link.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod schemas;
