//! What a plan was computed against, as two short texts.
//!
//! Each user is written down in one canonical way, by texts, and hashed once; the hashes are added up, so that neither
//! the order of files nor that of rows matters and the users need not be sorted. What is hashed is the merged meaning:
//! effective access and declared fields, without origins.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Inputs;
use crate::model::{
    Catalog, CatalogKey, Effective, Fact, Grant, LeftAlone, Membership, Name, Names, Piece, UserView, Value, Window,
};

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

    fn of(bytes: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
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

/// Writes a user, or an object of the catalog, without ambiguity: every text and every list begins with its length,
/// and lists are sorted by text.
struct Writer<'a> {
    names: &'a Names,
    bytes: Vec<u8>,
    facts: Vec<Fact>,
    memberships: Vec<Membership>,
    grants: Vec<Grant>,
}

impl<'a> Writer<'a> {
    const fn new(names: &'a Names) -> Self {
        Self { names, bytes: Vec::new(), facts: Vec::new(), memberships: Vec::new(), grants: Vec::new() }
    }

    fn user(
        &mut self,
        key: Name,
        status: &str,
        facts: impl Iterator<Item = Fact>,
        memberships: &[Membership],
        grants: &[Grant],
    ) -> Sum {
        self.bytes.clear();
        self.name(Some(key));
        self.text(status);
        self.facts(facts);
        self.memberships(memberships);
        self.grants(grants);
        Sum::of(&self.bytes)
    }

    fn object(&mut self, words: &[&str], facts: impl Iterator<Item = Fact>) -> Sum {
        self.bytes.clear();
        for word in words {
            self.text(word);
        }
        self.facts(facts);
        Sum::of(&self.bytes)
    }

    fn facts(&mut self, facts: impl Iterator<Item = Fact>) {
        let names = self.names;
        let mut sorted = std::mem::take(&mut self.facts);
        sorted.clear();
        sorted.extend(facts.filter(|fact| fact.value != Value::Null));
        sorted.sort_unstable_by_key(|fact| names.text(fact.field));
        self.length(sorted.len());
        for fact in &sorted {
            self.name(Some(fact.field));
            self.value(fact.value);
        }
        self.facts = sorted;
    }

    fn memberships(&mut self, memberships: &[Membership]) {
        let names = self.names;
        let mut sorted = std::mem::take(&mut self.memberships);
        sorted.clear();
        sorted.extend_from_slice(memberships);
        sorted.sort_unstable_by_key(|membership| names.text(membership.organization));
        self.length(sorted.len());
        for &Membership { organization, role, extra_roles, default_site } in &sorted {
            self.name(Some(organization));
            self.name(role);
            self.value(Value::Set(extra_roles));
            self.name(default_site);
        }
        self.memberships = sorted;
    }

