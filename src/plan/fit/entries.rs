//! In whose entries of the manifests something is wrong: of these people not all could be read, so nothing is judged that
//! they seem to lack.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, FileId, Severity};
use crate::model::{Desired, UserView};

/// Where the entries of users begin, and where mistakes are.
pub(super) struct Entries {
    begin: BTreeMap<FileId, BTreeSet<u32>>,
    wrong: BTreeMap<FileId, BTreeSet<u32>>,
    /// Whether there are mistakes of which nobody knows where they are.
    is_any_unplaced: bool,
}

impl Entries {
    pub(super) fn new(desired: &Desired, mistakes: &[Diagnostic]) -> Self {
        let mut begin: BTreeMap<FileId, BTreeSet<u32>> = BTreeMap::new();
        for user in desired.users() {
            begin.entry(user.position.file).or_default().insert(user.position.offset);
        }
        let mut wrong: BTreeMap<FileId, BTreeSet<u32>> = BTreeMap::new();
        let mut is_any_unplaced = false;
        for mistake in mistakes.iter().filter(|mistake| mistake.severity == Severity::Error) {
            is_any_unplaced |= mistake.primary.is_none();
            for label in mistake.primary.iter().chain(&mistake.secondary) {
                wrong.entry(label.span.start.file).or_default().insert(label.span.start.offset);
            }
        }
        Self { begin, wrong, is_any_unplaced }
    }

    /// Whether nothing is wrong from where a user is declared to where the next one is. What stands below the last one
    /// of a file counts as theirs: too much is taken for wrong, and never too little.
    pub(super) fn is_sound(&self, user: &UserView<'_>) -> bool {
        let (file, start) = (user.position.file, user.position.offset);
        let begin = self.begin.get(&file).and_then(|begin| begin.range(start.saturating_add(1)..).next());
        let end = begin.copied().unwrap_or(u32::MAX);
        let is_wrong = self.wrong.get(&file).is_some_and(|wrong| wrong.range(start..end).next().is_some());
        !self.is_any_unplaced && !is_wrong
    }
}
