//! Floor 1: one-time secrets: made here or shown once by a store, handed to a sink once, and forgotten.
//!
//! A [`OneTimeSecret`] can't be printed, compared, copied or serialized, and its memory is wiped when it goes. A [`Sink`] takes
//! it: a file that only its owner reads ([`FileSink`]), or a command that is fed on standard input ([`CommandSink`]).
//! Each takes one JSON line for each secret ([`Delivery`]).
//!
//! Deliberately absent: the settings that name a sink, the environment, and any way to get a secret back.

mod command_sink;
mod file_sink;
mod generate;
mod one_time;

pub use command_sink::CommandSink;
pub use file_sink::FileSink;
pub use generate::{NoRandomness, generate};
pub use one_time::{Delivery, OneTimeSecret, SecretKind, Sink, SinkError};
