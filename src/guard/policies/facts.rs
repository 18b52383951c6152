//! What is declared, as values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rayon::prelude::*;

use super::{Declared, Thing, sorted};
use crate::diagnostic::Position;
use crate::model::{
    DeclaredStatus, Effective, Fact, List, Membership, Name, Names, Piece, SourceLabel, Standing, UserView,
    Value as Held, known,
};
use crate::plan::{State, state_json};
use crate::policy::{ACTION, AskedOf, MEMBERSHIP, ORGANIZATION, PLAN, Policy, SOURCE, Shape, USER, Value};
use crate::rules::{Rules, is_mail_address};

/// What any policy looks at, of what takes time or room to make.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of parts")]
pub(super) struct Wants {
    pub(super) users: bool,
    memberships: bool,
    roles: bool,
    sources: bool,
    teams: bool,
    fields: bool,
    organizations: bool,
    members: bool,
    pub(super) actions: bool,
    pub(super) states: bool,
}

impl Wants {
    pub(super) fn of(policies: &[&Policy]) -> Self {
        let any = |shape: &Shape, field: &str| policies.iter().any(|policy| policy.looks_at(shape, field));
        let is_asked_of = |of: AskedOf| policies.iter().any(|policy| policy.of == of);
        let members = any(&ORGANIZATION, "members");
        let asked_of_users = [AskedOf::User, AskedOf::Membership, AskedOf::Source, AskedOf::Action];
        let users = asked_of_users.into_iter().any(is_asked_of);
        Self {
            users: users || members,
            memberships: members
                || is_asked_of(AskedOf::Membership)
                || any(&USER, "memberships")
                || any(&USER, "admin")
                || any(&USER, "role")
                || any(&USER, "extra_roles"),
            roles: any(&MEMBERSHIP, "roles"),
            sources: is_asked_of(AskedOf::Source) || any(&USER, "sources"),
            teams: any(&USER, "teams"),
            fields: any(&USER, "fields"),
            organizations: is_asked_of(AskedOf::Organization) || is_asked_of(AskedOf::Membership),
            members,
            actions: is_asked_of(AskedOf::Action) || any(&PLAN, "actions"),
            states: any(&ACTION, "before") || any(&ACTION, "after"),
        }
    }
}

/// A declared user as a value.
struct Person {
    identity: Name,
    key: String,
    position: Position,
    is_absent: bool,
    is_let_in: bool,
    /// Whether the person is let in on a day to come.
    is_to_start: bool,
    value: Value,
    memberships: Vec<Place>,
    sources: Vec<Place>,
}

/// A membership, or a line that gives access, as a value.
struct Place {
    organization: Name,
    position: Position,
    value: Value,
}

