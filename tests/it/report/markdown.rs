//! Comments under pull requests: they always fit, they tell what matters, and nothing in them works but what was meant,
//! as another program reads them.

use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use rollcall::diagnostic::{Code, Diagnostic, FileId, Position};
use rollcall::guard::{Judgement, judge};
use rollcall::model::{ActionKind, List, Name, known};
use rollcall::plan::{
    Census, DiagnosticDocument, Headcount, Impact, ImpactCourse, OrganizationImpact, People, PersonImpact, PlaceImpact,
    Places, Plan, Risk, Shift, Unmanaged, WaitsFor,
};
use rollcall::report::{
    Cause, MOST, MistakesText, PlanText, ReviewText, Style, annotations, github, gitlab, markdown, markdown_mistakes,
    marker,
};
use serde_json::Value;

use super::deferred;
use crate::support::plans::{Draft, at, usual_limits};

/// What somebody may try to have a comment do.
pub(super) const HOSTILE: [&str; 24] = [
    "@everyone",
    "@acme/security-team",
    "ana@example.com",
    "[click](https://evil.example)",
    "https://evil.example/x",
    "www.evil.example",
    "<img src=x onerror=alert(1)>",
    "<!-- rollcall:production -->",
    "--> <script>alert(1)</script>",
    "</summary></details>",
    "a | b | c",
    "a\\| b",
    "`code` @team `more`",
    "```\n# heading",
    "a\n\n| x | y |\n| - | - |",
    "#1 GH-2 acme/repo#3 deadbeef1 :tada:",
    "**bold** _it_ ~~gone~~ $x$",
    "\u{202e}moc.elpmaxe",
    "zero\u{200b}width\u{feff}",
    "![x](https://evil.example/pixel.png)",
    "[^1]: note [ ] todo",
    "&lt;b&gt; &#64;everyone",
    "\u{fdd0}@x\u{fdd1}",
    "\\",
];

struct Elsewhere(String);

impl Places for Elsewhere {
    fn place(&self, position: Position) -> (String, u32, u32) {
        (self.0.clone(), position.offset, 7)
    }
}

