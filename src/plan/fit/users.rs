//! Users against the rules: status, memberships, roles, sites.
//!
//! One user at a time, with all that teams and site grants contribute; only equal addresses span users. A mistake in
//! the line of a team is told in words that are the same for all members, so that it is told once.

use std::collections::{HashMap, HashSet};

use super::together::{self, Holder};
use super::{exact, fields};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Catalog, DeclaredStatus, Desired, Effective, LiveState, LiveView, Membership, Name, Names, Piece, Status, UserView,
    Value, known,
};
use crate::rules::{FieldRequired, OnBoarding, RequirementSeverity, Rules, SameEmail, SiteRules};

/// What is the same for all users.
pub(super) struct Context<'a> {
    names: &'a Names,
    desired: &'a Desired,
    rules: &'a Rules,
    required: Vec<(String, FieldRequired)>,
}

impl<'a> Context<'a> {
    pub(super) fn new(names: &'a Names, desired: &'a Desired, rules: &'a Rules) -> Self {
        Self { names, desired, rules, required: rules.required_fields().collect() }
    }
}

/// Everything that does not fit about one user.
pub(super) fn fit(context: &Context<'_>, user: &UserView<'_>) -> Vec<Diagnostic> {
    let Context { names, rules, .. } = *context;
    let mut found = fit_singly(context, user);
    // Whoever is to be deleted needs nothing any more.
    let is_staying = user.status != Some(DeclaredStatus::Absent);
    found.extend(emptied(context, user));
    let mut pieces = Vec::new();
    user.pieces(names, &mut pieces);
    let mut effective = Effective::default();
    effective.fold(&context.desired.catalog, names, &mut pieces, &mut Vec::new());
    if rules.require.is_some() && is_staying {
        let holder = Holder { names, rules, user, access: &effective, live: None };
        found.extend(together::unmet(&holder, RequirementSeverity::Error));
    }
    found.extend(exact::fit(names, rules, user));
    found.extend(shared(context, user));
    access(context, user, &pieces, &effective, &mut found);
    found
}

/// Fields that a user may not empty.
fn emptied(context: &Context<'_>, user: &UserView<'_>) -> Vec<Diagnostic> {
    let is_staying = user.status != Some(DeclaredStatus::Absent);
    let required = if is_staying { context.required.as_slice() } else { &[] };
    fields::emptied(context.names, required, user)
}

/// What does not fit about the fields of one user, whatever reaches them.
pub(super) fn fit_fields(context: &Context<'_>, user: &UserView<'_>) -> Vec<Diagnostic> {
    let Context { names, rules, .. } = *context;
    let mut found = emptied(context, user);
    if rules.require.is_some() && user.status != Some(DeclaredStatus::Absent) {
        let nothing = Effective::default();
        found.extend(together::unmet_by_fields(&Holder { names, rules, user, access: &nothing, live: None }));
    }
    found.extend(exact::fit(names, rules, user));
    found
}

/// Somebody in more organizations than the rules allow: whatever could not be read would only be more.
pub(super) fn in_too_many(context: &Context<'_>, user: &UserView<'_>) -> Option<Diagnostic> {
    context.rules.most_organizations()?;
    let mut pieces = Vec::new();
    user.pieces(context.names, &mut pieces);
    let mut effective = Effective::default();
    effective.fold(&context.desired.catalog, context.names, &mut pieces, &mut Vec::new());
    too_many(context, user, organizations(&effective))
}

/// To how many organizations somebody belongs.
fn organizations(effective: &Effective) -> usize {
    effective.memberships.iter().filter(|membership| membership.organization != known::PLATFORM).count()
}

fn too_many(context: &Context<'_>, user: &UserView<'_>, count: usize) -> Option<Diagnostic> {
    let max = context.rules.most_organizations().filter(|&max| count > max as usize)?;
    let key = context.names.text(user.key);
    let message = format!("`{key}` belongs to {count} organizations, at most {max} in this store");
    Some(Diagnostic::error(Code::OutsideLimits, message).at(user.position, ""))
}

/// What does not fit about one user whatever else is declared.
pub(super) fn fit_singly(context: &Context<'_>, user: &UserView<'_>) -> Vec<Diagnostic> {
    let Context { names, rules, .. } = *context;
    let fields = user.facts.iter().filter_map(|declared| fields::fit(names, rules, user, declared));
    fields.chain(preloaded(context, user)).collect()
}

