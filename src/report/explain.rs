//! Explanations for people: who has what access, and the lines that say so.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::style::{Style, Tone, count, enumeration, name, number, sanitise, short, width};
use super::time::{beginning, end};
use super::words::{Context, every_site};
use crate::model::{
    DeclaredStatus, InvitationState, LeftAlone, Names, SourceLabel, Standing, Status, Value, Window, known,
};
use crate::plan::{
    Access, Contribution, FieldExplanation, FieldSide, Holder, KnownLockOut, Likely, PlaceExplanation, PlaceHolders,
    Places, UserExplanation,
};

/// Holders of a place that are printed without `-v`.
const HOLDERS: usize = 200;

/// All access of a user, place by place, with the lines that give it.
#[must_use]
pub fn explained_user(
    explanation: &UserExplanation,
    names: &Names,
    places: &dyn Places,
    (zone, style): (&TimeZone, Style),
) -> String {
    let UserExplanation {
        key,
        position,
        status,
        window,
        leaver,
        at,
        live,
        ended,
        locked_out,
        is_compared,
        fields,
        places: found,
    } = explanation;
    let context = context(names, places, (zone, style));
    let mut head: Vec<String> = vec![style.paint(Tone::Heading, &context.name(*key)).into_owned()];
    head.push(
        position
            .map_or_else(|| "not declared".to_owned(), |position| format!("declared in {}", line_of(places, position))),
    );
    if let Some((status, position)) = status {
        head.push(format!("status {} ({})", status.as_str(), line_of(places, *position)));
    }
    head.extend(window_words(*window, *at, zone));
    if let Some(leaver) = leaver {
        let from = match leaver.from {
            Some(from) if from > *at => format!(" from {}", beginning(from, zone)),
            Some(_) | None => String::new(),
        };
        let reason = leaver.reason.map(|reason| format!(": {}", sanitise(names.text(reason)))).unwrap_or_default();
        head.push(format!("named under `inactive`{from} ({}){reason}", line_of(places, leaver.position)));
    }
    match live {
        Some(live) => head.push(live_words(*live, *ended)),
        None if *is_compared => head.push("not in the store".to_owned()),
        None => {}
    }
    head.extend(locked_out.as_ref().map(|locked_out| lock_out_words(locked_out, zone)));
    let mut text = format!("{}\n", head.join("   "));
    let missing = missing(*live, locked_out.is_some(), true);
    text.push_str(&field_rows(context, fields, missing));
    if found.is_empty() {
        text.push_str("  no access\n");
    }
    for place in found {
        let title = title(context, place);
        text.push_str(&format!("\n{}   {}\n", style.paint(Tone::Heading, &title), access_words(context, place)));
        text.push_str(&live_line(context, place, (*is_compared && live.is_some()).then_some(missing)));
        text.push_str(&contributions(context, place, *at));
    }
    text
}

/// One line for each field, with what the store has where that is something else.
fn field_rows(context: Context<'_>, fields: &[FieldExplanation], missing: &str) -> String {
    let value = |side: FieldSide| {
        if side.is_everything { "everything".to_owned() } else { context.value(side.value) }
    };
    let told = |words: &str| format!("    {}\n", context.style.paint(Tone::Escalation, words));
    let row = |found: &FieldExplanation| {
        let &FieldExplanation { field, declared, live, is_left_alone, is_same } = found;
        let stored = live.map(value).unwrap_or_default();
        let (words, line) = match declared {
            Some((_, position)) if is_left_alone => {
                let now = if stored.is_empty() { String::new() } else { format!(", now {stored}") };
                (format!("managed by others: left as it is{now}"), line_of(context.places, position))
            }
            Some((declared, position)) => (value(declared), line_of(context.places, position)),
            None => (format!("{stored}, in the store only: nothing declares it"), String::new()),
        };
        let difference = match live {
            _ if is_same || declared.is_none() => String::new(),
            Some(FieldSide { value: Value::Null, is_everything: false }) => told(missing),
            Some(_) => told(&format!("in the store: {stored}")),
            None => String::new(),
        };
        ([context.name(field), words, line], difference)
    };
    let rows: Vec<([String; 3], String)> = fields.iter().map(row).collect();
    let widest = |column: usize| rows.iter().map(|(row, _)| width(&row[column])).max().unwrap_or(0);
    let (first, second) = (widest(0), widest(1));
    let mut text = String::new();
    for ([field, words, line], difference) in &rows {
        let pad = |text: &str, column: usize| " ".repeat(column.saturating_sub(width(text)));
        let row = format!("  {field}{}  {words}{}  {line}", pad(field, first), pad(words, second));
        text.push_str(&format!("{}\n{difference}", row.trim_end()));
    }
    text
}

