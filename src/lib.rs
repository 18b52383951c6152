//! rollcall keeps who-has-access-to-what in git: users, roles, organizations and site grants are declared in YAML;
//! `plan` compares them with the live user store, `apply` makes it so.
//!
//! This page is the architecture: what stands where, what flows through it, which laws hold, and what is left out on
//! purpose. It is written for somebody who is about to change something.
//!
//! # Floors
//!
//! A room may name only rooms on lower floors, never a neighbour and never one above. A test reads every `crate::`
//! path and fails on one that does.
//!
//! | room | floor | what it does | what it deliberately lacks |
//! | --- | --- | --- | --- |
//! | [`diagnostic`] | 0 | stable codes, severity, positions of eight bytes, help | files, YAML, terminals |
//! | [`source`] | 1 | files with hashes and line tables; YAML events with positions; a cursor that goes on after a mistake | meaning |
//! | [`document`] | 1 | small YAML documents through serde, with the place of every value | reading of files, meaning |
//! | [`secret`] | 1 | secrets by reference, found when they are needed; one-time secrets, made and handed to a sink once | anything that could print one, and any way to get a one-time one back |
//! | [`model`] | 1 | names, facts, declared and live state as columns, the fold from contributions to access | input and output, the clock, the environment |
//! | [`rules`] | 2 | how the system behind a store behaves, as data, and the questions about it | what is declared or live |
//! | [`policy`] | 2 | policies as expressions: parsed, checked, bounded, asked of values | what is declared, live or planned; the clock |
//! | [`settings`] | 3 | `rollcall.yaml` → settings | opening anything, resolving secrets |
//! | [`manifest`] | 3 | manifests → desired state; live state → manifests; their entries in canonical order | the live side of a comparison, the clock |
//! | [`plan`] | 3 | fit, diff, order, digest, documents, explanations; pure and synchronous | `await`, the store, choices left for later |
//! | [`guard`] | 4 | what a plan has to pass, limits and policies; makes the only type that is applied | a way around it |
//! | [`exchange`] | 4 | files of people (CSV, spreadsheets) → manifests; live state → such files | guesses, files and folders, the clock |
//! | [`store`] | 5 | reader and writer; the embedded store | decisions about what should be |
//! | [`journal`] | 5 | intents and outcomes on disk, a chain of hashes | the store |
//! | [`apply`] | 6 | executes a guarded plan, verifies by reading back | choices: the plan has made them all |
//! | [`report`] | 7 | plans, outcomes, explanations, diagnostics as text; plans for reviews as comments, pages and annotations | a clock, a terminal, files |
//! | [`mail`] | 7 | mails about invitations: from the store that queued them to a server or a folder | a clock, retries within a run but on a fresh connection after one that broke |
//! | [`cli`] | 9 | one file a command, one printer, exit codes, the clock and the environment | anything that a floor below could decide |
//!
//! # The way of a key
//!
//! A line `ana@example.com:` in a manifest is an event with a position in [`source`]; `manifest` interns the key,
//! checks it, normalizes it by the identity rule of [`rules`], and adds a row to [`model::Desired`]. A store's reader
//! adds a row to [`model::LiveState`] under the same name. The diff in [`plan`] looks at both views of this one user,
//! folds what every line, team and site grant contributes, and makes drafts; the order of drafts is decided by
//! counters (seats, active admins), which span users. [`guard`] passes the plan, [`apply`] journals intents, has the
//! store execute a batch, reads the touched users back, journals outcomes. [`report`] tells it by the positions with
//! which it began.
//!
//! # Laws
//!
//! They are property tests on generated states (`tests/it/laws`, `tests/it/loop_laws`, `tests/it/time_laws`), in the
//! numbering of the design.
//!
//! 1. Apply that ends with 0, then plan: no actions. Import, then plan: no actions.
//! 2. Killed anywhere, the next apply converges, and nobody is invited twice for one reason.
//! 3. The same inputs, time included, give the same bytes; splitting and order of files change only origins.
//! 4. Nothing outside the scope is touched; from a partial read no removal, invitation, creation or reactivation.
//! 5. Every set of actions closed under needs keeps seats, the floor of admins, own account, protected users, and
//!    leaves nothing dangling.
//! 6. A removal needs somebody else's addition only where today's slack is not enough.
//! 7. `plan` holds a reader only.
//! 8. A failed action skips only what needs it.
//! 9. A stale saved plan writes nothing; one that holds does nothing that a plan made now would refuse, hide or hold
//!    back.
//!
//! # Deliberate absences
//!
//! No state file: the store is read each time, the journal only says what was tried. No force flag. No way to delete
//! without a tombstone. No secret in a manifest, in settings, in a plan or in a log. No global clock: the time comes
//! in as a value, from `cli`.

pub mod apply;
pub mod cli;
pub mod diagnostic;
pub mod document;
pub mod exchange;
pub mod guard;
pub mod journal;
pub mod mail;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod policy;
pub mod report;
pub mod rules;
pub mod secret;
pub mod settings;
pub mod source;
pub mod store;
