//! The live state as it will be called: what is renamed has its new name already (`language.md` §3, 10).
//!
//! A rename happens only if the old name is live and the new one is not. The diff then compares objects under their
//! new names, so nobody renamed is taken for somebody who is gone; `diff::renames` adds the renames themselves and
//! makes whatever uses a new name wait for them. Deliberately absent: anything where no manifest names a former name.

use std::collections::BTreeMap;

use super::locked_out::is_locked_out;
use super::scope::Reach;
use super::{CatalogPolicy, Inputs};
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{
    Catalog, CatalogKey, Collection, Completeness, DeclaredStatus, Fields, Grant, HalfChange, HalfChanged, List,
    LiveRecord, LiveState, Membership, Name, Previous, Value, known,
};

/// What is renamed, by the new name.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    /// The live state under the new names; `None` if nothing is renamed.
    pub(super) live: Option<LiveState>,
    /// Organizations, sites and roles, with the names that they have today.
    pub(super) catalog: BTreeMap<CatalogKey, Previous>,
    /// Users by identity, with the keys that they have today.
    pub(super) users: BTreeMap<Name, Previous>,
    /// Sites that can't be renamed, since the catalog is not written: the declared name by the organization and today's.
    pub(super) kept_sites: BTreeMap<(Name, Name), Name>,
    /// Former names that are not renamed.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Finds out what is renamed.
pub(super) fn renamed(inputs: &Inputs<'_>) -> Renamed {
    let mut renamed = Renamed::default();
    users(inputs, &mut renamed);
    catalog(inputs, &mut renamed);
    if !renamed.users.is_empty() || !renamed.catalog.is_empty() {
        renamed.live = Some(view(inputs, &renamed));
    }
    renamed
}

fn users(inputs: &Inputs<'_>, renamed: &mut Renamed) {
    let is_live =
        |identity: Name| inputs.live.row_of(identity).is_some() || inputs.live.ambiguous().contains(&identity);
    let is_whole = *inputs.live.evidence.of(Collection::Users) == Completeness::Complete;
    for (user, previous) in inputs.desired.former_keys() {
        if previous.identity == user.identity {
            continue;
        }
        match (is_live(previous.identity), is_live(user.identity)) {
            (true, true) => {
                renamed.diagnostics.push(both_live(inputs, "user", user.key, &previous, Some(user.position)));
            }
            (true, false) if inputs.live.row_of(previous.identity).is_some() => {
                renamed.users.insert(user.identity, previous);
            }
            (false, true) if is_whole => {
                let leavers = &inputs.desired.leavers;
                let by_former_key = leavers.contains_key(&previous.identity) && !leavers.contains_key(&user.identity);
                let of_user = if by_former_key { done_by_leaver } else { done };
                renamed.diagnostics.push(of_user(inputs, "user", user.key, &previous));
            }
            // Of a tombstone nothing is made.
            (false, false) if is_whole && user.status != Some(DeclaredStatus::Absent) => {
                let is_locked_out = is_locked_out(inputs, previous.identity);
                let of_user = if is_locked_out { locked_out } else { unknown };
                renamed.diagnostics.push(of_user(inputs, "user", user.key, &previous));
            }
            (true | false, false) | (false, true) => {}
        }
    }
}