/// Users and organizations as values, sorted by name.
pub(super) struct Facts<'a> {
    pub(super) declared: &'a Declared<'a>,
    pub(super) wants: Wants,
    people: Vec<Person>,
    organizations: BTreeMap<&'a str, (Option<Position>, Value)>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(declared: &'a Declared<'a>, wants: Wants) -> Self {
        let Declared { names, desired, .. } = *declared;
        let rows = if wants.users { desired.len() } else { 0 };
        let mut people: Vec<Person> =
            (0..rows).into_par_iter().map(|row| person(declared, wants, &desired.user(row))).collect();
        people.par_sort_by(|a, b| a.key.cmp(&b.key));
        let mut members: BTreeMap<Name, Vec<Value>> = BTreeMap::new();
        if wants.members {
            for person in people.iter().filter(|person| person.is_let_in) {
                for held in &person.memberships {
                    members.entry(held.organization).or_default().push(held.value.clone());
                }
            }
        }
        let mut organizations = BTreeMap::new();
        if wants.organizations {
            for (&name, organization) in &desired.catalog.organizations {
                let facts = organization.fields.iter().map(|(&field, &value)| Fact::new(field, value)).collect();
                let value = Value::record(
                    &ORGANIZATION,
                    vec![
                        Value::text(names.text(name)),
                        Value::texts(sorted(organization.sites.keys().map(|&site| names.text(site)))),
                        Value::list(members.remove(&name).unwrap_or_default()),
                        Value::json(&state_json(names, &State::of(facts))),
                    ],
                );
                organizations.insert(names.text(name), (organization.position, value));
            }
        }
        Self { declared, wants, people, organizations }
    }

    /// How much there is that can be asked about.
    pub(super) fn count(&self) -> usize {
        let of_people = self.people.iter().map(|person| person.memberships.len() + person.sources.len() + 1);
        of_people.sum::<usize>() + self.organizations.len()
    }

    pub(super) fn users(&self) -> impl Iterator<Item = Thing> {
        self.people.iter().filter(|person| !person.is_absent).map(|person| Thing {
            about: person.key.clone(),
            position: Some(person.position),
            variables: vec![("user", person.value.clone())],
        })
    }

    pub(super) fn memberships(&self) -> impl Iterator<Item = Thing> {
        let let_in = self.people.iter().filter(|person| person.is_let_in);
        let all = let_in.flat_map(|person| person.memberships.iter().map(move |held| (person, held)));
        all.map(|(person, held)| {
            let organization = self.declared.names.text(held.organization);
            let value = self.organizations.get(organization).map_or_else(Value::null, |(_, value)| value.clone());
            Thing {
                about: format!("{} in {organization}", person.key),
                position: Some(held.position),
                variables: vec![
                    ("membership", held.value.clone()),
                    ("user", person.value.clone()),
                    ("organization", value),
                ],
            }
        })
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = Thing> {
        let people = self.people.iter().filter(|person| person.is_let_in || person.is_to_start);
        people.flat_map(|person| person.sources.iter().map(move |source| (person, source))).map(|(person, source)| {
            let about = match self.declared.names.text(source.organization) {
                "" => person.key.clone(),
                organization => format!("{} in {organization}", person.key),
            };
            Thing {
                about,
                position: Some(source.position),
                variables: vec![("source", source.value.clone()), ("user", person.value.clone())],
            }
        })
    }

    pub(super) fn organizations(&self) -> impl Iterator<Item = Thing> {
        self.organizations.iter().map(|(name, (position, value))| Thing {
            about: (*name).to_owned(),
            position: *position,
            variables: vec![("organization", value.clone())],
        })
    }

    /// The declared user with this key, and the place of the declaration.
    pub(super) fn user(&self, key: &str) -> Option<(Value, Position)> {
        let Declared { names, rules, .. } = self.declared;
        let identity = names.find(&rules.identity.normalize(key).ok()?)?;
        let text = names.text(identity);
        let at = self.people.binary_search_by(|person| person.key.as_str().cmp(text)).ok()?;
        let person = self.people.get(at).filter(|person| person.identity == identity)?;
        Some((person.value.clone(), person.position))
    }
}

