//! Rows → people → manifests. Rows come one at a time, so that a file of any length needs little memory.
//!
//! Nothing is guessed: what the file does not say has to be said by an option, and what a manifest can't say is listed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Column, language, refuse_value, yes_or_no};
use super::formula::restored;
use super::mistakes::{Book, Refused, RowPlace, quoted};
use super::roles::Given;
use super::{Batch, Imported, Known, ListOptions};
use crate::diagnostic::Code;
use crate::manifest::{self, Partial, Unsayable, Written};
use crate::model::{Fact, Grant, LiveRecord, LiveState, Membership, Name, Names, Site, Status, Value, known};
use crate::rules::{FieldRequired, KeyField, Rules};
use unicode_normalization::UnicodeNormalization as _;

/// The most characters in a cell that is read: no name and no address is longer.
const LONGEST_CELL: usize = 1_000;
/// The most columns.
pub(super) const MOST_COLUMNS: usize = 200;

/// A cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// A text; empty where there is nothing.
    Text(&'a str),
    /// Something else, and what.
    Odd(&'static str),
}

/// What a file is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    /// A list of people, a row a role.
    List(&'a ListOptions),
    /// A template for invitations, a row a person.
    Template(&'a Batch),
}

/// A person of the file.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) key: Name,
    status: (Status, u32),
    facts: Vec<(Name, Name, u32)>,
    pub(super) seats: BTreeMap<Name, Seat>,
    /// What rows say yes or no to, by the name of the field, and the first row that does.
    pub(super) switches: BTreeMap<String, (bool, u32)>,
    first: u32,
}

/// What a person has in an organization.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) role: Option<(Name, u32)>,
    pub(super) extra_roles: Vec<Name>,
    pub(super) place: Option<RowPlace>,
}

/// A value of a row: its column, the number of that, and the text.
pub(super) type Values<'a> = [(Column, usize, Cow<'a, str>)];

