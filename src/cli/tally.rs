//! What files declare, counted and compared: how many declarations of each kind there are in each file, and which of
//! them say something else than before.
//!
//! Declarations of two readings are compared by text, since each reading has names of its own; of a text only its hash
//! is kept. Deliberately absent: what a change means for anybody, which only the planner knows.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use crate::diagnostic::FileId;
use crate::model::{AccessRow, DeclaredStatus, Desired, Name, Names, Selector, SourceLabel, Value, known};
use crate::report::{Counted, Turn};
use crate::source::Sources;

/// What is told, the plainest first: who is declared no more, who is declared to leave, and who has other access.
const KINDS: [Counted; 3] = [Counted::People, Counted::Leavers, Counted::Access];

/// How many declarations of each kind there are in each file.
pub(super) type Tally = BTreeMap<(Counted, String), usize>;

/// How many there are.
pub(super) fn tally(desired: &Desired, sources: &Sources) -> Tally {
    let mut counts: BTreeMap<(Counted, FileId), usize> = BTreeMap::new();
    let mut add = |counted, file| *counts.entry((counted, file)).or_default() += 1;
    for user in desired.users() {
        add(Counted::People, user.position.file);
        if matches!(user.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)) {
            add(Counted::Leavers, user.position.file);
        }
        user.rows.iter().for_each(|row| add(Counted::Access, row.file));
        user.links.iter().for_each(|link| add(Counted::Access, link.position.file));
    }
    desired.rows.iter().for_each(|row| add(Counted::Access, row.file));
    desired.leavers.values().for_each(|leaver| add(Counted::Leavers, leaver.position.file));
    counts.into_iter().map(|((counted, file), count)| ((counted, sources.path(file).to_owned()), count)).collect()
}

/// How many declarations the files with these paths hold, of the plainest kind that they hold at all.
pub(super) fn held_by(tally: &Tally, files: &[String]) -> Option<(Counted, usize)> {
    let of = |kind| tally.iter().filter(move |((counted, file), _)| *counted == kind && files.contains(file));
    KINDS.into_iter().map(|kind| (kind, of(kind).map(|(_, count)| count).sum())).find(|&(_, sum)| sum > 0)
}

/// Whether a change of a number goes the way that explains a refusal: who is declared less, or named as a leaver,
/// loses; and the other way round.
const fn is_wanted(counted: Counted, takes_away: bool, before: usize, now: usize) -> bool {
    match (counted, takes_away) {
        (Counted::People | Counted::Access | Counted::Roles, true) | (Counted::Leavers, false) => before > now,
        (Counted::People | Counted::Access | Counted::Roles, false) | (Counted::Leavers, true) => now > before,
    }
}

/// The file of which the number of one kind has changed most in the wanted direction, by at least half of `count`: of
/// the plainest kind that has such a file. What was only moved to another file is no cause.
pub(super) fn largest(
    then: &Tally,
    now: &Tally,
    takes_away: bool,
    count: usize,
) -> Option<(String, Counted, usize, usize)> {
    KINDS.into_iter().find_map(|counted| {
        let (file, before, now) = largest_of(counted, then, now, takes_away)?;
        (before.abs_diff(now).saturating_mul(2) >= count).then_some((file, counted, before, now))
    })
}

fn largest_of(counted: Counted, then: &Tally, now: &Tally, takes_away: bool) -> Option<(String, usize, usize)> {
    let of = |tally: &Tally, key| tally.get(key).copied().unwrap_or(0);
    let sum = |tally: &Tally| tally.iter().filter(|((of, _), _)| *of == counted).map(|(_, count)| count).sum();
    let (all_before, all_after): (usize, usize) = (sum(then), sum(now));
    let mut found: Option<(String, usize, usize)> = None;
    for key in then.keys().chain(now.keys()).filter(|key| key.0 == counted) {
        let (before, after) = (of(then, key), of(now, key));
        let is_net = is_wanted(counted, takes_away, all_before, all_after)
            && all_before.abs_diff(all_after).saturating_mul(2) >= before.abs_diff(after);
        if !is_wanted(counted, takes_away, before, after) || !is_net {
            continue;
        }
        let is_larger = found.as_ref().is_none_or(|(_, was, is)| before.abs_diff(after) > was.abs_diff(*is));
        if is_larger {
            found = Some((key.1.clone(), before, after));
        }
    }
    found
}

