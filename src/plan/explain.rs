//! Who has what access, from which lines and through which team: the same pieces that the plan folds, kept apart.
//!
//! Pure, like the rest of this floor. Whether live access is told beside the declared one depends on whether a live
//! state is given. Deliberately absent: what would be done about a difference, which is the plan.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::explain_fields::{FieldExplanation, fields, person};
use crate::diagnostic::Position;
use crate::model::{
    DeclaredStatus, Desired, Effective, Grant, InvitationState, Leaver, LeftAlone, List, LiveState, LiveView,
    Membership, Name, Names, Piece, SiteAccess, SourceId, SourceLabel, Standing, Status, UserView, Window,
};
use crate::rules::Rules;

/// Both sides, and the time for which is asked.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What is declared.
    pub desired: &'a Desired,
    /// What is live, to be told beside it.
    pub live: Option<&'a LiveState>,
    /// The table of both sides' names.
    pub names: &'a Names,
    /// How the store behaves.
    pub rules: &'a Rules,
    /// Whom an operator locked out, by key as compared.
    pub lock_outs: &'a BTreeMap<Name, KnownLockOut>,
    /// The time.
    pub at: Timestamp,
}

/// What is known of the lock-out of somebody by an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownLockOut {
    /// Since when.
    pub since: Option<Timestamp>,
    /// Who did it.
    pub by: Option<String>,
    /// Whether a `status: active` that manifests say may be older, and so waits.
    pub waits: bool,
}

/// What one asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// A user, by the key as compared.
    User(Name),
    /// An organization.
    Organization(Name),
    /// A site.
    Site(Name, Name),
}

/// Access in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// As what.
    pub role: Option<Name>,
    /// Roles beside the main one, of a membership.
    pub extra_roles: List,
    /// The preselected site, of a membership.
    pub default_site: Option<Name>,
}

/// One line that gives something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// The role that it gives.
    pub role: Option<Name>,
    /// Roles beside it that it gives.
    pub extra_roles: List,
    /// The line.
    pub position: Position,
    /// The team or site grant that it belongs to; `None` for the user's own access.
    pub source: Option<SourceLabel>,
    /// The team that names the user, where that is another one than `source`.
    pub through: Option<SourceLabel>,
    /// Where the user is named as a member of it; `None` for the user's own access.
    pub member: Option<Position>,
    /// When it is in force.
    pub window: Window,
    /// Whether it decides the result; a weaker role does not, nor what is not in force.
    pub counts: bool,
}

/// Access in one place, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceExplanation {
    /// Where; [`PLATFORM`](crate::model::known::PLATFORM) for the whole platform.
    pub organization: Name,
    /// On which site; `None` for a membership.
    pub site: Option<Name>,
    /// What is declared.
    pub declared: Option<Access>,
    /// What is live; always `None` without a live state.
    pub live: Option<Access>,
    /// How many sites the declared role reaches, where it reaches them all; those that only the store has among them.
    pub reaches: Option<usize>,
    /// How many sites the live role reaches, as the store has it today, where it reaches them all.
    pub live_reaches: Option<usize>,
    /// Where nothing is given here itself: the sites, or organizations, that include it and are, sorted by text.
    pub through: Vec<Name>,
    /// What a line leaves to others there.
    pub left_alone: LeftAlone,
    /// The lines that say so, in no order that may be printed.
    pub contributions: Vec<Contribution>,
}

/// All access of a user, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserExplanation {
    /// The key as declared, else as live.
    pub key: Name,
    /// Where the user is declared.
    pub position: Option<Position>,
    /// The status asked for, and where.
    pub status: Option<(DeclaredStatus, Position)>,
    /// When the user as a whole is in force.
    pub window: Window,
    /// The entry under `inactive:`, if there is one.
    pub leaver: Option<Leaver>,
    /// The time for which was asked.
    pub at: Timestamp,
    /// The status in the store; `None` if there is no account, or no live state was given.
    pub live: Option<Status>,
    /// How the invitation of somebody who is not in yet has ended, if it has.
    pub ended: Option<InvitationState>,
    /// The lock-out by an operator, if there is one.
    pub locked_out: Option<KnownLockOut>,
    /// Whether a live state was given.
    pub is_compared: bool,
    /// Fields of the profile, and those that are access, sorted by text.
    pub fields: Vec<FieldExplanation>,
    /// Memberships and grants, sorted by text; the platform first, each organization before its sites.
    pub places: Vec<PlaceExplanation>,
}

