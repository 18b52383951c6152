//! All integration tests, in one binary: linking is what takes time.

mod laws;
