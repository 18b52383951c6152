//! From the facts of single files, in the order of their paths, to one desired state over the shared table of names.
//!
//! What is declared twice is found here. Who is in which team, and whether every name leads somewhere, is known only
//! when all files are in: `resolve` does that.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::equal_grants::SiteGrant;
use super::facts::{Ending, FileFacts, Mention, PreviousFact, Reference, Target, part};
use crate::diagnostic::{Code, Diagnostic, FileId, Position, Span};
use crate::model::{
    AccessRow, CatalogKey, DeclaredFact, DeclaredUser, Desired, Fact, Fields, Leaver, List, Name, Names, Organization,
    Previous, Role, Selector, Site, SiteRow, Source, SourceId, SourceLabel, Value, WindowId, Windows,
};
use crate::rules::{RoleFields, RolePlace, RoleSiteAccess, Rules};
use crate::source::Mistakes;

/// A user whom a team or a site grant names.
pub(super) struct Member {
    pub(super) source: SourceId,
    pub(super) name: Name,
    pub(super) identity: Name,
    pub(super) position: Position,
}

/// A team that a user, another team or a site grant names.
pub(super) struct TeamMention<T> {
    pub(super) by: T,
    pub(super) team: Name,
    pub(super) position: Position,
}

/// All files together.
pub(super) struct Merged<'n> {
    pub(super) names: &'n mut Names,
    pub(super) rules: &'n Rules,
    pub(super) desired: Desired,
    pub(super) mistakes: Mistakes,
    /// Whether a file was not read to its end, so that what seems unknown may be declared there.
    pub(super) broken: bool,
    /// By row of the user: whether the user says how it stands with access.
    pub(super) stated: Vec<bool>,
    pub(super) members: Vec<Member>,
    /// Teams that users name, by identity.
    pub(super) teams_of_users: Vec<TeamMention<Name>>,
    /// Teams that teams and site grants name.
    pub(super) teams_of_sources: Vec<TeamMention<SourceId>>,
    pub(super) references: Vec<Reference>,
    pub(super) teams: HashMap<Name, SourceId>,
    /// By person: entries under `inactive` beside the one that counts, with other dates.
    pub(super) other_leavers: BTreeMap<Name, Vec<Leaver>>,
    /// Every site grant, with the first place that says it.
    pub(super) site_grants: HashMap<SiteGrant, Position>,
    /// How many names "did you mean" may still look at, among teams.
    pub(super) team_comparisons: usize,
    /// Roles of the rules that a manifest may declare anew.
    open_roles: BTreeMap<Name, bool>,
}

impl<'n> Merged<'n> {
    /// Nothing but the roles that the vendor brings.
    pub(super) fn new(names: &'n mut Names, rules: &'n Rules) -> Self {
        let mut desired = Desired::default();
        desired.catalog.roles = vendor_roles(names, rules);
        let vendor = rules.roles.vendor.keys();
        let open_roles = vendor.map(|name| (names.intern(name), rules.is_open_role(name))).collect();
        Self {
            names,
            rules,
            desired,
            mistakes: Mistakes::default(),
            broken: false,
            stated: Vec::new(),
            members: Vec::new(),
            teams_of_users: Vec::new(),
            teams_of_sources: Vec::new(),
            references: Vec::new(),
            teams: HashMap::new(),
            other_leavers: BTreeMap::new(),
            site_grants: HashMap::new(),
            team_comparisons: super::resolve::MOST_COMPARISONS,
            open_roles,
        }
    }

    /// Adds what a file declares.
    pub(super) fn add(&mut self, file: FileId, facts: FileFacts) {
        let FileFacts {
            names: local,
            outcome,
            is_empty,
            organizations,
            roles,
            users,
            teams,
            site_grants,
            facts,
            rows,
            sites,
            mentions,
            references,
            leavers,
            windows,
        } = facts;
        self.broken |= outcome.broken;
        self.mistakes.append(outcome.mistakes);
        if is_empty {
            let help = "if somebody was declared here, look where that has gone; else take the file out";
            self.mistakes.push(
                Diagnostic::warning(Code::EmptyManifest, "this manifest declares nothing")
                    .at(Position::new(file, 0), "")
                    .help(help),
            );
        }
        let mut remap = Remap {
            map: Vec::with_capacity(local.len()),
            local: &local,
            lists: HashMap::new(),
            windows: WindowMap::new(&windows, &mut self.desired.windows),
        };
        for (_, text) in local.iter() {
            remap.map.push(self.names.intern(text));
        }
        let mut adding = Adding { file, remap, rows, mentions, sites_before: 0, twice: outcome.duplicate_keys };
        adding.sites_before = super::facts::length(&self.desired.sites);
        self.desired.sites.extend(sites.iter().map(|site| adding.remap.site(site)));
        for reference in references {
            let target = match reference.target {
                Target::Site(selector) => Target::Site(adding.remap.selector(selector)),
                other @ (Target::ExtraRole | Target::SiteRole | Target::AnyRole | Target::Organization) => other,
            };
            self.references.push(Reference { target, name: adding.remap.name(reference.name), ..reference });
        }
        for organization in organizations {
            self.add_organization(&mut adding, &organization);
        }
        for role in roles {
            self.add_role(&mut adding, &role);
        }
        for team in &teams {
            self.add_team(&mut adding, team);
        }
        for grant in &site_grants {
            let position = Position::new(file, grant.offset);
            let source = self.add_source(&mut adding, SourceLabel::SiteGrant, position, &grant.rows);
            self.add_members(&adding, source, &grant.users, &grant.teams);
            self.tell_equal_grants(source, position);
        }
        for leaver in &leavers {
            self.add_leaver(&adding, leaver);
        }
        self.add_users(&mut adding, &users, &facts);
    }

