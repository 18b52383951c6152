//! Facts: a field and its value, and the access that a user has in one place.

use serde::{Deserialize, Serialize};

use super::name::{List, Name, known};

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Not set.
    Null,
    /// Text; the empty text is a value of its own (`""` in a manifest: known to be empty).
    Text(Name),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Number(i32),
    /// A set of texts.
    Set(List),
}

impl Value {
    /// The text, of a text.
    #[must_use]
    pub const fn text(self) -> Option<Name> {
        match self {
            Self::Text(name) => Some(name),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Set(_) => None,
        }
    }

    /// Whether it says more than that there is nothing: it is neither null nor `false`, and not empty.
    #[must_use]
    pub const fn is_set(self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Text(known::EMPTY) => false,
            Self::Set(list) => !list.is_empty(),
            Self::Text(_) | Self::Bool(true) | Self::Number(_) => true,
        }
    }

    /// A text, or null where there is none.
    #[must_use]
    pub fn optional_text(name: Option<Name>) -> Self {
        name.map_or(Self::Null, Self::Text)
    }
}

/// A field and its value. Nested fields are named with dots: `attributes.clearance`, `home.company`, `api.routes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// The field, for example `given_name`.
    pub field: Name,
    /// Its value.
    pub value: Value,
}

impl Fact {
    /// The fact that `field` has `value`.
    #[must_use]
    pub const fn new(field: Name, value: Value) -> Self {
        Self { field, value }
    }
}

/// A user's belonging to an organization. The organization [`PLATFORM`](super::known::PLATFORM) stands for the whole
/// platform: its role and extra roles are those that `role` and `extra_roles` of a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Membership {
    /// Where.
    pub organization: Name,
    /// As what, where the rules have roles on memberships.
    pub role: Option<Name>,
    /// Roles beside the main one.
    pub extra_roles: List,
    /// The site that is preselected for the user.
    pub default_site: Option<Name>,
}

/// A user's access to one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// The organization of the site.
    pub organization: Name,
    /// The site.
    pub site: Name,
    /// As what, where the store has roles on sites.
    pub role: Option<Name>,
}

/// The status of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Known to the store; the invitation has not been sent.
    Preloaded,
    /// Invited, and not accepted yet.
    Invited,
    /// Can log in.
    Active,
    /// Can't log in; can come back.
    Inactive,
    /// Ended for good, though still listed.
    Closed,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 5] = [Self::Preloaded, Self::Invited, Self::Active, Self::Inactive, Self::Closed];

    /// The word used in every format and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preloaded => "preloaded",
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Closed => "closed",
        }
    }

    /// The status with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word as a name.
    #[must_use]
    pub const fn name(self) -> Name {
        use super::known;
        match self {
            Self::Preloaded => known::PRELOADED,
            Self::Invited => known::INVITED,
            Self::Active => known::ACTIVE,
            Self::Inactive => known::INACTIVE,
            Self::Closed => known::CLOSED,
        }
    }
}