/// Everybody who has access in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceHolders {
    /// The organization.
    pub organization: Name,
    /// The site, where one was asked for.
    pub site: Option<Name>,
    /// Where it is declared.
    pub position: Option<Position>,
    /// The time for which was asked.
    pub at: Timestamp,
    /// Whether a live state was given.
    pub is_compared: bool,
    /// The holders, sorted by key.
    pub holders: Vec<Holder>,
}

/// Somebody who has access in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The key as declared, else as live.
    pub key: Name,
    /// What the person is called, as declared, else as live.
    pub name: Option<String>,
    /// The status in the store.
    pub live: Option<Status>,
    /// How the invitation of somebody who is not in yet has ended, if it has.
    pub ended: Option<InvitationState>,
    /// Whether an operator locked the person out.
    pub is_locked_out: bool,
    /// What the manifests want of the account at the time for which was asked; `None` for who is not declared.
    pub standing: Option<Standing>,
    /// What the user has there. For a site that a role reaches without a grant this is the membership.
    pub place: PlaceExplanation,
    /// The membership by which the user reaches this site as well, beside a grant on the site itself.
    pub membership: Option<PlaceExplanation>,
    /// How many sites of the organization are granted by declaration.
    pub sites: usize,
}

/// All access of the user with this identity; `None` if neither side knows the user.
#[must_use]
pub fn explain_user(scene: Scene<'_>, identity: Name) -> Option<UserExplanation> {
    let Scene { desired, live, at, .. } = scene;
    let declared = desired.find(identity);
    let account = live.and_then(|live| live.find(identity));
    let key = declared.map(|user| user.key).or(account.map(|account| account.key))?;
    Some(UserExplanation {
        key,
        position: declared.map(|user| user.position),
        status: declared.and_then(|user| user.status.zip(user.status_position)),
        window: declared.map_or(Window::ALWAYS, |user| user.window),
        leaver: desired.leavers.get(&identity).copied(),
        at,
        live: account.map(|account| account.status),
        ended: account.and_then(|account| account.ended_invitation(at)),
        locked_out: lock_out_of(scene, declared.as_ref(), account.as_ref()).cloned(),
        is_compared: live.is_some(),
        fields: fields(scene, declared.as_ref(), account.as_ref()),
        places: places(scene, declared.as_ref(), account.as_ref()),
    })
}

/// The lock-out of a person by the key of either side, or the former one.
fn lock_out_of<'a>(
    scene: Scene<'a>,
    user: Option<&UserView<'_>>,
    account: Option<&LiveView<'_>>,
) -> Option<&'a KnownLockOut> {
    let former = user.and_then(|user| user.previous).map(|previous| previous.identity);
    let keys = [user.map(|user| user.identity), account.and_then(|account| account.identity), former];
    keys.into_iter().flatten().find_map(|key| scene.lock_outs.get(&key))
}

/// Everybody with access in an organization, or on one of its sites if `site` is given.
#[must_use]
pub fn explain_place(scene: Scene<'_>, organization: Name, site: Option<Name>) -> PlaceHolders {
    let Scene { desired, live, names, at, rules: _, lock_outs: _ } = scene;
    let mut holders = Vec::new();
    for user in desired.users() {
        let account = live.and_then(|live| live.find(user.identity));
        holders.extend(holder(scene, Some(&user), account.as_ref(), organization, site));
    }
    for account in live.iter().flat_map(|live| live.users()) {
        if account.identity.and_then(|identity| desired.find(identity)).is_none() {
            holders.extend(holder(scene, None, Some(&account), organization, site));
        }
    }
    holders.sort_by(|a: &Holder, b| names.text(a.key).cmp(names.text(b.key)));
    let declared = desired.catalog.organizations.get(&organization);
    let position = match site {
        Some(site) => declared.and_then(|organization| organization.sites.get(&site)).and_then(|site| site.position),
        None => declared.and_then(|organization| organization.position),
    };
    PlaceHolders { organization, site, position, at, is_compared: live.is_some(), holders }
}

