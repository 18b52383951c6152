//! Building actions as texts, for tests.

use std::collections::BTreeMap;

use rollcall::model::{ActionKind, Fact, Grant, List, Membership, Name, Names, Value};
use rollcall::plan::{Action, State, Subject};

/// A value as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum V {
    Null,
    Text(String),
    Bool(bool),
    Number(i32),
    Set(Vec<String>),
}

impl From<&str> for V {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for V {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for V {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

impl<const N: usize> From<[&str; N]> for V {
    fn from(texts: [&str; N]) -> Self {
        let mut texts: Vec<String> = texts.map(str::to_owned).into();
        texts.sort();
        Self::Set(texts)
    }
}

impl From<Option<&str>> for V {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl V {
    pub(crate) fn of(names: &Names, value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Text(text) => Self::Text(names.text(text).to_owned()),
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number),
            Value::Set(list) => Self::Set(names.sorted_texts(list).into_iter().map(str::to_owned).collect()),
        }
    }

    pub(crate) fn intern(&self, names: &mut Names) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(names.intern(text)),
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(*number),
            Self::Set(texts) => {
                let elements: Vec<Name> = texts.iter().map(|text| names.intern(text)).collect();
                Value::Set(names.list(&elements))
            }
        }
    }
}

/// One side of an action.
#[derive(Debug, Clone, Default)]
struct Side {
    facts: BTreeMap<String, V>,
    memberships: Vec<(String, Option<String>)>,
    grants: Vec<(String, String, Option<String>)>,
}

impl Side {
    fn state(&self, names: &mut Names) -> State {
        let facts = self.facts.iter().map(|(field, value)| Fact::new(names.intern(field), value.intern(names)));
        let facts = facts.collect();
        let mut name = |text: &str| names.intern(text);
        let memberships = self.memberships.iter().map(|(organization, role)| Membership {
            organization: name(organization),
            role: role.as_deref().map(&mut name),
            extra_roles: List::EMPTY,
            default_site: None,
        });
        let memberships = memberships.collect();
        let grants = self.grants.iter().map(|(organization, site, role)| Grant {
            organization: name(organization),
            site: name(site),
            role: role.as_deref().map(&mut name),
        });
        State { facts, memberships, grants: grants.collect() }
    }
}

/// An action in the making: `act(CreateSite).organization("north").site("pit-1").after("name", "Pit 1")`.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    kind: ActionKind,
    user: Option<String>,
    organization: Option<String>,
    site: Option<String>,
    role: Option<String>,
    before: Option<Side>,
    after: Option<Side>,
}

pub(crate) fn act(kind: ActionKind) -> Act {
    Act { kind, user: None, organization: None, site: None, role: None, before: None, after: None }
}

impl Act {
    pub(crate) fn user(mut self, key: &str) -> Self {
        self.user = Some(key.to_owned());
        self
    }

    pub(crate) fn organization(mut self, organization: &str) -> Self {
        self.organization = Some(organization.to_owned());
        self
    }

    pub(crate) fn site(mut self, site: &str) -> Self {
        self.site = Some(site.to_owned());
        self
    }

    pub(crate) fn role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    pub(crate) fn before(mut self, field: &str, value: impl Into<V>) -> Self {
        self.before.get_or_insert_default().facts.insert(field.to_owned(), value.into());
        self
    }

    pub(crate) fn after(mut self, field: &str, value: impl Into<V>) -> Self {
        self.after.get_or_insert_default().facts.insert(field.to_owned(), value.into());
        self
    }

    /// A membership of the account before an end of its access.
    pub(crate) fn had(self, organization: &str) -> Self {
        self.had_as(organization, None)
    }

    /// A membership with this role before an end of its access.
    pub(crate) fn had_as(mut self, organization: &str, role: Option<&str>) -> Self {
        let membership = (organization.to_owned(), role.map(str::to_owned));
        self.before.get_or_insert_default().memberships.push(membership);
        self
    }

    /// A grant before an end of access.
    pub(crate) fn had_site(mut self, organization: &str, site: &str) -> Self {
        self.before.get_or_insert_default().grants.push((organization.to_owned(), site.to_owned(), None));
        self
    }

    /// A membership that a new account gets.
    pub(crate) fn gets(mut self, organization: &str, role: Option<&str>) -> Self {
        let membership = (organization.to_owned(), role.map(str::to_owned));
        self.after.get_or_insert_default().memberships.push(membership);
        self
    }

    /// A site that a new account gets.
    pub(crate) fn gets_site(mut self, organization: &str, site: &str, role: Option<&str>) -> Self {
        let grant = (organization.to_owned(), site.to_owned(), role.map(str::to_owned));
        self.after.get_or_insert_default().grants.push(grant);
        self
    }

    /// The action, with its names in this table.
    pub(crate) fn action(&self, names: &mut Names) -> Action {
        let mut name = |text: &Option<String>| text.as_deref().map(|text| names.intern(text));
        let subject = Subject {
            user: name(&self.user),
            organization: name(&self.organization),
            site: name(&self.site),
            role: name(&self.role),
        };
        let before = self.before.as_ref().map(|side| side.state(names));
        let after = self.after.as_ref().map(|side| side.state(names));
        Action { reason: "a test", ..Action::new(self.kind, subject, before, after) }
    }
}
