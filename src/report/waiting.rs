//! What is not done: what waits, what ends soon, what is left alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::style::{count, enumeration, number, sanitise};
use super::time::{beginning, day, end};
use super::wanted::{escalates, folded, wishes};
use super::words::{Context, wanted};
use crate::diagnostic::shell_word;
use crate::model::{ActionKind, InvitationState, Name, known};
use crate::plan::{Deferred, Expiring, Obstacle, PasswordDue, Plan, Risk, State, Unmanaged, WaitsFor};
use crate::rules::{OffBoarding, Rules};

/// Entries of each kind that are printed without `-v`.
const WAITING: usize = 100;
const EXPIRING: usize = 50;
const UNMANAGED: usize = 10;

/// What an operator can do who will not wait for another admin.
const WITHOUT_A_SUCCESSOR: &str = "  the last admins stay until there are others: declare one who accepts, or take them out all the same with \
                                   `rollcall deactivate KEY` or `--waive min_admins`";

/// A label and its lines, each safe to print.
pub(super) struct Entries {
    pub(super) label: &'static str,
    pub(super) lines: Vec<String>,
}

/// What waits alike, by whom, where, for what, and why in particular.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    who: String,
    places: Vec<String>,
    waits_for: WaitsFor,
    why: Why,
}

/// What a sentence about it depends on beside what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Reactivation,
    /// The invitation ended in this way, where that is known, and may carry more than is declared.
    Renewal(Option<InvitationState>, bool),
    /// There is no invitation, nor word of how it ended, and it may have carried more than is declared.
    NoInvitation(bool),
    LockedOut,
    LockedOutSince,
    Closed,
    Fields(Vec<String>),
    /// Of objects of the catalog: those who depend on them.
    Dependents(Vec<String>),
    /// Those about whom something has to be decided first.
    Behind(Vec<String>),
    /// The organizations out of scope that leave no room for another one.
    NoRoom(Vec<String>),
    /// The role that has to be changed first.
    Redefinition(String),
    /// A clause that follows the name.
    Known(&'static str),
    Other,
}

/// What waits for each person and thing, and by name what it is. Escalations, and access that stays though no manifest
/// wants it, come first and are never left out.
pub(super) fn waiting(context: Context<'_>, plan: &Plan) -> Entries {
    let mut groups: BTreeMap<Alike, Vec<&Deferred>> = BTreeMap::new();
    for deferred in &plan.deferred {
        groups.entry(alike(context, deferred)).or_default().push(deferred);
    }
    let mut others = 0;
    let mut hidden: Vec<&Deferred> = Vec::new();
    let mut hidden_groups = 0;
    let (mut lines, mut other_lines) = (Vec::new(), Vec::new());
    for (alike, group) in groups {
        let is_pinned = escalates(&group) || keeps_access(&alike, &group);
        others += usize::from(!is_pinned);
        if !is_pinned && !context.style.verbose && others > WAITING {
            hidden.extend(group);
            hidden_groups += 1;
            continue;
        }
        let place = context.origin(group.iter().flat_map(|deferred| &deferred.origins));
        let place = if place.is_empty() { place } else { format!(" ({place})") };
        let lines = if is_pinned { &mut lines } else { &mut other_lines };
        lines.push(format!("{}: {}{place}", sentence(context, plan.at, &alike, &group), what_waits(&group)));
        let wishes = wishes(context, &group);
        if !wishes.is_empty() {
            lines.push(format!("  waits: {wishes}"));
        }
    }
    lines.extend(other_lines);
    let is_floor =
        |deferred: &&Deferred| deferred.waits_for == WaitsFor::Successor && deferred.risk.contains(&Risk::Removal);
    if plan.deferred.iter().any(|deferred| is_floor(&deferred)) {
        lines.push(WITHOUT_A_SUCCESSOR.to_owned());
    }
    if hidden_groups > 0 {
        lines.push(format!("and {} more: {} (use -v or --format json)", number(hidden_groups), what_waits(&hidden)));
    }
    Entries { label: "waiting", lines }
}

