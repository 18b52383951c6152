//! What a row of a list gives: an organization, and a role in it.

use super::columns::Column;
use super::intake::{Intake, Values, value};
use super::mistakes::{RowPlace, quoted};
use super::{Known, ListOptions};
use crate::diagnostic::Code;
use crate::document::nearest;
use crate::manifest;
use crate::model::{AppliesTo, Name, Role, Status, known};
use crate::rules::{Named, RolePlace, Rules, folded, refuse_declared};

/// The words for a status, folded: those of the service in English and French, and those of rollcall.
const STATUSES: [(&str, Status); 21] = [
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
    ("declined", Status::Invited),
    ("expired", Status::Invited),
    ("cancelled", Status::Invited),
    ("preloaded", Status::Preloaded),
    ("inactive", Status::Inactive),
    ("inactif", Status::Inactive),
    ("deactivated", Status::Inactive),
    ("desactive", Status::Inactive),
    ("desactivee", Status::Inactive),
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
        let asked = folded(text);
        let explained = options.statuses.iter().find(|(word, _)| folded(word) == asked).map(|(_, status)| *status);
        let usual = || STATUSES.iter().find(|(word, _)| *word == asked).map(|(_, status)| *status);
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
        identity: Option<&str>,
    ) -> Option<Option<(Name, Given)>> {
        let role = value(values, Column::Role);
        let stated = value(values, Column::Organization).or_else(|| value(values, Column::Company));
        let has_organizations = self.rules.has_organizations();
        let has_none = stated.is_none() && options.organization.is_none();
        let is_of_platform = has_none && role.is_some_and(|(_, role)| self.is_of_platform(role));
        let place = if has_organizations && !is_of_platform { RolePlace::Organization } else { RolePlace::Platform };
        // Both are looked at, so that all mistakes of a row are told.
        let given = role.map(|(index, role)| self.role(at, index, role, (options, place)));
        let organization = match (stated, options.organization.as_deref()) {
            (Some((index, _)), _) if !has_organizations => {
                let help = "empty the column; the role on the whole platform is the access there";
                self.book.tell(Code::NotInRules, at, Some(index), "the store has no organizations", help);
                return None;
            }
            (_, _) if place == RolePlace::Platform => Some(known::PLATFORM),
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
                Some(self.organization(text))
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
            // Nobody loses the place that they have without a role because the list of that place shows none.
            (Some(organization), None) if stated.is_none() && self.is_there_without_role(organization, identity) => {
                Some(Some((organization, Given::Nothing)))
            }
            (Some(organization), None) if stated.is_some() => {
                // Without a role there is nothing beside which a manifest could leave the sites to others: all of it is
                // left to them, where the person belongs there already.
                let is_there = self.is_there_without_role(organization, identity);
                if self.rules.allows_no_role() && (self.rules.sites.rules().is_none() || is_there) {
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

    /// Whether the person with this key, as compared, belongs to an organization in the store without a role.
    fn is_there_without_role(&self, organization: Name, identity: Option<&str>) -> bool {
        let account = identity.and_then(|identity| self.known.account(identity));
        account.is_some_and(|account| account.without_role.contains(self.names.text(organization)))
    }

    /// An organization as it is known, where the file spells one name otherwise (case, accents, hyphens, blanks), or has
    /// the name that it has for people.
    fn organization(&mut self, text: &str) -> Name {
        let known = self.known.organization_names();
        let asked = folded(text);
        let is_called = |name: &str| self.known.title(name).is_some_and(|title| folded(title) == asked);
        let like = || known.iter().filter(|name| folded(name) == asked || is_called(name));
        if !known.contains(text)
            && let (Some(name), None) = (like().next(), like().nth(1))
        {
            self.notes.insert(format!("the organization {} is read as `{name}`", quoted(text)));
            return self.names.intern(name);
        }
        self.names.intern(text)
    }

    /// Whether a role without an organization is one that is given on the whole platform.
    fn is_of_platform(&self, role: &str) -> bool {
        let found = self.known.find_role(self.rules, role);
        found.is_some_and(|(_, fields)| fields.can_be_given(RolePlace::Platform))
    }

    fn role(
        &mut self,
        at: RowPlace,
        index: usize,
        text: &str,
        (options, place): (&ListOptions, RolePlace),
    ) -> Option<Given> {
        let is_extra = options.extra_roles.iter().any(|role| role == text);
        if let Some((found, fields)) = self.known.find_role(self.rules, text) {
            if found != text {
                self.notes.insert(format!("the role {} is read as `{found}`", quoted(text)));
            }
            let role = self.take_in(found);
            if fields.can_be_given(place) && !is_extra {
                return Some(Given::Main(role));
            }
            if fields.can_be_given(RolePlace::Extra) && self.rules.has_extra_roles() {
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
            return Some(Given::Main(self.declare_anew(text, place)));
        }
        let what = unknown_role(self.rules, self.known, text);
        let help = if self.rules.has_extra_roles() {
            "correct it in the file; or, if it is held beside the main role, name it with --extra-role NAME"
        } else {
            "correct it in the file; the store has no roles beside the main one"
        };
        self.book.tell(Code::UnknownRole, at, Some(index), &what, help);
        None
    }

    /// The role of everybody in a template; the options have been checked.
    pub(super) fn role_of_all(&mut self, text: &str) -> Name {
        match self.known.find_role(self.rules, text) {
            Some((found, _)) => self.take_in(found),
            None => self.declare_anew(text, RolePlace::Organization),
        }
    }

    /// A role that nobody knows yet.
    fn declare_anew(&mut self, text: &str, place: RolePlace) -> Name {
        self.notes.insert(format!("the role {} is declared without a rank: the file has none", quoted(text)));
        let applies_to = AppliesTo { platform: place == RolePlace::Platform, ..AppliesTo::default() };
        self.declare(text, applies_to)
    }

    fn declare(&mut self, role: &str, applies_to: AppliesTo) -> Name {
        let name = self.names.intern(role);
        self.live.catalog.roles.entry(name).or_insert_with(|| Role { applies_to, ..Role::default() });
        name
    }

    /// A role that is known, as it is known, with those that it includes.
    fn take_in(&mut self, role: &str) -> Name {
        let mut waiting = vec![role];
        while let Some(role) = waiting.pop() {
            let Some(fields) = self.known.role_fields(role) else { continue };
            let name = self.names.intern(role);
            if !self.live.catalog.roles.contains_key(&name) {
                let fields_of_role = manifest::role_of(&mut self.names, fields);
                self.live.catalog.roles.insert(name, fields_of_role);
                waiting.extend(fields.includes.iter().flatten().map(String::as_str));
            }
        }
        self.names.intern(role)
    }
}

/// That a role is none of those there are, as a clause.
pub(super) fn unknown_role(rules: &Rules, known: &Known, text: &str) -> String {
    let names: Vec<&str> = known.role_names(rules).into_iter().collect();
    let near = rules.meant(text, names.iter().copied()).or_else(|| nearest(text, names.iter().copied()));
    let near = near.map(|near| format!(" (did you mean `{near}`?)"));
    format!("unknown role {}{}; there are {}", quoted(text), near.unwrap_or_default(), names.join(", "))
}