/// A plan in which everything has one of these names, with so many people who join, leave, lose and gain.
pub(super) fn plan_of(names: &[String], people: usize) -> (Draft, Plan) {
    let mut draft = Draft::default();
    let text = |at: usize| -> String { names[at % names.len()].clone() };
    let mut persons: Vec<PersonImpact> = Vec::new();
    let mut sums = People::default();
    let mut escalated = 0;
    let (mut removed, mut mails) = (0, 0);
    for number in 0..people {
        let key = format!("{}{number}", text(number));
        let (organization, site, role) = (text(number + 1), text(number + 2), text(number + 3));
        let (user, of, to) = (draft.name(&key), draft.name(&organization), draft.name(&site));
        let course = match number % 4 {
            0 => ImpactCourse::Leaves,
            1 => ImpactCourse::Joins,
            _ => ImpactCourse::Stays,
        };
        let (gains, loses) = (number % 4 != 0, number % 4 != 1 && number % 4 != 3);
        let risk = match number % 4 {
            0 | 2 => Risk::Removal,
            1 => Risk::Mail,
            _ => Risk::Escalation,
        };
        let (account, state) =
            (draft.account(known::ACTIVE, &[(&organization, &role)], &[(&organization, &site)]), draft.role(&role));
        let action = match course {
            ImpactCourse::Leaves => draft.push(ActionKind::DeactivateUser, [&key, "", ""], Some(account), None),
            ImpactCourse::Joins => draft.push(ActionKind::InviteUser, [&key, "", ""], None, Some(account)),
            ImpactCourse::Stays => draft.push(ActionKind::ChangeRole, [&key, &organization, ""], None, Some(state)),
        };
        action.risk = vec![risk];
        action.origins = at(0, 14);
        match number % 4 {
            0 => (sums.leave, removed) = (sums.leave + 1, removed + 1),
            1 => (sums.join, mails) = (sums.join + 1, mails + 1),
            2 => (sums.lose, sums.gain, removed) = (sums.lose + 1, sums.gain + 1, removed + 1),
            _ => (sums.gain, escalated) = (sums.gain + 1, escalated + 1),
        }
        let held = draft.names.list(&[draft.names.find(&role).expect("a role")]);
        let place = |sites| PlaceImpact {
            sites,
            every_site: false,
            before: loses.then_some(held),
            after: gains.then_some(List::EMPTY),
            gains,
            loses,
        };
        let places = vec![place(None), place(Some(draft.names.list(&[to])))];
        persons.push(PersonImpact {
            user,
            course,
            gains,
            loses,
            escalation: risk == Risk::Escalation,
            mails: u32::from(risk == Risk::Mail),
            organizations: vec![OrganizationImpact {
                organization: of,
                enters: false,
                exits: !gains,
                admin: (number % 4 == 3).then_some(true),
                places,
            }],
            fields: Vec::new(),
            ways_in: Vec::new(),
        });
    }
    for name in names {
        draft.push(ActionKind::CreateSite, ["", name, name], None, None);
        let role = draft.name(name);
        let action = draft.push(ActionKind::UpdateRole, ["", "", ""], None, None);
        (action.subject.role, action.risk) = (Some(role), vec![Risk::Escalation]);
    }
    let mut plan = draft.plan();
    for name in names {
        plan.unmanaged.push(Unmanaged::new("user", name.clone(), name.clone()));
        let waits = deferred(&mut draft, ActionKind::RemoveMembership, [name, name, name], WaitsFor::Successor);
        plan.deferred.push(rollcall::plan::Deferred { risk: vec![Risk::Removal], ..waits });
        let found = Diagnostic::warning(Code::SitesUnderAll, format!("sites of {name} under `{name}`"));
        plan.diagnostics.push(found.at(Position::new(FileId(0), 3), name.clone()));
        plan.store.name.clone_from(name);
        plan.gaps = vec![("users", name.clone())];
    }
    plan.people = sums;
    let headcount = Headcount { people: 10, lose: removed, active: 10, active_after: 0, moved: 0 };
    let organizations = names.iter().map(|name| (draft.name(name), headcount)).collect();
    plan.census = Census { store: headcount, organizations, escalated, mails, ..Census::default() };
    let shifts = persons.iter().flat_map(|person| &person.organizations).map(|one| one.organization);
    let places: std::collections::BTreeMap<(Name, Option<Name>), Shift> =
        shifts.map(|organization| ((organization, None), Shift { enter: 1, exit: 2, gain: 3, lose: 4 })).collect();
    plan.effects.impact = Impact { people: persons, places };
    (draft, plan)
}

/// The plan as a comment, and as annotations of both hosts.
fn told(draft: &Draft, plan: &Plan, file: &str) -> (String, String, String) {
    let judgement = Judgement::from(judge(plan, &usual_limits(), &[]));
    let guards = rollcall::guard::documents(&draft.names, &judgement);
    let places = Elsewhere(file.to_owned());
    let text = PlanText {
        plan,
        names: &draft.names,
        catalog: None,
        desired: None,
        rules: None,
        zone: &TimeZone::UTC,
        places: &places,
        guards: &guards,
        apply: Some("rollcall apply"),
        as_of: None,
        style: Style::default(),
    };
    let review = ReviewText { text, judgement: &judgement, cause: &Cause::Unknown, base: None };
    let all = annotations(&review, &[]);
    (markdown(&review), github(&all, ""), gitlab(&all, "", "rollcall.yaml"))
}