fn person(declared: &Declared<'_>, wants: Wants, view: &UserView<'_>) -> Person {
    let Declared { names, rules, at, .. } = *declared;
    let key = names.text(view.identity);
    let standing = view.standing(at);
    let when = match standing {
        Standing::NotYet(starts) => starts,
        Standing::Wanted(_) | Standing::Expired(_) | Standing::Left(_) => at,
    };
    let text_of = |field: Name| view.value(field).and_then(Held::text).map(|text| names.text(text));
    let email = text_of(known::EMAIL).filter(|email| !email.is_empty()).or_else(|| is_mail_address(key).then_some(key));
    let domain = email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain.to_lowercase());
    let kind = text_of(known::KIND).unwrap_or("human");
    let mut pieces = Vec::new();
    if wants.memberships || wants.sources {
        view.pieces(names, &mut pieces);
    }
    let sources: Vec<Place> = if wants.sources { sources(declared, &pieces) } else { Vec::new() };
    let mut effective = Effective::default();
    if wants.memberships {
        pieces.retain(|piece| piece.window.holds(when));
        // Manifests with conflicts are refused before anybody is asked.
        effective.fold(&view.desired.catalog, names, &mut pieces, &mut Vec::new());
    }
    let is_platform = |held: &&Membership| held.organization == known::PLATFORM;
    let platform = effective.memberships.iter().find(is_platform);
    let memberships = effective.memberships.iter().filter(|held| !is_platform(held));
    let mut memberships: Vec<Place> =
        memberships.map(|held| membership(declared, wants, (view, kind), held, &effective, &pieces)).collect();
    memberships.sort_by_key(|held| names.text(held.organization));
    let is_admin = effective.memberships.iter().any(|held| {
        administers(declared, held.role, held.extra_roles)
            || effective.grants_in(held.organization).iter().any(|grant| administers(declared, grant.role, List::EMPTY))
    }) || view.facts.iter().any(|declared| gives_admin(rules, names, declared.fact));
    let teams = if wants.teams { teams(declared, view) } else { Vec::new() };
    let facts = || State::of(view.facts.iter().map(|declared| declared.fact).collect());
    let fields = if wants.fields { Value::json(&state_json(names, &facts())) } else { Value::null() };
    let value = Value::record(
        &USER,
        vec![
            Value::text(key),
            Value::text_or_null(email),
            Value::text_or_null(domain.as_deref()),
            Value::text(kind),
            Value::text(status(standing)),
            Value::time(view.window.starts),
            Value::time(view.window.expires),
            Value::text_or_null(platform.and_then(|held| held.role).map(|role| names.text(role))),
            Value::texts(names.sorted_texts(platform.map_or(List::EMPTY, |held| held.extra_roles))),
            Value::flag(is_admin),
            Value::texts(teams),
            Value::list(memberships.iter().map(|held| held.value.clone()).collect()),
            Value::list(sources.iter().map(|source| source.value.clone()).collect()),
            fields,
        ],
    );
    Person {
        identity: view.identity,
        key: key.to_owned(),
        position: view.position,
        is_absent: standing == Standing::Wanted(Some(DeclaredStatus::Absent)),
        is_let_in: standing.lets_in(),
        is_to_start: matches!(standing, Standing::NotYet(_)),
        value,
        memberships,
        sources,
    }
}

const fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Wanted(Some(DeclaredStatus::Active) | None) => "active",
        Standing::Wanted(Some(DeclaredStatus::Preloaded)) => "preloaded",
        Standing::Wanted(Some(DeclaredStatus::Absent)) => "absent",
        Standing::Wanted(Some(DeclaredStatus::Inactive)) | Standing::Expired(_) | Standing::Left(_) => "inactive",
        Standing::NotYet(_) => "not_started",
    }
}