/// Who is to leave and keeps everything for now because an organization would have no admin left: told before all else,
/// with what ends it at once. The rest of their access goes with the account, and not before it.
pub(super) fn held_leavers(context: Context<'_>, plan: &Plan) -> Vec<String> {
    let is_end = |deferred: &&Deferred| {
        deferred.waits_for == WaitsFor::Successor
            && matches!(
                deferred.kind,
                ActionKind::DeactivateUser | ActionKind::StripUser | ActionKind::CloseUser | ActionKind::DeleteUser
            )
    };
    let line = |deferred: &Deferred| {
        let user = deferred.subject.user?;
        let places = match &deferred.obstacle {
            Some(Obstacle::Organizations(places)) => places.iter().map(|&place| place_text(context, place)).collect(),
            Some(_) | None => Vec::new(),
        };
        let has = if places.len() > 1 { "have" } else { "has" };
        let place = if places.is_empty() { "an organization".to_owned() } else { folded(context, places) };
        let key = shell_word(context.names.text(user));
        Some(format!(
            "{} is to leave and keeps all access, everywhere, until {place} {has} another admin; to end it now: rollcall \
             deactivate {} (or plan and apply with --waive min_admins)",
            context.name(user),
            sanitise(&key)
        ))
    };
    plan.deferred.iter().filter(is_end).filter_map(line).collect()
}

/// Who keeps access for now that the manifests take away: of whom, what is said of it, and what waits.
pub(super) fn kept<'a>(context: Context<'_>, plan: &'a Plan) -> Vec<(String, String, Vec<&'a Deferred>)> {
    let mut groups: BTreeMap<Alike, Vec<&Deferred>> = BTreeMap::new();
    for deferred in &plan.deferred {
        groups.entry(alike(context, deferred)).or_default().push(deferred);
    }
    groups.retain(|alike, group| keeps_access(alike, group));
    let told = |(alike, group): (Alike, Vec<&'a Deferred>)| {
        let text = format!("{}: {}", sentence(context, plan.at, &alike, &group), what_waits(&group));
        (alike.who, text, group)
    };
    groups.into_iter().map(told).collect()
}

/// Whether somebody keeps access for now that the manifests take away.
fn keeps_access(alike: &Alike, group: &[&Deferred]) -> bool {
    // Who is only to be deleted is out already.
    alike.waits_for != WaitsFor::Grace && group.iter().any(|deferred| deferred.risk.contains(&Risk::Removal))
}

