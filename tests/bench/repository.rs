//! Writes an access repository: settings and manifests, the same content as JSON, and the embedded store, filled over
//! its documented tables (`schemas/store.sql`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, params};

use crate::people::{self, Change, Person, ROLES, SITES};

/// The folder with the declared content as JSON.
pub(crate) const JSON: &str = "json";
/// The embedded store.
pub(crate) const STORE: &str = ".rollcall/store.db";

/// How many users stand in one file: as `import` writes them.
const IN_FILE: u32 = 5_000;

/// Who is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    /// Everybody, with one in a thousand changed.
    Changed,
    /// Nobody, and no organization either.
    Nobody,
}

/// What was written.
pub(crate) struct Repository {
    /// How many actions of each kind the plan has to have.
    pub(crate) expected: BTreeMap<&'static str, u32>,
}

/// Limits that no plan here comes near: a plan that is refused ends with another code.
const NO_LIMITS: &str = "guards:
  removals: { max_percent: 100, min_count: 0 }
  invitations: { max_count: 4000000000 }
  escalations: { max_count: 4000000000 }
  mails: { max_count: 4000000000 }
";

impl Repository {
    /// Writes a repository of so many people; `rules` extend the default ones.
    pub(crate) fn write(folder: &Path, people: u32, rules: &str, live: Live) -> Self {
        fs::create_dir_all(folder.join("access")).expect("a folder");
        fs::create_dir_all(folder.join(JSON)).expect("a folder");
        let rules = rules.trim_start_matches('{');
        let comma = if rules.trim() == "}" { "" } else { "," };
        let settings = format!(
            "version: 1\nmanifests: [access]\nstore: local\nstores:\n  local:\n    sqlite: {{ path: {STORE} }}\n    \
             rules: {{ extends: default{comma}{rules}\nmanage: {{ organizations: all, absent_users: deactivate }}\n{NO_LIMITS}"
        );
        fs::write(folder.join("rollcall.yaml"), settings).expect("settings");
        write_catalog(folder, people);
        let is_declared = |number: &u32| Change::of(*number) != Some(Change::NotDeclared) || live == Live::Nobody;
        for start in (0..people).step_by(IN_FILE as usize) {
            let numbers: Vec<u32> = (start..(start + IN_FILE).min(people)).filter(is_declared).collect();
            write_people(folder, start / IN_FILE + 1, people, &numbers);
        }
        let made = Command::new(env!("CARGO_BIN_EXE_rollcall")).arg("-C").arg(folder).arg("init").output();
        let made = made.expect("rollcall init");
        assert!(made.status.success(), "init: {}", String::from_utf8_lossy(&made.stderr));
        match live {
            Live::Changed => fill(&folder.join(STORE), people),
            Live::Nobody => {}
        }
        Self { expected: expected(people, live, rules.contains("create")) }
    }
}

/// What the plan has to hold.
fn expected(people: u32, live: Live, is_created: bool) -> BTreeMap<&'static str, u32> {
    let mut expected: BTreeMap<&'static str, u32> = BTreeMap::new();
    match live {
        Live::Changed => {
            for kind in (0..people).filter_map(Change::of).flat_map(Change::actions) {
                *expected.entry(kind).or_default() += 1;
            }
        }
        Live::Nobody => {
            let organizations = people::organizations(people);
            expected.insert("create_organization", organizations);
            expected.insert("create_site", organizations * u32::try_from(SITES.len()).expect("few"));
            expected.insert("create_role", u32::try_from(ROLES.len()).expect("few"));
            if is_created {
                expected.insert("create_user", people);
                let places = (0..people).flat_map(|number| people::person(number, people).places);
                for place in places {
                    *expected.entry("add_membership").or_default() += 1;
                    *expected.entry("grant_site").or_default() += u32::try_from(place.sites.len()).expect("few");
                }
            } else {
                expected.insert("invite_user", people);
            }
        }
    }
    expected
}

fn organization_name(number: u32) -> String {
    format!("works-{number:04}")
}

fn write_catalog(folder: &Path, people: u32) {
    let mut text = String::from("organizations:\n");
    for number in 0..people::organizations(people) {
        let _ = write!(text, "  {}:\n    name: Œuvre n° {number}\n    sites:\n", organization_name(number));
        for site in SITES {
            let _ = writeln!(text, "      {site}: {{}}");
        }
    }
    text.push_str("roles:\n");
    for (role, rank) in ROLES {
        let admin = if role == "manager" { ", admin: true" } else { "" };
        let _ = writeln!(text, "  {role}: {{ rank: {rank}{admin} }}");
    }
    fs::write(folder.join("access/organizations.yaml"), text).expect("a manifest");
}

fn write_people(folder: &Path, file: u32, people: u32, numbers: &[u32]) {
    let mut yaml = String::from("users:\n");
    let mut json = serde_json::Map::new();
    for &number in numbers {
        let person = people::person(number, people);
        match number % 10 {
            0 => in_flow_style(&mut yaml, &person),
            1 | 2 => in_block_style(&mut yaml, &person, true),
            _ => in_block_style(&mut yaml, &person, false),
        }
        let access: serde_json::Map<String, serde_json::Value> = person
            .places
            .iter()
            .map(|place| {
                let sites: Vec<&str> = place.sites.iter().map(|&site| SITES[site]).collect();
                let membership = serde_json::json!({ "role": ROLES[place.role].0, "sites": sites });
                (organization_name(place.organization), membership)
            })
            .collect();
        let mut user = serde_json::json!({
            "given_name": person.given_name, "family_name": person.family_name, "access": access,
        });
        for (field, value) in [("language", person.language), ("job_title", person.job_title)] {
            if let Some(value) = value {
                user[field] = value.into();
            }
        }
        json.insert(person.key, user);
    }
    fs::write(folder.join(format!("access/people-{file:04}.yaml")), yaml).expect("a manifest");
    let json = serde_json::to_vec(&json).expect("JSON");
    fs::write(folder.join(format!("{JSON}/people-{file:04}.json")), json).expect("JSON");
}

