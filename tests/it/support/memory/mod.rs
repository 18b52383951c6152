//! A user store in memory: the naive oracle. Sorted maps of texts, the whole copied before each action and put back
//! when it fails. It shares the rules with the real stores and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall::model::{
    AppliesTo, Catalog, Fact, Grant, Invitation, InvitationState, List, LiveRecord, LiveState, Membership, Names,
    Organization, Role, Site, SiteAccess, Status, Value,
};
use rollcall::plan::{Action, State};
use rollcall::rules::{Rules, SeatRefusal};
use rollcall::store::{Capabilities, Effect, Info, Reader, StoreError, Which, Writer};

use super::actions::V;

mod account;
mod actions;
mod rename;

type Fields = BTreeMap<String, V>;
type Outcome = Result<Effect, Effect>;

#[derive(Debug, Clone)]
struct User {
    id: u64,
    key: String,
    status: Status,
    used: bool,
    fields: Fields,
    /// By organization; the platform is the one without a name.
    memberships: BTreeMap<String, Fields>,
    grants: BTreeMap<(String, String), V>,
}

#[derive(Debug, Clone)]
struct Invited {
    user: u64,
    key: String,
    state: InvitationState,
    sent: Option<Timestamp>,
    ends: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
struct Data {
    organizations: BTreeMap<String, Fields>,
    sites: BTreeMap<(String, String), Fields>,
    roles: BTreeMap<String, Fields>,
    /// By compared key.
    users: BTreeMap<String, User>,
    invitations: Vec<Invited>,
    next_id: u64,
}

/// The store.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    rules: Rules,
    own: Option<String>,
    data: Data,
}

fn conflict() -> Effect {
    Effect::Conflict("the oracle says so".to_owned())
}

fn refused() -> Effect {
    Effect::Refused("the oracle says so".to_owned())
}

fn failed() -> Effect {
    Effect::Failed("the oracle says so".to_owned())
}

fn is_empty(value: &V) -> bool {
    match value {
        V::Null | V::Bool(false) => true,
        V::Text(text) => text.is_empty(),
        V::Set(texts) => texts.is_empty(),
        V::Bool(true) | V::Number(_) => false,
    }
}

fn same(a: &V, b: &V) -> bool {
    a == b || (is_empty(a) && is_empty(b))
}

fn get(fields: &Fields, field: &str) -> V {
    fields.get(field).cloned().unwrap_or(V::Null)
}

fn all_same(wanted: &Fields, live: &Fields) -> bool {
    wanted.iter().all(|(field, value)| same(value, &get(live, field)))
}

/// Already so, or not as it was: what comes of a change without doing anything.
fn look(before: &Fields, after: &Fields, live: &Fields) -> Result<(), Effect> {
    if all_same(after, live) {
        return Err(Effect::AlreadyTrue);
    }
    let untouched = before.keys().chain(after.keys()).all(|field| same(&get(before, field), &get(live, field)));
    if untouched { Ok(()) } else { Err(conflict()) }
}

fn fields(names: &Names, state: Option<&State>) -> Fields {
    let mut fields = Fields::new();
    for fact in state.map_or(&[][..], |state| &state.facts) {
        fields.insert(names.text(fact.field).to_owned(), V::of(names, fact.value));
    }
    fields.remove("key");
    fields.remove("status");
    fields
}

fn text_fact(names: &Names, state: Option<&State>, field: &str) -> Option<String> {
    let fact = state?.facts.iter().find(|fact| names.text(fact.field) == field)?;
    fact.value.text().map(|text| names.text(text).to_owned())
}

fn status_fact(names: &Names, state: Option<&State>) -> Option<Status> {
    text_fact(names, state, "status").and_then(|word| Status::from_word(&word))
}

fn role_defaults() -> Fields {
    [
        ("name", V::Null),
        ("rank", V::Null),
        ("includes", V::from([])),
        ("permissions", V::from([])),
        ("site_access", V::from("selected")),
        ("admin", V::from(false)),
        ("protected", V::from(false)),
        ("grantable", V::from(true)),
        ("applies_to", V::from(["organization", "site"])),
    ]
    .into_iter()
    .map(|(field, value)| (field.to_owned(), value))
    .collect()
}

fn membership_fields(names: &Names, membership: &Membership) -> Fields {
    Fields::from([
        ("role".to_owned(), V::of(names, Value::optional_text(membership.role))),
        ("extra_roles".to_owned(), V::of(names, Value::Set(membership.extra_roles))),
        ("default_site".to_owned(), V::of(names, Value::optional_text(membership.default_site))),
    ])
}