fn alike(context: Context<'_>, deferred: &Deferred) -> Alike {
    let subject = deferred.subject;
    let who = subject.user.or(subject.organization).map(|name| context.name(name));
    let who = who.or_else(|| subject.role.map(|role| format!("role {}", context.name(role)))).unwrap_or_default();
    let texts = |names: &[Name]| names.iter().map(|&name| place_text(context, name)).collect::<Vec<String>>();
    let obstacle = deferred.obstacle.as_ref();
    // What waits for an admin place or the catalog waits in one place; all else waits with the person.
    let places = match (deferred.waits_for, obstacle) {
        (WaitsFor::Successor, Some(Obstacle::Organizations(organizations))) => texts(organizations),
        (WaitsFor::Successor | WaitsFor::Catalog, _) => {
            subject.organization.map(|place| place_text(context, place)).into_iter().collect()
        }
        (
            WaitsFor::Acceptance
            | WaitsFor::Seat
            | WaitsFor::Key
            | WaitsFor::Grace
            | WaitsFor::Decision
            | WaitsFor::Start
            | WaitsFor::Field
            | WaitsFor::Enrolment
            | WaitsFor::OwnAccount
            | WaitsFor::Protected,
            _,
        ) => Vec::new(),
    };
    let why = match (obstacle, deferred.kind) {
        (Some(&Obstacle::Ended(state, carries_more)), _) => Why::Renewal(Some(state), carries_more),
        (Some(&Obstacle::NoInvitation(carries_more)), _) => Why::NoInvitation(carries_more),
        (Some(Obstacle::LockedOut), _) => Why::LockedOut,
        (Some(Obstacle::LockedOutSince), _) => Why::LockedOutSince,
        (Some(Obstacle::Closed), _) => Why::Closed,
        (Some(Obstacle::NotUndone), _) => Why::Known(
            "is inactive, and by the rules nobody undoes that from here; have the account unblocked in the service itself",
        ),
        (Some(Obstacle::Fields(fields)), _) => Why::Fields(fields.clone()),
        (Some(Obstacle::Dependents(who)), _) => Why::Dependents(texts(who)),
        (Some(Obstacle::Behind(who)), _) => Why::Behind(texts(who)),
        (Some(Obstacle::NoRoom(places)), _) => Why::NoRoom(texts(places)),
        (Some(Obstacle::UnknownStatus), _) => Why::Known(
            "is invited or preloaded in the store, whose rules know no invitations, so nobody can let the person in; set \
             the status to `active` in the store",
        ),
        (Some(Obstacle::Redefinition(role)), _) => Why::Redefinition(context.name(*role)),
        (Some(Obstacle::NoAccount), _) => {
            Why::Known("has no account, and accounts are not managed; have somebody make it")
        }
        (Some(Obstacle::NotManaged), _) => Why::Known(
            "would get another key, and accounts are not managed; change it in the store, or take `previously` out",
        ),
        (Some(Obstacle::Elsewhere), _) => Why::Known(
            "also belongs to organizations out of scope, where another key would be felt as well; change it in the store, \
             or take `previously` out",
        ),
        (Some(Obstacle::LastMembership), _) => Why::Known(
            "would lose the last membership, which the rules demand, and the account is not managed; have somebody \
             deactivate it in the store",
        ),
        (Some(Obstacle::LeftToOthers), _) => Why::Known(
            "lacks something that the rules demand and that is left to others; declare it, or have whoever manages it \
             give it in the store",
        ),
        (Some(Obstacle::Apart), _) => Why::Known(
            "waits for something that is in the store with its letters and accents apart (Unicode normalization form D); \
             write its name there with whole letters",
        ),
        (Some(Obstacle::NothingReversible), _) => Why::Known(
            "can't be off-boarded in a way that could be undone (`offboarding` of the rules); declare `status: absent`, \
             or lock the person out with `rollcall deactivate`",
        ),
        (Some(Obstacle::OtherCause), _) => {
            Why::Known("needs something of another cause, which is left out here; plan without `--cause`")
        }
        (Some(Obstacle::NoEnd), _) => Why::Known(
            "can't be deleted or closed in this store (`offboarding` of the rules); declare `status: inactive` instead",
        ),
        (Some(Obstacle::Deactivated), _) | (None, ActionKind::ReactivateUser) => Why::Reactivation,
        (_, ActionKind::ResendInvitation) if deferred.waits_for == WaitsFor::Decision => Why::Renewal(None, false),
        (Some(Obstacle::Organizations(_)) | None, _)
            if deferred.waits_for == WaitsFor::Catalog && subject.user.is_none() =>
        {
            Why::Known("stays as it is: the catalog of this store is not written (`manage.catalog`)")
        }
        (Some(Obstacle::Organizations(_)) | None, _) => Why::Other,
    };
    Alike { who, places, waits_for: deferred.waits_for, why }
}

fn place_text(context: Context<'_>, organization: Name) -> String {
    if organization == known::PLATFORM { "the platform".to_owned() } else { context.name(organization) }
}