    fn grants(&mut self, grants: &[Grant]) {
        let names = self.names;
        let mut sorted = std::mem::take(&mut self.grants);
        sorted.clear();
        sorted.extend_from_slice(grants);
        sorted.sort_unstable_by_key(|grant| (names.text(grant.organization), names.text(grant.site)));
        self.length(sorted.len());
        for &Grant { organization, site, role } in &sorted {
            self.name(Some(organization));
            self.name(Some(site));
            self.name(role);
        }
        self.grants = sorted;
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Null => self.bytes.push(0),
            Value::Text(text) => self.name(Some(text)),
            Value::Bool(value) => self.bytes.extend([2, u8::from(value)]),
            Value::Number(number) => {
                self.bytes.push(3);
                self.bytes.extend(number.to_le_bytes());
            }
            Value::Set(list) => {
                self.bytes.push(4);
                let texts = self.names.sorted_texts(list);
                self.length(texts.len());
                for text in texts {
                    self.text(text);
                }
            }
        }
    }

    fn window(&mut self, window: Window) {
        self.moment(window.starts);
        self.moment(window.expires);
    }

    fn moment(&mut self, moment: Option<Timestamp>) {
        self.text(&moment.map_or_else(String::new, |moment| moment.to_string()));
    }

    fn name(&mut self, name: Option<Name>) {
        match name {
            Some(name) => {
                self.bytes.push(1);
                self.text(self.names.text(name));
            }
            None => self.bytes.push(0),
        }
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn length(&mut self, length: usize) {
        // Texts and lists stay far below 2³².
        self.bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
}

fn catalog(names: &Names, catalog: &Catalog) -> Sum {
    let mut writer = Writer::new(names);
    let facts = |(&field, &value): (&Name, &Value)| Fact::new(field, value);
    let mut sum = Sum::default();
    for (&name, organization) in &catalog.organizations {
        let text = names.text(name);
        sum = sum.add(writer.object(&["organization", text], organization.fields.iter().map(facts)));
        for (&name, site) in &organization.sites {
            sum = sum.add(writer.object(&["site", text, names.text(name)], site.fields.iter().map(facts)));
        }
    }
    for (&name, role) in &catalog.roles {
        sum = sum.add(writer.object(&["role", names.text(name)], role.facts(names).into_iter()));
    }
    sum
}

/// The merged meaning of the manifests.
pub(super) fn desired(inputs: &Inputs<'_>) -> String {
    let Inputs { names, desired, .. } = inputs;
    let users = (0..desired.len()).into_par_iter().fold(
        || (Sum::default(), Writer::new(names), Vec::new(), Effective::default()),
        |(sum, mut writer, mut pieces, mut effective), row| {
            let view = desired.user(row);
            view.pieces(names, &mut pieces);
            effective.fold(&desired.catalog, names, &mut pieces, &mut Vec::new());
            let status = view.status.map_or("", |status| status.as_str());
            let facts = view.facts.iter().map(|declared| declared.fact);
            let user = writer.user(view.identity, status, facts, &effective.memberships, &effective.grants);
            let terms = terms(&mut writer, &view, &pieces);
            (sum.add(user).add(terms), writer, pieces, effective)
        },
    );
    let users = users.map(|(sum, ..)| sum).reduce(Sum::default, Sum::add);
    users.add(catalog(names, &desired.catalog)).add(endings(inputs)).hex()
}

/// What a user's access says beside what it adds up to: when parts of it are in force, what others manage, and the
/// key of before. Most users have none of it.
fn terms(writer: &mut Writer<'_>, view: &UserView<'_>, pieces: &[Piece]) -> Sum {
    let mut sum = Sum::default();
    if view.window != Window::ALWAYS || view.previous.is_some() {
        writer.bytes.clear();
        writer.name(Some(view.identity));
        writer.window(view.window);
        writer.name(view.previous.map(|previous| previous.identity));
        sum = sum.add(Sum::of(&writer.bytes));
    }
    let special = pieces.iter().filter(|piece| piece.window != Window::ALWAYS || piece.left_alone.any());
    // Whether one line or two say the same makes no difference.
    let mut written: BTreeSet<Vec<u8>> = BTreeSet::new();
    for piece in special {
        let LeftAlone { membership, role, extra_roles, sites } = piece.left_alone;
        writer.bytes.clear();
        for name in [Some(view.identity), Some(piece.organization), piece.site, piece.role, piece.default_site] {
            writer.name(name);
        }
        writer.value(Value::Set(piece.extra_roles));
        writer.window(piece.window);
        writer.bytes.extend([piece.membership, membership, role, extra_roles, sites].map(u8::from));
        written.insert(writer.bytes.clone());
    }
    written.iter().fold(sum, |sum, bytes| sum.add(Sum::of(bytes)))
}

/// Leavers, tombstones, and the names of the catalog from before.
fn endings(inputs: &Inputs<'_>) -> Sum {
    let Inputs { names, desired, .. } = inputs;
    let mut writer = Writer::new(names);
    let mut sum = Sum::default();
    for (&identity, leaver) in &desired.leavers {
        writer.bytes.clear();
        writer.text("leaver");
        writer.name(Some(identity));
        writer.moment(leaver.from);
        sum = sum.add(Sum::of(&writer.bytes));
    }
    let texts = |key: CatalogKey| match key {
        CatalogKey::Organization(name) => ("organization", names.text(name), ""),
        CatalogKey::Site(organization, name) => ("site", names.text(organization), names.text(name)),
        CatalogKey::Role(name) => ("role", names.text(name), ""),
    };
    for &key in desired.tombstones.keys() {
        let (kind, name, site) = texts(key);
        sum = sum.add(writer.object(&["tombstone", kind, name, site], std::iter::empty()));
    }
    for (&key, previous) in &desired.renames {
        let (kind, name, site) = texts(key);
        let words = ["rename", kind, name, site, names.text(previous.identity)];
        sum = sum.add(writer.object(&words, std::iter::empty()));
    }
    sum
}

/// The rules of the store, in all that they state.
pub(super) fn rules(rules: &crate::rules::Rules) -> String {
    // Rules are texts, numbers and lists: all of it has a canonical form.
    Sum::of(&serde_json_canonicalizer::to_vec(rules).unwrap_or_default()).hex()
}

/// The live state.
pub(super) fn live(inputs: &Inputs<'_>) -> String {
    let Inputs { names, live, at, .. } = inputs;
    let users = (0..live.len()).into_par_iter().fold(
        || (Sum::default(), Writer::new(names)),
        |(sum, mut writer), row| {
            let view = live.user(row);
            let facts = view.facts.iter().copied();
            let user = writer.user(view.key, view.status.as_str(), facts, view.memberships, view.grants);
            // The plan depends on where the newest invitation is in its life, and on nothing else of it.
            let invitation = view.invitation.map_or(Sum::default(), |invitation| {
                let words = ["invitation", view.key_text(names), invitation.state_at(*at).as_str()];
                writer.object(&words, std::iter::empty())
            });
            (sum.add(user).add(invitation), writer)
        },
    );
    users.map(|(sum, _)| sum).reduce(Sum::default, Sum::add).add(catalog(names, &live.catalog)).hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Desired, Invitation, InvitationState, LiveRecord, LiveState, Status};
    use crate::plan::{AbsentUsers, CatalogPolicy, Policy, Scope, StoreRef};
    use crate::rules::Rules;

    #[test]
    fn the_live_side_has_the_state_of_invitations() {
        let mut names = Names::new();
        let key = names.intern("kim@example.com");
        let time = |text: &str| text.parse().unwrap();
        let policy = Policy {
            scope: Scope::ALL,
            locked_out: std::collections::BTreeSet::new(),
            left_since: std::collections::BTreeMap::new(),
            time_zone: jiff::tz::TimeZone::UTC,
            absent_users: AbsentUsers::Report,
            catalog: CatalogPolicy::Create,
            grace: "30d".parse().expect("a period"),
            min_admins: 0,
            own_account: None,
            protected: Vec::new(),
        };
        let store =
            StoreRef { name: "s".to_owned(), kind: "sqlite".to_owned(), id: "x".to_owned(), address: String::new() };
        let basis = |state: Option<InvitationState>, at: &str| {
            let ends = Some(time("2027-01-08T00:00:00Z"));
            let mut state_of_store = LiveState::default();
            state_of_store.push(LiveRecord {
                id: key,
                key,
                identity: Some(key),
                status: Status::Invited,
                facts: Vec::new(),
                memberships: Vec::new(),
                grants: Vec::new(),
                invitation: state.map(|state| Invitation { state, sent: None, ends }),
            });
            let (desired, rules) = (Desired::default(), Rules::default());
            let inputs = Inputs {
                names: &names,
                desired: &desired,
                live: &state_of_store,
                rules: &rules,
                policy: &policy,
                store: &store,
                at: time(at),
            };
            live(&inputs)
        };
        let (early, late) = ("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z");
        let pending = basis(Some(InvitationState::Pending), early);
        assert_ne!(pending, basis(Some(InvitationState::Declined), early));
        assert_ne!(pending, basis(None, early));
        assert_ne!(pending, basis(Some(InvitationState::Pending), late));
        assert_eq!(pending, basis(Some(InvitationState::Pending), "2027-01-02T00:00:00Z"));
    }
}
