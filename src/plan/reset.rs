//! Whose password can be reset: an operator asks for it by name, and no plan ever holds it.
//!
//! Deliberately absent: manifests, and how it is done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Inputs;
use super::locked_out::{is_in, is_locked_out};
use crate::model::{LiveView, Name, Status};
use crate::rules::{NamedField, PasswordReset, is_mail_address};

/// Why the password of somebody is not reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoReset {
    /// There is no such account.
    Unknown,
    /// More than one account has this key.
    Ambiguous,
    /// It is the account behind the token, which would lock itself out.
    OwnAccount,
    /// The settings protect it.
    Protected,
    /// Another application keeps it.
    KeptElsewhere,
    /// Nobody logs in with it: it has this status.
    NotActive(Status),
    /// The person chooses another one through an address, and there is none.
    NoAddress,
    /// The person chooses another one through an address, and no mail can go to that.
    BadAddress,
    /// An operator locked it out.
    LockedOut,
    /// All access was taken from it, in a store that has no other way to lock somebody out.
    Stripped,
}

impl NoReset {
    /// Whether it is for want of an address alone, which somebody can give.
    #[must_use]
    pub const fn lacks_address(self) -> bool {
        match self {
            Self::NoAddress | Self::BadAddress => true,
            Self::Unknown
            | Self::Ambiguous
            | Self::OwnAccount
            | Self::Protected
            | Self::KeptElsewhere
            | Self::NotActive(_)
            | Self::LockedOut
            | Self::Stripped => false,
        }
    }
}

/// Somebody whose password is reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetUser {
    /// The key, as in the store.
    pub key: String,
    /// The store's own id of the account, which stays where the key is changed.
    pub id: Option<String>,
}

/// The last time that all passwords were to be reset, as far as is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetOfAll {
    /// When it began.
    pub at: Timestamp,
    /// All for whom it was meant, in the order in which they were to be done; last those without an address.
    pub users: Vec<ResetUser>,
    /// The keys of those of them who were tried since.
    pub tried: BTreeSet<String>,
}

/// Somebody for whom a reset of all was meant, as the account is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeantByReset {
    /// The live key.
    pub key: Name,
    /// Whether the reset has not reached the account.
    pub is_left_out: bool,
    /// That the account can't be reached before it has an address.
    pub lacks: Option<NoReset>,
}

/// Everybody for whom that was meant and whose password can be reset, also under another key. It has not reached those
/// whose passwords are older; where the store does not tell how old they are, those who were not tried.
#[must_use]
pub fn meant_by(inputs: &Inputs<'_>, reset: &ResetOfAll) -> Vec<MeantByReset> {
    let Inputs { names, live, rules, .. } = *inputs;
    let rows: BTreeMap<&str, usize> = live.users().map(|user| (names.text(user.id), user.row)).collect();
    let account = |user: &ResetUser| {
        let row = user.id.as_deref().and_then(|id| rows.get(id)).copied();
        row.map(|row| live.user(row)).or_else(|| live.find(names.find(&rules.identity.normalize(&user.key).ok()?)?))
    };
    let mut seen = BTreeSet::new();
    let meant = |user: &ResetUser| {
        let found = account(user).filter(|found| seen.insert(found.row))?;
        let is_untried = ![user.key.as_str(), names.text(found.key)].iter().any(|&key| reset.tried.contains(key));
        // Times are of whole seconds: what was set in the same one was set by it, if it was tried.
        let is_due = |since: Timestamp| since < reset.at || (since == reset.at && is_untried);
        let is_left_out = found.password_since.map_or(is_untried, is_due);
        match can_reset(inputs, found.identity?) {
            Ok(key) => Some(MeantByReset { key, is_left_out, lacks: None }),
            Err(why) => why.lacks_address().then_some(MeantByReset { key: found.key, is_left_out, lacks: Some(why) }),
        }
    };
    reset.users.iter().filter_map(meant).collect()
}

/// The live key of the account with this key, as compared, if its password can be reset.
pub fn can_reset(inputs: &Inputs<'_>, identity: Name) -> Result<Name, NoReset> {
    if inputs.live.ambiguous().contains(&identity) {
        return Err(NoReset::Ambiguous);
    }
    let live = inputs.live.find(identity).ok_or(NoReset::Unknown)?;
    if inputs.is_own_account(identity) {
        return Err(NoReset::OwnAccount);
    }
    if inputs.is_protected(identity) {
        return Err(NoReset::Protected);
    }
    if inputs.rules.keeps_elsewhere(&live) {
        return Err(NoReset::KeptElsewhere);
    }
    match live.status {
        Status::Active => {}
        status @ (Status::Preloaded | Status::Invited | Status::Inactive | Status::Closed) => {
            return Err(NoReset::NotActive(status));
        }
    }
    if is_locked_out(inputs, identity) {
        return Err(NoReset::LockedOut);
    }
    // Who never had any access is no leaver.
    if !is_in(inputs, &live) && inputs.policy.left_since.contains_key(inputs.names.text(identity)) {
        return Err(NoReset::Stripped);
    }
    if inputs.rules.password_reset() == PasswordReset::ByPerson {
        if !inputs.has_mail_field(live.key) {
            return Err(NoReset::NoAddress);
        }
        if !has_good_address(inputs, &live) {
            return Err(NoReset::BadAddress);
        }
    }
    Ok(live.key)
}

/// Whether a mail can go to the address of the account. What is declared beside it is not there yet.
fn has_good_address(inputs: &Inputs<'_>, live: &LiveView<'_>) -> bool {
    let NamedField::Field(field) = inputs.rules.mail_field() else { return true };
    if field == inputs.rules.identity.key_field().as_str() {
        return true;
    }
    let address = inputs.names.find(&field).and_then(|field| live.value(field).text());
    address.is_some_and(|address| is_mail_address(inputs.names.text(address)))
}

/// Every active account of a person, by its live key, sorted by text: whether its password can be reset.
#[must_use]
pub fn active_accounts(inputs: &Inputs<'_>) -> Vec<(Name, Result<Name, NoReset>)> {
    let people = inputs.live.users().filter(|live| live.status == Status::Active && !live.is_service());
    let ask = |identity: Option<Name>| identity.map_or(Err(NoReset::Ambiguous), |identity| can_reset(inputs, identity));
    let mut found: Vec<_> = people.map(|live| (live.key, ask(live.identity))).collect();
    found.sort_by_key(|&(key, _)| inputs.names.text(key));
    found
}