fn sentence(context: Context<'_>, at: Timestamp, alike: &Alike, group: &[&Deferred]) -> String {
    let Alike { who, places, waits_for, why } = alike;
    let zone = context.zone;
    let short = group.iter().filter_map(|deferred| deferred.shortfall).max();
    let short = |one: &str, many: &str| {
        short.map(|short| format!(" ({} missing)", count(short as usize, one, many))).unwrap_or_default()
    };
    let since = group.iter().filter_map(|deferred| deferred.since).min();
    let until = group.iter().filter_map(|deferred| deferred.until).max();
    let dependents = |who: &[String]| folded(context, who.to_vec());
    match (waits_for, why) {
        (_, Why::Redefinition(role)) => format!("{who} waits until role {role} is changed, which waits itself"),
        (WaitsFor::Acceptance, _) => {
            let mut times: Vec<String> = since.map(|since| format!("sent {}", ago(at, since))).into_iter().collect();
            times.extend(until.map(|until| format!("ends {}", day(until, zone))));
            let times = if times.is_empty() { String::new() } else { format!(" ({})", times.join(", ")) };
            format!("{who} has not accepted the invitation{times}")
        }
        (WaitsFor::Seat, _) => format!("no seat is free for {who}{}", short("seat", "seats")),
        (WaitsFor::Successor, _) => {
            if places.contains(who) {
                return format!("{who} is deleted when its last admins may go, whom `guards.min_admins` keeps as well");
            }
            let place = if places.is_empty() { "an organization".to_owned() } else { folded(context, places.clone()) };
            format!("{place} would be left with too few admins without {who}{}", short("admin", "admins"))
        }
        (WaitsFor::Key, _) => format!("another account has the key {who}"),
        (WaitsFor::Grace, Why::Behind(by)) => {
            let until = until.map(|until| format!(", not before {}", beginning(until, zone))).unwrap_or_default();
            format!("{who} is deleted after {}, whose time of grace is not over{until}", dependents(by))
        }
        (WaitsFor::Grace, _) => match (since, until) {
            (Some(since), Some(until)) if since > at => {
                let (since, until) = (day(since, zone), beginning(until, zone));
                format!(
                    "{who} was {} on {since} by the store, which is to come, and is not deleted before {until}",
                    out(context)
                )
            }
            (Some(since), Some(until)) => {
                let until = beginning(until, zone);
                format!("{who} was {} {}, and is not deleted before {until}", out(context), ago(at, since))
            }
            (None, Some(until)) => format!("{who} is not deleted before {}", beginning(until, zone)),
            (_, None) => {
                format!(
                    "since when {who} is {} is not known, so the time of grace is not over; write the day into the store \
                     (`deactivated_at`), or apply once with `manage: {{ grace: 0d }}`, which counts for every tombstone",
                    out(context)
                )
            }
        },
        (WaitsFor::Decision, why) => undecided(context, who, why),
        (WaitsFor::Start, _) => match group.iter().filter_map(|deferred| deferred.until).min() {
            Some(starts) => format!("{who} starts {}", beginning(starts, zone)),
            None => format!("{who} starts later"),
        },
        (WaitsFor::Catalog, Why::Known(why)) => format!("{who} {why}"),
        (WaitsFor::Catalog, _) => {
            let place = if places.is_empty() { "something that it needs".to_owned() } else { enumeration(places) };
            format!("{who} waits for {place}, which rollcall may not create in this store")
        }
        (WaitsFor::Field, Why::Fields(fields)) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("`{}`", sanitise(field))).collect();
            format!("{who} lacks {}, which the store demands", enumeration(&fields))
        }
        (WaitsFor::Field, _) => format!("{who} lacks a field that the store demands"),
        (WaitsFor::Enrolment, _) => {
            format!("{who} has not enrolled for two-factor authentication yet, which nobody else can do")
        }
        (WaitsFor::OwnAccount, Why::Dependents(by)) => {
            format!("{who} is held by {}, the account that rollcall itself uses, and is not made less", dependents(by))
        }
        (WaitsFor::OwnAccount, _) if group.iter().all(|deferred| is_rebuilt(deferred)) => format!(
            "{who} is the account that rollcall itself uses, and would lose the old role for a moment; have somebody else \
             change it"
        ),
        (WaitsFor::OwnAccount, _) => format!("{who} is the account that rollcall itself uses, and loses nothing"),
        (WaitsFor::Protected, Why::Dependents(by)) => {
            format!("{who} is held by {}, protected by the settings, and is not made less", dependents(by))
        }
        (WaitsFor::Protected, _) => format!("{who} is protected by the settings"),
    }
}