    fn add_users(&mut self, adding: &mut Adding<'_>, users: &[super::facts::UserFact], facts: &[DeclaredFact]) {
        let mut own_rows: Vec<AccessRow> = Vec::new();
        let mut own_facts: Vec<DeclaredFact> = Vec::new();
        for user in users {
            let identity = adding.remap.name(user.identity);
            let key = adding.remap.name(user.key);
            let position = Position::new(adding.file, user.offset);
            if let Some(first) = self.desired.find(identity) {
                let (first, first_key) = (first.position, first.key);
                let same = if first_key == key {
                    String::new()
                } else {
                    format!(", the first time as `{}`", self.names.text(first_key))
                };
                self.twice(adding, "user", key, position, first, &same);
                continue;
            }
            own_rows.clear();
            for row in part(&adding.rows, &user.rows) {
                own_rows.push(adding.remap.row(row, adding.sites_before, self.names));
            }
            own_facts.clear();
            for declared in part(facts, &user.facts) {
                let fact = Fact::new(
                    adding.remap.name(declared.fact.field),
                    adding.remap.value(declared.fact.value, self.names),
                );
                own_facts.push(DeclaredFact { fact, offset: declared.offset });
            }
            self.desired.push(&DeclaredUser {
                key,
                identity,
                position,
                status: user.status,
                window: adding.remap.windows.get(user.window),
                previous: user.previous.map(|previous| adding.previous(previous)),
                facts: &own_facts,
                rows: &own_rows,
                links: &[],
            });
            self.stated.push(user.stated);
            for mention in part(&adding.mentions, &user.teams) {
                self.teams_of_users.push(TeamMention {
                    by: identity,
                    team: adding.remap.name(mention.name),
                    position: Position::new(adding.file, mention.offset),
                });
            }
        }
    }

    /// Records that something is declared twice, unless that is told as a key that stands twice in one mapping.
    fn twice(&mut self, adding: &Adding<'_>, kind: &str, name: Name, here: Position, first: Position, more: &str) {
        if here.file == first.file && adding.twice.binary_search(&here.offset).is_ok() {
            return;
        }
        let text = self.names.text(name);
        let length = u32::try_from(text.len()).unwrap_or(0);
        self.mistakes.push(
            Diagnostic::error(Code::DuplicateDeclaration, format!("{kind} `{text}` is declared twice{more}"))
                .at(Span::new(here, length), "here again")
                .and(first, "first here")
                .help("keep one of them"),
        );
    }

    /// Of several entries for one person the earliest counts: lists of leavers are written by programs too.
    fn add_leaver(&mut self, adding: &Adding<'_>, fact: &super::facts::LeaverFact) {
        let leaver = Leaver {
            key: adding.remap.name(fact.name),
            from: fact.from,
            reason: fact.reason.map(|reason| adding.remap.name(reason)),
            position: Position::new(adding.file, fact.offset),
        };
        let identity = adding.remap.name(fact.identity);
        let known = self.desired.leavers.entry(identity).or_insert(leaver);
        if leaver.from == known.from {
            return;
        }
        // `None` is at once, and is less than every time.
        let other = if leaver.from < known.from { std::mem::replace(known, leaver) } else { leaver };
        self.other_leavers.entry(identity).or_default().push(other);
    }

    /// Records a tombstone or a former name. Whether what it belongs to is declared after all.
    fn add_ending(&mut self, adding: &Adding<'_>, key: CatalogKey, ending: Ending, position: Position) -> bool {
        if ending.is_absent {
            self.desired.tombstones.insert(key, position);
        } else if let Some(previous) = ending.previous {
            self.desired.renames.insert(key, adding.previous(previous));
        }
        !ending.is_absent
    }

