//! Whom a reset of all passwords has not reached, since it was cut off, or they could not be done: until they are, every
//! plan names them.

use jiff::Timestamp;

use super::access::Access;
use super::desk::Desk;
use super::exit::Failure;
use super::journal;
use crate::diagnostic::{Code, Diagnostic};
use crate::journal::reset_of_all;
use crate::plan::{Inputs, MeantByReset, NoReset, Policy, meant_by};
use crate::report::{count, sanitise};

/// How many of them are named.
const NAMED: usize = 5;

/// The way out of it.
pub(super) const GO_ON: &str = "rollcall reset-password --left-out";

/// A reset of all passwords that has not reached these.
pub(super) struct Unfinished {
    began: Timestamp,
    /// The keys of everybody for whom it was meant, as in the store now.
    pub(super) everybody: Vec<String>,
    /// Of those whom it has not reached, and who can be done now.
    pub(super) left_out: Vec<String>,
    /// Of those whom it has not reached, and who lack an address.
    pub(super) unaddressed: Vec<(String, NoReset)>,
}

impl Unfinished {
    /// Whom it has not reached, in words.
    pub(super) fn told(&self) -> String {
        let lacking = self.unaddressed.iter().map(|(key, _)| format!("{} (no mail can go there)", sanitise(key)));
        let all: Vec<String> = self.left_out.iter().map(|key| sanitise(key).into_owned()).chain(lacking).collect();
        let more = all.len().saturating_sub(NAMED);
        let named = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (people, at) = (count(all.len(), "person", "people"), self.began);
        format!("the reset of all passwords that began at {at:.0} has not reached {people}: {named}{more}")
    }

    /// What helps.
    fn help(&self) -> String {
        let first = match (self.left_out.len(), self.unaddressed.len()) {
            (_, 0) => "",
            (0, _) => "once they have an address, ",
            (_, _) => "those without an address need one first; ",
        };
        format!("their old passwords still work; {first}`{GO_ON}` goes on with them alone")
    }
}

/// The last reset of all passwords, if somebody is left out of it. Nothing where this user may not read the journal.
pub(super) fn unfinished(access: &Access, inputs: &Inputs<'_>) -> Result<Option<Unfinished>, Failure> {
    let path = journal::path(&access.repository, &access.store_name)?;
    let Some(reset) = journal::if_readable(reset_of_all(&path, &inputs.store.id))? else { return Ok(None) };
    let left_since = journal::left_since(access, &inputs.store.id)?;
    let policy = Policy { left_since, ..inputs.policy.clone() };
    let (mut everybody, mut left_out, mut unaddressed) = (Vec::new(), Vec::new(), Vec::new());
    for MeantByReset { key, is_left_out, lacks } in meant_by(&Inputs { policy: &policy, ..inputs.clone() }, &reset) {
        let key = inputs.names.text(key).to_owned();
        everybody.push(key.clone());
        match lacks {
            _ if !is_left_out => {}
            Some(why) => unaddressed.push((key, why)),
            None => left_out.push(key),
        }
    }
    let is_whole = left_out.is_empty() && unaddressed.is_empty();
    Ok((!is_whole).then_some(Unfinished { began: reset.at, everybody, left_out, unaddressed }))
}

/// The same for an operator.
pub(super) fn unfinished_of(desk: &Desk) -> Result<Option<Unfinished>, Failure> {
    desk.ask(|inputs| unfinished(&desk.access, inputs))?
}

/// A warning that names them.
pub(super) fn tell_unfinished(access: &Access, inputs: &Inputs<'_>) -> Result<Option<Diagnostic>, Failure> {
    let told = |found: Unfinished| Diagnostic::warning(Code::ResetCutShort, found.told()).help(found.help());
    Ok(unfinished(access, inputs)?.map(told))
}