/// What somebody has to decide.
fn undecided(context: Context<'_>, who: &str, why: &Why) -> String {
    match why {
        Why::Reactivation => {
            format!("{who} was deactivated in the store; only `status: active` undoes a deactivation")
        }
        Why::Closed => {
            format!(
                "{who} has a closed account, and no manifest opens it again; take the person out, or declare another key"
            )
        }
        Why::LockedOutSince => {
            format!(
                "{who} was locked out by an operator, and the line `status: active` may be older than that; to let the \
                 person in, take that line out (not the person), apply, and write it again, or run `rollcall deactivate \
                 {who} --release`"
            )
        }
        Why::Renewal(ended, carries_more) => {
            let ended = match ended {
                Some(InvitationState::Declined) => format!("{who} declined the invitation, which"),
                Some(InvitationState::Expired) => format!("the invitation of {who} has expired, and"),
                Some(
                    InvitationState::Suppressed
                    | InvitationState::Pending
                    | InvitationState::Accepted
                    | InvitationState::Cancelled,
                )
                | None => format!("the invitation of {who} has ended, and"),
            };
            format!("{ended} is not renewed by itself; {}", sent_again(who, *carries_more))
        }
        Why::NoInvitation(carries_more) => format!(
            "{who} is invited, and the store has no invitation any more that could be accepted, nor the answer; {}",
            sent_again(who, *carries_more)
        ),
        Why::LockedOut => {
            format!(
                "{who} was locked out, or had the invitation cancelled, by an operator; only `status: active` lets the person in again"
            )
        }
        Why::Dependents(by) => {
            let (depends, keeps) = if by.len() == 1 { ("depends", "keeps") } else { ("depend", "keep") };
            format!(
                "{} still {depends} on what shall be deleted, and {keeps} it: no plan takes it from who is inactive, \
                 protected, left to others or out of scope, nor from the account that rollcall itself uses; take it away \
                 in the store, or declare `status: absent` for who is out for good",
                folded(context, by.clone())
            )
        }
        Why::Behind(by) => {
            format!("{who} waits for what is to be decided about {}", folded(context, by.clone()))
        }
        Why::NoRoom(places) => format!(
            "{who} belongs to {}, out of scope, and can't be in another organization as well; have the person taken out \
             there, or take the line out",
            folded(context, places.clone())
        ),
        Why::Known(why) => format!("{who} {why}"),
        Why::Fields(_) | Why::Redefinition(_) | Why::Other => format!("{who} needs somebody's decision"),
    }
}

/// How an invitation goes out once more.
fn sent_again(who: &str, carries_more: bool) -> String {
    if carries_more {
        "it carries more than is declared, so it is not sent again as it is: to invite the person anew, take the entry \
         out, apply, and declare it again"
            .to_owned()
    } else {
        format!("to send it again, run `rollcall invitations resend {who}`")
    }
}

/// Whether a role is exchanged that nothing is lost by in the end.
fn is_rebuilt(deferred: &Deferred) -> bool {
    deferred.kind == ActionKind::ChangeRole && !deferred.risk.contains(&Risk::Removal)
}

/// `2 grants wait`, sorted by kind.
fn what_waits(group: &[&Deferred]) -> String {
    let mut kinds: BTreeMap<ActionKind, usize> = BTreeMap::new();
    for deferred in group {
        *kinds.entry(deferred.kind).or_default() += 1;
    }
    let parts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, number)| {
            let (one, many) = wanted(kind);
            count(number, one, many)
        })
        .collect();
    format!("{} {}", enumeration(&parts), if group.len() == 1 { "waits" } else { "wait" })
}