fn holder(
    scene: Scene<'_>,
    user: Option<&UserView<'_>>,
    account: Option<&LiveView<'_>>,
    organization: Name,
    site: Option<Name>,
) -> Option<Holder> {
    let names = scene.names;
    let key = user.map(|user| user.key).or(account.map(|account| account.key))?;
    let mut places = places(scene, user, account);
    places.retain(|place| place.organization == organization);
    let is_granted =
        |place: &&PlaceExplanation| place.site.is_some() && place.declared.is_some() && place.through.is_empty();
    let granted = places.iter().filter(is_granted).count();
    let at = |wanted: Option<Name>| places.iter().position(|place| place.site == wanted);
    let found = match site {
        None => at(None)?,
        // A role that reaches every site reaches this one without a grant.
        Some(site) => at(Some(site)).or_else(|| at(None).filter(|&at| places[at].reaches_all()))?,
    };
    let is_reaching = |place: &PlaceExplanation| place.site.is_none() && place.reaches_all();
    let membership =
        site.and_then(|_| places.iter().enumerate().find(|&(at, place)| at != found && is_reaching(place)));
    let membership = membership.map(|(_, place)| place.clone());
    let live = account.map(|account| account.status);
    let ended = account.and_then(|account| account.ended_invitation(scene.at));
    let standing = match user {
        Some(user) => Some(user.standing(scene.at)),
        None => account.and_then(|account| scene.desired.leavers.get(&account.identity?)).copied().and_then(|leaver| {
            let has_come = leaver.has_left(scene.at);
            has_come.then_some(Standing::Left(leaver))
        }),
    };
    let is_locked_out = lock_out_of(scene, user, account).is_some();
    Some(Holder {
        key,
        name: person(names, user, account),
        live,
        ended,
        is_locked_out,
        standing,
        place: places.swap_remove(found),
        membership,
        sites: granted,
    })
}

impl Holder {
    /// Whether the person can log in: active in the store, and not kept out by anybody.
    #[must_use]
    pub fn may_log_in(&self) -> bool {
        self.standing.is_none_or(Standing::lets_in) && self.live == Some(Status::Active) && !self.is_locked_out
    }
}

/// How many sites a declared organization has, by either side: a role that reaches every site reaches them all.
fn sites_there(scene: Scene<'_>, organization: Name) -> Option<usize> {
    let declared = &scene.desired.catalog.organizations.get(&organization)?.sites;
    let live = scene.live.and_then(|live| live.catalog.organizations.get(&organization));
    let only_live = live.iter().flat_map(|live| live.sites.keys()).filter(|site| !declared.contains_key(site));
    Some(declared.len() + only_live.count())
}

/// How many sites a role reaches by what it is in the store, where it reaches them all.
fn live_reach(scene: Scene<'_>, organization: Name, role: Option<Name>) -> Option<usize> {
    let (declared, live) = (&scene.desired.catalog, &scene.live?.catalog);
    // What the vendor brings is there, whether or not the store lists it.
    let of_rules = || declared.role(role).filter(|role| role.vendor);
    let reaches_all = live.role(role).or_else(of_rules)?.site_access == SiteAccess::All;
    live.organizations.get(&organization).filter(|_| reaches_all).map(|organization| organization.sites.len())
}