/// The status in the store, and how the invitation of somebody who is not in yet has ended.
fn live_words(live: Status, ended: Option<InvitationState>) -> String {
    let ended = match ended {
        Some(InvitationState::Declined) => ", and declined the invitation",
        Some(InvitationState::Expired) => ", and the invitation has expired",
        Some(InvitationState::Cancelled) => ", and the invitation was cancelled",
        Some(InvitationState::Suppressed | InvitationState::Pending | InvitationState::Accepted) | None => "",
    };
    format!("{} in the store{ended}", live.as_str())
}

/// Who locked somebody out, when, and whether a line waits that would let the person in.
fn lock_out_words(locked_out: &KnownLockOut, zone: &TimeZone) -> String {
    let KnownLockOut { since, by, waits } = locked_out;
    let since = since.map(|since| format!(" since {}", beginning(since, zone))).unwrap_or_default();
    let by = by.as_ref().map(|by| format!(" ({})", sanitise(by))).unwrap_or_default();
    let waits = if *waits { ", and any `status: active` may be older and waits" } else { "" };
    format!("locked out by an operator{by}{since}{waits}")
}

/// How to say that the store lacks declared access: not to be had yet only by those whom nothing keeps out.
const fn missing(live: Option<Status>, is_locked_out: bool, is_let_in: bool) -> &'static str {
    match live {
        _ if is_locked_out => "not in the store: the person is locked out",
        Some(Status::Inactive | Status::Closed) => "not in the store: the account is not active",
        _ if !is_let_in => "not in the store",
        Some(Status::Preloaded | Status::Invited | Status::Active) | None => "not in the store yet",
    }
}

/// Everybody with access in an organization, or on a site.
#[must_use]
pub fn explained_place(
    found: &PlaceHolders,
    names: &Names,
    places: &dyn Places,
    (zone, style): (&TimeZone, Style),
) -> String {
    let context = context(names, places, (zone, style));
    let PlaceHolders { organization, site, position, at, is_compared, holders } = found;
    let style = context.style;
    let mut title = context.name(*organization);
    if let Some(site) = site {
        title.push('/');
        title.push_str(&context.name(*site));
    }
    let declared = position.map_or_else(
        || "not declared".to_owned(),
        |position| format!("declared in {}", line_of(context.places, position)),
    );
    let mut people = count(holders.len(), "person", "people");
    let able = holders.iter().filter(|holder| holder.may_log_in()).count();
    if *is_compared && able < holders.len() {
        people.push_str(&format!(", {} can log in", number(able)));
    }
    let mut text = format!("{}   {declared}   {people}\n", style.paint(Tone::Heading, &title));
    let shown = if style.verbose { holders.len() } else { holders.len().min(HOLDERS) };
    for Holder { key, name: called, live, ended, is_locked_out, standing, place, membership, sites } in
        &holders[..shown]
    {
        let mut words = access_words(context, place);
        if let Some(membership) = membership {
            words.push_str(&format!("; {}, by membership", access_words(context, membership)));
        }
        if site.is_none() && *sites > 0 {
            words.push_str(&format!(", {}", count(*sites, "site", "sites")));
        }
        if site.is_some() && place.site.is_none() {
            words.push_str(", by membership");
        }
        if let Some(why) = standing.and_then(|standing| keeps_out(standing, context.zone)) {
            words.push_str(&format!("; {why}"));
        }
        if *is_locked_out {
            words.push_str("; locked out by an operator");
        }
        let live_word = match live {
            Some(live) => format!("   {}", live_words(*live, *ended)),
            None if *is_compared => "   no account in the store".to_owned(),
            None => String::new(),
        };
        let is_let_in = standing.is_none_or(Standing::lets_in);
        let missing = (*is_compared && live.is_some()).then(|| missing(*live, *is_locked_out, is_let_in));
        let called = called.as_ref().map(|called| format!(" ({})", name(called))).unwrap_or_default();
        let key = context.name(*key);
        text.push_str(&format!("\n{}{called}   {words}{live_word}\n", style.paint(Tone::Heading, &key)));
        text.push_str(&live_line(context, place, missing));
        text.push_str(&contributions(context, place, *at));
        if let Some(membership) = membership {
            text.push_str(&live_line(context, membership, missing));
            text.push_str(&contributions(context, membership, *at));
        }
    }
    if shown < holders.len() {
        text.push_str(&format!("\nand {} more (use -v)\n", number(holders.len() - shown)));
    }
    text
}

