//! What a row of a list gives: an organization, and a role in it.

use std::collections::BTreeSet;

use super::ListOptions;
use super::columns::{Column, fold};
use super::intake::{Intake, Values, value};
use super::mistakes::{RowPlace, quoted};
use crate::diagnostic::Code;
use crate::document::nearest;
use crate::model::{AppliesTo, Name, Role, Status, known};
use crate::rules::{Named, RolePlace, Rules, refuse_declared};

/// The words for a status, folded: those of the service in English and French, and those of rollcall.
const STATUSES: [(&str, Status); 15] = [
    ("connected", Status::Active),
    ("connecte", Status::Active),
    ("connectee", Status::Active),
    ("active", Status::Active),
    ("actif", Status::Active),
    ("notified", Status::Invited),
    ("notifie", Status::Invited),
    ("notifiee", Status::Invited),
    ("invited", Status::Invited),
    ("invite", Status::Invited),
    ("invitee", Status::Invited),
    ("preloaded", Status::Preloaded),
    ("inactive", Status::Inactive),
    ("inactif", Status::Inactive),
    ("closed", Status::Closed),
];

/// The word for a status in a list that is written: that of the service, where it has one.
pub(super) const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Active => "connected",
        Status::Invited => "notified",
        Status::Preloaded | Status::Inactive | Status::Closed => status.as_str(),
    }
}

/// What a row gives in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// The role.
    Main(Name),
    /// A role beside it.
    Extra(Name),
    /// Belonging to it, without a role.
    Nothing,
}

