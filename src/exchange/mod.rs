//! Floor 4: people as files of other programs have them (CSV, spreadsheets) ↔ manifests and live state.
//!
//! Two kinds of files come in: a list of people, a row for each role ([`read_csv`]; `systems.md` ALT-10), and a template
//! for invitations in bulk, a row for each person ([`read_xlsx`]; CRED-6). Rows become people, people a live state, and
//! that is written as manifests by the same code that writes what a store holds. Going out, live state becomes such a
//! list ([`csv()`]), such templates ([`workbooks`]) or a document ([`document()`]).
//!
//! Files are hostile until shown otherwise: sizes are bounded before anything is read, all mistakes are told with row and
//! column, and a file with one mistake yields nothing. Deliberately absent: files and folders, the clock, and guesses.
//! What a file does not say is asked for, or left to others.

mod columns;
mod csv_read;
mod csv_write;
mod document;
mod formula;
mod header;
mod held;
mod intake;
mod known;
mod losses;
mod mistakes;
mod roles;
mod template;
mod xlsx_read;

use std::collections::BTreeMap;

use crate::manifest::{Unsayable, Written};
use crate::model::Status;
use crate::rules::Rules;

pub use csv_read::LARGEST_CSV;
pub use csv_write::{Separator, csv};
pub use document::{ExportDocument, ExportedGrant, ExportedMembership, ExportedUser, document, schema};
pub use known::Known;
pub use mistakes::Refused;
pub use template::{Template, workbooks};
pub use xlsx_read::LARGEST_XLSX;

use intake::{Intake, Kind};

/// What a list of people does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// The organization of roles whose row names none.
    pub organization: Option<String>,
    /// Roles that are held beside the main one.
    pub extra_roles: Vec<String>,
    /// Further words for a status.
    pub statuses: Vec<(String, Status)>,
}

/// What holds for everybody in a template for invitations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The user type, where the rules have such.
    pub user_type: Option<String>,
    /// The role; `None` for people without one.
    pub role: Option<String>,
    /// The organization.
    pub organization: String,
    /// The only site at first; `None` for people without one.
    pub site: Option<String>,
    /// Whether invitations go out, or people are only made known. Nobody looks at it where there are none.
    pub is_sent: bool,
    /// The sheet; else the only visible one.
    pub sheet: Option<String>,
}

/// Manifests that were made of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The manifests, and what they can't say.
    pub written: Written,
    /// How the file was read, where that could be done otherwise.
    pub notes: Vec<String>,
}

/// What is written to a file, and what it can't say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported<T> {
    /// What is written.
    pub content: T,
    /// What is left out, sorted.
    pub left_out: Vec<Unsayable>,
}

/// When accounts were made, by key as spelled: days in the time zone of the settings.
pub type Days = BTreeMap<String, String>;

/// Makes manifests of a list of people and their roles. `file` is its name.
///
/// # Errors
/// Everything that is wrong with the file; then nothing is made of it.
pub fn read_csv(
    rules: &Rules,
    file: &str,
    bytes: &[u8],
    options: &ListOptions,
    known: &Known,
) -> Result<Imported, Refused> {
    let mut intake = Intake::new(rules, Kind::List(options), file, known);
    csv_read::read(&mut intake, bytes);
    intake.finish()
}

/// Makes manifests of a template for invitations. `file` is its name.
///
/// # Errors
/// Everything that is wrong with the file; then nothing is made of it.
pub fn read_xlsx(rules: &Rules, file: &str, bytes: &[u8], batch: &Batch, known: &Known) -> Result<Imported, Refused> {
    let mut intake = Intake::new(rules, Kind::Template(batch), file, known);
    xlsx_read::read(&mut intake, bytes, batch.sheet.as_deref());
    intake.finish()
}
