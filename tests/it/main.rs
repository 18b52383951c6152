//! All integration tests in one binary: each further one costs the time of a link.

mod conformance;
mod sqlite;
mod support;