    fn add_organization(&mut self, adding: &mut Adding<'_>, fact: &super::facts::OrganizationFact) {
        let name = adding.remap.name(fact.name);
        let position = Position::new(adding.file, fact.offset);
        let key = CatalogKey::Organization(name);
        let first = self.desired.catalog.organizations.get(&name).and_then(|organization| organization.position);
        if let Some(first) = first.or(self.desired.tombstones.get(&key).copied()) {
            return self.twice(adding, "organization", name, position, first, "");
        }
        if !self.add_ending(adding, key, fact.ending, position) {
            return;
        }
        let mut organization = Organization {
            fields: adding.remap.fields(&fact.fields, self.names),
            sites: BTreeMap::new(),
            position: Some(position),
        };
        for site in &fact.sites {
            let position = Position::new(adding.file, site.offset);
            let site_name = adding.remap.name(site.name);
            if self.add_ending(adding, CatalogKey::Site(name, site_name), site.ending, position) {
                let fields = adding.remap.fields(&site.fields, self.names);
                organization.sites.entry(site_name).or_insert(Site { fields, position: Some(position) });
            }
        }
        self.desired.catalog.organizations.insert(name, organization);
    }

    fn add_role(&mut self, adding: &mut Adding<'_>, fact: &super::facts::RoleFact) {
        let name = adding.remap.name(fact.name);
        let position = Position::new(adding.file, fact.offset);
        let key = CatalogKey::Role(name);
        if let Some(&first) = self.desired.tombstones.get(&key) {
            return self.twice(adding, "role", name, position, first, "");
        }
        match self.desired.catalog.roles.get(&name).map(|role| role.position) {
            Some(Some(first)) => return self.twice(adding, "role", name, position, first, ""),
            Some(None) if self.open_roles.get(&name) != Some(&true) => {
                let text = self.names.text(name);
                let message = format!("role `{text}` comes with the rules of the store and can't be declared anew");
                let length = u32::try_from(text.len()).unwrap_or(0);
                self.mistakes.push(
                    Diagnostic::error(Code::DuplicateDeclaration, message)
                        .at(Span::new(position, length), "")
                        .help("take the declaration out, or take another name"),
                );
                return;
            }
            Some(None) | None => {}
        }
        if !self.add_ending(adding, key, fact.ending, position) {
            // One of the vendor's that is deleted can't be given any more.
            self.desired.catalog.roles.remove(&name);
            return;
        }
        let role = Role {
            name: fact.role.name.map(|name| adding.remap.name(name)),
            includes: adding.remap.list(fact.role.includes, self.names),
            permissions: adding.remap.list(fact.role.permissions, self.names),
            position: Some(position),
            ..fact.role.clone()
        };
        self.desired.catalog.roles.insert(name, role);
    }

    fn add_team(&mut self, adding: &mut Adding<'_>, team: &super::facts::TeamFact) {
        let name = adding.remap.name(team.name);
        let position = Position::new(adding.file, team.offset);
        if let Some(&first) = self.teams.get(&name) {
            let first = self.desired.source(first).position;
            return self.twice(adding, "team", name, position, first, "");
        }
        let source = self.add_source(adding, SourceLabel::Team(name), position, &team.rows);
        self.teams.insert(name, source);
        self.add_members(adding, source, &team.members, &team.teams);
    }

    fn add_source(
        &mut self,
        adding: &mut Adding<'_>,
        label: SourceLabel,
        position: Position,
        rows: &Range<u32>,
    ) -> SourceId {
        let source = SourceId(super::facts::length(&self.desired.sources));
        let rows_start = super::facts::length(&self.desired.rows);
        for row in part(&adding.rows, rows) {
            let row = adding.remap.row(row, adding.sites_before, self.names);
            self.desired.rows.push(row);
        }
        let rows_length = super::facts::length(&self.desired.rows) - rows_start;
        self.desired.sources.push(Source { label, rows_start, rows_length, closure: vec![source], position });
        source
    }

    fn add_members(&mut self, adding: &Adding<'_>, source: SourceId, users: &Range<u32>, teams: &Range<u32>) {
        for user in part(&adding.mentions, users) {
            self.members.push(Member {
                source,
                name: adding.remap.name(user.name),
                identity: adding.remap.name(user.identity),
                position: Position::new(adding.file, user.offset),
            });
        }
        for team in part(&adding.mentions, teams) {
            self.teams_of_sources.push(TeamMention {
                by: source,
                team: adding.remap.name(team.name),
                position: Position::new(adding.file, team.offset),
            });
        }
    }
}