fn context<'a>(names: &'a Names, places: &'a dyn Places, (zone, style): (&'a TimeZone, Style)) -> Context<'a> {
    Context {
        names,
        catalog: None,
        declared: None,
        whose: None,
        rules: None,
        zone,
        effects: None,
        places,
        style: style.telling_apart(names),
    }
}

/// That nothing has this name, and what may have been meant.
#[must_use]
pub fn not_found(asked: &str, likely: &Likely) -> String {
    let asked = short(asked);
    let Likely { found, contains: _, more } = likely;
    if found.is_empty() {
        return format!(
            "nobody and nothing is called `{asked}`; ask for the key of a user, for an organization, or for ORG/SITE\n"
        );
    }
    let mut text = format!("nobody and nothing is called exactly `{asked}`; did you mean:\n");
    for likely in found {
        text.push_str(&format!("  {}\n", name(likely)));
    }
    if *more > 0 {
        text.push_str(&format!("and {} more: type more of it\n", number(*more)));
    }
    text
}

/// That what follows is the only thing with a part of this name.
#[must_use]
pub fn found_by_part(asked: &str, found: &str) -> String {
    format!("nobody and nothing is called exactly `{}`; only {} is like it:\n\n", short(asked), name(found))
}

/// That an account has this key, and no manifest could say it.
#[must_use]
pub fn invalid_key(asked: &str) -> String {
    let asked = short(asked);
    format!(
        "an account of the store has the key `{asked}`, which is no valid one: plans leave it as it is; give it a valid \
         key in the store\n"
    )
}

/// Why the manifests let nobody in to an account, with all the access that it has.
fn keeps_out(standing: Standing, zone: &TimeZone) -> Option<String> {
    match standing {
        Standing::Wanted(Some(DeclaredStatus::Inactive)) => Some("declared inactive".to_owned()),
        Standing::Wanted(Some(DeclaredStatus::Absent)) => Some("declared absent".to_owned()),
        Standing::Wanted(Some(DeclaredStatus::Active | DeclaredStatus::Preloaded) | None) => None,
        Standing::NotYet(starts) => Some(format!("not before {}", beginning(starts, zone))),
        Standing::Expired(at) => Some(format!("over since {}", end(at, zone))),
        Standing::Left(_) => Some("named under `inactive`".to_owned()),
    }
}

fn title(context: Context<'_>, place: &PlaceExplanation) -> String {
    if place.organization == known::PLATFORM {
        return "the whole platform".to_owned();
    }
    let organization = context.name(place.organization);
    place.site.map_or_else(|| organization.clone(), |site| format!("{organization}/{}", context.name(site)))
}

fn access_words(context: Context<'_>, place: &PlaceExplanation) -> String {
    if place.left_alone.membership {
        return "managed by others: left as it is".to_owned();
    }
    let Some(access) = place.declared else {
        if place.live.is_none() {
            return "nothing today".to_owned();
        }
        if place.site.is_some() && place.left_alone.sites {
            return format!("managed by others: left as it is{}", through(context, place));
        }
        let words = format!("in the store only: nothing declares it{}", through(context, place));
        return context.style.paint(Tone::Removal, &words).into_owned();
    };
    let mut words = words_of(context, place, access);
    if let Some(sites) = place.reaches {
        words.push_str(&every_site(sites));
    }
    words.push_str(&through(context, place));
    let LeftAlone { membership: _, role, extra_roles, sites } = place.left_alone;
    let parts = [(role, "the role"), (extra_roles, "extra roles"), (sites, "sites")];
    let left: Vec<String> =
        parts.into_iter().filter(|&(is_left, _)| is_left).map(|(_, part)| part.to_owned()).collect();
    if place.site.is_none() && !left.is_empty() {
        words.push_str(&format!(", {} managed by others", enumeration(&left)));
    }
    words
}

/// `, through pit-1`, where it is only included in what is given.
fn through(context: Context<'_>, place: &PlaceExplanation) -> String {
    let names: Vec<String> = place.through.iter().map(|&name| context.name(name)).collect();
    if names.is_empty() { String::new() } else { format!(", through {}", enumeration(&names)) }
}