fn catalog(inputs: &Inputs<'_>, renamed: &mut Renamed) {
    if inputs.desired.renames.is_empty() {
        return;
    }
    let is_written = inputs.policy.catalog != CatalogPolicy::Existing;
    let (declared, live) = (&inputs.desired.catalog, &inputs.live.catalog);
    // Organizations come first, so that a site is looked for where it is today.
    let reach = Reach::new(inputs);
    for (&key, previous) in &inputs.desired.renames {
        let is_managed = match key {
            CatalogKey::Organization(name) | CatalogKey::Site(name, _) => reach.organization(name),
            CatalogKey::Role(_) => inputs.policy.scope.organizations.is_none(),
        };
        if !is_managed {
            continue;
        }
        let is_live = |name: Name| match key {
            CatalogKey::Organization(_) => live.organizations.contains_key(&name),
            CatalogKey::Site(organization, _) => {
                let today = renamed.catalog.get(&CatalogKey::Organization(organization));
                live.has_site(today.map_or(organization, |today| today.identity), name)
            }
            CatalogKey::Role(_) => live.roles.contains_key(&name),
        };
        let (kind, collection, name, position) = match key {
            CatalogKey::Organization(name) => {
                let position = declared.organizations.get(&name).and_then(|organization| organization.position);
                ("organization", Collection::Organizations, name, position)
            }
            CatalogKey::Site(organization, name) => {
                let organization = declared.organizations.get(&organization);
                let site = organization.and_then(|organization| organization.sites.get(&name));
                ("site", Collection::Sites, name, site.and_then(|site| site.position))
            }
            CatalogKey::Role(name) => {
                ("role", Collection::Roles, name, declared.roles.get(&name).and_then(|role| role.position))
            }
        };
        let is_whole = *inputs.live.evidence.of(collection) == Completeness::Complete;
        match (is_live(previous.identity), is_live(name)) {
            (true, false) if is_whole && !is_written => {
                renamed.diagnostics.push(not_written(inputs, kind, name, previous));
                if let CatalogKey::Site(organization, site) = key {
                    renamed.kept_sites.insert((organization, previous.identity), site);
                }
            }
            (true | false, true | false) if !is_written => {}
            (true, true) => renamed.diagnostics.push(both_live(inputs, kind, name, previous, position)),
            (true, false) if is_whole => {
                renamed.catalog.insert(key, *previous);
            }
            (false, true) if is_whole => renamed.diagnostics.push(done(inputs, kind, name, previous)),
            (false, false) if is_whole => renamed.diagnostics.push(unknown(inputs, kind, name, previous)),
            (true | false, false) | (false, true) => {}
        }
    }
}

fn both_live(
    inputs: &Inputs<'_>,
    kind: &str,
    name: Name,
    previous: &Previous,
    position: Option<Position>,
) -> Diagnostic {
    let (old, new) = (inputs.names.text(previous.name), inputs.names.text(name));
    let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    let message = format!(
        "the store has {article} {kind} `{old}` and {article} {kind} `{new}`, so the one can't become the other"
    );
    let diagnostic = Diagnostic::error(Code::FormerName, message).at(previous.position, "former name here");
    let diagnostic = match position {
        Some(position) => diagnostic.and(position, "declared here"),
        None => diagnostic,
    };
    diagnostic.help("take `previously` out and declare both, or remove one of them from the store")
}

fn done(inputs: &Inputs<'_>, kind: &str, name: Name, previous: &Previous) -> Diagnostic {
    let (old, new) = (inputs.names.text(previous.name), inputs.names.text(name));
    Diagnostic::warning(Code::RenameDone, format!("{kind} `{new}` is not called `{old}` any more"))
        .at(previous.position, "")
        .help("take this line out: the rename is done")
}

/// Without the line, the list of leavers would not reach the person any more.
fn done_by_leaver(inputs: &Inputs<'_>, kind: &str, name: Name, previous: &Previous) -> Diagnostic {
    let (old, new) = (inputs.names.text(previous.name), inputs.names.text(name));
    done(inputs, kind, name, previous).help(format!(
        "name `{new}` under `inactive` instead of `{old}`, and take this line out then: the rename is done, and without \
         the line `{old}` names nobody there"
    ))
}

/// Whoever has it by the former name keeps it so.
fn not_written(inputs: &Inputs<'_>, kind: &str, name: Name, previous: &Previous) -> Diagnostic {
    let (old, new) = (inputs.names.text(previous.name), inputs.names.text(name));
    let message = format!("{kind} `{old}` can't become `{new}`: the catalog of this store is not written");
    Diagnostic::warning(Code::FormerName, message)
        .at(previous.position, "what is held by the former name stays until then")
        .help("rename it in the store, or set `manage.catalog: create`")
}