/// The file that is being added.
struct Adding<'a> {
    file: FileId,
    remap: Remap<'a>,
    rows: Vec<AccessRow>,
    mentions: Vec<Mention>,
    /// How many site rows other files have brought.
    sites_before: u32,
    /// Offsets of keys that stand twice in one mapping.
    twice: Vec<u32>,
}

impl Adding<'_> {
    fn previous(&self, fact: PreviousFact) -> Previous {
        Previous {
            name: self.remap.name(fact.name),
            identity: self.remap.name(fact.identity),
            position: Position::new(self.file, fact.offset),
        }
    }
}

/// From names of a file's own table to those of the shared one.
struct Remap<'a> {
    map: Vec<Name>,
    local: &'a Names,
    lists: HashMap<List, List>,
    windows: WindowMap,
}

/// From windows of a file's own table to those of the shared one.
struct WindowMap(Vec<WindowId>);

impl WindowMap {
    fn new(local: &Windows, shared: &mut Windows) -> Self {
        Self(local.iter().map(|window| shared.intern(window)).collect())
    }

    fn get(&self, window: WindowId) -> WindowId {
        self.0[window.index()]
    }
}

impl Remap<'_> {
    fn name(&self, name: Name) -> Name {
        self.map[name.index()]
    }

    fn list(&mut self, list: List, names: &Names) -> List {
        if list.is_empty() {
            return list;
        }
        if let Some(&known) = self.lists.get(&list) {
            return known;
        }
        let elements: Vec<Name> = self.local.elements(list).iter().map(|&name| self.name(name)).collect();
        let shared = names.list(&elements);
        self.lists.insert(list, shared);
        shared
    }

    fn value(&mut self, value: Value, names: &Names) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.name(text)),
            Value::Set(list) => Value::Set(self.list(list, names)),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
        }
    }

    fn fields(&mut self, fields: &[(Name, Value)], names: &Names) -> Fields {
        fields.iter().map(|&(field, value)| (self.name(field), self.value(value, names))).collect()
    }

    fn selector(&self, selector: Selector) -> Selector {
        match selector {
            Selector::Exact(name) => Selector::Exact(self.name(name)),
            Selector::Pattern(pattern) => Selector::Pattern(self.name(pattern)),
        }
    }

    fn site(&self, row: &SiteRow) -> SiteRow {
        SiteRow { site: self.selector(row.site), role: row.role.map(|role| self.name(role)), offset: row.offset }
    }

    fn row(&mut self, row: &AccessRow, sites_before: u32, names: &Names) -> AccessRow {
        AccessRow {
            organization: self.selector(row.organization),
            role: row.role.map(|role| self.name(role)),
            extra_roles: self.list(row.extra_roles, names),
            default_site: row.default_site.map(|site| self.name(site)),
            sites_start: row.sites_start + sites_before,
            window: self.windows.get(row.window),
            ..*row
        }
    }
}

/// The roles that the vendor brings.
pub fn vendor_roles(names: &mut Names, rules: &Rules) -> BTreeMap<Name, Role> {
    let vendor = |fields| Role { vendor: true, ..fields };
    rules.roles.vendor.iter().map(|(name, fields)| (names.intern(name), vendor(role_of(names, fields)))).collect()
}

/// A role as rules write one.
#[must_use]
pub fn role_of(names: &mut Names, fields: &RoleFields) -> Role {
    let RoleFields { name, rank, includes, permissions, site_access, admin, protected, grantable, applies_to } = fields;
    let mut list = |texts: &Option<Vec<String>>| {
        let texts: Vec<Name> = texts.iter().flatten().map(|text| names.intern(text)).collect();
        names.list(&texts)
    };
    let (includes, permissions) = (list(includes), list(permissions));
    let mut role = Role {
        name: name.as_deref().map(|name| names.intern(name)),
        rank: *rank,
        includes,
        permissions,
        admin: *admin == Some(true),
        protected: *protected == Some(true),
        grantable: *grantable != Some(false),
        ..Role::default()
    };
    if let Some(site_access) = site_access {
        role.site_access = match site_access {
            RoleSiteAccess::Selected => crate::model::SiteAccess::Selected,
            RoleSiteAccess::All => crate::model::SiteAccess::All,
        };
    }
    if let Some(places) = applies_to {
        let has = |place: RolePlace| places.contains(&place);
        role.applies_to = crate::model::AppliesTo {
            organization: has(RolePlace::Organization),
            site: has(RolePlace::Site),
            platform: has(RolePlace::Platform),
            extra: has(RolePlace::Extra),
        };
    }
    role
}
