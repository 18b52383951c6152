//! A list of diagnostics that a hostile or broken input can't make arbitrarily long.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Severity};

/// How many diagnostics with one code are kept: enough for any person, few enough for any terminal.
pub const MOST_OF_A_KIND: usize = 1000;

/// Diagnostics, at most [`MOST_OF_A_KIND`] of each code; the others are counted.
#[derive(Debug, Clone, Default)]
pub struct Mistakes {
    kept: Vec<Diagnostic>,
    counts: BTreeMap<(Code, Severity), usize>,
}

impl Mistakes {
    /// Whether a diagnostic of this kind would still be kept: work for its help can be saved otherwise.
    #[must_use]
    pub fn keeps(&self, code: Code, severity: Severity) -> bool {
        self.counts.get(&(code, severity)).is_none_or(|&count| count < MOST_OF_A_KIND)
    }

    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = self.counts.entry((diagnostic.code, diagnostic.severity)).or_default();
        *count += 1;
        if *count <= MOST_OF_A_KIND {
            self.kept.push(diagnostic);
        }
    }

    /// Counts a diagnostic that need not be made, because [`Mistakes::keeps`] said no.
    pub fn count(&mut self, code: Code, severity: Severity) {
        *self.counts.entry((code, severity)).or_default() += 1;
    }

    /// Adds what another list holds and has counted.
    pub fn append(&mut self, other: Self) {
        let mut uncounted = other.counts;
        for diagnostic in other.kept {
            if let Some(count) = uncounted.get_mut(&(diagnostic.code, diagnostic.severity)) {
                *count -= 1;
            }
            self.push(diagnostic);
        }
        for (kind, count) in uncounted {
            *self.counts.entry(kind).or_default() += count;
        }
    }

    /// How many were added.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// The diagnostics that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }

    /// Takes out what turns out to be no mistake of its own.
    pub fn forget(&mut self, is_none: impl Fn(&Diagnostic) -> bool) {
        let Self { kept, counts } = self;
        kept.retain(|diagnostic| {
            let forgotten = is_none(diagnostic);
            if forgotten && let Some(count) = counts.get_mut(&(diagnostic.code, diagnostic.severity)) {
                *count -= 1;
            }
            !forgotten
        });
        counts.retain(|_, count| *count > 0);
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether there is an error among them.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.counts.keys().any(|&(_, severity)| severity == Severity::Error)
    }

    /// The diagnostics in the order of adding, and one more for each code of which some were only counted.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.kept;
        for ((code, severity), count) in self.counts {
            let Some(more) = count.checked_sub(MOST_OF_A_KIND).filter(|&more| more > 0) else { continue };
            diagnostics.push(Diagnostic::rest(code, severity, more));
        }
        diagnostics
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_OF_A_KIND, Mistakes};
    use crate::diagnostic::{Code, Diagnostic};

    #[test]
    fn many_of_a_kind_are_counted() {
        let mut mistakes = Mistakes::default();
        for _ in 0..3 {
            let mut part = Mistakes::default();
            for _ in 0..MOST_OF_A_KIND + 10 {
                part.push(Diagnostic::error(Code::UnknownRole, "unknown role"));
            }
            mistakes.append(part);
        }
        mistakes.push(Diagnostic::error(Code::UnknownSite, "unknown site"));
        let diagnostics = mistakes.into_diagnostics();
        assert_eq!(diagnostics.len(), MOST_OF_A_KIND + 2);
        assert_eq!(
            diagnostics.last().map(|last| last.message.as_str()),
            Some("2030 more of `unknown-role` are not shown")
        );
    }
}
