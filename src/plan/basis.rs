//! What a plan was computed against, as two short texts.
//!
//! Each user is hashed by texts, and the hashes are added up, so that neither the order of files nor that of rows
//! matters and nothing has to be sorted. What is hashed is the merged meaning: effective access and declared fields,
//! without origins.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Inputs;
use crate::model::{Catalog, Effective, Fact, Fields, Grant, Membership, Name, Names, Value};

/// A hash that does not depend on the order in which its parts are added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum([u64; 4]);

impl Sum {
    fn add(self, other: Self) -> Self {
        let mut sum = self.0;
        for (lane, other) in sum.iter_mut().zip(other.0) {
            *lane = lane.wrapping_add(other);
        }
        Self(sum)
    }

    fn of(hasher: Sha256) -> Self {
        let digest: [u8; 32] = hasher.finalize().into();
        let mut lanes = [0; 4];
        for (lane, bytes) in lanes.iter_mut().zip(digest.as_chunks::<8>().0) {
            *lane = u64::from_le_bytes(*bytes);
        }
        Self(lanes)
    }

    fn hex(self) -> String {
        let [a, b, c, d] = self.0;
        format!("{a:016x}{b:016x}{c:016x}{d:016x}")
    }
}

/// Feeds texts and numbers to a hash without ambiguity.
struct Feed<'a> {
    hasher: Sha256,
    names: &'a Names,
}

impl Feed<'_> {
    fn new(names: &Names) -> Feed<'_> {
        Feed { hasher: Sha256::new(), names }
    }

    fn text(&mut self, text: &str) {
        self.hasher.update((text.len() as u64).to_le_bytes());
        self.hasher.update(text.as_bytes());
    }

    fn name(&mut self, name: Option<Name>) {
        match name {
            Some(name) => {
                self.hasher.update([1]);
                let names = self.names;
                self.text(names.text(name));
            }
            None => self.hasher.update([0]),
        }
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Null => self.hasher.update([0]),
            Value::Text(text) => self.name(Some(text)),
            Value::Bool(value) => self.hasher.update([2, u8::from(value)]),
            Value::Number(number) => {
                self.hasher.update([3]);
                self.hasher.update(number.to_le_bytes());
            }
            Value::Set(list) => {
                self.hasher.update([4]);
                let names = self.names;
                let texts = names.sorted_texts(list);
                self.hasher.update((texts.len() as u64).to_le_bytes());
                for text in texts {
                    self.text(text);
                }
            }
        }
    }

    fn done(self) -> Sum {
        Sum::of(self.hasher)
    }
}

fn facts(names: &Names, facts: impl Iterator<Item = Fact>) -> Sum {
    let sums = facts.filter(|fact| fact.value != Value::Null).map(|fact| {
        let mut feed = Feed::new(names);
        feed.name(Some(fact.field));
        feed.value(fact.value);
        feed.done()
    });
    sums.fold(Sum::default(), Sum::add)
}

fn access(names: &Names, memberships: &[Membership], grants: &[Grant]) -> Sum {
    let memberships = memberships.iter().map(|membership| {
        let Membership { organization, role, extra_roles, default_site } = *membership;
        let mut feed = Feed::new(names);
        feed.name(Some(organization));
        feed.name(role);
        feed.value(Value::Set(extra_roles));
        feed.name(default_site);
        feed.done()
    });
    let grants = grants.iter().map(|grant| {
        let Grant { organization, site, role } = *grant;
        let mut feed = Feed::new(names);
        feed.name(Some(organization));
        feed.name(Some(site));
        feed.name(role);
        feed.done()
    });
    memberships.chain(grants).fold(Sum::default(), Sum::add)
}

/// One user: key, status word, and the sums of fields and access.
fn user(names: &Names, key: Name, status: &str, facts: Sum, access: Sum) -> Sum {
    let mut feed = Feed::new(names);
    feed.name(Some(key));
    feed.text(status);
    for lane in facts.0.into_iter().chain(access.0) {
        feed.hasher.update(lane.to_le_bytes());
    }
    feed.done()
}

fn catalog(names: &Names, catalog: &Catalog) -> Sum {
    let object = |words: &[&str], fields: &mut dyn Iterator<Item = Fact>| {
        let mut feed = Feed::new(names);
        for word in words {
            feed.text(word);
        }
        let fields = facts(names, fields);
        fields.0.into_iter().for_each(|lane| feed.hasher.update(lane.to_le_bytes()));
        feed.done()
    };
    let of_fields =
        |fields: &Fields| -> Vec<Fact> { fields.iter().map(|(&field, &value)| Fact::new(field, value)).collect() };
    let mut sum = Sum::default();
    for (&name, organization) in &catalog.organizations {
        let text = names.text(name);
        sum = sum.add(object(&["organization", text], &mut of_fields(&organization.fields).into_iter()));
        for (&site, fields) in &organization.sites {
            sum = sum.add(object(&["site", text, names.text(site)], &mut of_fields(&fields.fields).into_iter()));
        }
    }
    for (&name, role) in &catalog.roles {
        sum = sum.add(object(&["role", names.text(name)], &mut role.facts(names).into_iter()));
    }
    sum
}

/// The merged meaning of the manifests.
pub(super) fn desired(inputs: &Inputs<'_>) -> String {
    let Inputs { names, desired, .. } = inputs;
    let users = (0..desired.len()).into_par_iter().fold(
        || (Sum::default(), Vec::new(), Effective::default()),
        |(sum, mut pieces, mut effective), row| {
            let view = desired.user(row);
            view.pieces(names, &mut pieces);
            effective.fold(&desired.catalog, names, &mut pieces, &mut Vec::new());
            let status = view.status.map_or("", |status| status.as_str());
            let fields = facts(names, view.facts.iter().map(|declared| declared.fact));
            let access = access(names, &effective.memberships, &effective.grants);
            (sum.add(user(names, view.identity, status, fields, access)), pieces, effective)
        },
    );
    let users = users.map(|(sum, _, _)| sum).reduce(Sum::default, Sum::add);
    users.add(catalog(names, &desired.catalog)).hex()
}

/// The live state.
pub(super) fn live(inputs: &Inputs<'_>) -> String {
    let Inputs { names, live, .. } = inputs;
    let users = (0..live.len()).into_par_iter().map(|row| {
        let view = live.user(row);
        let fields = facts(names, view.facts.iter().copied());
        user(names, view.key, view.status.as_str(), fields, access(names, view.memberships, view.grants))
    });
    users.reduce(Sum::default, Sum::add).add(catalog(names, &live.catalog)).hex()
}
