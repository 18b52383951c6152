//! Fields in words: what they go from and to, what a new account or role comes with, and which of them a reader has to
//! see however many others change.

use std::collections::BTreeMap;

use super::style::{count, enumeration, name, number};
use super::words::{Context, NAMED};
use crate::model::{Fact, Name, Value, known};
use crate::plan::{Action, Risk, State};

/// Permissions of a role that are named before they are only counted.
const PERMISSIONS: usize = 8;

/// Fields that say what somebody may do, how the account is reached or kept, or what a role or a place gives; those that
/// only the rules of a store tell come on top.
const ALWAYS_TOLD: [Name; 18] = [
    known::ADMIN,
    known::API_ENABLED,
    known::API_ROUTES,
    known::APPLIES_TO,
    known::DEFAULT,
    known::DEFAULT_SITE,
    known::EMAIL,
    known::EXTRA_ROLES,
    known::GRANTABLE,
    known::INCLUDES,
    known::KIND,
    known::LOGIN,
    known::MFA,
    known::PARENT,
    known::PERMISSIONS,
    known::PROTECTED,
    known::RANK,
    known::SITE_ACCESS,
];

/// What somebody logs in by, where no rules are known.
const KEY_AND_FACTOR: [&str; 4] = ["key", "login", "email", "mfa"];

