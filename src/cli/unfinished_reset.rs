//! Whom a reset of all passwords has not reached, since it was cut off, or they could not be done: until they are, every
//! plan names them.

use super::access::Access;
use super::desk::Desk;
use super::exit::Failure;
use super::journal;
use crate::diagnostic::{Code, Diagnostic};
use crate::journal::reset_of_all;
use crate::plan::{Inputs, Policy, ResetOfAll, left_out};
use crate::report::{count, sanitise};

/// How many of them are named.
const NAMED: usize = 5;

/// The way out of it.
pub(super) const GO_ON: &str = "rollcall reset-password --left-out";

/// A reset of all passwords that has not reached these.
pub(super) struct Unfinished {
    /// What is written down of it.
    pub(super) reset: ResetOfAll,
    /// Their keys, as in the store.
    pub(super) left_out: Vec<String>,
}

impl Unfinished {
    /// Whom it has not reached, in words.
    pub(super) fn told(&self) -> String {
        let named: Vec<_> = self.left_out.iter().take(NAMED).map(|key| sanitise(key)).collect();
        let more = self.left_out.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let people = count(self.left_out.len(), "person", "people");
        let at = self.reset.at;
        format!("the reset of all passwords that began at {at:.0} has not reached {people}: {}{more}", named.join(", "))
    }
}

/// The last reset of all passwords, if somebody is left out of it. Nothing where this user may not read the journal.
pub(super) fn unfinished(access: &Access, inputs: &Inputs<'_>) -> Result<Option<Unfinished>, Failure> {
    let path = journal::path(&access.repository, &access.store_name)?;
    let Some(reset) = journal::if_readable(reset_of_all(&path, &inputs.store.id))? else { return Ok(None) };
    let left_since = journal::left_since(access, &inputs.store.id)?;
    let policy = Policy { left_since, ..inputs.policy.clone() };
    let due = left_out(&Inputs { policy: &policy, ..inputs.clone() }, &reset);
    let left_out: Vec<String> = due.into_iter().map(|key| inputs.names.text(key).to_owned()).collect();
    Ok((!left_out.is_empty()).then_some(Unfinished { reset, left_out }))
}

/// The same for an operator.
pub(super) fn unfinished_of(desk: &Desk) -> Result<Option<Unfinished>, Failure> {
    desk.ask(|inputs| unfinished(&desk.access, inputs))?
}

/// A warning that names them.
pub(super) fn tell_unfinished(access: &Access, inputs: &Inputs<'_>) -> Result<Option<Diagnostic>, Failure> {
    let told = |found: Unfinished| {
        let help = format!("their old passwords still work; `{GO_ON}` goes on with them alone");
        Diagnostic::warning(Code::ResetCutShort, found.told()).help(help)
    };
    Ok(unfinished(access, inputs)?.map(told))
}
