//! What people read: plans and outcomes as text; the plan as JSON.

mod folding;
mod html;
mod markdown;

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use proptest::prelude::{any, proptest};
use rollcall::apply::OutcomeWord;
use rollcall::diagnostic::{Code, Diagnostic, FileId, Position};
use rollcall::model::{ActionKind, Catalog, Organization, Role, Site, SiteAccess, known};
use rollcall::plan::{
    Affected, Deferred, Expiring, GuardDocument, People, Plan, PlanDocument, Risk, Subject, Unmanaged, WaitsFor,
    action_id, document, schema,
};
use rollcall::report::{self, OutcomeLine, PlanText, Style, outcome_line, outcomes, sanitise};

use crate::support::plans::{Draft, Lines, at, every_line, timestamp};

fn print(draft: &Draft, plan: &Plan, style: Style) -> String {
    let text = PlanText {
        plan,
        names: &draft.names,
        catalog: None,
        desired: None,
        rules: None,
        zone: &TimeZone::UTC,
        places: &Lines,
        guards: &[],
        apply: Some("rollcall apply"),
        as_of: None,
        style,
    };
    report::plan(&text)
}

fn deferred(draft: &mut Draft, kind: ActionKind, subject: [&str; 3], waits_for: WaitsFor) -> Deferred {
    let subject = draft.subject(subject);
    Deferred {
        kind,
        subject,
        waits_for,
        shortfall: None,
        since: None,
        until: None,
        obstacle: None,
        before: None,
        after: None,
        risk: Vec::new(),
        origins: at(0, 33),
    }
}

/// Everything that a plan can say beside its actions.
fn full() -> (Draft, Plan) {
    let mut draft = every_line();
    let mut plan = draft.plan();
    plan.people = People { join: 3, leave: 2, gain: 2, lose: 3 };
    for site in ["pit-1", "pit-2"] {
        let mut grant = deferred(
            &mut draft,
            ActionKind::GrantSite,
            ["zoe@example.com", "north-quarries", site],
            WaitsFor::Acceptance,
        );
        grant.since = Some(timestamp("2026-11-19T08:00:00Z"));
        grant.until = Some(timestamp("2026-11-26T08:00:00Z"));
        plan.deferred.push(grant);
    }
    for waits_for in WaitsFor::ALL {
        let kind = match waits_for {
            WaitsFor::Decision => ActionKind::ReactivateUser,
            WaitsFor::Successor => ActionKind::RemoveMembership,
            _ => ActionKind::InviteUser,
        };
        let mut entry = deferred(&mut draft, kind, ["yan@example.com", "north-quarries", ""], waits_for);
        entry.shortfall = matches!(waits_for, WaitsFor::Seat | WaitsFor::Successor).then_some(1);
        plan.deferred.push(entry);
    }
    plan.expiring.push(Expiring {
        user: draft.name("max@example.com"),
        organization: Some(draft.name("north-quarries")),
        site: None,
        at: timestamp("2026-11-30T23:00:00Z"),
        after: None,
        origins: at(0, 40),
    });
    for index in 0..12 {
        let name = format!("north-quarries/old-{index:02}");
        plan.unmanaged.push(Unmanaged::new("site", name, "not declared"));
    }
    plan.diagnostics.push(
        Diagnostic::warning(Code::SitesUnderAll, "sites of ana@example.com under `manager`")
            .at(Position::new(FileId(0), 14), "listed here")
            .help("leave them out"),
    );
    (draft, plan)
}

