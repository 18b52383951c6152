//! What the columns of a file can't hold: told with counts, so that nothing is lost in silence.

use std::collections::BTreeMap;

use super::columns::Column;
use crate::manifest::Unsayable;
use crate::model::{LiveView, Names, known};
use crate::rules::Rules;

/// Counts what accounts hold beyond the columns of a file.
pub(super) struct Losses<'a> {
    names: &'a Names,
    /// Fields that the file holds.
    held: Vec<&'a str>,
    /// Accounts with something else, by field.
    fields: BTreeMap<&'a str, usize>,
    sites: usize,
    default_sites: usize,
}

impl<'a> Losses<'a> {
    /// Of a file with these columns, and what else it says of everybody.
    pub(super) fn new(names: &'a Names, rules: &Rules, columns: &[Column], others: &[&'static str]) -> Self {
        let mut held: Vec<&str> = columns.iter().filter_map(|column| column.field(rules)).collect();
        held.push(rules.identity.key_field().as_str());
        held.extend(others);
        Self { names, held, fields: BTreeMap::new(), sites: 0, default_sites: 0 }
    }

    /// Counts what the fields of an account hold beyond the columns.
    pub(super) fn count_fields(&mut self, view: &LiveView<'_>) {
        for fact in view.facts {
            let field = self.names.text(fact.field);
            let is_usual = fact.field == known::KIND && !view.is_service();
            if fact.value.is_set() && !is_usual && !self.held.contains(&field) {
                *self.fields.entry(field).or_default() += 1;
            }
        }
    }

    /// Counts that an account has sites, of which the file says nothing.
    pub(super) fn count_sites(&mut self, view: &LiveView<'_>) {
        self.sites += usize::from(!view.grants.is_empty());
        self.default_sites += usize::from(view.memberships.iter().any(|one| one.default_site.is_some()));
    }

    /// What is lost, as a list says it.
    pub(super) fn told(self) -> Vec<Unsayable> {
        let Self { names: _, held: _, fields, sites, default_sites } = self;
        let mut told = Vec::new();
        for (kind, count) in [("sites", sites), ("default sites", default_sites)] {
            if count > 0 {
                let reason = "are nothing that such a list says".to_owned();
                told.push(Unsayable { kind, name: format!("of {count} accounts"), reason });
            }
        }
        for (field, count) in fields {
            let accounts = if count == 1 { "1 account".to_owned() } else { format!("{count} accounts") };
            let reason = format!("of {accounts} is nothing that such a file says");
            told.push(Unsayable { kind: "field", name: field.to_owned(), reason });
        }
        told
    }
}