/// A slip of the pen in a former name makes a second object beside the first.
fn unknown(inputs: &Inputs<'_>, kind: &str, name: Name, previous: &Previous) -> Diagnostic {
    let (old, new) = (inputs.names.text(previous.name), inputs.names.text(name));
    let message = format!("the store has no {kind} `{old}`, so `{new}` is new and nothing is renamed");
    Diagnostic::warning(Code::UnknownFormerName, message)
        .at(previous.position, "")
        .help("correct the former name, or take this line out")
}

/// Without the line, nothing would tell that it is the same person.
fn locked_out(inputs: &Inputs<'_>, _kind: &str, name: Name, previous: &Previous) -> Diagnostic {
    let (old, new) = (inputs.names.text(previous.name), inputs.names.text(name));
    let message = format!("`{old}` was locked out by an operator, and has no account; `{new}` gets none either");
    Diagnostic::warning(Code::UnknownFormerName, message)
        .at(previous.position, "")
        .help(format!("take `{new}` out, or say `status: active` where the person is to be let in again"))
}

/// From today's names to the new ones.
struct Map<'a> {
    inputs: &'a Inputs<'a>,
    organizations: BTreeMap<Name, Name>,
    /// By today's name of the organization.
    sites: BTreeMap<(Name, Name), Name>,
    roles: BTreeMap<Name, Name>,
}

impl Map<'_> {
    /// The access of an account that is not there, under the new names.
    fn record(&self, record: &LiveRecord) -> LiveRecord {
        let memberships = record.memberships.iter().map(|membership| self.membership(membership)).collect();
        let grants = record.grants.iter().map(|grant| self.grant(grant)).collect();
        LiveRecord { memberships, grants, ..record.clone() }
    }

    fn organization(&self, name: Name) -> Name {
        self.organizations.get(&name).copied().unwrap_or(name)
    }

    fn site(&self, organization: Name, name: Name) -> Name {
        self.sites.get(&(organization, name)).copied().unwrap_or(name)
    }

    fn role(&self, name: Name) -> Name {
        self.roles.get(&name).copied().unwrap_or(name)
    }

    fn list(&self, list: List, map: impl Fn(Name) -> Name) -> List {
        let names: Vec<Name> = self.inputs.names.elements(list).iter().map(|&name| map(name)).collect();
        self.inputs.names.list(&names)
    }

    fn fields(&self, fields: &Fields, map: impl Fn(Name) -> Name + Copy) -> Fields {
        let value = |(&field, &value): (&Name, &Value)| match (field, value) {
            (known::PARENT, Value::Text(parent)) => (field, Value::Text(map(parent))),
            (known::INCLUDES, Value::Set(list)) => (field, Value::Set(self.list(list, map))),
            (_, Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) | Value::Set(_)) => (field, value),
        };
        fields.iter().map(value).collect()
    }

    fn membership(&self, membership: &Membership) -> Membership {
        let Membership { organization, role, extra_roles, default_site } = *membership;
        Membership {
            organization: self.organization(organization),
            role: role.map(|role| self.role(role)),
            extra_roles: self.list(extra_roles, |role| self.role(role)),
            default_site: default_site.map(|site| self.site(organization, site)),
        }
    }

    fn grant(&self, grant: &Grant) -> Grant {
        let Grant { organization, site, role } = *grant;
        Grant {
            organization: self.organization(organization),
            site: self.site(organization, site),
            role: role.map(|role| self.role(role)),
        }
    }

    /// What was stopped half-way, under the new names; `users`: those of accounts by today's.
    fn half_changed(&self, half: &HalfChanged, users: &BTreeMap<Name, Name>) -> HalfChanged {
        let side = |(membership, grants): &(Membership, Vec<Grant>)| {
            (self.membership(membership), grants.iter().map(|grant| self.grant(grant)).collect())
        };
        let entry = |(&(user, organization), change): (&(Name, Name), &HalfChange)| {
            let place = (users.get(&user).copied().unwrap_or(user), self.organization(organization));
            let HalfChange { from, to, gone } = change;
            (place, HalfChange { from: side(from), to: to.as_ref().map(side), gone: gone.clone() })
        };
        half.iter().map(entry).collect()
    }

    fn catalog(&self, live: &Catalog) -> Catalog {
        let mut catalog = Catalog::default();
        for (&name, organization) in &live.organizations {
            let mut mapped = organization.clone();
            mapped.fields = self.fields(&organization.fields, |other| self.organization(other));
            mapped.sites.clear();
            for (&site_name, site) in &organization.sites {
                let mut site = site.clone();
                site.fields = self.fields(&site.fields, |other| self.site(name, other));
                mapped.sites.insert(self.site(name, site_name), site);
            }
            catalog.organizations.insert(self.organization(name), mapped);
        }
        for (&name, role) in &live.roles {
            let mut role = role.clone();
            role.includes = self.list(role.includes, |other| self.role(other));
            catalog.roles.insert(self.role(name), role);
        }
        catalog
    }
}

