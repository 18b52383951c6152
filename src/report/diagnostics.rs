//! Mistakes and remarks with the lines that they are about.
//!
//! One line of source a label, cut around the place if it is long and written out where it is harmful; so a place is
//! given by its own line and column, and not by what the printer could count in such a line. What stands behind a key
//! that nobody knows is not shown: nobody knows whether it is a secret.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::excerpt::{Excerpt, shown};
use super::style::{self, Style, count, sanitise};
use super::unknown_keys::{UnknownKeys, unknown_keys, without_values};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::plan::Places;

/// Where places stand, with their lines where these can still be had.
pub trait Snippets: Places {
    /// The line on which the span begins; `None` where the text is gone or never was one.
    fn excerpt(&self, span: Span) -> Option<Excerpt<'_>>;
}

/// So many are printed without `-v`.
const MOST: usize = 50;

/// From so many on, those that say the same are told once, with their places.
const FEWEST_ALIKE: usize = 3;

/// Other places that are listed.
const PLACES: usize = 8;

/// A mistake with its place, and the places of others that say the same.
type Located<'a> = (Option<(String, u32, u32)>, &'a Diagnostic, Vec<String>);

/// All of them, sorted by path, line, column and code; those without a place come first, and how
/// many were not kept last. Without `-v`, what is said in many places is told at the first of them, and of many others a
/// sum.
#[must_use]
pub fn diagnostics(diagnostics: &[Diagnostic], snippets: &dyn Snippets, style: Style) -> String {
    let unknown = unknown_keys(diagnostics, snippets);
    let (rests, found): (Vec<&Diagnostic>, Vec<&Diagnostic>) = diagnostics.iter().partition(|one| one.is_rest());
    let mut located: Vec<Located<'_>> = found
        .into_iter()
        .map(|diagnostic| {
            let place = diagnostic.primary.as_ref().map(|label| snippets.place(label.span.start));
            (place, diagnostic, Vec::new())
        })
        .collect();
    let key = |of: &Located<'_>| (of.0.clone(), of.1.code.as_str(), of.1.message.clone());
    located.sort_by_cached_key(key);
    let mut located = if style.verbose { located } else { told_once(located) };
    let rest = if style.verbose { Vec::new() } else { located.split_off(located.len().min(MOST)) };
    // Lines were cut before, and are shorter than this.
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(1_000);
    let mut text = String::new();
    for (_, diagnostic, others) in located {
        let mut misplaced = Vec::new();
        let mut one = renderer.render(&[group((diagnostic, &others), (snippets, &unknown), &mut misplaced)]);
        for (counted, real) in misplaced {
            one = one.replacen(&counted, &real, 1);
        }
        text.push_str(&one);
        text.push_str("\n\n");
    }
    text.push_str(&summed(&rest));
    for rest in rests {
        text.push_str(&renderer.render(&[group((rest, &[]), (snippets, &unknown), &mut Vec::new())]));
        text.push_str("\n\n");
    }
    text
}

/// Those that say the same become the first of them, with the places of the others.
fn told_once(located: Vec<Located<'_>>) -> Vec<Located<'_>> {
    let says = |of: &Diagnostic| (of.code, of.severity, of.message.clone(), of.help.clone());
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, (place, diagnostic, _)) in located.iter().enumerate() {
        if place.is_some() && diagnostic.secondary.is_empty() {
            alike.entry(says(diagnostic)).or_default().push(at);
        }
    }
    let mut folded: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for all in alike.into_values().filter(|all| all.len() >= FEWEST_ALIKE) {
        folded.insert(all[0], all[1..].to_vec());
    }
    let hidden: BTreeSet<usize> = folded.values().flatten().copied().collect();
    let places: Vec<Option<String>> = located
        .iter()
        .map(|(place, _, _)| place.as_ref().map(|(path, line, column)| format!("{path}:{line}:{column}")))
        .collect();
    let kept = located.into_iter().enumerate().filter(|(at, _)| !hidden.contains(at));
    kept.map(|(at, (place, diagnostic, _))| {
        let others = folded.get(&at).into_iter().flatten().filter_map(|&other| places[other].clone()).collect();
        (place, diagnostic, others)
    })
    .collect()
}