fn membership(
    declared: &Declared<'_>,
    wants: Wants,
    (view, kind): (&UserView<'_>, &str),
    held: &Membership,
    effective: &Effective,
    pieces: &[Piece],
) -> Place {
    let Declared { names, desired, .. } = *declared;
    let Membership { organization, role, extra_roles, default_site: _ } = *held;
    let grants = effective.grants_in(organization);
    let held_roles = || {
        let all = role.into_iter().chain(names.elements(extra_roles).to_vec());
        let all = all.chain(grants.iter().filter_map(|grant| grant.role));
        sorted(all.flat_map(|role| desired.catalog.roles_through(names, role)).map(|role| names.text(role)))
    };
    let roles = if wants.roles { held_roles() } else { Vec::new() };
    let site_roles = sorted(grants.iter().filter_map(|grant| grant.role).map(|role| names.text(role)));
    let is_admin = administers(declared, role, extra_roles)
        || grants.iter().any(|grant| administers(declared, grant.role, List::EMPTY));
    let sources = || pieces.iter().filter(|piece| piece.organization == organization && piece.membership);
    let value = Value::record(
        &MEMBERSHIP,
        vec![
            Value::text(names.text(view.identity)),
            Value::text(kind),
            Value::text(names.text(organization)),
            Value::text_or_null(role.map(|role| names.text(role))),
            desired
                .catalog
                .role(role)
                .and_then(|role| role.rank)
                .map_or_else(Value::null, |rank| Value::number(rank.into())),
            Value::texts(names.sorted_texts(extra_roles)),
            Value::texts(roles),
            Value::flag(is_admin),
            Value::flag(desired.catalog.reaches_all(role)),
            Value::texts(sorted(grants.iter().map(|grant| names.text(grant.site)))),
            Value::texts(site_roles),
            Value::time(last(sources().map(|piece| piece.window.expires))),
        ],
    );
    // The line that gives the role that is held, else the first that makes a member.
    let giving = sources().find(|piece| piece.role == role).or_else(|| sources().next());
    let position = giving.map_or(view.position, |piece| piece.role_position);
    Place { organization, position, value }
}

/// The last of several ends; `None` if one of them never comes.
fn last(ends: impl Iterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    ends.collect::<Option<Vec<Timestamp>>>()?.into_iter().max()
}

fn administers(declared: &Declared<'_>, role: Option<Name>, extra_roles: List) -> bool {
    let Declared { names, desired, .. } = *declared;
    let is_admin = |role: Name| desired.catalog.makes_admin(names, role);
    role.is_some_and(is_admin) || names.elements(extra_roles).iter().any(|&role| is_admin(role))
}

/// Whether a field of a user makes an admin, as the rules have it.
pub(super) fn gives_admin(rules: &Rules, names: &Names, fact: Fact) -> bool {
    fact.value.is_set() && rules.is_admin_field(names.text(fact.field))
}

fn sources(declared: &Declared<'_>, pieces: &[Piece]) -> Vec<Place> {
    let Declared { names, desired, at, .. } = *declared;
    let gives = |piece: &&Piece| (piece.membership || piece.site.is_some()) && !piece.window.has_ended(at);
    let mut lines: Vec<&Piece> = pieces.iter().filter(gives).collect();
    let via = |piece: &Piece| {
        piece.source.map(|source| match desired.source(source).label {
            SourceLabel::Team(team) => format!("team:{}", names.text(team)),
            SourceLabel::SiteGrant => "site_grant".to_owned(),
        })
    };
    // By all that is told of them, so that the order of what is declared does not show.
    lines.sort_by_cached_key(|piece| {
        let (site, role) = (piece.site.map(|site| names.text(site)), piece.role.map(|role| names.text(role)));
        let place = (names.text(piece.organization), site);
        (place, piece.window.starts, piece.window.expires, role, names.sorted_texts(piece.extra_roles), via(piece))
    });
    let one = |piece: &&Piece| {
        let via = via(piece);
        let values = vec![
            Value::text(names.text(piece.organization)),
            Value::text_or_null(piece.site.map(|site| names.text(site))),
            Value::text_or_null(piece.role.map(|role| names.text(role))),
            Value::flag(administers(declared, piece.role, piece.extra_roles)),
            Value::time(piece.window.starts),
            Value::time(piece.window.expires),
            Value::text_or_null(via.as_deref()),
        ];
        Place { organization: piece.organization, position: piece.position, value: Value::record(&SOURCE, values) }
    };
    lines.iter().map(one).collect()
}

fn teams<'a>(declared: &'a Declared<'_>, view: &UserView<'_>) -> Vec<&'a str> {
    let desired = declared.desired;
    let reached = view.links.iter().flat_map(|link| &desired.source(link.source).closure);
    sorted(reached.filter_map(|&source| match desired.source(source).label {
        SourceLabel::Team(team) => Some(declared.names.text(team)),
        SourceLabel::SiteGrant => None,
    }))
}
