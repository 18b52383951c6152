//! Laws of canonical order (`fmt`), on manifests in any style that people write: the meaning stays, comments stay with
//! what they are about, a second run changes nothing, and what differed in order only does not differ any more.

use proptest::prelude::*;
use rollcall::manifest;
use serde_json::Value;

/// What a manifest says, before anybody has written it down.
#[derive(Debug, Clone)]
enum Said {
    Text(String),
    List(Vec<Said>),
    Map(Vec<(String, Said)>),
}

fn text(of: &str) -> Said {
    Said::Text(of.to_owned())
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "ana", "Bo", "céline", "d-1", "007", "all that", "x: y", "# no", "*", "null", "zoë", "z/1",
    ])
    .prop_map(str::to_owned)
}

fn texts() -> impl Strategy<Value = Said> {
    prop::collection::btree_set(name(), 0..4).prop_map(|all| Said::List(all.iter().map(|one| text(one)).collect()))
}

fn fields(of: &'static [&'static str]) -> impl Strategy<Value = Vec<(String, Said)>> {
    let values = prop::sample::select(vec!["one", "two words", "1", "", "line\nline\n", "a\n\nb", "end\n\n", " ' \" "]);
    let field = (prop::sample::select(of.to_vec()), values).prop_map(|(field, value)| (field.to_owned(), text(value)));
    prop::collection::vec(field, 0..4)
}

fn map_of<S: Strategy<Value = Said>>(value: S) -> impl Strategy<Value = Said> {
    prop::collection::vec((name(), value), 0..4).prop_map(Said::Map)
}

fn access() -> impl Strategy<Value = Said> {
    let sites = prop_oneof![texts(), map_of(name().prop_map(Said::Text)), Just(text("all"))];
    let membership = (fields(&["role", "starts", "expires", "default_site"]), sites, any::<bool>());
    map_of(membership.prop_map(|(mut fields, sites, is_short)| {
        if is_short {
            return text("operator");
        }
        fields.insert(fields.len() / 2, ("sites".to_owned(), sites));
        Said::Map(fields)
    }))
}

/// All that a file says, with its keys in an order of their own; what stands twice is left out.
fn said() -> impl Strategy<Value = Said> {
    let user = (fields(&["name", "given_name", "phone", "odd", "status"]), access(), texts());
    let user = user.prop_map(|(mut fields, access, teams)| {
        fields.insert(0, ("teams".to_owned(), teams));
        fields.insert(fields.len() / 2, ("access".to_owned(), access));
        Said::Map(fields)
    });
    let site = fields(&["name", "kind", "parent"]).prop_map(Said::Map);
    let organization =
        (fields(&["kind", "name"]), map_of(site), any::<bool>()).prop_map(|(mut fields, sites, last)| {
            fields.insert(if last { fields.len() } else { 0 }, ("sites".to_owned(), sites));
            Said::Map(fields)
        });
    let grant = (fields(&["role", "description", "expires"]), name(), texts()).prop_map(|(mut fields, site, users)| {
        fields.push(("users".to_owned(), users));
        fields.push(("site".to_owned(), Said::Text(site)));
        Said::Map(fields)
    });
    let leaver = (name(), any::<bool>()).prop_map(|(user, is_short)| {
        let whole = vec![("reason".to_owned(), text("left")), ("user".to_owned(), Said::Text(user.clone()))];
        if is_short { Said::Text(user) } else { Said::Map(whole) }
    });
    let sections = (
        map_of(user),
        map_of(organization),
        prop::collection::vec(grant, 0..3).prop_map(Said::List),
        prop::collection::vec(leaver, 0..4).prop_map(Said::List),
        any::<prop::sample::Index>(),
    );
    sections.prop_map(|(users, organizations, grants, leavers, first)| {
        let mut sections = vec![
            ("users".to_owned(), users),
            ("inactive".to_owned(), leavers),
            ("organizations".to_owned(), organizations),
            ("site_grants".to_owned(), grants),
        ];
        let first = first.index(sections.len());
        sections.rotate_left(first);
        without_repeats(Said::Map(sections))
    })
}