/// An account that looks as if several people shared it, where the rules forbid that.
fn shared(context: &Context<'_>, user: &UserView<'_>) -> Option<Diagnostic> {
    let Context { names, rules, .. } = *context;
    let email = user.value(known::EMAIL).and_then(Value::text).map(|email| names.text(email));
    let texts = [Some(names.text(user.identity)), email];
    let text = texts.into_iter().flatten().find(|text| rules.personal.looks_shared(text))?;
    let message = format!("`{text}` looks like an account that several people share");
    let help = "the rules of this store ask for one identified person an account";
    Some(Diagnostic::warning(Code::SharedAccount, message).at(user.position, "").help(help))
}

fn preloaded(context: &Context<'_>, user: &UserView<'_>) -> Option<Diagnostic> {
    let is_possible = context.rules.onboarding() == OnBoarding::Invite && context.rules.suppresses_invitations();
    if user.status != Some(DeclaredStatus::Preloaded) || is_possible {
        return None;
    }
    let message = "this store can't add a person without inviting them";
    let position = user.status_position.unwrap_or(user.position);
    Some(
        Diagnostic::error(Code::NotInRules, message)
            .at(position, "")
            .help("leave `status` out, or declare the person later"),
    )
}

/// Two people with one address.
pub(super) fn same_address(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(same) = context.rules.personal.same_email else { return Vec::new() };
    let mut first: HashMap<String, Name> = HashMap::new();
    let mut found = Vec::new();
    let address = |user: &UserView<'_>| user.value(known::EMAIL).and_then(Value::text);
    // Sorting is what costs: where addresses are keys, nobody has one besides.
    let mut users: Vec<(UserView<'_>, Name)> = context
        .desired
        .users()
        .filter_map(|user| Some((user, address(&user).filter(|&email| email != known::EMPTY)?)))
        .collect();
    users.sort_by_key(|(user, _)| context.names.text(user.key));
    for (user, email) in users {
        let Some(other) = first.insert(context.names.text(email).to_lowercase(), user.key) else { continue };
        let (email, key, other) = (context.names.text(email), context.names.text(user.key), context.names.text(other));
        let message = format!("`{key}` and `{other}` have the same address `{email}`");
        let diagnostic = match same {
            SameEmail::Error => Diagnostic::error(Code::SharedAccount, message),
            SameEmail::Warning => Diagnostic::warning(Code::SharedAccount, message),
        };
        found.push(diagnostic.at(user.value_position(known::EMAIL), ""));
    }
    found
}

/// The address of a declared person that an account has whom no manifest names.
pub(super) fn same_live_address(
    (names, desired, rules): (&Names, &Desired, &Rules),
    live: &LiveState,
) -> Vec<Diagnostic> {
    if rules.personal.same_email.is_none() {
        return Vec::new();
    }
    let address = |value: Value| value.text().filter(|&text| text != known::EMPTY).map(|text| names.text(text));
    let former: HashSet<Name> = desired.former_keys().map(|(_, former)| former.identity).collect();
    let is_named = |identity: Name| {
        desired.find(identity).is_some() || desired.leavers.contains_key(&identity) || former.contains(&identity)
    };
    let others = live.users().filter(|user| !matches!(user.status, Status::Inactive | Status::Closed));
    let others = others.filter(|user| !user.identity.is_some_and(is_named));
    let others: HashMap<String, Name> =
        others.filter_map(|user| Some((address(user.value(known::EMAIL))?.to_lowercase(), user.key))).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let told = |user: UserView<'_>| {
        let email = address(user.value(known::EMAIL)?)?;
        let (key, other) = (names.text(user.key), names.text(*others.get(&email.to_lowercase())?));
        let message = format!("`{key}` and `{other}` have the same address `{email}`");
        let help = format!("`{other}` is in the store, and no manifest names it");
        let found = Diagnostic::warning(Code::SharedAccount, message);
        Some(found.at(user.value_position(known::EMAIL), "").help(help))
    };
    desired.users().filter(|user| !user.is_leaving()).filter_map(told).collect()
}

fn access(
    context: &Context<'_>,
    user: &UserView<'_>,
    pieces: &[Piece],
    effective: &Effective,
    found: &mut Vec<Diagnostic>,
) {
    let rules = context.rules;
    for piece in pieces {
        piece_fits(context, piece, found);
    }
    let count = organizations(effective);
    found.extend(too_many(context, user, count));
    found.extend(left_to_others(context, user, pieces, (count, effective)));
    for membership in &effective.memberships {
        let left_alone = effective.left_alone_in(membership.organization);
        if !left_alone.role {
            membership_fits(context, user, membership, pieces, found);
        }
        if let Some(sites) = rules.sites.rules() {
            sites_fit(context, sites, membership, effective, pieces, found);
            if !user.is_leaving() {
                found.extend(without_default(context, sites, membership, (effective, pieces)));
            }
        }
    }
}

