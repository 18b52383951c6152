//! The page: names are text in it and nothing else, nothing is loaded from anywhere, and a browser fills its tables.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use jiff::tz::TimeZone;
use rollcall::diagnostic::{Position, Span};
use rollcall::guard::{Judgement, documents, judge};
use rollcall::model::{List, Status};
use rollcall::plan::{DiagnosticDocument, Places, Plan, Standing, StandingIn};
use rollcall::report::{Cause, Excerpt, HtmlText, PlanText, ReviewText, Snippets, Style, html, html_mistakes};
use serde_json::Value;

use super::markdown::{HOSTILE, names_of, plan_of};
use crate::support::plans::{Draft, usual_limits};

/// Files of which every line is hostile.
struct Hostile;

impl Places for Hostile {
    fn place(&self, position: Position) -> (String, u32, u32) {
        ("<b>&\"north\".yaml".to_owned(), position.offset, 7)
    }
}

impl Snippets for Hostile {
    fn excerpt(&self, _: Span) -> Option<Excerpt<'_>> {
        Some(Excerpt { line: "</script><script>alert(1)</script>".into(), start: 0 })
    }
}

fn page(draft: &Draft, plan: &Plan) -> String {
    let judgement = Judgement::from(judge(plan, &usual_limits(), &[]));
    let text = PlanText {
        plan,
        names: &draft.names,
        catalog: None,
        desired: None,
        rules: None,
        zone: &TimeZone::UTC,
        places: &Hostile,
        guards: &documents(&draft.names, &judgement),
        apply: Some("rollcall apply"),
        as_of: None,
        style: Style::default(),
    };
    let people = plan.effects.impact.people.iter();
    let standing: Vec<Standing> = people
        .map(|person| {
            let held = person.organizations.iter().map(|one| StandingIn {
                organization: one.organization,
                roles: Some(List::EMPTY),
                sites: one
                    .places
                    .iter()
                    .filter_map(|place| Some((List::EMPTY, place.sites?)))
                    .collect::<BTreeMap<_, _>>(),
            });
            Standing { user: person.user, status: Status::Active, organizations: held.collect() }
        })
        .collect();
    let review = ReviewText { text, judgement: &judgement, cause: &Cause::Unknown, base: None };
    html(&HtmlText { review, standing: &standing, snippets: &Hostile })
}

/// The page without its data, and the data.
fn parted(page: &str) -> (String, Value) {
    let (before, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("data");
    let (data, after) = rest.split_once("</script>").expect("the end of data");
    assert!(!data.contains(['<', '>', '&']), "data could end itself");
    (format!("{before}{after}"), serde_json::from_str(data).expect("JSON"))
}

#[test]
fn names_are_text_and_nothing_is_loaded() {
    let (draft, plan) = plan_of(&names_of(&HOSTILE), 60);
    let whole = page(&draft, &plan);
    let (page, data) = parted(&whole);
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1), "{page}");
    let body = page.split_once("<body>").and_then(|(_, rest)| rest.split_once("<script>")).expect("a body").0;
    // Tags are ours, and their attributes are none that load or run anything.
    let tags: Vec<&str> = body.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
    assert!(tags.len() > 50, "{body}");
    for tag in tags {
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let known = "a header h1 h2 p strong main section ul li footer code noscript div label input select option table \
                     caption thead tbody tr th nav button span";
        assert!(known.split_whitespace().any(|known| known == name), "{tag}");
        let names = tag.split('"').step_by(2).filter_map(|part| part.split_whitespace().last()?.strip_suffix('='));
        for attribute in names {
            let is_known = [
                "aria-labelledby",
                "aria-label",
                "aria-live",
                "autocomplete",
                "class",
                "href",
                "id",
                "role",
                "scope",
                "spellcheck",
                "tabindex",
                "type",
                "value",
            ]
            .contains(&attribute);
            assert!(is_known, "{attribute} in {tag}");
        }
    }
    assert_eq!(body.matches("href=").count(), 1, "only to the impact");
    let policy = page.split_once("Content-Security-Policy\" content=\"").and_then(|(_, rest)| rest.split_once('"'));
    let policy = policy.expect("a policy").0;
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    let hidden = |character: &char| *character != '\n' && rollcall::source::is_hidden(*character);
    assert_eq!(whole.chars().find(hidden), None, "nothing is hidden");
    // Everybody and everything is there, as text.
    let people = data["impact"].as_array().expect("people");
    assert_eq!(people.len(), plan.effects.impact.people.len());
    let texts: Vec<&str> = data["texts"].as_array().expect("texts").iter().filter_map(Value::as_str).collect();
    assert!(texts.iter().any(|text| text.starts_with("<img src=x onerror=alert(1)>")), "{texts:?}");
}

#[test]
fn mistakes_make_a_page_too() {
    let mistake = |message: &str| DiagnosticDocument {
        code: "unknown-role".to_owned(),
        severity: "error".to_owned(),
        message: message.to_owned(),
        file: Some("access/<north>.yaml".to_owned()),
        line: Some(14),
        column: Some(13),
        help: None,
    };
    let found: Vec<DiagnosticDocument> = HOSTILE.into_iter().map(mistake).collect();
    let page = html_mistakes(Some("<production>"), &found);
    assert!(page.contains("access/&lt;north&gt;.yaml:14") && page.contains("&lt;production&gt;"), "{page}");
    assert!(!page.contains("<img") && !page.contains("<script>"), "{page}");
}

/// Where there is a browser, it runs the script under the policy of the page, and makes a page of rows at a time.
#[test]
fn a_browser_fills_the_tables() {
    let Some(browser) =
        ["/usr/bin/chromium", "/usr/bin/google-chrome"].into_iter().find(|path| fs::exists(path).is_ok_and(|is| is))
    else {
        return;
    };
    let (draft, plan) = plan_of(&names_of(&HOSTILE), 1_000);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.html");
    fs::write(&file, page(&draft, &plan)).expect("written");
    let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
    let options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"];
    let run = Command::new(browser).args(options).arg(profile).arg(format!("file://{}", file.display())).output();
    let dom = String::from_utf8_lossy(&run.expect("it runs").stdout).into_owned();
    let dom = dom.split("<script type=\"application/json\"").next().expect("a page");
    assert!(dom.contains("1 to 100 of 1,000 people"), "{}", &dom[..dom.len().min(20_000)]);
    let rows = dom.matches("<tr").count();
    assert!((100..500).contains(&rows), "{rows} rows");
    assert!(!dom.contains("<img"), "a name has become markup");
}
