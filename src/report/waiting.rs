//! What is not done: what waits, what ends soon, what is left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::style::{count, enumeration, name, number, sanitise};
use super::time::{beginning, end};
use super::words::{Context, wanted};
use crate::model::{ActionKind, known};
use crate::plan::{Deferred, Expiring, Plan, State, Unmanaged, WaitsFor};

/// Entries of each kind that are printed without `-v`.
const WAITING: usize = 100;
const EXPIRING: usize = 50;
const UNMANAGED: usize = 10;

/// A label and its lines, each safe to print.
pub(super) struct Entries {
    pub(super) label: &'static str,
    pub(super) lines: Vec<String>,
}

/// One line for each person and thing waited for.
pub(super) fn waiting(context: Context<'_>, plan: &Plan) -> Entries {
    let text = |name: Option<_>| name.map_or("", |name| context.names.text(name));
    let mut groups: BTreeMap<(&str, &str, WaitsFor, u8), Vec<&Deferred>> = BTreeMap::new();
    for deferred in &plan.deferred {
        let subject = deferred.subject;
        // What waits for an admin place or the catalog waits in one place; all else waits with the person.
        let place = match deferred.waits_for {
            WaitsFor::Successor | WaitsFor::Catalog => text(subject.organization),
            WaitsFor::Acceptance
            | WaitsFor::Seat
            | WaitsFor::Key
            | WaitsFor::Grace
            | WaitsFor::Decision
            | WaitsFor::Start
            | WaitsFor::Field
            | WaitsFor::Enrolment
            | WaitsFor::OwnAccount
            | WaitsFor::Protected => "",
        };
        let who = text(subject.user.or(subject.role).or(subject.organization));
        let reactivation = u8::from(deferred.kind == ActionKind::ReactivateUser);
        groups.entry((who, place, deferred.waits_for, reactivation)).or_default().push(deferred);
    }
    let hidden: Vec<&Deferred> = groups.values().skip(WAITING).flatten().copied().collect();
    let lines = groups.into_iter().map(|((who, place, waits_for, _), group)| {
        let sentence = sentence(plan.at, &name(who), &name(place), waits_for, &group);
        let place = context.origin(group.iter().flat_map(|deferred| &deferred.origins));
        let place = if place.is_empty() { place } else { format!(" ({place})") };
        format!("{sentence}: {}{place}", what_waits(&group))
    });
    Entries { label: "waiting", lines: capped(lines.collect(), WAITING, context.style.verbose, || what_waits(&hidden)) }
}

fn sentence(at: Timestamp, who: &str, place: &str, waits_for: WaitsFor, group: &[&Deferred]) -> String {
    let short = group.iter().filter_map(|deferred| deferred.shortfall).max();
    let short = |one: &str, many: &str| {
        short.map(|short| format!(" ({} missing)", count(short as usize, one, many))).unwrap_or_default()
    };
    match waits_for {
        WaitsFor::Acceptance => {
            let since = group.iter().filter_map(|deferred| deferred.since).min();
            let until = group.iter().filter_map(|deferred| deferred.until).max();
            let mut times: Vec<String> = since.map(|since| format!("sent {}", ago(at, since))).into_iter().collect();
            times.extend(until.map(|until| format!("ends {}", day(until))));
            let times = if times.is_empty() { String::new() } else { format!(" ({})", times.join(", ")) };
            format!("{who} has not accepted the invitation{times}")
        }
        WaitsFor::Seat => format!("no seat is free for {who}{}", short("seat", "seats")),
        WaitsFor::Successor => {
            let place = if place.is_empty() { "the platform" } else { place };
            format!("{place} would be left with too few admins without {who}{}", short("admin", "admins"))
        }
        WaitsFor::Key => format!("another account has the key {who}"),
        WaitsFor::Grace => format!("{who} was deactivated too short a time ago to be deleted"),
        WaitsFor::Decision => decision(who, group),
        WaitsFor::Start => match group.iter().filter_map(|deferred| deferred.until).min() {
            Some(starts) => format!("{who} starts {}", beginning(starts)),
            None => format!("{who} starts later"),
        },
        WaitsFor::Catalog => {
            let place = if place.is_empty() { "something that it needs" } else { place };
            format!("{who} waits for {place}, which rollcall may not create in this store")
        }
        WaitsFor::Field => format!("{who} lacks a field that the store demands"),
        WaitsFor::Enrolment => format!("{who} has not enrolled yet"),
        WaitsFor::OwnAccount => format!("{who} is the account that rollcall itself uses, and loses nothing"),
        WaitsFor::Protected => format!("{who} is protected by the settings"),
    }
}

/// What somebody has to decide.
fn decision(who: &str, group: &[&Deferred]) -> String {
    if group.iter().any(|deferred| deferred.kind == ActionKind::ReactivateUser) {
        return format!("{who} was deactivated or closed in the store; only `status: active` undoes a deactivation");
    }
    if group.iter().any(|deferred| deferred.kind == ActionKind::ResendInvitation) {
        return format!("the invitation of {who} was declined or has expired, and is not renewed by itself");
    }
    format!("{who} needs somebody's decision")
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
        format!("{} {how} at {}{place}", context.name(user), end(at))
    });
    Entries { label: "expiring", lines: capped(lines.collect(), EXPIRING, context.style.verbose, String::new) }
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
    let entries = plan.unmanaged.iter().map(|entry| {
        let Unmanaged { kind, name: of, reason } = entry;
        format!("  {kind} {}: {}", name(of), sanitise(reason))
    });
    lines.extend(capped(entries.collect(), UNMANAGED, context.style.verbose, String::new));
    Entries { label: "unmanaged", lines }
}

/// At most so many lines, and then how many more there are; `kinds` tells what they are about.
fn capped(mut lines: Vec<String>, most: usize, verbose: bool, kinds: impl FnOnce() -> String) -> Vec<String> {
    if lines.len() > most && !verbose {
        let more = lines.len() - most;
        lines.truncate(most);
        let kinds = kinds();
        let kinds = if kinds.is_empty() { kinds } else { format!(": {kinds}") };
        lines.push(format!("and {} more{kinds} (use -v or --format json)", number(more)));
    }
    lines
}

/// The day in UTC.
fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
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
