//! Nobody knows whether what stands behind a key that nobody knows is a secret: it is not shown.

use std::collections::BTreeMap;

use super::diagnostics::Snippets;
use super::excerpt::Excerpt;
use crate::diagnostic::{Code, Diagnostic, FileId, Span};

/// Where the first unknown key of a line ends, in bytes from the beginning of the file.
pub(super) type UnknownKeys = BTreeMap<(FileId, u32), u32>;

/// The unknown keys that are told.
pub(super) fn unknown_keys(diagnostics: &[Diagnostic], snippets: &dyn Snippets) -> UnknownKeys {
    let mut ends = UnknownKeys::new();
    let unknown = diagnostics.iter().filter(|diagnostic| diagnostic.code == Code::UnknownKey);
    for span in unknown.filter_map(|diagnostic| diagnostic.primary.as_ref()).map(|label| label.span) {
        let (_, line, _) = snippets.place(span.start);
        let end = span.start.offset.saturating_add(span.length);
        ends.entry((span.start.file, line)).and_modify(|first| *first = end.min(*first)).or_insert(end);
    }
    ends
}

/// The line without what stands behind an unknown key; `None` if the place itself stands there.
pub(super) fn without_values<'a>(
    excerpt: Excerpt<'a>,
    span: Span,
    line: u32,
    unknown: &UnknownKeys,
) -> Option<Excerpt<'a>> {
    let Some(&end) = unknown.get(&(span.start.file, line)) else { return Some(excerpt) };
    let more = usize::try_from(end.checked_sub(span.start.offset).filter(|&more| more > 0)?).ok()?;
    let cut = excerpt.start.saturating_add(more);
    match excerpt.line.get(..cut) {
        Some(shown) if !excerpt.line[cut..].trim().is_empty() => {
            let line = format!("{shown}{}", if excerpt.line[cut..].starts_with(':') { ": …" } else { "…" });
            Some(Excerpt { line: line.into(), start: excerpt.start })
        }
        Some(_) | None => Some(excerpt),
    }
}
