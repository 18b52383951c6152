//! What is declared against what is live: one row each in `status_table.txt`, which says how it is read.
//! `BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rollcall::manifest;
use rollcall::model::{Invitation, InvitationState, LiveRecord, LiveState, Membership, Names, Status};
use rollcall::plan::{AbsentUsers, CatalogPolicy, Inputs, Policy, Scope, StoreRef, action_id, plan};
use rollcall::rules;
use rollcall::source::Sources;

const KEY: &str = "ana@example.com";
const NOW: &str = "2027-06-01T00:00:00Z";
const HEAD: &str = "\
# What rollcall plans for one person, by what is declared and what is live; `tests/it/status_table.rs` checks it.
# `(…)` is deferred, with what it waits for; `-` is nothing. Everybody is declared with one role in one organization and
# has it; absent people are deactivated; the grace is 30 days, and who is inactive has been so for 10 (`long`: for 40).
";

/// How somebody is declared.
const DECLARED: [(&str, &str); 9] = [
    ("status left out", "access: { north: viewer }"),
    ("active", "status: active, access: { north: viewer }"),
    ("preloaded", "status: preloaded, access: { north: viewer }"),
    ("inactive", "status: inactive, access: { north: viewer }"),
    ("absent", "status: absent"),
    ("not declared", ""),
    ("under inactive:", "access: { north: viewer }"),
    ("expired", "expires: 2027-01-01, access: { north: viewer }"),
    ("not started", "starts: 2028-01-01, access: { north: viewer }"),
];