#[test]
fn a_plan_with_every_line() {
    let (draft, plan) = full();
    assert_snapshot!(print(&draft, &plan, Style::default()), @r#"
        store production (scim, https://id.example.com)   1,506 people live, 1,507 declared   read complete

        people
          - ben@example.com  deactivated (was operator of north-quarries, 2 sites)  not declared
          - eve@example.com  deleted, or closed if it was ever used                 can't be undone         access/north.yaml:90
          ! wei@example.com  renamed from li.wei@example.com                        escalation              access/north.yaml:44
          ~ ana@example.com  given name Ana → Anna, language fr → (empty)                                   access/north.yaml:12
          + li@example.com   invited: operator of north-quarries, pit-1 and pit-2   1 mail                  access/north.yaml:18
          + max@example.com  created: operator of south-quarries, pit-7 and pit-8   access/north.yaml:30 +2
          + uma@example.com  reactivated                                            1 mail, access returns  access/north.yaml:60
        catalog, with access that changes by it
          ! role operator    name Operators → "Operators of pits"                   escalation
        north-quarries
          - ole@example.com  manager → user                                         the last admin          access/north.yaml:15
          - pia@example.com  removed (was operator, 1 site)                         not declared
          ! ana@example.com  operator → manager                                     escalation              access/north.yaml:14
          + kim@example.com  gains 4 sites                                                                  access/north.yaml:21
        south-quarries
          - tom@example.com  loses site pit-8                                       not declared there
          ~ joy@example.com  default site pit-7 → pit-8                             access/south.yaml:11 +1
          + kim@example.com  pit-8: read → write, gains site pit-7 again            drift  access/south.yaml:9 +1
        catalog
          - role ghost       deleted
          + south-quarries   new organization, sites pit-7 and pit-8 created        access/south.yaml:1 +1
          + role auditor     new role: no rank

        waiting    yan@example.com has not accepted the invitation: 1 invitation waits (access/north.yaml:33)
                   no seat is free for yan@example.com (1 seat missing): 1 invitation waits (access/north.yaml:33)
                   another account has the key yan@example.com: 1 invitation waits (access/north.yaml:33)
                   since when yan@example.com is deactivated is not known, so the time of grace is not over; write the day into the store (`deactivated_at`), or apply once with `manage: { grace: 0d }`, which counts for every tombstone: 1 invitation waits (access/north.yaml:33)
                   yan@example.com was deactivated in the store; only `status: active` undoes a deactivation: 1 reactivation waits (access/north.yaml:33)
                   yan@example.com starts later: 1 invitation waits (access/north.yaml:33)
                   yan@example.com lacks a field that the store demands: 1 invitation waits (access/north.yaml:33)
                   yan@example.com has not enrolled for two-factor authentication yet, which nobody else can do: 1 invitation waits (access/north.yaml:33)
                   yan@example.com is the account that rollcall itself uses, and loses nothing: 1 invitation waits (access/north.yaml:33)
                   yan@example.com is protected by the settings: 1 invitation waits (access/north.yaml:33)
                   north-quarries would be left with too few admins without yan@example.com (1 admin missing): 1 removal waits (access/north.yaml:33)
                     waits: no longer member of north-quarries
                   yan@example.com waits for north-quarries, which rollcall may not create in this store: 1 invitation waits (access/north.yaml:33)
                   zoe@example.com has not accepted the invitation (sent 3 days ago, ends 2026-11-26): 2 grants wait (access/north.yaml:33)
                     waits: site north-quarries/pit-1 and north-quarries/pit-2
        expiring   max@example.com loses north-quarries at 2026-11-30 23:00 UTC (access/north.yaml:40)
        unmanaged  12 sites, left as they are
                     site north-quarries/old-00: not declared
                     site north-quarries/old-01: not declared
                     site north-quarries/old-02: not declared
                     site north-quarries/old-03: not declared
                     site north-quarries/old-04: not declared
                     site north-quarries/old-05: not declared
                     site north-quarries/old-06: not declared
                     site north-quarries/old-07: not declared
                     site north-quarries/old-08: not declared
                     site north-quarries/old-09: not declared
                   and 2 more (use -v or --format json)

        27 actions: 1 organization created, 2 sites created, 1 role created, 1 role redefined, 1 role deleted, 1 invited,
            1 created, 1 profile changed, 1 renamed, 1 deactivated, 1 reactivated, 1 deleted, 1 membership added,
            2 roles changed, 1 membership changed, 1 membership removed, 7 sites granted, 1 site role changed,
            1 site revoked
        people: 3 join, 2 leave, 3 lose access and 2 gain access; 1 account's address or two-factor authentication changes
        causes: 1 drift, 26 not known
        digest sha256:95290fce…   apply exactly this with: rollcall apply --approved sha256:95290fce4bdd6bae9d8285b04c0355bf4e091ad503e60b3246496ffee2734c35
    "#);
}

#[test]
fn roles_that_reach_every_site_say_so_and_guards_stand_below() {
    let mut draft = Draft::default();
    let (operator, manager) = (draft.role("operator"), draft.role("manager"));
    let action = draft.push(ActionKind::ChangeRole, ["ana@example.com", "north", ""], Some(operator), Some(manager));
    action.risk = vec![Risk::Escalation];
    let plan = draft.plan();
    let mut catalog = Catalog::default();
    let mut north = Organization::default();
    north.sites.insert(draft.name("pit-1"), Site::default());
    catalog.organizations.insert(draft.name("north"), north);
    let role = Role { site_access: SiteAccess::All, ..Role::default() };
    catalog.roles.insert(draft.name("manager"), role);
    let guard = |name: &str, refused| GuardDocument {
        name: name.to_owned(),
        organization: None,
        count: 1,
        limit: 376,
        refused,
        unanswered: None,
    };
    let text = PlanText {
        plan: &plan,
        names: &draft.names,
        catalog: Some(&catalog),
        desired: None,
        rules: None,
        zone: &TimeZone::UTC,
        places: &Lines,
        guards: &[guard("removals", false), guard("mails", true), guard("escalations", false)],
        apply: None,
        as_of: None,
        style: Style { width: 60, ..Style::default() },
    };
    assert_snapshot!(report::plan(&text), @r#"
        store production (scim, https://id.example.com)   1,506 people live, 1,507 declared   read complete

        north
          ! ana@example.com  operator → manager, every site (1)
                             escalation

        guards     mails 1 of 376   REFUSED
                   removals 1 of 376   escalations 1 of 376

        1 action: 1 role changed
        people: nobody's access changes
        digest sha256:b24c3b9eb1f8debc9f34c110ca8541923ac0ae303d57b09764f4827536057ba8
        "#);
}

#[test]
fn nothing_to_do_is_said_also_when_something_waits() {
    let (draft, full) = full();
    let mut plan = Draft::default().plan();
    assert_snapshot!(print(&draft, &plan, Style::default()), @r#"
        store production (scim, https://id.example.com)   1,506 people live, 1,507 declared   read complete

        no changes
        "#);
    plan.deferred = full.deferred[..2].to_vec();
    let text = print(&draft, &plan, Style::default());
    assert!(text.contains("zoe@example.com") && text.ends_with("no changes\n"), "{text}");
}

#[test]
fn a_partial_read_is_loud() {
    let (draft, mut plan) = full();
    plan.gaps = vec![("users", "page 3 of 8 timed out\u{1b}[2J".to_owned())];
    let text = print(&draft, &plan, Style::default());
    let head: Vec<&str> = text.lines().take(3).collect();
    assert!(!text.contains("apply exactly this"), "what can't be applied is not offered");
    assert_snapshot!(head.join("\n"), @r#"
        store production (scim, https://id.example.com)   1,506 people read, 1,507 declared   READ ONLY IN PART
          ! users: page 3 of 8 timed out\u{1b}[2J
          From a partial read nobody is removed, invited, created or reactivated; this plan can't be applied.
        "#);
}

#[test]
fn names_can_not_harm_a_terminal() {
    let long = "x".repeat(3_000);
    let hostile =
        ["\u{202e}moc", "\u{1b}[2J\u{1b}]0;t\u{7}", "a\nb - everybody removed", "@everyone", &long, "北京市の採石場"];
    let mut draft = Draft::default();
    for name in hostile {
        let state = draft.membership(name, &[(name, name)]);
        draft.push(ActionKind::RemoveMembership, [name, name, ""], Some(state), None).risk = vec![Risk::Removal];
        let account = draft.account(known::INVITED, &[(name, name)], &[(name, name)]);
        draft.push(ActionKind::InviteUser, [name, "", ""], None, Some(account));
        let (before, after) = (draft.facts(&[("given_name", name)]), draft.facts(&[("given_name", "b")]));
        draft.push(ActionKind::UpdateUser, [name, "", ""], Some(before), Some(after));
        draft.push(ActionKind::CreateSite, ["", name, name], None, None);
    }
    let mut plan = draft.plan();
    for name in hostile {
        plan.unmanaged.push(Unmanaged::new("user", name.to_owned(), "no valid key"));
        plan.deferred.push(deferred(&mut draft, ActionKind::GrantSite, [name, name, name], WaitsFor::Catalog));
        plan.store.name = name.to_owned();
        plan.store.id = name.to_owned();
    }
    let text = print(&draft, &plan, Style::default());
    assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
    assert!(!text.contains('\u{202e}') && !text.lines().any(|line| line.trim_start().starts_with("b - ")), "{text}");
    assert!(
        text.contains("\\u{202e}moc") && text.contains("a\\nb - everybody removed") && text.contains("北京市の採石場")
    );
    assert!(text.lines().all(|line| line.chars().count() < 600), "{text}");
    let lines: Vec<OutcomeLine> = plan
        .actions
        .iter()
        .map(|action| outcome_line((&draft.names, Style::default()), action, OutcomeWord::Failed, Some("no\u{1b}[2J")))
        .collect();
    let text = outcomes(&lines, Style::default());
    assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
}

#[test]
fn colour_changes_no_word() {
    let (draft, plan) = full();
    let without = print(&draft, &plan, Style::default());
    let coloured = print(&draft, &plan, Style { colour: true, ..Style::default() });
    assert!(coloured.contains("\u{1b}[31m"), "removals are red");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), without);
}

#[test]
fn outcomes_tell_what_went_wrong_first() {
    let draft = every_line();
    let found = [
        (OutcomeWord::Refused, Some("no seat is left")),
        (OutcomeWord::Skipped, Some("needs the invitation of li@example.com")),
        (OutcomeWord::Unknown, None),
    ];
    let others = std::iter::repeat((OutcomeWord::Done, None));
    let lines: Vec<OutcomeLine> = draft
        .actions
        .iter()
        .rev()
        .zip(found.into_iter().chain(others))
        .map(|(action, (outcome, detail))| outcome_line((&draft.names, Style::default()), action, outcome, detail))
        .collect();
    assert_snapshot!(outcomes(&lines, Style::default()), @r#"
        unknown
          kim@example.com in south-quarries/pit-8  site role change
        refused: no seat is left
          joy@example.com in south-quarries  membership change
        skipped: needs the invitation of li@example.com
          tom@example.com in south-quarries/pit-8  revocation

        27 actions: 24 done, 1 skipped, 1 refused, 1 unknown
        "#);
    assert!(outcomes(&lines, Style { verbose: true, ..Style::default() }).contains("role auditor"));
    assert_snapshot!(outcomes(&[], Style::default()), @"nothing was to be done");
}

#[test]
fn a_cause_that_many_share_is_told_once() {
    let draft = every_line();
    let causes =
        [Some("the disk is full"), Some("the disk is full"), Some("no seat is left"), Some("the disk is full")];
    let failed = causes.into_iter().map(|cause| (OutcomeWord::Failed, cause));
    let lines: Vec<OutcomeLine> = draft
        .actions
        .iter()
        .zip(failed.chain(std::iter::repeat((OutcomeWord::Done, None))))
        .map(|(action, (outcome, detail))| outcome_line((&draft.names, Style::default()), action, outcome, detail))
        .collect();
    assert_snapshot!(outcomes(&lines, Style::default()), @r#"
        failed: the disk is full (3 actions)
          role auditor          new role
          south-quarries        new organization
          south-quarries/pit-7  new site
        failed: no seat is left
          south-quarries/pit-8  new site

        27 actions: 23 done, 4 failed
        "#);
    let many: Vec<OutcomeLine> = (0..300)
        .map(|index| OutcomeLine {
            subject: format!("user-{index:03}"),
            action: "invitation".to_owned(),
            outcome: OutcomeWord::Failed,
            detail: Some(if index < 10 { "a".to_owned() } else { "b".to_owned() }),
        })
        .collect();
    let text = outcomes(&many, Style::default());
    assert!(
        text.contains("failed: b (290 actions)") && text.contains("  and 90 more: 90 × invitation (use -v)"),
        "{text}"
    );
    assert!(text.contains("failed: a (10 actions)\n  and 10 more: 10 × invitation (use -v)"), "{text}");
}

#[test]
fn the_document_fits_its_schema_and_reads_back() {
    let (draft, mut plan) = full();
    let last = u32::try_from(plan.actions.len() - 1).expect("few");
    let role = draft.names.find("operator");
    let key = draft.names.find("ana@example.com").expect("a name");
    let affected = Affected { gain: vec![key], ..Affected::default() };
    plan.effects.affected.insert(Subject { role, ..Subject::default() }, affected);
    plan.actions[last as usize].needs = vec![6, 0];
    plan.actions[last as usize].risk = vec![Risk::Removal, Risk::Escalation, Risk::Mail];
    let written = document(&plan, &draft.names, &Lines);
    let json = serde_json::to_value(&written).expect("json");
    let schema = serde_json::to_value(schema()).expect("json");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(&json).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let read: PlanDocument = serde_json::from_value(json.clone()).expect("reads back");
    assert_eq!(serde_json::to_value(&read).expect("json"), json);

    // Whatever member is taken away or added, at any depth of a list, neither schema nor reader takes it.
    for pointer in [
        "",
        "/store",
        "/basis",
        "/summary/people",
        "/actions/0",
        "/actions/0/origins/0",
        "/deferred/0",
        "/affected/0",
        "/unmanaged/0",
        "/expiring/0",
        "/diagnostics/0",
    ] {
        let members = json.pointer(pointer).and_then(serde_json::Value::as_object).map(|object| object.keys().cloned());
        let members: Vec<String> = members.into_iter().flatten().collect();
        assert!(!members.is_empty(), "{pointer}");
        for member in members.iter().map(Some).chain([None]) {
            let mut changed = json.clone();
            let object = changed.pointer_mut(pointer).and_then(serde_json::Value::as_object_mut).expect("an object");
            match member {
                Some(member) => drop(object.remove(member)),
                None => drop(object.insert("further".to_owned(), serde_json::Value::Null)),
            }
            assert!(!validator.is_valid(&changed), "{pointer} {member:?} by schema");
            assert!(serde_json::from_value::<PlanDocument>(changed).is_err(), "{pointer} {member:?} by reader");
        }
    }

    let action = serde_json::to_string_pretty(&read.actions[last as usize]).expect("json");
    assert_snapshot!(action, @r#"
        {
          "id": "update_membership joy@example.com south-quarries",
          "action": "update_membership",
          "user": "joy@example.com",
          "organization": "south-quarries",
          "site": null,
          "role": null,
          "before": {
            "default_site": "pit-7"
          },
          "after": {
            "default_site": "pit-8"
          },
          "else": null,
          "cause": "unknown",
          "risk": [
            "escalation",
            "mail",
            "removal"
          ],
          "needs": [
            "create_organization south-quarries",
            "deactivate_user ben@example.com"
          ],
          "reason": "",
          "origins": [
            {
              "file": "access/south.yaml",
              "line": 11,
              "column": 7,
              "via": null
            },
            {
              "file": "access/south.yaml",
              "line": 12,
              "column": 7,
              "via": "team:name"
            }
          ]
        }
        "#);
    let diagnostic = serde_json::to_string(&written.diagnostics[0]).expect("json");
    assert_snapshot!(diagnostic, @r#"
        {"code":"sites-under-all","severity":"warning","message":"sites of ana@example.com under `manager`","file":"access/north.yaml","line":14,"column":7,"help":"listed here; leave them out"}
        "#);
}

#[test]
fn ids_leave_out_what_is_empty_and_encode_what_could_part() {
    let mut draft = Draft::default();
    let subject = draft.subject(["ana b@example.com", "north/quarries %", "pit~1"]);
    let id = action_id(&draft.names, ActionKind::GrantSite, &subject);
    assert_eq!(id, "grant_site ana%20b@example.com north%2Fquarries%20%25 pit~1");
    let mut platform = draft.subject(["zoé", "", ""]);
    platform.organization = Some(known::PLATFORM);
    assert_eq!(action_id(&draft.names, ActionKind::ChangeRole, &platform), "change_role zo%C3%A9");
}

proptest! {
    #[test]
    fn whatever_a_name_is_it_stays_on_its_line(name in any::<String>(), role in any::<String>()) {
        let safe = sanitise(&name);
        assert!(!safe.chars().any(char::is_control));
        assert_eq!(sanitise(&safe), safe);
        let mut draft = Draft::default();
        let state = draft.membership(&role, &[(&name, &role)]);
        let user = format!("user {name}");
        draft.push(ActionKind::RemoveMembership, [&user, "north", ""], Some(state), None);
        let plan = draft.plan();
        let text = print(&draft, &plan, Style::default());
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'));
        // Store, gap, heading, line (perhaps with a second one for its note), gap, two sums, digest.
        assert!((8..=9).contains(&text.lines().count()), "{text}");
    }
}