/// What one declaration says, by hash, where it stands, and how many people it reaches.
struct Declaration {
    says: u64,
    file: FileId,
    reach: usize,
    /// Its name, where one of its kind says more than a number.
    name: Option<Name>,
}

/// All declarations of a reading, by kind and the hash of what each is about.
pub(super) struct Declarations<'a> {
    all: HashMap<(Counted, u64), Declaration>,
    names: &'a Names,
    sources: &'a Sources,
}

/// Declarations of one file that are not what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) file: String,
    pub(super) turn: Turn,
    pub(super) counted: Counted,
    pub(super) number: usize,
    /// How many people they reach, each counted once for each of them.
    pub(super) reach: usize,
    /// The name of one of them, where it has one.
    pub(super) example: Option<String>,
}

/// Declarations of one file and kind, added up.
#[derive(Default)]
struct Sum {
    number: usize,
    reach: usize,
    example: Option<String>,
}

impl<'a> Declarations<'a> {
    pub(super) fn of(desired: &Desired, names: &'a Names, sources: &'a Sources) -> Self {
        let mut declarations = Self { all: HashMap::new(), names, sources };
        let mut members = vec![0_usize; desired.sources.len()];
        let mut holders: HashMap<Name, usize> = HashMap::new();
        for user in desired.users() {
            let who = ("user", names.text(user.identity));
            let file = user.position.file;
            let window = (user.window.starts, user.window.expires);
            let mut facts: Vec<(&str, String)> = user
                .facts
                .iter()
                .map(|declared| (names.text(declared.fact.field), declared.fact.value))
                .filter(|(field, _)| field.starts_with("api") || field.starts_with("attributes."))
                .map(|(field, value)| (field, declarations.value(value)))
                .collect();
            facts.sort_unstable();
            let says = hash(&(user.status, window, facts));
            declarations.add(Counted::People, hash(&who), Declaration { says, file, reach: 1, name: None });
            for row in user.rows {
                declarations.add_row(desired, who, row, 1);
                row.role.iter().for_each(|&role| *holders.entry(role).or_default() += 1);
            }
            for link in user.links {
                let source = desired.source(link.source);
                let about = hash(&(who, declarations.label(source.label)));
                let file = link.position.file;
                declarations.add(Counted::Access, about, Declaration { says: 0, file, reach: 1, name: None });
                for of in &source.closure {
                    members[of.0 as usize] += 1;
                }
            }
        }
        for (source, &reach) in desired.sources.iter().zip(&members) {
            let whose = ("source", declarations.label(source.label));
            let rows = source.rows_start as usize..(source.rows_start + source.rows_length) as usize;
            for row in &desired.rows[rows] {
                declarations.add_row(desired, (whose.0, &whose.1), row, reach);
                row.role.iter().for_each(|&role| *holders.entry(role).or_default() += reach);
            }
        }
        for (&role, declared) in &desired.catalog.roles {
            let Some(position) = declared.position.filter(|_| !declared.vendor) else { continue };
            let mut facts: Vec<(&str, String)> = declared
                .facts(names)
                .into_iter()
                .filter(|fact| fact.field != known::NAME)
                .map(|fact| (names.text(fact.field), declarations.value(fact.value)))
                .collect();
            facts.sort_unstable();
            let reach = holders.get(&role).copied().unwrap_or(0);
            let declaration = Declaration { says: hash(&facts), file: position.file, reach, name: Some(role) };
            declarations.add(Counted::Roles, hash(&names.text(role)), declaration);
        }
        declarations
    }

