//! What gets another name, and what has a tombstone, in generated worlds.
//!
//! A world speaks of everything by one name; here it is told which name that is in the store and which in the manifests.

use std::collections::BTreeMap;

use proptest::prelude::*;

/// What every new name ends with.
const NEW: &str = "-new";

/// The organization that no manifest names, unless it has a tombstone.
pub(crate) const UNDECLARED: &str = "attic";
/// The role that is live and not declared, unless it has a tombstone.
pub(crate) const LEGACY: &str = "legacy";
/// A site of every live organization that is not declared, unless it has a tombstone.
pub(crate) const OLD_SITE: &str = "old-pit";

/// How something is called on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Same,
    /// It is declared under a new name, and live, if it is, under the old one.
    Renamed,
    /// It is live under its new name already.
    Done,
}

/// Which of two refers to the other, if any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Link {
    #[default]
    None,
    FirstToSecond,
    SecondToFirst,
}

impl Link {
    /// Whether the first, or the second, refers to the other.
    pub(crate) fn is_of(self, is_first: bool) -> bool {
        self == if is_first { Self::FirstToSecond } else { Self::SecondToFirst }
    }
}

/// References of organizations (`parent`), of sites and of roles (`includes`).
pub(crate) type Links = [Link; 3];

/// What gets another name, and what has a tombstone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turnover {
    names: BTreeMap<String, Naming>,
    /// Whether the undeclared organization, the undeclared site of the south, the undeclared role are declared absent.
    pub(crate) organization_goes: bool,
    pub(crate) site_goes: bool,
    pub(crate) role_goes: bool,
    pub(crate) live_links: Links,
    pub(crate) declared_links: Links,
}

/// Turnover of these things, mostly none.
pub(crate) fn turnover(things: Vec<String>) -> impl Strategy<Value = Turnover> {
    let naming = prop_oneof![12 => Just(Naming::Same), 2 => Just(Naming::Renamed), 1 => Just(Naming::Done)];
    let link = || prop_oneof![4 => Just(Link::None), 1 => Just(Link::FirstToSecond), 1 => Just(Link::SecondToFirst)];
    let links = || [link(), link(), link()];
    let names = prop::collection::vec(naming, things.len());
    (names, [prop::bool::weighted(0.3); 3], links(), links()).prop_map(move |(names, goes, live, declared)| Turnover {
        names: things.iter().cloned().zip(names).filter(|(_, naming)| *naming != Naming::Same).collect(),
        organization_goes: goes[0],
        site_goes: goes[1],
        role_goes: goes[2],
        live_links: live,
        declared_links: declared,
    })
}

/// The name without what makes it a new one; of whole texts, too.
pub(crate) fn without_new(text: &str) -> String {
    text.replace(NEW, "")
}

impl Turnover {
    fn naming(&self, thing: &str) -> Naming {
        self.names.get(thing).copied().unwrap_or(Naming::Same)
    }

    /// The name in the store.
    pub(crate) fn live(&self, thing: &str, name: &str) -> String {
        match self.naming(thing) {
            Naming::Same | Naming::Renamed => name.to_owned(),
            Naming::Done => format!("{name}{NEW}"),
        }
    }

    /// The name in the manifests.
    pub(crate) fn declared(&self, thing: &str, name: &str) -> String {
        match self.naming(thing) {
            Naming::Same => name.to_owned(),
            Naming::Renamed | Naming::Done => format!("{name}{NEW}"),
        }
    }

    /// Whether the manifests say what it was called before.
    pub(crate) fn has_former(&self, thing: &str) -> bool {
        self.naming(thing) != Naming::Same
    }
}

/// The things of a world by kind.
pub(crate) fn user(name: &str) -> String {
    format!("user {name}")
}

pub(crate) fn organization(name: &str) -> String {
    format!("organization {name}")
}

pub(crate) fn site(organization: &str, name: &str) -> String {
    format!("site {organization}/{name}")
}

pub(crate) fn role(name: &str) -> String {
    format!("role {name}")
}
