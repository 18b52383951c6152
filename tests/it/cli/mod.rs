//! The command line as its users meet it: the real binary, in temporary folders.

mod altered_journal;
mod broken;
mod broken_settings;
mod broken_store;
mod causes;
mod codes;
mod commands;
mod emergency;
mod fit;
mod guards;
mod hidden;
mod history;
mod hostile;
mod invitations;
mod one_organization;
mod one_time_secrets;
mod output;
mod people;
mod prompt;
mod review;
mod rules;
mod safety;
mod saved;
mod scope;

mod time;
mod turnover;
mod unmanaged;
mod waivers;
mod writers;