/// How many there are of each kind that are not printed.
fn summed(rest: &[Located<'_>]) -> String {
    if rest.is_empty() {
        return String::new();
    }
    let mut counts: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for (_, diagnostic, others) in rest {
        *counts.entry((diagnostic.severity, diagnostic.code.as_str())).or_default() += 1 + others.len();
    }
    let sum: usize = counts.values().sum();
    let more = count(sum, "more is not printed", "more are not printed");
    let mut text = format!("{more} (-v prints them, --format json has all):\n");
    for ((severity, code), number) in counts {
        text.push_str(&format!("  {}[{code}]: {}\n", severity.as_str(), style::number(number)));
    }
    text.push('\n');
    text
}

/// How many there are: `3 errors, 1 warning`; empty where there are none.
#[must_use]
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let parts = [(Severity::Error, "error", "errors"), (Severity::Warning, "warning", "warnings")];
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(severity, one, many)| (of(severity), one, many))
        .filter(|&(number, _, _)| number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    parts.join(", ")
}

/// A line that is shown, with all labels on it; without its source only where it is.
struct Place<'a> {
    path: String,
    line: u32,
    column: u32,
    source: Option<String>,
    annotations: Vec<Annotation<'a>>,
}

/// One mistake. The printer counts columns in what is shown; where the line was cut or written out, the place as it
/// counts it and the real one are added to `misplaced`.
fn group<'a>(
    (diagnostic, others): (&'a Diagnostic, &[String]),
    (snippets, unknown): (&'a dyn Snippets, &UnknownKeys),
    misplaced: &mut Vec<(String, String)>,
) -> Group<'a> {
    let Diagnostic { code, severity, message, primary, secondary, help } = diagnostic;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut places: Vec<Place<'a>> = Vec::new();
    let mut loose: Vec<Cow<'a, str>> = Vec::new();
    let labels = primary
        .iter()
        .map(|label| (label, AnnotationKind::Primary))
        .chain(secondary.iter().map(|label| (label, AnnotationKind::Context)));
    for (label, kind) in labels {
        let (path, line, column) = snippets.place(label.span.start);
        let path = sanitise(&path).into_owned();
        let words = (!label.text.is_empty()).then(|| sanitise(&label.text));
        let excerpt = snippets.excerpt(label.span);
        let excerpt = excerpt.and_then(|excerpt| without_values(excerpt, label.span, line, unknown));
        let Some(excerpt) = excerpt else {
            places.push(Place { path, line, column, source: None, annotations: Vec::new() });
            loose.extend(words);
            continue;
        };
        let (shown, range) = shown(&excerpt, label.span.length as usize);
        let counted = shown[..range.start].chars().count() + 1;
        let annotation = kind.span(range).label(words);
        let source = Some(shown);
        let same = places.iter_mut().find(|place| place.path == path && place.line == line && place.source == source);
        if let Some(same) = same {
            same.annotations.push(annotation);
            continue;
        }
        if counted != column as usize {
            misplaced.push((format!("{path}:{line}:{counted}"), format!("{path}:{line}:{column}")));
        }
        places.push(Place { path, line, column, source, annotations: vec![annotation] });
    }
    let mut group = Group::with_title(level.primary_title(sanitise(message)).id(code.as_str()));
    for Place { path, line, column, source, annotations } in places {
        group = match source {
            Some(source) => {
                let snippet = Snippet::source(source).path(path).line_start(line as usize);
                group.element(snippet.annotations(annotations))
            }
            None => group.element(Origin::path(path).line(line as usize).char_column(column as usize)),
        };
    }
    let elsewhere = elsewhere(others);
    for words in loose.into_iter().chain(help.as_deref().map(sanitise)).chain(elsewhere.map(Cow::Owned)) {
        group = group.element(Level::HELP.no_name().message(words));
    }
    group
}

