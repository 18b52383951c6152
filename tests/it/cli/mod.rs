//! The command line as its users meet it: the real binary, in temporary folders.

mod codes;
mod commands;
mod hostile;
mod output;
mod prompt;
