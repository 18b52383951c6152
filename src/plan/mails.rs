//! Mails that several actions share: where a change of an account mails the person (`mail.update`), all that changes in
//! it at once is one mail, and so is the making of the account with what follows.
//!
//! Deliberately absent: whether an action sends a mail at all ([`Inputs::mails`]).

use std::collections::HashSet;

use super::Inputs;
use super::action::{Action, Risk};
use crate::model::{ActionKind, Name};

/// The people who get a mail already.
pub(super) struct SharedMails<'a> {
    inputs: &'a Inputs<'a>,
    told: HashSet<Name>,
}

impl<'a> SharedMails<'a> {
    pub(super) fn new(inputs: &'a Inputs<'a>) -> Self {
        Self { inputs, told: HashSet::new() }
    }

    /// Takes the mail from an action that an earlier one of the same person has told already. To be asked of all that
    /// is done, in order.
    pub(super) fn settle(&mut self, action: &mut Action) {
        let Some(user) = action.subject.user.filter(|_| action.risk.contains(&Risk::Mail)) else { return };
        let shares = self.inputs.rules.shares_mail(action.kind);
        let is_told = (shares || action.kind == ActionKind::CreateUser) && !self.told.insert(user);
        if is_told && shares {
            action.risk.retain(|&risk| risk != Risk::Mail);
        }
    }
}