impl MemoryStore {
    pub(crate) fn new(rules: Rules, own: Option<&str>) -> Self {
        let own = own.map(|own| rules.identity.normalize(own).expect("a key"));
        Self { rules, own, data: Data::default() }
    }

    /// The same store under other rules.
    pub(crate) fn with_rules(self, rules: Rules, own: Option<&str>) -> Self {
        Self { data: self.data, ..Self::new(rules, own) }
    }

    /// Answers an invitation in place of the person.
    pub(crate) fn answer(&mut self, key: &str, accept: bool, at: Timestamp) -> Effect {
        let saved = self.data.clone();
        let effect = self.try_answer(key, accept, at).unwrap_or_else(|effect| effect);
        if !effect.is_achieved() {
            self.data = saved;
        }
        effect
    }

    /// Key and state of every invitation, by key and then by age.
    pub(crate) fn invitations(&self) -> Vec<(String, InvitationState)> {
        let mut all: Vec<_> = self.data.invitations.iter().map(|one| (one.key.clone(), one.state)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn try_answer(&mut self, key: &str, accept: bool, at: Timestamp) -> Outcome {
        let identity = self.identity(key)?;
        let user = self.data.users.get(&identity).cloned().ok_or_else(refused)?;
        let wanted = if accept { InvitationState::Accepted } else { InvitationState::Declined };
        match self.newest(user.id, at) {
            Some(InvitationState::Pending) => {}
            Some(state) if state == wanted => return Err(Effect::AlreadyTrue),
            _ => return Err(refused()),
        }
        self.end_invitations(user.id, wanted);
        if accept {
            self.set_status(&identity, Status::Active)?;
        }
        Ok(Effect::Done)
    }

    fn identity(&self, key: &str) -> Result<String, Effect> {
        self.rules.identity.normalize(key).map_err(|_| refused())
    }

    fn newest(&self, user: u64, at: Timestamp) -> Option<InvitationState> {
        let newest = self.data.invitations.iter().rfind(|invited| invited.user == user)?;
        Some(Invitation { state: newest.state, sent: newest.sent, ends: newest.ends }.state_at(at))
    }

    fn end_invitations(&mut self, user: u64, state: InvitationState) {
        for invited in self.data.invitations.iter_mut().filter(|invited| invited.user == user) {
            if matches!(invited.state, InvitationState::Pending | InvitationState::Suppressed) {
                invited.state = state;
            }
        }
    }

    fn invite(&mut self, user: u64, key: &str, at: Option<Timestamp>) {
        let ttl = self.rules.invitations.as_ref().and_then(|invitations| invitations.ttl);
        self.data.invitations.push(Invited {
            user,
            key: key.to_owned(),
            state: if at.is_some() { InvitationState::Pending } else { InvitationState::Suppressed },
            sent: at,
            ends: at.and_then(|at| ttl.map(|ttl| ttl.after(at))),
        });
    }

    fn check_seats(&self, before: usize, refusal: SeatRefusal) -> Result<(), Effect> {
        let now = self.seats();
        match self.rules.seat_limit() {
            Some(limit) if now > before && now > limit as usize && self.rules.refuses_at_limit(refusal) => {
                Err(refused())
            }
            _ => Ok(()),
        }
    }

    fn seats(&self) -> usize {
        self.data.users.values().filter(|user| self.rules.counts_seat(user.status)).count()
    }

    fn set_status(&mut self, identity: &str, status: Status) -> Result<(), Effect> {
        let before = self.seats();
        let user = self.data.users.get_mut(identity).expect("a user");
        user.status = status;
        user.used |= status == Status::Active;
        let id = user.id;
        if matches!(status, Status::Inactive | Status::Closed) {
            self.end_invitations(id, InvitationState::Cancelled);
        }
        self.check_seats(before, SeatRefusal::Activate)
    }

    fn run(&mut self, names: &Names, action: &Action, at: Timestamp) -> Effect {
        let saved = self.data.clone();
        let effect = self.attempt(names, action, at).unwrap_or_else(|effect| effect);
        if effect != Effect::Done {
            self.data = saved;
        }
        effect
    }

    fn catalog(&self, names: &mut Names) -> Catalog {
        let mut catalog = Catalog::default();
        for (organization, fields) in &self.data.organizations {
            let fields = model_fields(fields, names);
            let organization = names.intern(organization);
            catalog.organizations.insert(organization, Organization { fields, ..Organization::default() });
        }
        for ((organization, site), fields) in &self.data.sites {
            let fields = model_fields(fields, names);
            let (organization, site) = (names.intern(organization), names.intern(site));
            let organization = catalog.organizations.get_mut(&organization).expect("an organization");
            organization.sites.insert(site, Site { fields, position: None });
        }
        for (name, fields) in &self.data.roles {
            let mut list = |field: &str| match get(fields, field).intern(names) {
                Value::Set(list) => list,
                _ => List::EMPTY,
            };
            let (includes, permissions) = (list("includes"), list("permissions"));
            let is = |field: &str| get(fields, field) == V::Bool(true);
            let applies = |place: &str| matches!(get(fields, "applies_to"), V::Set(places) if places.iter().any(|other| other == place));
            let role = Role {
                name: get(fields, "name").intern(names).text(),
                rank: if let V::Number(rank) = get(fields, "rank") { Some(rank) } else { None },
                includes,
                permissions,
                site_access: if get(fields, "site_access") == V::from("all") {
                    SiteAccess::All
                } else {
                    SiteAccess::Selected
                },
                admin: is("admin"),
                protected: is("protected"),
                grantable: is("grantable"),
                applies_to: AppliesTo {
                    organization: applies("organization"),
                    site: applies("site"),
                    platform: applies("platform"),
                    extra: applies("extra"),
                },
                vendor: self.rules.roles.vendor.contains_key(name),
                position: None,
            };
            catalog.roles.insert(names.intern(name), role);
        }
        catalog
    }

    fn record(&self, identity: &str, user: &User, names: &mut Names) -> LiveRecord {
        let facts = user.fields.iter().filter(|(_, value)| **value != V::Null);
        let facts = facts.map(|(field, value)| Fact::new(names.intern(field), value.intern(names))).collect();
        let mut memberships = Vec::new();
        for (organization, fields) in &user.memberships {
            memberships.push(Membership {
                organization: names.intern(organization),
                role: get(fields, "role").intern(names).text(),
                extra_roles: match get(fields, "extra_roles").intern(names) {
                    Value::Set(list) => list,
                    _ => List::EMPTY,
                },
                default_site: get(fields, "default_site").intern(names).text(),
            });
        }
        let mut grants = Vec::new();
        for ((organization, site), role) in &user.grants {
            let (organization, site) = (names.intern(organization), names.intern(site));
            grants.push(Grant { organization, site, role: role.intern(names).text() });
        }
        let newest = self.data.invitations.iter().rfind(|one| one.user == user.id);
        LiveRecord {
            id: names.intern(&format!("memory-{}", user.id)),
            key: names.intern(&user.key),
            identity: Some(names.intern(identity)),
            status: user.status,
            facts,
            memberships,
            grants,
            invitation: newest.map(|one| Invitation { state: one.state, sent: one.sent, ends: one.ends }),
        }
    }
}

fn model_fields(fields: &Fields, names: &mut Names) -> rollcall::model::Fields {
    let set = fields.iter().filter(|(_, value)| **value != V::Null);
    set.map(|(field, value)| (names.intern(field), value.intern(names))).collect()
}

impl Reader for MemoryStore {
    async fn info(&mut self) -> Result<Info, StoreError> {
        let capabilities = Capabilities { writes_catalog: true, clock_can_be_set: true };
        Ok(Info { kind: "memory", id: "memory".to_owned(), capabilities })
    }

    async fn read(&mut self, names: &mut Names, which: Which<'_>) -> Result<LiveState, StoreError> {
        let mut live = LiveState::default();
        live.catalog = self.catalog(names);
        let wanted: Option<Vec<String>> = match which {
            Which::All => None,
            Which::Users(keys) => Some(keys.iter().filter_map(|key| self.rules.identity.normalize(key).ok()).collect()),
        };
        for (identity, user) in &self.data.users {
            if wanted.as_ref().is_none_or(|wanted| wanted.contains(identity)) {
                live.push(self.record(identity, user, names));
            }
        }
        Ok(live)
    }
}

impl Writer for MemoryStore {
    fn group(&self, ready: &[&Action]) -> usize {
        ready.len().min(3)
    }

    async fn execute(&mut self, names: &Names, batch: &[&Action], at: Timestamp) -> Result<Vec<Effect>, StoreError> {
        Ok(batch.iter().map(|action| self.run(names, action, at)).collect())
    }
}