/// Every place where a user has access by either side, sorted by text.
fn places(scene: Scene<'_>, user: Option<&UserView<'_>>, account: Option<&LiveView<'_>>) -> Vec<PlaceExplanation> {
    let Scene { desired, live, names, at, rules: _, lock_outs: _ } = scene;
    let live_catalog = live.map(|live| &live.catalog);
    let (mut pieces, mut effective) = (Vec::new(), Effective::default());
    if let Some(user) = user {
        user.pieces_at(names, at, &mut pieces);
        // Conflicts were told when the manifests were read; here the first piece stands.
        effective.fold(&desired.catalog, names, &mut pieces, &mut Vec::new());
        // What is not in force is told too.
        user.pieces(names, &mut pieces);
    }
    let mut places: BTreeMap<(&str, Option<&str>), PlaceExplanation> = BTreeMap::new();
    let memberships = |memberships: &[Membership]| -> Vec<_> {
        memberships.iter().map(|one| ((one.organization, None), of_membership(one))).collect()
    };
    let grants = |grants: &[Grant]| -> Vec<_> {
        grants.iter().map(|one| ((one.organization, Some(one.site)), of_grant(one))).collect()
    };
    for piece in pieces.iter().filter(|piece| !piece.left_alone.any() || piece.left_alone.membership) {
        if !piece.window.holds(at) || piece.left_alone.membership {
            let key = (names.text(piece.organization), piece.site.map(|site| names.text(site)));
            places.entry(key).or_insert_with(|| PlaceExplanation::nothing((piece.organization, piece.site)));
        }
    }
    let mut declared: Vec<((Name, Option<Name>), Access)> = memberships(&effective.memberships);
    declared.extend(grants(&effective.grants));
    let mut live: Vec<((Name, Option<Name>), Access)> = Vec::new();
    if let Some(account) = account {
        live = memberships(account.memberships);
        live.extend(grants(account.grants));
    }
    let given = |side: &[((Name, Option<Name>), Access)], at| side.iter().any(|&(given, _)| given == at);
    for (side, catalog, is_live) in [(&declared, Some(&desired.catalog), false), (&live, live_catalog, true)] {
        for &((organization, site), access) in side {
            let reached = catalog.map_or_else(Vec::new, |catalog| match site {
                Some(site) => catalog
                    .sites_through(names, organization, site)
                    .into_iter()
                    .map(|site| (organization, Some(site)))
                    .collect(),
                None => catalog.organizations_through(names, organization).into_iter().map(|one| (one, None)).collect(),
            });
            let reached = if reached.is_empty() { vec![(organization, site)] } else { reached };
            for at in reached {
                let is_own = at == (organization, site);
                if !is_own && given(side, at) {
                    continue;
                }
                let key = (names.text(at.0), at.1.map(|site| names.text(site)));
                let place = places.entry(key).or_insert_with(|| PlaceExplanation::nothing(at));
                let slot = if is_live { &mut place.live } else { &mut place.declared };
                // Of several ways the first by text tells the role; all are named.
                let access = if is_own { access } else { Access { default_site: None, ..access } };
                slot.get_or_insert(access);
                if !is_own && !given(&declared, at) {
                    place.through.push(site.unwrap_or(organization));
                }
            }
        }
    }
    let mut places: Vec<PlaceExplanation> = places.into_values().collect();
    for place in &mut places {
        place.through.sort_by_key(|&name| names.text(name));
        place.through.dedup();
        place.left_alone = effective.left_alone_in(place.organization);
        let declared = place.declared;
        if let Some(declared) = place.declared
            && place.site.is_none()
            && desired.catalog.reaches_all(declared.role)
        {
            place.reaches = sites_there(scene, place.organization);
        }
        let live = place.live.filter(|_| place.site.is_none());
        place.live_reaches = live.and_then(|live| live_reach(scene, place.organization, live.role));
        let is_here = |piece: &&Piece| match place.site {
            _ if place.through.is_empty() => piece.organization == place.organization && piece.site == place.site,
            Some(_) => {
                piece.organization == place.organization && piece.site.is_some_and(|site| place.through.contains(&site))
            }
            None => piece.site.is_none() && place.through.contains(&piece.organization),
        };
        let here = pieces.iter().filter(is_here);
        place.contributions = here.map(|piece| contribution(scene, user, piece, declared)).collect();
    }
    places
}

impl PlaceExplanation {
    /// Whether every site is reached by this, as declared or as the store has it.
    const fn reaches_all(&self) -> bool {
        self.reaches.is_some() || self.live_reaches.is_some()
    }

    const fn nothing((organization, site): (Name, Option<Name>)) -> Self {
        Self {
            organization,
            site,
            declared: None,
            live: None,
            reaches: None,
            live_reaches: None,
            through: Vec::new(),
            left_alone: LeftAlone::NOTHING,
            contributions: Vec::new(),
        }
    }
}

fn contribution(
    scene: Scene<'_>,
    user: Option<&UserView<'_>>,
    piece: &Piece,
    declared: Option<Access>,
) -> Contribution {
    let Scene { desired, at, .. } = scene;
    let label = |source: SourceId| desired.source(source).label;
    // Of several ways into a team the direct one is the plainest.
    let link = piece.source.and_then(|source| {
        let links = user.map_or(&[] as &[_], |user| user.links);
        links
            .iter()
            .find(|link| link.source == source)
            .or_else(|| links.iter().find(|link| desired.source(link.source).closure.contains(&source)))
    });
    Contribution {
        role: piece.role,
        extra_roles: piece.extra_roles,
        position: piece.role_position,
        source: piece.source.map(label),
        through: link.filter(|link| Some(link.source) != piece.source).map(|link| label(link.source)),
        member: link.map(|link| link.position),
        window: piece.window,
        counts: piece.window.holds(at) && declared.is_some_and(|declared| piece.role == declared.role),
    }
}

const fn of_membership(membership: &Membership) -> Access {
    let &Membership { organization: _, role, extra_roles, default_site } = membership;
    Access { role, extra_roles, default_site }
}

const fn of_grant(grant: &Grant) -> Access {
    Access { role: grant.role, extra_roles: List::EMPTY, default_site: None }
}