impl Context<'_> {
    /// Whether a reader has to see what becomes of a field.
    fn is_always_told(&self, field: Name) -> bool {
        let text = self.names.text(field);
        let by_rules =
            |rules: &crate::rules::Rules| rules.is_access(text) || rules.is_admin_field(text) || rules.is_address(text);
        ALWAYS_TOLD.contains(&field) || self.rules.is_some_and(by_rules)
    }

    /// Whether an action changes the address of an account or its two-factor authentication.
    pub(super) fn touches_log_in(&self, action: &Action) -> bool {
        let is_way_in = |fact: &Fact| {
            let text = self.names.text(fact.field);
            self.rules.map_or(KEY_AND_FACTOR.contains(&text), |rules| rules.is_way_in(text))
        };
        let changes =
            matches!(action.kind, crate::model::ActionKind::UpdateUser | crate::model::ActionKind::RenameUser);
        changes && action.after.iter().flat_map(|after| &after.facts).any(is_way_in)
    }

    /// `phone 1 → 2`, one for each field that differs, sorted. Where many harmless ones do, these are only counted.
    pub(super) fn changes(&self, before: Option<&State>, after: Option<&State>) -> String {
        let facts = |state: Option<&State>| -> BTreeMap<&str, Fact> {
            let facts = state.map_or(&[] as &[Fact], |state| &state.facts);
            facts.iter().map(|&fact| (self.names.text(fact.field), fact)).collect()
        };
        let (before, after) = (facts(before), facts(after));
        let value = |side: &BTreeMap<&str, Fact>, field: &str| side.get(field).map_or(Value::Null, |fact| fact.value);
        let mut fields: BTreeMap<&str, Name> = BTreeMap::new();
        fields.extend(before.iter().chain(&after).map(|(&text, fact)| (text, fact.field)));
        // Every route may be what it was: to whom the API is turned on it is given all the same.
        let is_same = |text: &str| value(&before, text) == value(&after, text);
        fields.retain(|text, field| *field == known::API_ROUTES || !is_same(text));
        // Routes are of use while the API is on: before and after, whatever the list says, there are none.
        let turns_api = fields.values().any(|&field| field == known::API_ENABLED);
        let is_on = after.values().any(|fact| *fact == Fact::new(known::API_ENABLED, Value::Bool(true)));
        fields.retain(|_, field| !turns_api || is_on || *field != known::API_ROUTES);
        let harmless: Vec<&str> =
            fields.iter().filter(|&(_, &field)| !self.is_always_told(field)).map(|(&text, _)| text).collect();
        let is_folded = harmless.len() > NAMED && !self.style.verbose;
        let told = fields.iter().filter(|&(_, &field)| !is_folded || self.is_always_told(field));
        let mut texts: Vec<String> = told
            .map(|(text, &field)| {
                let change = if turns_api && field == known::API_ROUTES {
                    self.value_of(field, value(&after, text))
                } else {
                    self.change(field, value(&before, text), value(&after, text))
                };
                format!("{} {change}", field_words(text))
            })
            .collect();
        if is_folded {
            let listed: Vec<String> = harmless.iter().take(NAMED).map(|field| field_words(field)).collect();
            let others = count(harmless.len() - NAMED, "other field", "other fields");
            texts.push(format!("{} and {others} change", listed.join(", ")));
        }
        texts.join(", ")
    }

    fn change(&self, field: Name, before: Value, after: Value) -> String {
        if let (Value::Set(from), Value::Set(to)) = (before, after)
            && !self.is_everything(field, before)
            && !self.is_everything(field, after)
        {
            let (before, after) = (self.names.sorted_texts(from), self.names.sorted_texts(to));
            let only = |these: &[&str], those: &[&str], sign: char| -> Vec<String> {
                let missing = these.iter().filter(|text| !those.contains(text));
                missing.map(|text| format!("{sign}{}", self.style.name(text))).collect()
            };
            let mut parts = only(&before, &after, '-');
            parts.extend(only(&after, &before, '+'));
            return parts.join(" ");
        }
        format!("{} → {}", self.value_of(field, before), self.value_of(field, after))
    }

    /// Whether a value means everything there is.
    fn is_everything(&self, field: Name, value: Value) -> bool {
        self.rules.is_some_and(|rules| rules.is_everything(self.names.text(field), value))
    }

    fn value_of(&self, field: Name, value: Value) -> String {
        if self.is_everything(field, value) { "everything".to_owned() } else { self.value(value) }
    }

    pub(super) fn value(&self, value: Value) -> String {
        match value {
            Value::Null => "(none)".to_owned(),
            Value::Text(text) if self.names.text(text).is_empty() => "(empty)".to_owned(),
            Value::Text(text) => self.name(text),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Set(list) if list.is_empty() => "(empty)".to_owned(),
            Value::Set(list) => self.list(list),
        }
    }

    /// What an account comes with beside its places: `api.enabled true`, `attributes.clearance everything`, and the
    /// address of its mails where that is not its key.
    pub(super) fn comes_with(&self, facts: &[Fact]) -> Vec<String> {
        let mut told: Vec<(&str, String)> = facts
            .iter()
            .filter_map(|&Fact { field, value }| {
                let text = self.names.text(field);
                let is_everything = self.is_everything(field, value);
                let is_set = match value {
                    Value::Null | Value::Bool(false) => false,
                    Value::Text(text) => text != known::EMPTY && text != known::HUMAN,
                    Value::Set(list) => !list.is_empty(),
                    Value::Bool(true) | Value::Number(_) => true,
                };
                let is_key = self.rules.is_none_or(|rules| rules.identity.key_field().as_str() == text);
                let is_address = self.rules.is_some_and(|rules| rules.is_address(text));
                let is_way_in = field == known::EMAIL || field == known::LOGIN || is_address;
                if !(is_set || is_everything) || !self.is_always_told(field) || (is_way_in && (is_key || !is_address)) {
                    return None;
                }
                let words = if is_address { "mails to".to_owned() } else { field_words(text) };
                Some((text, format!("{words} {}", self.value_of(field, value))))
            })
            .collect();
        // Where the API is on and no route is named, every one may be called.
        let api_is_on = facts.contains(&Fact::new(known::API_ENABLED, Value::Bool(true)));
        let has_routes = facts.iter().any(|fact| fact.field == known::API_ROUTES);
        if api_is_on && !has_routes && self.is_everything(known::API_ROUTES, Value::Null) {
            told.push((self.names.text(known::API_ROUTES), "api.routes everything".to_owned()));
        }
        told.sort_unstable();
        told.into_iter().map(|(_, words)| words).collect()
    }

    /// Whether nobody can have more than one site in an organization.
    pub(super) fn has_one_site(&self) -> bool {
        self.rules.and_then(|rules| rules.sites.rules()).is_some_and(|sites| sites.max == Some(1))
    }

    /// Whether of none of these actions that may be for good the vendor says that it is.
    pub(super) fn knows_no_undo(&self, actions: &[&Action]) -> bool {
        let mut final_ones = actions.iter().filter(|action| action.risk.contains(&Risk::Irreversible));
        self.rules.is_some_and(|rules| final_ones.all(|action| !rules.states_undo(action.kind)))
    }

    /// What a new account is not limited in, because nothing is said: `attributes.portfolio_scope everything`.
    pub(super) fn comes_unlimited(&self, facts: &[Fact]) -> Vec<String> {
        let attributes = self.rules.into_iter().flat_map(|rules| rules.attributes.keys());
        let fields = attributes.map(|attribute| format!("attributes.{attribute}"));
        let is_set = |field: &str| facts.iter().any(|fact| self.names.text(fact.field) == field);
        let is_unlimited =
            |field: &String| self.rules.is_some_and(|rules| rules.is_everything(field, Value::Null)) && !is_set(field);
        fields.filter(is_unlimited).map(|field| format!("{} everything", field_words(&field))).collect()
    }

    /// What a role gives: `rank 5, every site, includes manager`.
    pub(super) fn role_content(&self, role: &State) -> String {
        let value = |field: Name| role.value(field).unwrap_or(Value::Null);
        let list = |field: Name| match value(field) {
            Value::Set(list) => {
                self.names.sorted_texts(list).into_iter().map(|text| self.style.name(text).into_owned()).collect()
            }
            Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) => Vec::<String>::new(),
        };
        let mut parts = vec![match value(known::RANK) {
            Value::Number(rank) => format!("rank {rank}"),
            Value::Null | Value::Text(_) | Value::Bool(_) | Value::Set(_) => "no rank".to_owned(),
        }];
        if value(known::ADMIN) == Value::Bool(true) {
            parts.push("admin".to_owned());
        }
        if value(known::SITE_ACCESS) == Value::Text(known::ALL) {
            parts.push("every site".to_owned());
        }
        let (includes, mut permissions) = (list(known::INCLUDES), list(known::PERMISSIONS));
        if !includes.is_empty() {
            parts.push(format!("includes {}", enumeration(&includes)));
        }
        if permissions.len() > PERMISSIONS && !self.style.verbose {
            let more = permissions.len() - PERMISSIONS;
            permissions.truncate(PERMISSIONS);
            permissions.push(format!("{} more", number(more)));
        }
        if !permissions.is_empty() {
            parts.push(format!("permissions {}", enumeration(&permissions)));
        }
        if value(known::GRANTABLE) == Value::Bool(false) {
            parts.push("not to be given".to_owned());
        }
        parts.join(", ")
    }
}

/// `given name`, of `given_name`. The name of an attribute is the one that the rules give it.
fn field_words(field: &str) -> String {
    if field.starts_with("attributes.") { name(field).into_owned() } else { name(field).replace('_', " ") }
}
