//! Entries that stand twice in one list: a slip of the pen that changes nothing, and is told.

use std::collections::HashMap;

use super::read::Reader;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Name;
use crate::source::{At, Scalar};

/// The entries of a list, as compared, with the first place of each.
#[derive(Default)]
pub(super) struct Listed(HashMap<Name, At>);

impl<'t> Reader<'t, '_> {
    /// Notes an entry of a list, and tells if it stands there already.
    pub(super) fn list_once(&mut self, listed: &mut Listed, identity: Name, entry: &Scalar<'t>) {
        let Some(&first) = listed.0.get(&identity) else {
            listed.0.insert(identity, entry.at);
            return;
        };
        let file = self.cursor.file();
        let mistake = Diagnostic::warning(Code::DuplicateEntry, format!("`{}` stands twice in one list", entry.text));
        let mistake = mistake.at(entry.at.span(file), "here again").and(first.span(file), "first here");
        self.cursor.tell(mistake.help("take one of them out"));
    }
}
