//! All integration tests in one binary: each binary costs link time.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod manifest_cases;
mod manifest_laws;
mod manifest_schema;