/// A membership that others may manage beside as many as the store has room for: there can't be both, so the next plan
/// would ask for what the store refuses.
fn left_to_others(
    context: &Context<'_>,
    user: &UserView<'_>,
    pieces: &[Piece],
    (count, effective): (usize, &Effective),
) -> Option<Diagnostic> {
    let Context { names, rules, .. } = *context;
    let max = rules.most_organizations().filter(|&max| max > 0 && count == max as usize)?;
    let mut left = effective.left_alone.iter().filter(|(_, left_alone)| left_alone.membership);
    let (organization, _) = left.find(|(organization, _)| *organization != known::PLATFORM)?;
    let of = pieces.iter().find(|piece| piece.organization == *organization && piece.left_alone.membership);
    let organizations = if count == 1 { "1 organization".to_owned() } else { format!("{count} organizations") };
    let (key, organization) = (names.text(user.key), names.text(*organization));
    let message = format!(
        "`{key}` belongs to {organizations} and leaves `{organization}` to others, at most {max} in this store"
    );
    let position = of.map_or(user.position, |piece| piece.position);
    let help = "take one of them out: what is declared goes before a membership that somebody else gave";
    Some(Diagnostic::error(Code::OutsideLimits, message).at(position, "").help(help))
}

/// Fields that should be set together, with what is live, and are not.
pub(super) fn odd(
    (names, desired, rules): (&Names, &Desired, &Rules),
    user: &UserView<'_>,
    live: Option<&LiveView<'_>>,
) -> Vec<Diagnostic> {
    let mut pieces = Vec::new();
    user.pieces(names, &mut pieces);
    let mut access = Effective::default();
    access.fold(&desired.catalog, names, &mut pieces, &mut Vec::new());
    together::unmet(&Holder { names, rules, user, access: &access, live }, RequirementSeverity::Warning)
}

/// Memberships that a new account can't do without, whenever they begin; what others manage is theirs to say.
pub(super) fn lacking(names: &Names, desired: &Desired, rules: &Rules, user: &UserView<'_>) -> Option<Diagnostic> {
    let min = rules.fewest_organizations() as usize;
    if min == 0 {
        return None;
    }
    let mut pieces = Vec::new();
    user.pieces(names, &mut pieces);
    let mut effective = Effective::default();
    effective.fold(&desired.catalog, names, &mut pieces, &mut Vec::new());
    let count = organizations(&effective);
    let is_left = effective.left_alone.iter().any(|(_, left_alone)| left_alone.membership);
    if count >= min || is_left {
        return None;
    }
    let key = names.text(user.key);
    let message = format!("`{key}` belongs to {count} organizations, and a new account needs at least {min}");
    let help = "add `access`; without it nobody new is let in";
    Some(Diagnostic::warning(Code::RequiredField, message).at(user.position, "").help(help))
}

/// Whether the store has what a piece of access gives. That its role may stand there is known already: `manifest`
/// refuses the line otherwise.
fn piece_fits(context: &Context<'_>, piece: &Piece, found: &mut Vec<Diagnostic>) {
    let Context { names, desired, rules, .. } = *context;
    let catalog = &desired.catalog;
    if piece.site.is_some() && rules.sites.rules().is_none() {
        let message = "this store has no sites";
        found.push(Diagnostic::error(Code::NotInRules, message).at(piece.position, "").help("leave the site out"));
        return;
    }
    if let (Some(_), Some(role)) = (piece.site, piece.role)
        && !rules.has_site_roles()
    {
        let message = format!("this store has no roles on sites; `{}` can't be one", names.text(role));
        found.push(
            Diagnostic::error(Code::NotInRules, message)
                .at(piece.role_position, "")
                .help("list the site without a role"),
        );
        return;
    }
    if let (Some(site), Some(sites)) = (piece.site, rules.sites.rules()) {
        let kind = site_kind(names, catalog, piece.organization, site);
        if !sites.can_be_granted(kind) {
            let message = format!("site `{}` can't be granted: it has {}", names.text(site), of_kind(kind));
            let help = format!("kinds that can: {}", sites.grantable_kinds.as_deref().unwrap_or_default().join(", "));
            found.push(Diagnostic::error(Code::NotInRules, message).at(piece.position, "").help(help));
        }
    }
    if !piece.extra_roles.is_empty() && !rules.has_extra_roles() {
        found.push(Diagnostic::error(Code::NotInRules, "this store has no extra roles").at(piece.position, ""));
    }
}

fn site_kind<'a>(names: &'a Names, catalog: &Catalog, organization: Name, site: Name) -> Option<&'a str> {
    let site = catalog.organizations.get(&organization)?.sites.get(&site)?;
    let kind = site.fields.get(&known::KIND).copied().and_then(Value::text)?;
    Some(names.text(kind)).filter(|kind| !kind.is_empty())
}

