//! An invitation that is cancelled for another one, killed in between: what others gave to such a person stands in no
//! manifest, and in the store no more.

use super::repository::Repository;
use super::{kills_all, need_strace, traced};

/// Tomas and Omar are invited; somebody else has taken one of the pits from Tomas. In the north others manage them from now on,
/// and what Tomas has in the harbour becomes less; Omar gets another key.
fn with_what_others_gave() -> Repository {
    let repository = Repository::of_example("quickstart");
    let ended = repository.run(&["apply", "--yes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.streams);
    repository.sql(
        "DELETE FROM site_grants WHERE user_id = (SELECT id FROM users WHERE key = 'tomas@example.com') \
         AND site_id = (SELECT id FROM sites WHERE name = 'pit-2')",
    );
    let edit = |name: &str, edits: &[(&str, &str)]| {
        let path = repository.path().join(name);
        let mut text = std::fs::read_to_string(&path).expect("a manifest");
        for (old, new) in edits {
            assert!(text.contains(old), "{old}");
            text = text.replacen(old, new, 1);
        }
        std::fs::write(&path, text).expect("a manifest");
    };
    edit(
        "access/people.yaml",
        &[
            (
                "harbour-works: viewer # the site grant in teams.yaml needs a membership beside it",
                "{ north-quarries: unmanaged, harbour-works: viewer }",
            ),
            ("    access:\n      { north", "    access: { north"),
            ("  omar@example.com:\n", "  oscar@example.com:\n    previously: omar@example.com\n"),
            ("    family_name: Haddad\n", "    family_name: Haddad\n    access: { north-quarries: unmanaged }\n"),
        ],
    );
    edit("access/teams.yaml", &[(", omar@example.com", ""), (", tomas@example.com", "")]);
    let text = std::fs::read_to_string(repository.path().join("access/teams.yaml")).expect("a manifest");
    repository.write("access/teams.yaml", text.split("site_grants:").next().expect("teams"));
    repository
}

#[test]
fn killed_between_a_cancelled_invitation_and_the_next_one_nobody_loses_what_others_gave() {
    need_strace();
    let template = with_what_others_gave();
    let apply = ["apply", "--yes"];
    let whole = template.copy();
    let (ended, calls) = traced(&whole, &apply, None);
    assert_eq!(ended.code, Some(0), "{}", ended.streams);
    let expected = whole.assert_next_run_finishes("a run that nobody killed");
    for grant in ["tomas@example.com pit-1", "tomas@example.com crusher", "oscar@example.com pit-1"] {
        assert!(expected.has_grant(grant), "{grant}: {expected:?}");
    }
    let mut between = 0;
    let step = if kills_all() { 1 } else { 5 };
    for (at, call) in calls.iter().enumerate().step_by(step) {
        let repository = template.copy();
        traced(&repository, &apply, Some(call));
        // Before that the account is there as it was, after that it is there again: other tests kill there.
        let users = repository.contents().users();
        if users.iter().any(|user| user == "tomas@example.com") {
            continue;
        }
        between += 1;
        let after = format!("killed at call {} of {}: {} {}", at + 1, calls.len(), call.0, call.1);
        assert!(!users.iter().any(|user| user == "oscar@example.com"), "{after}: one batch");
        let plan = repository.run(&["plan"]);
        assert!(plan.streams.contains("pit-1"), "{after}: what comes back is shown\n{}", plan.streams);
        assert_eq!(repository.assert_next_run_finishes(&after), expected, "{after}");
    }
    assert!(between > 0, "only {between} kills of {} hit what is meant", calls.len());
}

/// What the attempt remembers is what others manage, for as long as they do, and as long as that invitation would have
/// been open.
#[test]
fn what_was_cut_off_comes_back_only_where_it_is_left_to_others() {
    need_strace();
    let template = with_what_others_gave();
    let (_, calls) = traced(&template.copy(), &["apply", "--yes"], None);
    let killed = calls.iter().find_map(|call| {
        let repository = template.copy();
        traced(&repository, &["apply", "--yes"], Some(call));
        let is_between = !repository.contents().users().iter().any(|user| user == "tomas@example.com");
        is_between.then_some(repository)
    });
    let killed = killed.expect("a kill in between");
    let has_pit = |at: Option<&str>, edit: Option<(&str, &str)>| {
        let repository = killed.copy();
        if let Some((old, new)) = edit {
            let text = std::fs::read_to_string(repository.path().join("access/people.yaml")).expect("a manifest");
            assert!(text.contains(old), "{old}: {text}");
            repository.write("access/people.yaml", &text.replace(old, new));
        }
        let arguments: Vec<&str> =
            ["apply", "--yes"].into_iter().chain(at.into_iter().flat_map(|at| ["--at", at])).collect();
        let ended = repository.run(&arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.streams);
        repository.contents().has_grant("tomas@example.com pit-1")
    };
    assert!(has_pit(None, None));
    let declared = ("{ north-quarries: unmanaged, harbour-works: viewer }", "{ harbour-works: viewer }");
    assert!(!has_pit(None, Some(declared)), "nobody leaves it to others any more");
    assert!(!has_pit(Some("2099-01-01T00:00:00Z"), None), "years later nobody would expect it");
    // In a journal that somebody altered it could be anything.
    let journal = std::fs::read_to_string(killed.journal()).expect("a journal");
    let forged = journal.replacen("\"pit-1\"", "\"pit-2\"", 1);
    assert_ne!(forged, journal);
    std::fs::write(killed.journal(), forged).expect("a journal");
    let plan = killed.run(&["plan", "--format", "json"]);
    assert!(!plan.streams.contains("pit-2") && !plan.streams.contains("pit-1"), "{}", plan.streams);
    std::fs::write(killed.journal(), journal).expect("a journal");
    assert!(killed.run(&["plan", "--format", "json"]).streams.contains("pit-1"));
}