/// What is live under the names that it will have.
pub(super) fn view(inputs: &Inputs<'_>, renamed: &Renamed) -> LiveState {
    let mut map = Map { inputs, organizations: BTreeMap::new(), sites: BTreeMap::new(), roles: BTreeMap::new() };
    for (&key, previous) in &renamed.catalog {
        match key {
            CatalogKey::Organization(name) => {
                map.organizations.insert(previous.identity, name);
            }
            CatalogKey::Site(organization, name) => {
                let today = renamed.catalog.get(&CatalogKey::Organization(organization));
                let organization = today.map_or(organization, |today| today.identity);
                map.sites.insert((organization, previous.identity), name);
            }
            CatalogKey::Role(name) => {
                map.roles.insert(previous.identity, name);
            }
        }
    }
    let users: BTreeMap<Name, Name> =
        renamed.users.iter().map(|(&identity, previous)| (previous.identity, identity)).collect();
    let mut live = LiveState::default();
    live.catalog = map.catalog(&inputs.live.catalog);
    live.evidence = inputs.live.evidence.clone();
    live.locked_out.clone_from(&inputs.live.locked_out);
    live.locked_out_since.clone_from(&inputs.live.locked_out_since);
    live.cut_off = inputs.live.cut_off.iter().map(|(&user, record)| (user, map.record(record))).collect();
    live.half_changed = map.half_changed(&inputs.live.half_changed, &users);
    live.declined.clone_from(&inputs.live.declined);
    live.newest_lock_out = inputs.live.newest_lock_out;
    live.waiting_lock_outs.clone_from(&inputs.live.waiting_lock_outs);
    let ambiguous = inputs.live.ambiguous();
    for user in inputs.live.users() {
        // Who shares a key with somebody still does.
        let written = inputs.rules.identity.normalize(inputs.names.text(user.key)).ok();
        let written = written.and_then(|text| inputs.names.find(&text)).filter(|identity| ambiguous.contains(identity));
        let identity = user.identity.or(written);
        live.push(LiveRecord {
            id: user.id,
            key: user.key,
            identity: identity.map(|identity| users.get(&identity).copied().unwrap_or(identity)),
            status: user.status,
            facts: user.facts.to_vec(),
            memberships: user.memberships.iter().map(|membership| map.membership(membership)).collect(),
            grants: user.grants.iter().map(|grant| map.grant(grant)).collect(),
            invitation: user.invitation,
        });
        if let Some(since) = user.inactive_since {
            live.note_inactive_since(since);
        }
        if let Some(since) = user.password_since {
            live.note_password_since(live.len() - 1, since);
        }
    }
    live
}