fn of_kind(kind: Option<&str>) -> String {
    kind.map_or_else(|| "no kind".to_owned(), |kind| format!("the kind `{kind}`"))
}

fn membership_fits(
    context: &Context<'_>,
    user: &UserView<'_>,
    membership: &Membership,
    pieces: &[Piece],
    found: &mut Vec<Diagnostic>,
) {
    let Context { names, rules, .. } = *context;
    if membership.organization == known::PLATFORM || membership.role.is_some() || rules.allows_no_role() {
        return;
    }
    // Without the key: the line of a team is told once, whoever is in it.
    let position = place_of(pieces, membership.organization).map_or(user.position, |piece| piece.position);
    let message = format!("the membership in `{}` has no role", names.text(membership.organization));
    found.push(Diagnostic::error(Code::OutsideLimits, message).at(position, "").help("add `role`"));
}

fn place_of(pieces: &[Piece], organization: Name) -> Option<&Piece> {
    // Folding has sorted them by place, and a membership stands before its sites.
    let first = pieces.get(pieces.partition_point(|piece| piece.organization < organization))?;
    (first.organization == organization && first.site.is_none()).then_some(first)
}

fn sites_fit(
    context: &Context<'_>,
    sites: &SiteRules,
    membership: &Membership,
    effective: &Effective,
    pieces: &[Piece],
    found: &mut Vec<Diagnostic>,
) {
    let Context { names, desired, .. } = *context;
    let organization = membership.organization;
    let Some(piece) = place_of(pieces, organization).filter(|_| organization != known::PLATFORM) else { return };
    let text = names.text(organization);
    let count = effective.grants_in(organization).len();
    if let Some(site) = membership.default_site {
        let kind = site_kind(names, &desired.catalog, organization, site);
        if !sites.can_be_default(kind) {
            let message = format!("site `{}` can't be a default site: it has {}", names.text(site), of_kind(kind));
            let kinds = sites.default_kinds.as_deref().unwrap_or_default().join(", ");
            found.push(
                Diagnostic::error(Code::NotInRules, message)
                    .at(piece.position, "")
                    .help(format!("kinds that can: {kinds}")),
            );
        }
    }
    let mut limit = |message: String, help: &str| {
        found.push(Diagnostic::error(Code::OutsideLimits, message).at(piece.position, "").help(help));
    };
    // Which sites others give is theirs to say.
    if !desired.catalog.reaches_all(membership.role) && !effective.left_alone_in(organization).sites {
        if let Some(min) = sites.min.filter(|&min| count < min as usize) {
            limit(format!("{count} sites in `{text}`, at least {min} in this store"), "list more sites");
        }
        if let Some(max) = sites.max.filter(|&max| count > max as usize) {
            limit(format!("{count} sites in `{text}`, at most {max} in this store"), "list fewer sites");
        }
    }
    if membership.default_site.is_some() && !sites.has_default_of_user() {
        limit(format!("this store has no default site of a user; one is set in `{text}`"), "leave `default_site` out");
    }
    let possible = possible_defaults(context, sites, effective, organization);
    if membership.default_site.is_none() && sites.demands_default(possible) {
        limit(format!("`{text}` needs a default site among its {possible}"), "add `default_site`");
    }
}

/// A member without any site that could be the preselected one, where everybody has one.
fn without_default(
    context: &Context<'_>,
    sites: &SiteRules,
    membership: &Membership,
    (effective, pieces): (&Effective, &[Piece]),
) -> Option<Diagnostic> {
    let kinds = sites.default_of_everybody()?;
    let organization = membership.organization;
    let piece = place_of(pieces, organization).filter(|_| organization != known::PLATFORM)?;
    let is_left = effective.left_alone_in(organization).sites;
    if is_left || possible_defaults(context, sites, effective, organization) > 0 {
        return None;
    }
    let text = context.names.text(organization);
    let message = format!("no {kinds} in `{text}`, so no default one, which everybody has in this store");
    let help = "add one to `sites`, and `default_site`";
    Some(Diagnostic::warning(Code::OutsideLimits, message).at(piece.position, "").help(help))
}

/// How many sites of a user, granted or reached through a granted one, can be the preselected one.
fn possible_defaults(context: &Context<'_>, sites: &SiteRules, effective: &Effective, organization: Name) -> usize {
    let Context { names, desired, .. } = *context;
    if sites.default_required.is_none() {
        return 0;
    }
    let grants = effective.grants_in(organization).iter();
    let reached = grants.flat_map(|grant| desired.catalog.sites_through(names, organization, grant.site));
    let can_be = |site: &Name| sites.can_be_default(site_kind(names, &desired.catalog, organization, *site));
    reached.filter(can_be).collect::<HashSet<_>>().len()
}