fn without_repeats(said: Said) -> Said {
    match said {
        Said::Text(text) => Said::Text(text),
        Said::List(items) => Said::List(items.into_iter().map(without_repeats).collect()),
        Said::Map(entries) => {
            let mut kept: Vec<(String, Said)> = Vec::new();
            for (key, value) in entries {
                if kept.iter().all(|(other, _)| *other != key) {
                    kept.push((key, without_repeats(value)));
                }
            }
            Said::Map(kept)
        }
    }
}

/// Somebody who writes it down, in a style that these choices decide.
struct Hand<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    out: String,
    /// Whether comments and blank lines are put in.
    is_chatty: bool,
    notes: usize,
}

impl Hand<'_> {
    fn chooses(&mut self, among: u8) -> u8 {
        self.choices.next().copied().unwrap_or(0) % among
    }

    fn quoted(&mut self, text: &str) -> String {
        let is_word = text.chars().all(char::is_alphanumeric) && text.chars().next().is_some_and(char::is_alphabetic);
        if is_word && text != "null" && self.chooses(3) > 0 {
            return text.to_owned();
        }
        if text.contains('\n') || self.chooses(2) == 0 {
            return serde_json::to_string(text).expect("text");
        }
        format!("'{}'", text.replace('\'', "''"))
    }

    /// Blank lines and a comment about what follows.
    fn above(&mut self, indent: usize, about: &str) {
        if !self.is_chatty {
            return;
        }
        for _ in 0..self.chooses(3).saturating_sub(1) {
            self.out.push('\n');
        }
        if self.chooses(4) == 0 {
            self.notes += 1;
            self.out.push_str(&format!("{:indent$}# note {} on {about}\n", "", self.notes));
        }
    }

    fn end_of_line(&mut self, about: &str) {
        if self.is_chatty && self.chooses(5) == 0 {
            self.notes += 1;
            self.out.push_str(&format!("  # remark {} on {about}", self.notes));
        }
        self.out.push('\n');
    }

    fn in_line(&mut self, said: &Said) -> String {
        match said {
            Said::Text(text) => self.quoted(text),
            Said::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.in_line(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Said::Map(entries) => {
                let entry = |(key, value): &(String, Said)| format!("{}: {}", self.quoted(key), self.in_line(value));
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }

    /// What follows a colon or a dash.
    fn value(&mut self, said: &Said, indent: usize, about: &str) {
        let is_empty = match said {
            Said::Text(_) => false,
            Said::List(items) => items.is_empty(),
            Said::Map(entries) => entries.is_empty(),
        };
        match said {
            // A block that holds nothing, or no value at all.
            Said::Text(text) if text.is_empty() && self.chooses(2) == 0 => {
                let nothing = [" |\n", " >-\n", " |+\n\n", "\n"][usize::from(self.chooses(4))];
                self.out.push_str(nothing);
            }
            Said::Text(text) if text.ends_with('\n') && !text.starts_with(' ') && self.chooses(2) == 0 => {
                self.out.push_str(if text.ends_with("\n\n") { " |+\n" } else { " |\n" });
                for line in text.trim_end_matches('\n').lines() {
                    let width = if line.is_empty() { 0 } else { indent };
                    self.out.push_str(&format!("{:width$}{line}\n", ""));
                }
                if text.ends_with("\n\n") {
                    self.out.push('\n');
                }
            }
            Said::List(items) if !is_empty && self.chooses(2) == 0 => {
                self.end_of_line(about);
                self.list(items, indent);
            }
            Said::Map(entries) if !is_empty && self.chooses(3) > 0 => {
                self.end_of_line(about);
                self.map(entries, indent, false);
            }
            said => {
                let written = self.in_line(said);
                self.out.push(' ');
                self.out.push_str(&written);
                self.end_of_line(about);
            }
        }
    }

    fn list(&mut self, items: &[Said], indent: usize) {
        for item in items {
            let named = match item {
                Said::Text(_) => item,
                Said::List(_) | Said::Map(_) => &Said::Text(String::new()),
            };
            let about = self.in_line(named);
            self.above(indent, "");
            self.out.push_str(&format!("{:indent$}-", ""));
            match item {
                Said::Map(entries) if !entries.is_empty() && self.chooses(2) == 0 => {
                    self.out.push(' ');
                    self.map(entries, indent + 2, true);
                }
                item => self.value(item, indent + 2, &about),
            }
        }
    }

    fn map(&mut self, entries: &[(String, Said)], indent: usize, is_after_dash: bool) {
        for (index, (key, value)) in entries.iter().enumerate() {
            let about = self.quoted(key);
            if !(is_after_dash && index == 0) {
                self.above(indent, &about);
                self.out.push_str(&format!("{:indent$}", ""));
            }
            self.out.push_str(&format!("{about}:"));
            let deeper = indent + 2 + usize::from(self.chooses(2));
            self.value(value, deeper, &about);
        }
    }
}

fn written(said: &Said, choices: &[u8], is_chatty: bool) -> String {
    let Said::Map(entries) = said else { return String::new() };
    let mut hand = Hand { choices: choices.iter().cycle(), out: String::new(), is_chatty, notes: 0 };
    hand.map(entries, 0, false);
    let is_foreign = hand.chooses(4) == 0;
    if is_foreign { hand.out.replace('\n', "\r\n") } else { hand.out }
}

/// What another reader makes of it, lists without an order.
fn meaning(text: &str) -> Value {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Array(items) => {
                let mut items: Vec<Value> = items.into_iter().map(sorted).collect();
                items.sort_by_key(Value::to_string);
                Value::Array(items)
            }
            Value::Object(entries) => {
                let mut entries: Vec<(String, Value)> =
                    entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                Value::Object(entries.into_iter().collect())
            }
            other => other,
        }
    }
    sorted(serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn canonical(text: &str) -> String {
    manifest::canonical(text, &manifest::schema()).unwrap_or_else(|| panic!("no single document:\n{text}"))
}

/// Each comment with what it is about: the line that it is in, or the next one that says something.
fn notes(text: &str) -> Vec<(String, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut notes = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for kind in ["# note ", "# remark "] {
            let Some((before, note)) = line.split_once(kind) else { continue };
            let about = note.split_once(" on ").map_or("", |(_, about)| about);
            let of = if before.trim().is_empty() {
                lines[index + 1..].iter().copied().find(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
            } else {
                Some(before)
            };
            notes.push((note.to_owned(), of.is_some_and(|line| line.contains(about))));
        }
    }
    notes.sort();
    notes
}

/// Turns every mapping and list around.
fn turned(said: &Said) -> Said {
    match said {
        Said::Text(text) => Said::Text(text.clone()),
        Said::List(items) => Said::List(items.iter().rev().map(turned).collect()),
        Said::Map(entries) => {
            Said::Map(entries.iter().rev().map(|(key, value)| (key.clone(), turned(value))).collect())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn order_changes_and_nothing_else(said in said(), choices in prop::collection::vec(any::<u8>(), 40..200)) {
        let before = written(&said, &choices, true);
        let after = canonical(&before);
        prop_assert_eq!(meaning(&before), meaning(&after), "{}\n---\n{}", before, after);
        prop_assert_eq!(&canonical(&after), &after, "again\n{}\n---\n{}", before, after);
        let (mut of_before, mut of_after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
        of_before.sort_unstable();
        of_after.sort_unstable();
        prop_assert_eq!(of_before, of_after, "no character comes or goes");
        // A list in one line is not what a comment behind it is about; what was right before is right after.
        prop_assert_eq!(notes(&before), notes(&after), "{}\n---\n{}", before, after);
    }

    #[test]
    fn files_that_differ_in_order_only_become_one(
        said in said(),
        style in prop::sample::select(vec![[1_u8], [3], [5]]),
    ) {
        let (one, other) = (written(&said, &style, false), written(&turned(&said), &style, false));
        // Keys that the language does not have stay in the order in which they are.
        prop_assert_eq!(canonical(&one), canonical(&other), "{}\n---\n{}", one, other);
    }
}