fn words_of(context: Context<'_>, place: &PlaceExplanation, access: Access) -> String {
    let Access { role, extra_roles, default_site } = access;
    let mut words = match (role, place.site) {
        (Some(role), _) => context.name(role),
        (None, Some(_)) => "granted".to_owned(),
        (None, None) if place.left_alone.role => "member".to_owned(),
        (None, None) => "member without a role".to_owned(),
    };
    words.push_str(&context.extra_roles(extra_roles));
    if let Some(site) = default_site {
        words.push_str(&format!(", default site {}", context.name(site)));
    }
    words
}

/// What the store has there, where that is something else; `missing`: how to say that it has nothing, where it is asked.
fn live_line(context: Context<'_>, place: &PlaceExplanation, missing: Option<&str>) -> String {
    let declared = place.declared.filter(|_| place.live.is_some());
    let differs_in_reach = declared.is_some() && place.reaches.is_some() != place.live_reaches.is_some();
    let is_told = place.live != place.declared || differs_in_reach;
    let Some(missing) = missing.filter(|_| is_told) else { return String::new() };
    if place.declared.is_none() && place.site.is_some() && place.left_alone.sites {
        return String::new();
    }
    let words = match place.live {
        Some(live) => {
            let reach = match place.live_reaches {
                Some(sites) => every_site(sites),
                None if place.reaches.is_some() => ", only the sites that are granted".to_owned(),
                None => String::new(),
            };
            format!("in the store: {}{reach}", words_of(context, place, live))
        }
        None => missing.to_owned(),
    };
    format!("  {}\n", context.style.paint(Tone::Escalation, &words))
}

/// A contribution in words; the order is that of printing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    is_weaker: bool,
    place: (String, u32, u32),
    /// Role, why, where.
    texts: [String; 3],
}

/// One line each, those that decide first, in columns.
fn contributions(context: Context<'_>, place: &PlaceExplanation, at: Timestamp) -> String {
    let mut rows: Vec<Row> = place
        .contributions
        .iter()
        .map(|contribution| {
            let &Contribution { role, extra_roles, position, source, through, member, window, counts } = contribution;
            let label = |label: SourceLabel| match label {
                SourceLabel::Team(team) => format!("team {}", context.name(team)),
                SourceLabel::SiteGrant => "a site grant".to_owned(),
            };
            let mut why = source.map_or_else(|| "own access".to_owned(), label);
            if let Some(through) = through {
                why.push_str(&format!(" through {}", label(through)));
            }
            let without = if place.site.is_some() { "granted" } else { "no role" };
            let mut role = role.map_or_else(|| without.to_owned(), |role| context.name(role));
            role.push_str(&context.extra_roles(extra_roles));
            let place = context.places.place(position);
            let mut line = format!("{}:{}", sanitise(&place.0), place.1);
            if let Some(member) = member {
                line.push_str(&format!(", named in {}", line_of(context.places, member)));
            }
            let when = window_words(window, at, context.zone);
            if !when.is_empty() {
                line.push_str(&format!("   {}", when.join(", ")));
            }
            if !counts && window.holds(at) {
                let what = if extra_roles.is_empty() { "weaker" } else { "weaker role" };
                line.push_str(&format!("   ({what}, does not count)"));
            }
            Row { is_weaker: !counts, place, texts: [role, why, line] }
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    let widest = |column: usize| rows.iter().map(|row| width(&row.texts[column])).max().unwrap_or(0);
    let (first, second) = (widest(0), widest(1));
    let mut text = String::new();
    for Row { texts: [role, why, line], .. } in &rows {
        let pad = |text: &str, column: usize| " ".repeat(column.saturating_sub(width(text)));
        text.push_str(&format!("  {role}{}  {why}{}  {line}\n", pad(role, first), pad(why, second)));
    }
    text
}

/// `from 2027-06-01, until the end of 2027-06-30`, or that it is over.
fn window_words(window: Window, at: Timestamp, zone: &TimeZone) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(window.starts.filter(|&starts| starts > at).map(|starts| format!("from {}", beginning(starts, zone))));
    words.extend(window.expires.map(|expires| {
        if expires <= at {
            format!("over since {}", end(expires, zone))
        } else {
            format!("until {}", end(expires, zone))
        }
    }));
    words
}

fn line_of(places: &dyn Places, position: crate::diagnostic::Position) -> String {
    let (file, line, _) = places.place(position);
    format!("{}:{line}", sanitise(&file))
}
