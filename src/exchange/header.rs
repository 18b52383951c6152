//! The header of a file: which columns there are, and whether all are there that have to be.

use super::ListOptions;
use super::columns::{Column, letters, of_template};
use super::intake::{Cell, Intake, Kind, MOST_COLUMNS};
use super::mistakes::{RowPlace, quoted};
use crate::diagnostic::Code;
use crate::rules::{KeyField, Named, refuse_declared};

impl Intake<'_> {
    /// Takes in the row of the headers. Returns whether it is worth going on.
    pub(super) fn header(&mut self, at: RowPlace, cells: &[Cell<'_>]) -> bool {
        if cells.len() > MOST_COLUMNS {
            let what = format!("there are {} columns", cells.len());
            self.book.tell(Code::TooLarge, at, None, &what, format!("{MOST_COLUMNS} are read at most"));
            return false;
        }
        let texts = cells.iter().map(|cell| match cell {
            Cell::Text(text) => (*text).to_owned(),
            Cell::Odd(_) => String::new(),
        });
        self.book.headers = texts.collect();
        let rules = self.rules;
        let mut columns: Vec<Option<Column>> =
            self.book.headers.iter().map(|header| Column::of_header(rules, header)).collect();
        self.names_of_one_column(&mut columns);
        let has = |column: Column, columns: &[Option<Column>]| columns.contains(&Some(column));
        for (index, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if let Some(first) = columns[..index].iter().position(|other| *other == Some(*column)) {
                let what = format!("means the same as column {}", letters(first));
                self.book.tell(Code::DuplicateKey, at, Some(index), &what, "keep one of them");
            }
        }
        let (of_key, read) = (Column::of_key(self.rules), of_template(self.rules));
        let wanted = match (self.kind, self.rules.identity.key_field()) {
            (Kind::List(_), _) => vec![of_key, Column::Role],
            (Kind::Template(_), KeyField::Login) => vec![of_key],
            (Kind::Template(_), KeyField::Email) => read.clone(),
        };
        for &missing in wanted.iter().filter(|column| !has(**column, &columns)) {
            let why = if missing == of_key { ", by which the store knows people" } else { "" };
            let what = format!("no column is `{}`{why}", missing.title());
            let read: Vec<String> = self
                .book
                .headers
                .iter()
                .filter(|header| !header.is_empty())
                .take(12)
                .map(|header| quoted(header))
                .collect();
            let help = format!(
                "the first row has the headers, in English or French: remove what stands above it; it reads {}",
                read.join(", ")
            );
            self.book.tell(Code::RequiredField, at, None, &what, help);
        }
        if let Kind::List(ListOptions { organization: Some(organization), .. }) = self.kind {
            let why = if self.rules.has_organizations() {
                refuse_declared(Named::Organization, organization)
            } else {
                Some("is none: the store has no organizations")
            };
            if let Some(why) = why {
                let what = format!("--organization: {} {why}", quoted(organization));
                self.book.tell(Code::InvalidName, at, None, &what, "correct the option, or leave it out");
            }
        }
        match self.kind {
            Kind::List(_) if has(Column::Organization, &columns) => {
                // A company beside it is not where the role holds.
                columns.iter_mut().filter(|column| **column == Some(Column::Company)).for_each(|column| *column = None);
            }
            Kind::List(_) if has(Column::Company, &columns) && self.rules.has_organizations() => {
                let index = columns.iter().position(|column| *column == Some(Column::Company)).unwrap_or_default();
                let header = quoted(&self.book.headers[index]);
                self.notes.insert(format!("the organization of each role is what stands in the column {header}"));
            }
            Kind::List(options) if options.organization.is_none() && self.rules.has_organizations() => {
                let help = "name the organization of all its roles with --organization ORG, or add a column \
                            `Organization`";
                self.book.tell(Code::RequiredField, at, None, "no column names an organization", help);
            }
            Kind::List(_) => {}
            Kind::Template(_) => {
                columns
                    .iter_mut()
                    .filter(|column| column.is_some_and(|column| !read.contains(&column)))
                    .for_each(|column| *column = None);
            }
        }
        self.columns = columns;
        self.book.is_empty()
    }

    /// Where one column holds all of a name, under a word that is one for family names as well, it is the full name.
    fn names_of_one_column(&mut self, columns: &mut [Option<Column>]) {
        let has = |column: Column| columns.contains(&Some(column));
        if has(Column::GivenName) || has(Column::FullName) || Column::FullName.field(self.rules).is_none() {
            return;
        }
        for (column, header) in columns.iter_mut().zip(&self.book.headers) {
            if *column == Some(Column::FamilyName) && Column::may_be_whole(header) {
                *column = Some(Column::FullName);
                let header = quoted(header);
                self.notes.insert(format!("the column {header} is read as the full name: none holds given names"));
            }
        }
    }
}