/// A live account by name: its status, and the state of its invitation.
type Live = (&'static str, Option<(Status, Option<InvitationState>)>);

/// What is live.
const LIVE: [Live; 10] = [
    ("not there", None),
    ("preloaded", Some((Status::Preloaded, Some(InvitationState::Suppressed)))),
    ("invited", Some((Status::Invited, Some(InvitationState::Pending)))),
    ("invitation expired", Some((Status::Invited, Some(InvitationState::Expired)))),
    ("declined", Some((Status::Invited, Some(InvitationState::Declined)))),
    ("no invitation", Some((Status::Invited, None))),
    ("active", Some((Status::Active, None))),
    ("inactive", Some((Status::Inactive, None))),
    ("inactive, long", Some((Status::Inactive, None))),
    ("closed", Some((Status::Closed, None))),
];

const RULES: [(&str, &str); 4] = [
    ("the default rules (invitations; deactivate, delete)", "extends: default"),
    ("onboarding: create", "extends: default\nonboarding: create"),
    ("offboarding: [strip, close]", "extends: default\noffboarding: [strip, close]\nallows: null"),
    ("offboarding: [delete]", "extends: default\noffboarding: [delete]"),
];

fn outcome(rules: &str, declared: (&str, &str), live: Live) -> String {
    let rules = rules::parse(rules, "rules.yaml", &|name| Err(format!("there is no {name}"))).expect("rules");
    let mut names = Names::new();
    let mut text =
        "organizations: { north: {} }\nroles: { viewer: {} }\nusers:\n  other@example.com: { access: {} }\n".to_owned();
    if !declared.1.is_empty() {
        writeln!(text, "  {KEY}: {{ {} }}", declared.1).expect("a text");
    }
    if declared.0 == "under inactive:" {
        writeln!(text, "inactive: [{KEY}]").expect("a text");
    }
    let mut sources = Sources::memory([("access/all.yaml".to_owned(), text.into_bytes())]);
    let reading = manifest::Reading { rules: &rules, time_zone: &jiff::tz::TimeZone::UTC };
    let loaded = manifest::load(&mut names, reading, &mut sources, &["access".to_owned()]);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let mut state = LiveState::default();
    state.catalog = loaded.desired.catalog.clone();
    let other = names.intern("other@example.com");
    let record = |key, status, invitation, memberships| LiveRecord {
        id: key,
        key,
        identity: Some(key),
        status,
        facts: Vec::new(),
        memberships,
        grants: Vec::new(),
        invitation,
    };
    state.push(record(other, Status::Active, None, Vec::new()));
    if let Some((status, invitation)) = live.1 {
        let membership = Membership {
            organization: names.intern("north"),
            role: Some(names.intern("viewer")),
            extra_roles: rollcall::model::List::EMPTY,
            default_site: None,
        };
        let memberships = if status == Status::Closed { Vec::new() } else { vec![membership] };
        let invitation = invitation.map(|state| Invitation { state, sent: None, ends: None });
        let key = names.intern(KEY);
        state.push(record(key, status, invitation, memberships));
        if status == Status::Inactive {
            let since = if live.0 == "inactive, long" { "2027-04-22T00:00:00Z" } else { "2027-05-22T00:00:00Z" };
            state.note_inactive_since(since.parse().expect("a time"));
        }
    }
    let policy = Policy {
        absent_users: AbsentUsers::Deactivate,
        catalog: CatalogPolicy::Create,
        grace: "30d".parse().expect("a period"),
        min_admins: 0,
        own_account: None,
        protected: Vec::new(),
        scope: Scope::ALL,
        locked_out: BTreeSet::new(),
        left_since: std::collections::BTreeMap::new(),
        time_zone: jiff::tz::TimeZone::UTC,
    };
    let store = StoreRef { name: "local".into(), kind: "test".into(), id: "test".into(), address: String::new() };
    let inputs = Inputs {
        names: &names,
        desired: &loaded.desired,
        live: &state,
        rules: &rules,
        policy: &policy,
        store: &store,
        at: NOW.parse().expect("a time"),
    };
    let plan = match plan(&inputs) {
        Ok(plan) => plan,
        Err(found) => return format!("error: {}", found[0].code.as_str()),
    };
    let word = |kind, subject| action_id(&names, kind, subject).replace(&format!(" {KEY}"), "");
    let mut words: Vec<String> = plan
        .actions
        .iter()
        .map(|action| {
            let instead = action.fall_back.map_or_else(String::new, |kind| format!(" else {}", kind.as_str()));
            word(action.kind, &action.subject) + &instead
        })
        .collect();
    words.extend(
        plan.deferred
            .iter()
            .map(|waiting| format!("({}: {})", word(waiting.kind, &waiting.subject), waiting.waits_for.as_str())),
    );
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn table() -> String {
    let mut text = HEAD.to_owned();
    let mut first: Vec<String> = Vec::new();
    for (at, (title, rules)) in RULES.into_iter().enumerate() {
        let note = if at == 0 { "" } else { " (only rows that differ from the first table)" };
        writeln!(text, "\n## {title}{note}\n").expect("a text");
        writeln!(text, "{:<16} | {:<18} | plan", "declared", "live").expect("a text");
        writeln!(text, "{:-<16}-|-{:-<18}-|-----", "", "").expect("a text");
        let mut row = 0;
        for declared in DECLARED {
            for live in LIVE {
                let found = outcome(rules, declared, live);
                if at == 0 || first[row] != found {
                    writeln!(text, "{:<16} | {:<18} | {found}", declared.0, live.0).expect("a text");
                }
                if at == 0 {
                    first.push(found);
                }
                row += 1;
            }
        }
    }
    text
}

#[test]
fn every_combination_of_declared_and_live_has_its_row() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/status_table.txt");
    let found = table();
    #[allow(clippy::disallowed_methods, reason = "whether to bless is said by the environment")]
    let bless = std::env::var_os("BLESS").is_some();
    if bless {
        std::fs::write(path, &found).expect("a file");
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    similar_asserts(&expected, &found);
}

fn similar_asserts(expected: &str, found: &str) {
    for (expected, found) in expected.lines().zip(found.lines()) {
        assert_eq!(expected, found, "see what changed, and bless it with BLESS=1 if it is right");
    }
    assert_eq!(expected.lines().count(), found.lines().count());
}