/// Where else the same is said.
fn elsewhere(others: &[String]) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let listed: Vec<Cow<'_, str>> = others.iter().take(PLACES).map(|place| sanitise(place)).collect();
    let more = if others.len() > PLACES { ", … (-v shows them)" } else { "" };
    Some(format!("and {}: {}{more}", count(others.len(), "more place", "more places"), listed.join(", ")))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::{Excerpt, Snippets, diagnostics, tally};
    use crate::diagnostic::{Code, Diagnostic, FileId, Position, Severity, Span};
    use crate::plan::Places;
    use crate::report::Style;

    struct Files(&'static [(&'static str, Option<&'static str>)]);

    impl Places for Files {
        fn place(&self, position: Position) -> (String, u32, u32) {
            let (path, text) = self.0[position.file.0 as usize];
            let Some(text) = text else { return (path.to_owned(), 7, 3) };
            let before = &text[..position.offset as usize];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            (path.to_owned(), u32::try_from(line).expect("line"), u32::try_from(column).expect("column"))
        }
    }

    impl Snippets for Files {
        fn excerpt(&self, span: Span) -> Option<Excerpt<'_>> {
            let text = self.0[span.start.file.0 as usize].1?;
            let place = span.start.offset as usize;
            let start = text.get(..place)?.rfind('\n').map_or(0, |newline| newline + 1);
            let end = text[place..].find('\n').map_or(text.len(), |newline| place + newline);
            let end = start + text[start..end].trim_end_matches('\r').len();
            Excerpt::of(text, start..end, span, 10_000)
        }
    }

    fn at(file: u32, text: &str, needle: &str) -> Span {
        let offset = u32::try_from(text.find(needle).expect("there")).expect("short");
        Span::new(Position::new(FileId(file), offset), u32::try_from(needle.len()).expect("short"))
    }

    #[test]
    fn one_place_with_words_and_help() {
        const TEXT: &str = "users:\n  ana@example.com:\n    access:\n      north-quarries: { role: manger }\n";
        let files = Files(&[("access/north.yaml", Some(TEXT))]);
        let mistakes = [
            Diagnostic::error(Code::UnknownRole, "unknown role `manger`")
                .at(at(0, TEXT, "manger"), "did you mean `manager`?")
                .help("roles declared in access/roles.yaml: manager, operator, contributor, user"),
            Diagnostic::error(Code::InvalidSettings, "no `rollcall.yaml` in this folder").help("run `rollcall init`"),
        ];
        assert_snapshot!(diagnostics(&mistakes, &files, Style::default()), @r#"
        error[invalid-settings]: no `rollcall.yaml` in this folder
         |
         = run `rollcall init`

        error[unknown-role]: unknown role `manger`
         --> access/north.yaml:4:31
          |
        4 |       north-quarries: { role: manger }
          |                               ^^^^^^ did you mean `manager`?
          |
          = roles declared in access/roles.yaml: manager, operator, contributor, user
        "#);
        assert_eq!(tally(&mistakes), "2 errors");
        let coloured = diagnostics(&mistakes, &files, Style { colour: true, ..Style::default() });
        assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    }

    #[test]
    fn how_many_were_not_kept_is_told_last() {
        let files = Files(&[("a.yaml", Some("users: {}\n"))]);
        let mistakes = [
            Diagnostic::rest(Code::UnknownRole, Severity::Error, 99_000),
            Diagnostic::error(Code::UnknownRole, "unknown role `manger`").at(Position::new(FileId(0), 0), ""),
        ];
        let text = diagnostics(&mistakes, &files, Style::default());
        assert!(text.trim_end().ends_with("error[unknown-role]: 99000 more of `unknown-role` are not shown"), "{text}");
    }

    #[test]
    fn two_places_and_a_text_that_is_gone() {
        const FIRST: &str = "users:\n  ana@example.com: {}\n";
        const SECOND: &str = "organizations: {}\nusers:\n  ana@example.com: {}\n  ana@example.com: {}\n";
        let files = Files(&[("b.yaml", Some(FIRST)), ("a.yaml", Some(SECOND)), ("gone.yaml", None)]);
        let mistakes = [
            Diagnostic::warning(Code::SitesUnderAll, "sites under a role that reaches all of them")
                .at(Position::new(FileId(2), 99), "listed here"),
            Diagnostic::error(Code::DuplicateDeclaration, "user `ana@example.com` is declared twice")
                .at(at(0, FIRST, "ana@example.com"), "declared again")
                .and(at(1, SECOND, "ana@example.com"), "first declared here"),
        ];
        assert_snapshot!(diagnostics(&mistakes, &files, Style::default()), @r#"
        error[duplicate-declaration]: user `ana@example.com` is declared twice
         --> b.yaml:2:3
          |
        2 |   ana@example.com: {}
          |   ^^^^^^^^^^^^^^^ declared again
          |
         ::: a.yaml:3:3
          |
        3 |   ana@example.com: {}
          |   --------------- first declared here

        warning[sites-under-all]: sites under a role that reaches all of them
        --> gone.yaml:7:3
         = listed here
        "#);
        assert_eq!(tally(&mistakes), "1 error, 1 warning");
    }

    /// Nobody knows whether what stands behind an unknown key is a secret.
    #[test]
    fn nothing_is_shown_behind_an_unknown_key() {
        const TEXT: &str = "ana: { role: x, pin: 1234, acess: { north: y }, sites: z }\n";
        let files = Files(&[("a.yaml", Some(TEXT))]);
        let mistakes = [
            Diagnostic::error(Code::UnknownRole, "unknown role `x`").at(at(0, TEXT, "x,"), ""),
            Diagnostic::error(Code::UnknownKey, "a user has no `pin`").at(at(0, TEXT, "pin"), ""),
            Diagnostic::error(Code::UnknownKey, "a user has no `acess`").at(at(0, TEXT, "acess"), "typo"),
            Diagnostic::error(Code::WrongType, "`sites` is a list").at(at(0, TEXT, "z"), "").help("write `[z]`"),
        ];
        assert_snapshot!(diagnostics(&mistakes, &files, Style::default()), @r#"
        error[unknown-role]: unknown role `x`
         --> a.yaml:1:14
          |
        1 | ana: { role: x, pin: …
          |              ^^

        error[unknown-key]: a user has no `pin`
         --> a.yaml:1:17
          |
        1 | ana: { role: x, pin: …
          |                 ^^^

        error[unknown-key]: a user has no `acess`
        --> a.yaml:1:28
         = typo

        error[wrong-type]: `sites` is a list
        --> a.yaml:1:56
         = write `[z]`
        "#);
    }

    #[test]
    fn two_places_of_one_line_share_it() {
        const TEXT: &str = "roles: { a: {}, b: {} }\n";
        let files = Files(&[("roles.yaml", Some(TEXT))]);
        let mistake = Diagnostic::error(Code::DuplicateKey, "twice").at(at(0, TEXT, "b"), "again");
        let mistakes = [mistake.and(at(0, TEXT, "a"), "first")];
        assert_snapshot!(diagnostics(&mistakes, &files, Style::default()), @r#"
        error[duplicate-key]: twice
         --> roles.yaml:1:17
          |
        1 | roles: { a: {}, b: {} }
          |          -      ^ again
          |          |
          |          first
        "#);
    }

    #[test]
    fn odd_lines_stay_readable_and_harmless() {
        const TABS: &str = "users:\n\tzoé: {\t北: x\u{202e}y\u{1b}[2J }\r\n";
        let long: &'static str = Box::leak(format!("{}here{}\n", "a ".repeat(9_000), " b".repeat(9_000)).into());
        let files: &'static [_] = Box::leak(Box::new([("a\u{1b}[31m.yaml", Some(TABS)), ("long.yaml", Some(long))]));
        let files = Files(files);
        let mistakes = [
            Diagnostic::error(Code::HiddenCharacter, "hidden character in `x\u{202e}y`")
                .at(at(0, TABS, "x\u{202e}y"), "it turns the \u{202e} direction"),
            Diagnostic::error(Code::WrongType, "a name\nover two lines").at(at(0, TABS, "zoé"), ""),
            Diagnostic::error(Code::UnknownRole, "unknown role `here`").at(at(1, long, "here"), "no such role"),
            Diagnostic::error(Code::Syntax, "unexpected end").at(Position::new(FileId(1), 36_005), "the end"),
        ];
        let text = diagnostics(&mistakes, &files, Style::default());
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
        assert_snapshot!(text, @r#"
        error[wrong-type]: a name\nover two lines
         --> a\u{1b}[31m.yaml:2:2
          |
        2 |     zoé: {    北: x\u{202e}y\u{1b}[2J }
          |     ^^^

        error[hidden-character]: hidden character in `x\u{202e}y`
         --> a\u{1b}[31m.yaml:2:12
          |
        2 |     zoé: {    北: x\u{202e}y\u{1b}[2J }
          |                   ^^^^^^^^^^ it turns the \u{202e} direction

        error[unknown-role]: unknown role `here`
         --> long.yaml:1:18001
          |
        1 | …a a a a a a a a a a a a a a a a a a a a a a a a a here b b b b b b b b b b b b b b b b b b b b b b b b b b b b b b…
          |                                                    ^^^^ no such role

        error[syntax]: unexpected end
         --> long.yaml:2:1
          |
        2 |
          | ^ the end
        "#);
    }

    #[test]
    fn excerpts_are_one_line() {
        let excerpt = |line, offset, around| {
            let place = Span::from(Position::new(FileId(0), offset));
            Excerpt::of("ab\r\ncd\nzoé", line, place, around).map(|found| (found.line.into_owned(), found.start))
        };
        assert_eq!(excerpt(0..2, 1, 99), Some(("ab".to_owned(), 1)));
        assert_eq!(excerpt(0..2, 3, 99), Some(("ab".to_owned(), 2)), "the end of a line is its last place");
        assert_eq!(excerpt(4..6, 5, 99), Some(("cd".to_owned(), 1)));
        assert_eq!(excerpt(7..11, 11, 99), Some(("zoé".to_owned(), 4)));
        assert_eq!(excerpt(7..11, 11, 1), Some(("é".to_owned(), 2)), "no half of a character");
        assert_eq!(excerpt(7..11, 9, 1), Some(("o".to_owned(), 1)));
        assert_eq!(excerpt(7..11, 10, 99), None, "within a character");
        assert_eq!(excerpt(7..11, 99, 99), None);
    }
}
