//! Floor 7: mails about invitations and resets of passwords, from the store that queued them to whoever takes mails.
//!
//! The store queues a mail in the transaction that sends the invitation, or ends the password. [`deliver()`] runs after the commit, and hands
//! over what is due: to a server, or into a folder as `.eml` files. Each mail is begun in the store before and ended
//! after, so a run that is killed leaves at most one whose end is unknown. In the folder it is found by its name, and
//! written once; of a server nobody can ask it, so it is told and not sent again by itself, like one whose answer was lost.
//! What a server refuses for good is not tried again.
//!
//! Deliberately absent: the clock, retries within a run but on a fresh connection after one that broke, and anything of a mail that comes from outside without going
//! through [`Composer`].

mod compose;
mod deliver;
mod outbox;
mod reset_words;
mod smtp;
mod words;

pub use compose::{Composer, Letter, NotComposed};
pub use deliver::{Delivery, Which, deliver};