impl Intake<'_> {
    /// The status of the person; `None` for a word that nobody has explained, which is told.
    pub(super) fn status(&mut self, at: RowPlace, values: &Values<'_>, options: &ListOptions) -> Option<Status> {
        let Some((index, text)) = value(values, Column::Status) else { return Some(Status::Active) };
        let folded = fold(text);
        let explained = options.statuses.iter().find(|(word, _)| fold(word) == folded).map(|(_, status)| *status);
        let usual = || STATUSES.iter().find(|(word, _)| *word == folded).map(|(_, status)| *status);
        let found = explained.or_else(usual);
        if found.is_none() {
            let help = "say what it means: --status WORD=active, or =invited, =preloaded, =inactive, =closed";
            self.book.tell(Code::InvalidValue, at, Some(index), &format!("unknown status {}", quoted(text)), help);
        }
        found
    }

    /// The organization of a row and what it gives there; nothing for somebody without access. The outer `None`: a
    /// mistake, which is told.
    #[allow(clippy::option_option, reason = "the outer one says whether the row could be read")]
    pub(super) fn given(
        &mut self,
        at: RowPlace,
        values: &Values<'_>,
        options: &ListOptions,
    ) -> Option<Option<(Name, Given)>> {
        let role = value(values, Column::Role);
        let stated = value(values, Column::Organization).or_else(|| value(values, Column::Company));
        let has_organizations = self.rules.has_organizations();
        // Both are looked at, so that all mistakes of a row are told.
        let given = role.map(|(index, role)| self.role(at, index, role, options));
        let organization = match (stated, options.organization.as_deref()) {
            (Some((index, _)), _) if !has_organizations => {
                let help = "empty the column; the role on the whole platform is the access there";
                self.book.tell(Code::NotInRules, at, Some(index), "the store has no organizations", help);
                return None;
            }
            (_, _) if !has_organizations => Some(known::PLATFORM),
            (Some((index, text)), Some(option)) if text != option => {
                let what = format!("it names {}, and --organization {}", quoted(text), quoted(option));
                let help = "leave --organization out; or, if the column means something else, remove it";
                self.book.tell(Code::InvalidValue, at, Some(index), &what, help);
                return None;
            }
            (Some((index, text)), _) => {
                if let Some(why) = refuse_declared(Named::Organization, text) {
                    let what = format!("the organization {} {why}", quoted(text));
                    self.book.tell(Code::InvalidName, at, Some(index), &what, "correct it in the file");
                    return None;
                }
                Some(self.names.intern(text))
            }
            (None, Some(option)) => Some(self.names.intern(option)),
            (None, None) => None,
        };
        match (organization, given) {
            (_, Some(None)) => None,
            (Some(organization), Some(Some(given))) => Some(Some((organization, given))),
            (None, Some(Some(_))) => {
                let help = "write it into the row, or name that of all rows without one with --organization ORG";
                self.book.tell(Code::UnknownOrganization, at, None, "the role has no organization", help);
                None
            }
            (Some(organization), None) if stated.is_some() => {
                // Without a role there is nothing beside which a manifest could leave the sites to others.
                if self.rules.allows_no_role() && self.rules.sites.rules().is_none() {
                    return Some(Some((organization, Given::Nothing)));
                }
                let index = stated.map(|(index, _)| index);
                let help = "write the role into the row, or empty the organization";
                self.book.tell(Code::RequiredField, at, index, "there is an organization and no role", help);
                None
            }
            (_, None) => Some(None),
        }
    }

    fn role(&mut self, at: RowPlace, index: usize, text: &str, options: &ListOptions) -> Option<Given> {
        let is_extra = options.extra_roles.iter().any(|role| role == text);
        let place = if self.rules.has_organizations() { RolePlace::Organization } else { RolePlace::Platform };
        if let Some(vendor) = find_vendor_role(self.rules, text) {
            let applies = |place| self.rules.vendor_role(vendor).is_some_and(|role| role.can_be_given(place));
            if vendor != text {
                self.notes.insert(format!("the role {} is read as `{vendor}`", quoted(text)));
            }
            let role = self.names.intern(vendor);
            if applies(place) && !is_extra {
                return Some(Given::Main(role));
            }
            if applies(RolePlace::Extra) && self.rules.has_extra_roles() {
                return Some(Given::Extra(role));
            }
            let what = format!("the role {} can't be given here", quoted(text));
            self.book.tell(Code::RoleNotApplicable, at, Some(index), &what, "correct it in the file");
            return None;
        }
        if let Some(why) = refuse_declared(Named::Role, text) {
            let what = format!("the role {} {why}", quoted(text));
            self.book.tell(Code::InvalidName, at, Some(index), &what, "correct it in the file");
            return None;
        }
        if is_extra && self.rules.has_extra_roles() {
            let applies_to = AppliesTo { organization: false, site: false, platform: false, extra: true };
            return Some(Given::Extra(self.declare(text, applies_to)));
        }
        if self.rules.roles.vendor.is_empty() && !is_extra {
            self.notes.insert(format!("the role {} is declared without a rank: the file has none", quoted(text)));
            let is_platform = place == RolePlace::Platform;
            let applies_to = AppliesTo { platform: is_platform, ..AppliesTo::default() };
            return Some(Given::Main(self.declare(text, applies_to)));
        }
        let what = unknown_role(self.rules, text);
        let help = if self.rules.has_extra_roles() {
            "correct it in the file; or, if it is held beside the main role, name it with --extra-role NAME"
        } else {
            "correct it in the file; the store has no roles beside the main one"
        };
        self.book.tell(Code::UnknownRole, at, Some(index), &what, help);
        None
    }

    fn declare(&mut self, role: &str, applies_to: AppliesTo) -> Name {
        let name = self.names.intern(role);
        self.live.catalog.roles.entry(name).or_insert_with(|| Role { applies_to, ..Role::default() });
        name
    }
}

/// The role of the vendor with this name: exactly, else by the only one that differs by case.
pub(super) fn find_vendor_role<'r>(rules: &'r Rules, text: &str) -> Option<&'r str> {
    let known = || rules.roles.vendor.keys().map(String::as_str);
    let like: BTreeSet<&str> = known().filter(|role| role.to_lowercase() == text.to_lowercase()).collect();
    match known().find(|role| *role == text) {
        Some(role) => Some(role),
        None if like.len() == 1 => like.first().copied(),
        None => None,
    }
}

/// That a role is none of the vendor's, as a clause.
pub(super) fn unknown_role(rules: &Rules, text: &str) -> String {
    let known: Vec<&str> = rules.roles.vendor.keys().map(String::as_str).collect();
    let near = nearest(text, known.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
    format!("unknown role {}{}; there are {}", quoted(text), near.unwrap_or_default(), known.join(", "))
}