/// A text in double quotes; YAML and JSON agree about those.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

fn fields(person: &Person) -> impl Iterator<Item = (&'static str, &'static str)> {
    let Person { key: _, given_name, family_name, language, job_title, places: _ } = *person;
    let always = [("given_name", Some(given_name)), ("family_name", Some(family_name))];
    let fields = always.into_iter().chain([("language", language), ("job_title", job_title)]);
    fields.filter_map(|(field, value)| value.map(|value| (field, value)))
}

fn in_block_style(yaml: &mut String, person: &Person, quotes: bool) {
    let _ = writeln!(yaml, "  {}:", person.key);
    for (field, value) in fields(person) {
        // What begins with a dash, or holds a colon or a comment, needs quotes in any style.
        let is_plain = !quotes && !value.starts_with('-') && !value.contains([':', '#']);
        let value = if is_plain { value.to_owned() } else { quoted(value) };
        let _ = writeln!(yaml, "    {field}: {value}");
    }
    yaml.push_str("    access:\n");
    for place in &person.places {
        let organization = organization_name(place.organization);
        let role = ROLES[place.role].0;
        if quotes {
            let _ = write!(yaml, "      {organization}:\n        role: {role}\n        sites:\n");
            for &site in &place.sites {
                let _ = writeln!(yaml, "          - {}", SITES[site]);
            }
        } else {
            let sites: Vec<&str> = place.sites.iter().map(|&site| SITES[site]).collect();
            let _ = writeln!(yaml, "      {organization}: {{ role: {role}, sites: [{}] }}", sites.join(", "));
        }
    }
}

fn in_flow_style(yaml: &mut String, person: &Person) {
    let mut parts: Vec<String> = fields(person).map(|(field, value)| format!("{field}: {}", quoted(value))).collect();
    let places = person.places.iter().map(|place| {
        let sites: Vec<&str> = place.sites.iter().map(|&site| SITES[site]).collect();
        let organization = organization_name(place.organization);
        format!("{organization}: {{ role: {}, sites: [{}] }}", ROLES[place.role].0, sites.join(", "))
    });
    parts.push(format!("access: {{ {} }}", places.collect::<Vec<_>>().join(", ")));
    let _ = writeln!(yaml, "  {}: {{ {} }}", quoted(&person.key), parts.join(", "));
}

/// Fills the store as its documentation advises: in one transaction, in the order of the primary keys, the triggers
/// put aside.
fn fill(store: &Path, people: u32) {
    let mut store = Connection::open(store).expect("the store");
    let all = store.transaction().expect("a transaction");
    let triggers: Vec<(String, String)> = {
        let mut statement =
            all.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").expect("triggers");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("triggers");
        rows.map(|row| row.expect("a trigger")).collect()
    };
    for (name, _) in &triggers {
        all.execute(&format!("DROP TRIGGER {name}"), []).expect("a trigger");
    }
    for (id, (role, rank)) in (1_u32..).zip(ROLES) {
        all.execute(
            "INSERT INTO roles (id, name, rank, admin) VALUES (?, ?, ?, ?)",
            params![id, role, rank, role == "manager"],
        )
        .expect("a role");
    }
    let sites = u32::try_from(SITES.len()).expect("few");
    for number in 0..people::organizations(people) {
        all.execute(
            "INSERT INTO organizations (id, name, display_name) VALUES (?, ?, ?)",
            params![number + 1, organization_name(number), format!("Œuvre n° {number}")],
        )
        .expect("an organization");
        for (id, site) in (number * sites + 1..).zip(SITES) {
            all.execute(
                "INSERT INTO sites (id, organization_id, name) VALUES (?, ?, ?)",
                params![id, number + 1, site],
            )
            .expect("a site");
        }
    }
    fill_people(&all, people);
    for (_, trigger) in &triggers {
        all.execute(trigger, []).expect("a trigger");
    }
    all.commit().expect("a commit");
    store.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
}

fn fill_people(store: &Connection, people: u32) {
    let mut user = store
        .prepare(
            "INSERT INTO users (id, key, identity, status, given_name, family_name, language, job_title, activated_at)
             VALUES (?1, ?2, lower(?2), 'active', ?3, ?4, ?5, ?6, '2026-01-01T00:00:00Z')",
        )
        .expect("a statement");
    let mut membership = store
        .prepare("INSERT INTO memberships (user_id, organization_id, role_id) VALUES (?, ?, ?)")
        .expect("a statement");
    let mut grant = store
        .prepare("INSERT INTO site_grants (user_id, organization_id, site_id) VALUES (?, ?, ?)")
        .expect("a statement");
    let sites = u32::try_from(SITES.len()).expect("few");
    for number in 0..people {
        let Some(person) = people::live(number, people) else { continue };
        let Person { key, given_name, family_name, language, job_title, mut places } = person;
        let id = number + 1;
        user.execute(params![id, key, given_name, family_name, language, job_title]).expect("a user");
        places.sort_by_key(|place| place.organization);
        for place in places {
            let organization = place.organization + 1;
            membership
                .execute(params![id, organization, u32::try_from(place.role).expect("few") + 1])
                .expect("a membership");
            for site in place.sites {
                let site = place.organization * sites + u32::try_from(site).expect("few") + 1;
                grant.execute(params![id, organization, site]).expect("a grant");
            }
        }
    }
}