/// A file that is being read.
pub(super) struct Intake<'a> {
    pub(super) rules: &'a Rules,
    pub(super) kind: Kind<'a>,
    pub(super) known: &'a Known,
    pub(super) book: Book,
    pub(super) names: Names,
    pub(super) live: LiveState,
    pub(super) notes: BTreeSet<String>,
    pub(super) columns: Vec<Option<Column>>,
    /// Cells of columns that are not kept.
    lost: BTreeMap<usize, usize>,
    /// Cells whose letters and accents stand apart.
    pub(super) decomposed: usize,
    pub(super) people: BTreeMap<String, Person>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(rules: &'a Rules, kind: Kind<'a>, file: &str, known: &'a Known) -> Self {
        let mut names = Names::new();
        let mut live = LiveState::default();
        live.catalog.roles = manifest::vendor_roles(&mut names, rules);
        // A role of the vendor that somebody has changed in the store stays as it is there.
        for role in rules.roles.vendor.keys().filter(|_| !known.has_manifests()) {
            if let Some(fields) = known.role_fields(role) {
                let fields = manifest::role_of(&mut names, fields);
                live.catalog.roles.insert(names.intern(role), fields);
            }
        }
        Self {
            rules,
            kind,
            known,
            book: Book::of(file),
            names,
            live,
            notes: BTreeSet::new(),
            columns: Vec::new(),
            lost: BTreeMap::new(),
            decomposed: 0,
            people: BTreeMap::new(),
        }
    }

    /// Takes in a row; the first one that is not blank is the header. Returns whether it is worth going on.
    pub(super) fn row(&mut self, at: RowPlace, cells: &[Cell<'_>]) -> bool {
        if cells.iter().all(|cell| *cell == Cell::Text("")) {
            return true;
        }
        if self.columns.is_empty() {
            return self.header(at, cells);
        }
        let Some(values) = self.values(at, cells) else { return true };
        match self.kind {
            Kind::List(options) => self.role_of_person(at, &values, options),
            Kind::Template(batch) => self.invited(at, &values, batch),
        }
        true
    }

    /// Whether the header has been read, so that rows can be compared with it.
    pub(super) fn width(&self) -> Option<usize> {
        (!self.columns.is_empty()).then_some(self.columns.len())
    }

    /// The values of a row in columns that are known; `None` where one can't be read, which is told.
    fn values<'c>(&mut self, at: RowPlace, cells: &[Cell<'c>]) -> Option<Vec<(Column, usize, Cow<'c, str>)>> {
        let mut values = Vec::with_capacity(self.columns.len());
        let mut is_whole = true;
        for (index, cell) in cells.iter().enumerate() {
            let column = self.columns.get(index).copied().flatten();
            let is_kept = column.is_some_and(|column| match column {
                Column::Status | Column::Company | Column::Organization | Column::Role | Column::Switch(_) => true,
                column => column == Column::of_key(self.rules) || column.field(self.rules).is_some(),
            });
            match (column, cell) {
                (_, Cell::Text("")) => {}
                (Some(column), Cell::Text(text)) if is_kept => {
                    if text.chars().nth(LONGEST_CELL).is_some() {
                        let what = format!("the cell has more than {LONGEST_CELL} characters");
                        self.book.tell(Code::TooLarge, at, Some(index), &what, "look for a quote that is not closed");
                        is_whole = false;
                    } else {
                        let mut restored = restored(text);
                        if column == Column::Language
                            && let Some(tag) = language(&restored)
                        {
                            self.notes.insert(format!("the language {} is read as `{tag}`", quoted(&restored)));
                            restored = Cow::Borrowed(tag);
                        }
                        let composed: String = restored.nfc().collect();
                        if composed == restored {
                            values.push((column, index, restored));
                        } else {
                            self.decomposed += 1;
                            values.push((column, index, Cow::Owned(composed)));
                        }
                    }
                }
                (Some(_), Cell::Odd(what)) if is_kept => {
                    let help = "type it as text (format the column as text first), or paste it as values only";
                    self.book.tell(Code::WrongType, at, Some(index), &format!("the cell holds {what}, not text"), help);
                    is_whole = false;
                }
                (_, _) => *self.lost.entry(index).or_default() += 1,
            }
        }
        is_whole.then_some(values)
    }

    /// The key of the person of a row: as compared, and as spelled.
    fn key(&mut self, at: RowPlace, values: &Values<'_>) -> Option<(String, Name)> {
        let of_key = Column::of_key(self.rules);
        let Some((index, text)) = value(values, of_key) else {
            let index = self.columns.iter().position(|column| *column == Some(of_key));
            let what = match self.rules.identity.key_field() {
                KeyField::Email => "there is no e-mail address",
                KeyField::Login => "there is no login",
            };
            self.book.tell(Code::InvalidKey, at, index, what, "write one, or remove the row");
            return None;
        };
        let identity = self.rules.identity.normalize(text).map_err(|why| why.to_string());
        let identity = identity.and_then(|identity| match self.rules.identity.refuse_written(text) {
            None => Ok(identity),
            Some((why, _)) => Err(why.to_owned()),
        });
        match identity {
            Ok(identity) => Some((identity, self.names.intern(text))),
            Err(error) => {
                let help = match self.rules.identity.key_field() {
                    KeyField::Email => "one address a row, and nothing else in the cell",
                    KeyField::Login => "one login a row, and nothing else in the cell",
                };
                self.book.tell(Code::InvalidKey, at, Some(index), &format!("{} {error}", quoted(text)), help);
                None
            }
        }
    }

    fn invited(&mut self, at: RowPlace, values: &Values<'_>, batch: &Batch) {
        let key = self.key(at, values);
        let fields = self.columns.iter().flatten().filter_map(|column| Some((*column, column.field(self.rules)?)));
        for (column, field) in fields.collect::<Vec<_>>() {
            let is_required = self.rules.field(field).is_some_and(|rule| match rule.required {
                Some(FieldRequired::Onboarding | FieldRequired::Always) => true,
                Some(FieldRequired::Never) | None => false,
            });
            if is_required && value(values, column).is_none() {
                let index = self.columns.iter().position(|other| *other == Some(column));
                let what = format!("there is no {}", column.title().to_lowercase());
                self.book.tell(
                    Code::RequiredField,
                    at,
                    index,
                    &what,
                    "the service demands it of everybody who is invited",
                );
            }
        }
        let Some((identity, key)) = key else {
            self.refuse_values(at, values);
            return;
        };
        if let Some(person) = self.people.get(&identity) {
            let what = format!("{} is in row {} already", quoted(self.names.text(key)), person.first);
            let index = value(values, Column::of_key(self.rules)).map(|(index, _)| index);
            self.book.tell(Code::DuplicateDeclaration, at, index, &what, "keep one row a person");
            return;
        }
        let status = match batch.is_sent {
            _ if !self.rules.knows_invitations() => Status::Active,
            true => Status::Invited,
            false => Status::Preloaded,
        };
        let organization = self.names.intern(&batch.organization);
        let role = batch.role.as_ref().map(|role| (self.role_of_all(role), at.row));
        let seat = Seat { role, extra_roles: Vec::new(), place: Some(at) };
        let seats = BTreeMap::from([(organization, seat)]);
        let (facts, switches) = (Vec::new(), BTreeMap::new());
        let mut person = Person { key, status: (status, at.row), facts, seats, switches, first: at.row };
        if let Some(user_type) = &batch.user_type {
            person.facts.push((known::USER_TYPE, self.names.intern(user_type), at.row));
        }
        self.people.insert(identity.clone(), person);
        self.facts(at, values, &identity);
    }

    fn role_of_person(&mut self, at: RowPlace, values: &Values<'_>, options: &ListOptions) {
        let key = self.key(at, values);
        let status = self.status(at, values, options);
        let identity = key.as_ref().map(|(identity, _)| identity.as_str());
        let given = self.given(at, values, options, identity);
        let (Some((identity, key)), Some(status), Some(given)) = (key, status, given) else {
            self.refuse_values(at, values);
            return;
        };
        match self.people.get(&identity) {
            None => {
                let (facts, seats, switches) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
                let person = Person { key, status: (status, at.row), facts, seats, switches, first: at.row };
                self.people.insert(identity.clone(), person);
            }
            Some(person) if person.status.0 != status => {
                let (first, row) = person.status;
                let what =
                    format!("it says `{}`, and row {row} `{}` of the same person", status.as_str(), first.as_str());
                let index = value(values, Column::Status).map(|(index, _)| index);
                self.book.tell(Code::DuplicateDeclaration, at, index, &what, CONTRADICTION);
                self.refuse_values(at, values);
                return;
            }
            Some(_) => {}
        }
        self.facts(at, values, &identity);
        if let (Some((organization, given)), Some(person)) = (given, self.people.get_mut(&identity)) {
            let seat = person.seats.entry(organization).or_default();
            seat.place.get_or_insert(at);
            match (given, seat.role) {
                (Given::Extra(role), _) if seat.extra_roles.contains(&role) => {}
                (Given::Extra(role), _) => seat.extra_roles.push(role),
                (Given::Main(role), None) => seat.role = Some((role, at.row)),
                (Given::Main(role), Some((first, row))) if first != role => {
                    let (role, first) = (quoted(self.names.text(role)), quoted(self.names.text(first)));
                    let organization = quoted(self.names.text(organization));
                    let what = format!("{role} is a second role in {organization}: row {row} says {first}");
                    let index = value(values, Column::Role).map(|(index, _)| index);
                    let help = "one role an organization; say which are roles beside it with --extra-role NAME";
                    self.book.tell(Code::ConflictingRoles, at, index, &what, help);
                }
                (Given::Main(_), Some(_)) | (Given::Nothing, _) => {}
            }
        }
    }

    /// Tells what is wrong with the profile fields of a row, of which nothing else is kept.
    fn refuse_values(&mut self, at: RowPlace, values: &Values<'_>) {
        for (column, index, text) in values {
            self.kept_field(at, (*column, *index, text));
            self.switched(at, (*column, *index, text));
        }
    }

    /// What a cell says yes or no to; one that says neither is told.
    fn switched(&mut self, at: RowPlace, (column, index, text): (Column, usize, &str)) -> Option<(String, bool)> {
        let field = column.switch(self.rules)?;
        let Some(is_on) = yes_or_no(text) else {
            let what = format!("{} is neither yes nor no", quoted(text));
            self.book.tell(Code::InvalidValue, at, Some(index), &what, "write `yes` or `no`, or empty the cell");
            return None;
        };
        Some((field, is_on))
    }

    /// The field of a value that may stand there; one that may not is told.
    fn kept_field(&mut self, at: RowPlace, (column, index, text): (Column, usize, &str)) -> Option<&'a str> {
        let field = column.field(self.rules)?;
        let Some((what, help)) = refuse_value(self.rules, field, text) else { return Some(field) };
        self.book.tell(Code::InvalidValue, at, Some(index), &what, help);
        None
    }

    /// Profile fields of a row; two rows of one person must not contradict each other.
    fn facts(&mut self, at: RowPlace, values: &Values<'_>, identity: &str) {
        for (column, index, text) in values {
            let (column, index) = (*column, *index);
            if let Some((field, is_on)) = self.switched(at, (column, index, text)) {
                let Some(person) = self.people.get_mut(identity) else { return };
                let &mut (first, row) = person.switches.entry(field).or_insert((is_on, at.row));
                if first != is_on {
                    let what = format!("row {row} says something else of the same person");
                    self.book.tell(Code::DuplicateDeclaration, at, Some(index), &what, CONTRADICTION);
                }
            }
            let Some(field) = self.kept_field(at, (column, index, text)) else { continue };
            let (field, text) = (self.names.intern(field), self.names.intern(text));
            let Some(person) = self.people.get_mut(identity) else { return };
            match person.facts.iter().find(|(other, _, _)| *other == field) {
                None => person.facts.push((field, text, at.row)),
                Some(&(_, first, _)) if first == text => {}
                Some(&(_, first, row)) => {
                    let (text, first) = (quoted(self.names.text(text)), quoted(self.names.text(first)));
                    let what = format!("it says {text}, and row {row} {first} of the same person");
                    self.book.tell(Code::DuplicateDeclaration, at, Some(index), &what, CONTRADICTION);
                }
            }
        }
    }

    /// Makes manifests, unless something is wrong.
    pub(super) fn finish(mut self) -> Result<Imported, Refused> {
        let known = self.known;
        if self.book.is_empty() && self.people.is_empty() {
            let help = "the first row has the headers, and each of the others a person";
            self.book.tell_file(Code::RequiredField, "has no row with a person", help);
        }
        self.check_seats();
        self.check_places();
        self.check_declared();
        if !self.book.is_empty() {
            return Err(self.book.refuse());
        }
        let held = self.held();
        self.tell_what_is_new();
        self.tell_who_is_left_out(&held);
        let people = std::mem::take(&mut self.people);
        let (declared, people): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|(identity, _)| known.users.contains(identity));
        let elsewhere = self.elsewhere(&people, &held);
        let (people, others): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|(identity, _)| !elsewhere.contains_key(identity));
        let left_fields = self.left_fields(&people);
        self.tell_who_is_in_the_store(&people);
        self.people_to_live(people);
        let partial = Partial {
            leaves_sites: matches!(self.kind, Kind::List(_)) && self.rules.sites.rules().is_some(),
            organizations: known.organizations.keys().cloned().collect(),
            roles: known.roles.clone(),
            left_alone: known.organizations.keys().filter(|name| !held.contains(name.as_str())).cloned().collect(),
            most_organizations: self.rules.most_organizations(),
            left_fields,
        };
        let Written { files, mut unsayable, accounts } =
            manifest::write_partial(&self.names, self.rules, &self.live, &partial);
        let again = declared.into_iter().map(|(_, person)| Unsayable {
            kind: "user",
            name: self.names.text(person.key).to_owned(),
            reason: "is declared in a manifest already".to_owned(),
        });
        unsayable.extend(again);
        unsayable.extend(others.into_iter().map(|(identity, person)| Unsayable {
            kind: "user",
            name: self.names.text(person.key).to_owned(),
            reason: elsewhere.get(&identity).cloned().unwrap_or_default(),
        }));
        for (index, count) in &self.lost {
            let name = self.book.headers.get(*index).cloned().unwrap_or_default();
            let why = match self.columns.get(*index).copied().flatten() {
                Some(_) => "is nothing that the rules of the store keep",
                None => "is no column that is known",
            };
            let name = if name.is_empty() { super::columns::letters(*index) } else { name };
            unsayable.push(Unsayable { kind: "column", name, reason: format!("{why} (cells: {count})") });
        }
        unsayable.sort();
        self.tell_what_is_not_stated(&partial);
        Ok(Imported { written: Written { files, unsayable, accounts }, notes: shortened(self.notes) })
    }

    fn people_to_live(&mut self, people: Vec<(String, Person)>) {
        if let Kind::Template(batch) = self.kind {
            let organization = self.names.intern(&batch.organization);
            self.live.catalog.organizations.entry(organization).or_default();
            if let Some(site) = &batch.site {
                let (site, declared) = (self.names.intern(site), self.site());
                self.live.catalog.organizations.entry(organization).or_default().sites.insert(site, declared);
            }
        }
        for (identity, person) in people {
            let Person { key, status, facts, seats, switches, first: _ } = person;
            let mut facts: Vec<Fact> =
                facts.into_iter().map(|(field, text, _)| Fact::new(field, Value::Text(text))).collect();
            // Of access, no is what left out means.
            let told = switches.into_iter().filter(|(field, (is_on, _))| *is_on || !self.rules.is_access(field));
            facts.extend(told.map(|(field, (is_on, _))| Fact::new(self.names.intern(&field), Value::Bool(is_on))));
            let mut memberships = Vec::new();
            let mut grants = Vec::new();
            for (organization, seat) in seats {
                if organization != known::PLATFORM {
                    self.live.catalog.organizations.entry(organization).or_default();
                }
                let extra_roles = self.names.list(&seat.extra_roles);
                let role = seat.role.map(|(role, _)| role);
                memberships.push(Membership { organization, role, extra_roles, default_site: None });
                if let Kind::Template(Batch { site: Some(site), .. }) = self.kind {
                    let site = self.names.intern(site);
                    grants.push(Grant { organization, site, role: None });
                }
            }
            let identity = self.names.intern(&identity);
            self.live.push(LiveRecord {
                id: key,
                key,
                identity: Some(identity),
                status: status.0,
                facts,
                memberships,
                grants,
                invitation: None,
            });
        }
    }

    /// A site as the rules have it: of the only kind that there is, where there is one only.
    fn site(&mut self) -> Site {
        let mut site = Site::default();
        if let Some([kind]) = self.rules.sites.rules().and_then(|sites| sites.kinds.as_deref()) {
            site.fields.insert(known::KIND, Value::Text(self.names.intern(kind)));
        }
        site
    }
}

/// The first notes; a file can't make arbitrarily many.
fn shortened(notes: BTreeSet<String>) -> Vec<String> {
    const MOST: usize = 20;
    let more = notes.len().saturating_sub(MOST);
    let first = notes.into_iter().take(MOST);
    first.chain((more > 0).then(|| format!("{more} more remarks are not shown"))).collect()
}

const CONTRADICTION: &str = "correct one of the rows; nothing is chosen between them";

/// The value of a row in a column, with the number of that; `None` where it is empty.
pub(super) fn value<'c>(values: &'c Values<'_>, column: Column) -> Option<(usize, &'c str)> {
    values.iter().find(|(other, _, _)| *other == column).map(|(_, index, text)| (*index, text.as_ref()))
}