/// Reads a comment as a host does, and says what in it is more than text.
fn works(comment: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let is_ours = |html: &str| {
        let inner = html.trim_end().strip_prefix("<details><summary>").and_then(|rest| rest.strip_suffix("</summary>"));
        let is_title = |title: &str| {
            title.chars().all(|character| character.is_ascii_alphanumeric() || " (),".contains(character))
        };
        inner.is_some_and(is_title) || ["</details>\n", "</details>"].contains(&html)
    };
    let mut found = Vec::new();
    let (mut cells, mut width, mut markers) = (0, 0, 0);
    for event in Parser::new_ext(comment, options) {
        match event {
            Event::Html(html)
                if html.starts_with("<!-- rollcall:") && html.trim_end().ends_with(" -->") && markers == 0 =>
            {
                markers += 1;
            }
            Event::Html(html) if is_ours(&html) => {}
            Event::Html(html) | Event::InlineHtml(html) => found.push(format!("html {html}")),
            Event::InlineMath(text) | Event::DisplayMath(text) => found.push(format!("math {text}")),
            Event::FootnoteReference(text) => found.push(format!("footnote {text}")),
            Event::TaskListMarker(_) => found.push("a task".to_owned()),
            Event::Start(
                tag @ (Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::Emphasis
                | Tag::Strikethrough
                | Tag::CodeBlock(_)
                | Tag::FootnoteDefinition(_)
                | Tag::MetadataBlock(_)),
            ) => found.push(format!("{tag:?}")),
            Event::Start(Tag::TableHead) => (cells, width) = (0, 0),
            Event::End(TagEnd::TableHead) => width = cells,
            Event::Start(Tag::TableRow) => cells = 0,
            Event::Start(Tag::TableCell) => cells += 1,
            Event::End(TagEnd::TableRow) if cells != width => found.push(format!("{cells} cells of {width}")),
            Event::Text(text) => {
                let lower = text.to_lowercase();
                let is_live = text.contains('@')
                    || lower.contains("://")
                    || lower.contains("www.")
                    || text.as_bytes().windows(2).any(|two| two[0] == b'#' && two[1].is_ascii_alphanumeric());
                if is_live {
                    found.push(format!("text {text}"));
                }
            }
            _ => {}
        }
    }
    let hidden = |character: &char| *character != '\n' && rollcall::source::is_hidden(*character);
    found.extend(comment.chars().filter(hidden).map(|character| format!("hidden {}", character.escape_unicode())));
    if markers != 1 {
        found.push(format!("{markers} markers"));
    }
    found
}