    /// Adds a declaration; two about the same (patterns, site grants) are told apart by what they say.
    fn add(&mut self, counted: Counted, about: u64, declaration: Declaration) {
        let mut about = about;
        while self.all.contains_key(&(counted, about)) {
            about = hash(&(about, declaration.says));
        }
        self.all.insert((counted, about), declaration);
    }

    fn add_row(&mut self, desired: &Desired, whose: (&str, &str), row: &AccessRow, reach: usize) {
        let text = |name: Option<Name>| name.map(|name| self.names.text(name));
        let mut sites: Vec<_> = desired
            .sites_of(row)
            .iter()
            .map(|site| (self.selector(site.site), site.role.map(|role| self.names.text(role))))
            .collect();
        sites.sort_unstable();
        let window = desired.windows.get(row.window);
        let extra = self.names.sorted_texts(row.extra_roles);
        let says = hash(&(
            (row.membership, text(row.role), extra, text(row.default_site), sites),
            (window.starts, window.expires, row.left_alone),
        ));
        let about = hash(&(whose, self.selector(row.organization)));
        self.add(Counted::Access, about, Declaration { says, file: row.file, reach, name: None });
    }

    fn selector(&self, selector: Selector) -> (bool, &'a str) {
        match selector {
            Selector::Exact(name) => (false, self.names.text(name)),
            Selector::Pattern(name) => (true, self.names.text(name)),
        }
    }

    fn label(&self, label: SourceLabel) -> String {
        match label {
            SourceLabel::Team(team) => format!("team:{}", self.names.text(team)),
            SourceLabel::SiteGrant => "site_grants".to_owned(),
        }
    }

    fn value(&self, value: Value) -> String {
        match value {
            Value::Text(name) => format!("text {}", self.names.text(name)),
            Value::Set(list) => format!("set {:?}", self.names.sorted_texts(list)),
            Value::Null | Value::Bool(_) | Value::Number(_) => format!("{value:?}"),
        }
    }

    /// The declarations of one file that were changed, and taken out or added, and reach most people: at least half of
    /// `count`.
    pub(super) fn turned_to(&self, now: &Self, takes_away: bool, count: usize) -> Option<Turned> {
        let mut found: BTreeMap<(String, Turn, Counted), Sum> = BTreeMap::new();
        let mut add = |of: &Declarations<'_>, turn, counted, declaration: &Declaration, reach: usize| {
            let file = of.sources.path(declaration.file).to_owned();
            let sum = found.entry((file, turn, counted)).or_default();
            sum.number += 1;
            sum.reach += reach;
            let name = declaration.name.map(|name| of.names.text(name).to_owned());
            // Hash maps have no order; the first by name does.
            sum.example = match (sum.example.take(), name) {
                (Some(first), Some(second)) => Some(first.min(second)),
                (first, second) => first.or(second),
            };
        };
        for (key, was) in &self.all {
            match now.all.get(key) {
                Some(is) if is.says != was.says => add(now, Turn::Changed, key.0, is, is.reach.max(was.reach)),
                None if takes_away && key.0 != Counted::Roles => add(self, Turn::TakenOut, key.0, was, was.reach),
                Some(_) | None => {}
            }
        }
        if !takes_away {
            for (key, is) in now.all.iter().filter(|(key, _)| key.0 != Counted::Roles && !self.all.contains_key(key)) {
                add(now, Turn::Added, key.0, is, is.reach);
            }
        }
        // Of several that reach as many the first.
        let (key, sum) = found.into_iter().rev().max_by_key(|(_, sum)| sum.reach)?;
        let ((file, turn, counted), Sum { number, reach, example }) = (key, sum);
        (reach.saturating_mul(2) >= count).then_some(Turned { file, turn, counted, number, reach, example })
    }
}

fn hash<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
