//! All integration tests in one binary: each binary costs link time.

mod manifest_cases;