pub(super) fn names_of(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn names_can_not_ping_link_hide_or_break_a_table() {
    let (draft, plan) = plan_of(&names_of(&HOSTILE), 60);
    let (comment, annotations, quality) = told(&draft, &plan, "a | `b`/[x](y)@team.yaml");
    assert_eq!(works(&comment), Vec::<String>::new(), "{comment}");
    // Each one is one line of the log, and one that the host reads as meant.
    for line in annotations.lines() {
        assert!(["::error ", "::warning ", "::notice "].iter().any(|command| line.starts_with(command)), "{line}");
        let (properties, _) = line[2..].split_once("::").expect("a message");
        assert!(properties.contains("title=rollcall "), "{line}");
    }
    let issues: Vec<Value> = serde_json::from_str(&quality).expect("JSON");
    let prints: std::collections::BTreeSet<&str> =
        issues.iter().map(|issue| issue["fingerprint"].as_str().expect("a fingerprint")).collect();
    assert_eq!(prints.len(), issues.len());
    for issue in &issues {
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
        assert!(["blocker", "critical", "major", "minor"].contains(&issue["severity"].as_str().expect("a severity")));
    }
}

#[test]
fn however_much_there_is_it_fits_and_says_what_is_not_listed() {
    for people in [0, 1, 50, 1_000, 8_000] {
        for names in
            [names_of(&["ana@example.com", "north"]), names_of(&HOSTILE), vec!["x".repeat(3_000), "ß|`".repeat(200)]]
        {
            if people > 1_000 && names.iter().any(|name| name.len() > 1_000) {
                continue;
            }
            let (draft, plan) = plan_of(&names, people);
            let (comment, ..) = told(&draft, &plan, "access/north.yaml");
            assert!(comment.len() <= MOST && comment.chars().count() <= 65_536, "{people} {}", comment.len());
            assert!(comment.contains(&format!("digest `{}`", plan.digest)), "{people}: {comment}");
            assert!(comment.contains("**Read only in part**"));
            let sums = [plan.people.join, plan.people.leave, plan.people.lose, plan.people.gain, plan.census.escalated];
            let heading = comment.lines().nth(1).expect("a heading").replace(',', "");
            assert!(sums.iter().filter(|&&sum| sum > 0).all(|sum| heading.contains(&sum.to_string())), "{heading}");
            if people > 20 {
                assert!(comment.contains("**Refused** by guard `removals`"), "{comment}");
            }
            if people >= 1_000 {
                assert!(comment.contains("the digest binds the whole plan"), "{comment}");
            }
            if people >= 8_000 {
                assert!(comment.contains("who are not listed") && comment.contains("more escalations**"), "{comment}");
            }
            assert_eq!(works(&comment), Vec::<String>::new(), "{people}");
        }
    }
}

#[test]
fn whoever_loses_or_can_do_more_is_named_before_anything_else_is_left_out() {
    let (draft, plan) = plan_of(&names_of(&["ana", "north"]), 1_000);
    let (comment, ..) = told(&draft, &plan, "access/north.yaml");
    // Rows of those who only gain are the first to go, and by name everybody is there who loses something.
    for person in plan.effects.impact.people.iter().filter(|person| person.loses) {
        let name = draft.names.text(person.user);
        assert!(comment.contains(&format!("`{name}`")), "{name} is missing in {comment}");
    }
}

#[test]
fn a_comment_is_found_by_its_first_line() {
    assert_eq!(marker("production-eu"), "<!-- rollcall:production-eu -->");
    for name in HOSTILE.into_iter().chain(["", "-", "a--b", "--!>", "é"]) {
        let marker = marker(name);
        let inner =
            marker.strip_prefix("<!-- rollcall:").and_then(|rest| rest.strip_suffix(" -->")).expect("a comment");
        assert!(!inner.contains("--") && !inner.contains(['<', '>', ' ', '\n']), "{marker}");
    }
}

#[test]
fn mistakes_make_a_comment_too() {
    let mistake = |message: &str| DiagnosticDocument {
        code: "unknown-role".to_owned(),
        severity: "error".to_owned(),
        message: message.to_owned(),
        file: Some("access/north.yaml".to_owned()),
        line: Some(14),
        column: Some(13),
        help: Some("did you mean `manager`?".to_owned()),
    };
    let found: Vec<DiagnosticDocument> = HOSTILE.into_iter().cycle().take(5_000).map(mistake).collect();
    for (number, told) in [(1, "1 mistake"), (24, "24 mistakes"), (5_000, "5,000 mistakes")] {
        let comment = markdown_mistakes(MistakesText { store: Some("production"), found: &found[..number] });
        assert!(comment.len() <= MOST && comment.contains(told), "{comment}");
        assert!(comment.starts_with(&marker("production")) && comment.contains("`access/north.yaml:14`"), "{comment}");
        assert_eq!(works(&comment), Vec::<String>::new(), "{comment}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 40, ..Config::default() })]

    #[test]
    fn no_name_whatsoever_does_anything(
        names in vec(prop_oneof![any::<String>(), "[ -~\n]{0,40}", "[`|\\\\<>@#*_\\[\\]()!~$&:/.a-z0-9-]{1,30}"], 1..8),
        people in 0_usize..80,
        file in "[ -~]{1,20}",
    ) {
        let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).chain(["a".to_owned()]).collect();
        let (draft, plan) = plan_of(&names, people);
        let (comment, ..) = told(&draft, &plan, &file);
        prop_assert!(comment.len() <= MOST);
        prop_assert_eq!(works(&comment), Vec::<String>::new(), "{}", comment);
    }
}
