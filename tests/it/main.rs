//! Integration tests: one binary, since linking is what takes time; a module a topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on should say so")]
#![allow(clippy::format_push_string, clippy::write_with_newline, reason = "texts of tests are short")]

mod apply;
mod canonical;
mod cli;
mod conformance;
mod examples;
mod exchange;
mod explain;
mod floors;
mod journal;
mod kills;
mod large_inputs;
mod laws;
mod loop_laws;
mod mail;
mod manifest_cases;
mod manifest_laws;
mod manifest_schema;
mod manifest_write;
mod mutations;
mod policies;
mod readme;
mod report;
mod schemas;
mod settings_cases;
mod shown;
mod sqlite;
mod status_table;
mod support;
mod systems;
mod threats;
mod time_laws;