/// One line for each access that ends soon.
pub(super) fn expiring(context: Context<'_>, plan: &Plan) -> Entries {
    let lines = plan.expiring.iter().map(|expiring| {
        let &Expiring { user, organization, site, at, ref after, ref origins } = expiring;
        let organization = organization.filter(|&organization| organization != known::PLATFORM);
        let what = match (organization, site) {
            (Some(organization), Some(site)) => format!("{}/{}", context.name(organization), context.name(site)),
            (Some(organization), None) => context.name(organization),
            (None, _) => "the account".to_owned(),
        };
        let place = context.origin(origins.iter());
        let place = if place.is_empty() { place } else { format!(" ({place})") };
        let how = match after.as_ref().map(State::role) {
            None => format!("loses {what}"),
            Some(Some(role)) => format!("falls to {} of {what}", context.name(role)),
            Some(None) => format!("loses the role of {what}"),
        };
        format!("{} {how} at {}{place}", context.name(user), end(at, context.zone))
    });
    Entries { label: "expiring", lines: capped(lines.collect(), EXPIRING, context.style.verbose) }
}

/// One line for each password that is older than the rules allow.
pub(super) fn passwords_due(context: Context<'_>, plan: &Plan) -> Entries {
    let lines = plan.passwords_due.iter().map(|&PasswordDue { user, since, due }| {
        let (since, due) = (day(since, context.zone), day(due, context.zone));
        let who = context.name(user);
        format!(
            "{who} has set no other password since {since}, as far as the store knows; another one was due on {due}"
        )
    });
    let mut lines = capped(lines.collect(), EXPIRING, context.style.verbose);
    if !lines.is_empty() {
        lines.push("(rollcall reset-password KEY ends one; no plan does)".to_owned());
    }
    Entries { label: "passwords", lines }
}

/// How much is left alone, and the first of it.
pub(super) fn unmanaged(context: Context<'_>, plan: &Plan) -> Entries {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for unmanaged in &plan.unmanaged {
        *kinds.entry(unmanaged.kind).or_default() += 1;
    }
    let sums: Vec<String> = kinds.into_iter().map(|(kind, number)| count(number, kind, &format!("{kind}s"))).collect();
    let mut lines = Vec::new();
    if !sums.is_empty() {
        lines.push(format!("{}, left as they are", enumeration(&sums)));
    }
    let line = |entry: &&Unmanaged| {
        let Unmanaged { kind, name: of, reason, is_always_told: _, people: _ } = entry;
        format!("  {kind} {}: {}", context.style.name(of), sanitise(reason))
    };
    let (told, mut others): (Vec<&Unmanaged>, Vec<&Unmanaged>) =
        plan.unmanaged.iter().partition(|entry| entry.is_always_told);
    others.sort_by_key(|entry| Reverse(entry.people));
    lines.extend(told.iter().map(line));
    lines.extend(capped(others.iter().map(line).collect(), UNMANAGED, context.style.verbose));
    Entries { label: "unmanaged", lines }
}

/// At most so many lines, and then how many more there are.
fn capped(mut lines: Vec<String>, most: usize, verbose: bool) -> Vec<String> {
    if lines.len() > most && !verbose {
        let more = lines.len() - most;
        lines.truncate(most);
        lines.push(format!("and {} more (use -v or --format json)", number(more)));
    }
    lines
}

/// What the store does with accounts that are ended for now.
fn out(context: Context<'_>) -> &'static str {
    match context.rules.and_then(Rules::reversible_offboarding) {
        Some(OffBoarding::Strip) => "stripped of all access",
        Some(OffBoarding::Deactivate | OffBoarding::Delete | OffBoarding::Close) | None => "deactivated",
    }
}

/// `3 days ago`, `5 hours ago`, `just now`.
fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = usize::try_from(now.as_second().saturating_sub(then.as_second())).unwrap_or(0);
    match seconds {
        172_800.. => format!("{} days ago", number(seconds / 86_400)),
        7_200.. => format!("{} hours ago", number(seconds / 3_600)),
        120.. => format!("{} minutes ago", number(seconds / 60)),
        _ => "just now".to_owned(),
    }
}
