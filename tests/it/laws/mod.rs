//! The laws of the planner (`contract.md`, order and counters) as properties over small generated worlds.
//!
//! The judge ([`naive`]) reads a plan's actions from their JSON and keeps maps of strings; it shares no code with the
//! planner.

#![allow(clippy::assigning_clones, clippy::ref_option, reason = "a judge that can be read at a glance")]

mod causes;
mod guards;
mod naive;
mod people;
mod planner;
mod policies;
mod scope;
mod world;
