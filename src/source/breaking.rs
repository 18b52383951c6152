//! What a syntax error means for people: where its cause stands, what lies behind it, and which mistakes it explains.
//! After one nothing more is read of the file.

use granit_parser::{ErrorKind, ScanError};

use super::cursor::{At, Cursor, DEEPEST, small};
use crate::diagnostic::{Code, Diagnostic, Position};

impl<'t> Cursor<'t> {
    pub(super) fn break_off(&mut self, error: &ScanError) {
        self.ended = true;
        self.outcome.broken = true;
        let stumbled = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        if let Some(mark) = merge_mark(self.text, stumbled) {
            let text = self.text;
            self.outcome.mistakes.forget(|mistake| follows_from(mistake, text, mark) || is_after(mistake, mark));
            let place = At { offset: small(mark), length: small(MARK_LENGTH) }.span(self.file);
            let mistake = Diagnostic::error(Code::Syntax, MERGE_CONFLICT.0).at(place, "").help(MERGE_CONFLICT.1);
            return self.tell(mistake);
        }
        let offset = self.cause_of(error, stumbled);
        let unclosed = if offset == stumbled { self.unclosed_before(stumbled) } else { None };
        let offset = unclosed.unwrap_or(offset);
        if self.is_told_at(offset) {
            return;
        }
        let text = self.text;
        self.outcome.mistakes.forget(|mistake| follows_from(mistake, text, offset));
        let place = Position::new(self.file, small(offset));
        let mistake = if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            Diagnostic::error(Code::TooLarge, format!("more than {DEEPEST} lists and mappings stand in one another"))
                .at(place, "")
                .help("the language needs seven")
        } else {
            let mut why = error.info();
            why.make_ascii_lowercase();
            // The parser ends where an entry had to begin.
            let is_comma =
                why.contains("unexpected eof") && text.get(offset..).is_some_and(|rest| rest.starts_with(','));
            if is_comma {
                "there is a comma too many".clone_into(&mut why);
            }
            let mistake = Diagnostic::error(Code::Syntax, format!("this is not YAML: {}", why.trim_end_matches('.')));
            let mistake = mistake.at(place, "");
            match self.syntax_help(&why, offset) {
                _ if unclosed.is_some() => mistake.help("this bracket or brace is never closed"),
                Some(help) => mistake.help(help),
                None => mistake,
            }
        };
        self.tell(mistake);
    }

    /// Where the cause of a syntax error stands, where that is before what the parser could not go on with.
    fn cause_of(&self, error: &ScanError, offset: usize) -> usize {
        let (start, line) = self.line_at(offset);
        if error.info().to_ascii_lowercase().contains("tab") {
            let before = self.text.get(start..offset).unwrap_or_default();
            return before.find('\t').map_or(offset, |tab| start + tab);
        }
        // `key:{ … }` is one word that ends at the next colon.
        match line.find(":{").or_else(|| line.find(":[")) {
            Some(colon) if start + colon < offset => start + colon,
            Some(_) | None => offset,
        }
    }

    /// The bracket or brace on an earlier line in which the parser stumbled at `offset`, if nothing closes it: there the
    /// mistake is, and not where the next line begins.
    fn unclosed_before(&self, offset: usize) -> Option<usize> {
        let (start, _) = self.line_at(offset);
        let bytes = self.text.as_bytes();
        let mut open: Vec<usize> = Vec::new();
        // What was open at the beginning of the line.
        let mut then: Option<Vec<usize>> = None;
        let mut at = 0;
        // Whether a token can begin here.
        let mut is_start = true;
        while let Some(&byte) = bytes.get(at) {
            if at >= start && then.is_none() {
                then = Some(open.clone());
            }
            match byte {
                b'{' | b'[' if is_start => open.push(at),
                b'}' | b']' if !open.is_empty() => {
                    open.pop();
                }
                b'"' | b'\'' if is_start => at = end_of_quoted(bytes, at),
                b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                    at += bytes[at..].iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len() - at);
                    continue;
                }
                _ => {}
            }
            is_start = matches!(byte, b'{' | b'[' | b',' | b':') || byte.is_ascii_whitespace();
            at += 1;
        }
        let innermost = *then.unwrap_or_else(|| open.clone()).last()?;
        (innermost < start && open.contains(&innermost)).then_some(innermost)
    }

    fn line_at(&self, offset: usize) -> (usize, &'t str) {
        let start = self.text.get(..offset).and_then(|before| before.rfind(['\n', '\r'])).map_or(0, |end| end + 1);
        (start, self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default())
    }

    /// Whether what the parser stumbled over is told already: a hidden character or a sign of YAML on the same line.
    fn is_told_at(&self, offset: usize) -> bool {
        let (start, line) = self.line_at(offset);
        self.outcome.mistakes.iter().any(|mistake| {
            let at = mistake.primary.as_ref().map_or(usize::MAX, |label| label.span.start.offset as usize);
            match mistake.code {
                Code::HiddenCharacter => (start..start + line.len().max(1)).contains(&at),
                Code::YamlFeature => at < offset && (start..start + line.len()).contains(&at),
                _ => false,
            }
        })
    }

    /// What most often lies behind a message of the parser.
    fn syntax_help(&self, why: &str, offset: usize) -> Option<&'static str> {
        let (_, line) = self.line_at(offset);
        if line.chars().any(|character| character.is_whitespace() && !character.is_ascii()) {
            return Some("the line has a blank that is no usual space; type the spaces anew");
        }
        let rest = self.text.get(offset..).unwrap_or_default();
        if rest.starts_with(":{") || rest.starts_with(":[") {
            return Some("write a space after the colon");
        }
        if rest.starts_with(": ") && why.contains("did not find expected ','") {
            return Some("quote a text that has `: ` in it; or a comma before it is missing");
        }
        Some(match why {
            _ if why.contains("a comma too many") => "take it out, or write what was to stand before it",
            _ if why.contains("tab") => "indent with spaces",
            _ if why.contains("mapping values are not allowed") => {
                "quote a text that has `: ` in it; or the line before lacks its `:`"
            }
            _ if why.contains("did not find expected ','") => {
                "a bracket or brace that was opened before is not closed, or a comma is missing"
            }
            _ if why.contains("did not find expected key") || why.contains("expected '-'") => {
                "look at the indentation: it differs from that of the lines before"
            }
            _ if why.contains("unclosed quote") => "close the quote that begins here",
            _ if why.contains("surrogate") => "write the character itself, and save the file as UTF-8",
            _ if why.contains("mismatched bracket") => "close the bracket that begins here with its own kind",
            _ if why.contains("unclosed bracket") => "close the bracket that begins here",
            _ if why.contains("misplaced bracket") => "it closes nothing: take it out, or open it before",
            _ if why.contains("anchor or alias") => "quote a text that begins with `*` or `&`, such as \"*\"",
            _ if why.contains("unexpected character") => "quote a text that begins with it",
            _ if why.contains("escape") => "write `\\\\` for a backslash, or use single quotes",
            _ if why.contains("may not precede") => "write a space after the colon",
            _ if why.contains("simple key") => "every line of a mapping is `key: value`",
            _ => return None,
        })
    }
}

/// Where a quoted text ends that begins here: at its closing quote, or where it can't be followed.
fn end_of_quoted(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            byte if byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    start
}

/// What is said where a mark of a merge conflict breaks a file off, and the way out.
const MERGE_CONFLICT: (&str, &str) =
    ("this is not YAML: a merge conflict was left in it", "resolve the conflict, and take its marks out");

const MARK_LENGTH: usize = "<<<<<<<".len();

/// Where the first mark of a merge conflict stands that begins at this place of a text that is not YAML, or before it.
fn merge_mark(text: &str, until: usize) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        if start > until {
            return None;
        }
        let is_mark = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| {
            line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']))
        });
        if is_mark {
            return Some(start);
        }
        start += line.len();
    }
    None
}

fn is_after(mistake: &Diagnostic, offset: usize) -> bool {
    mistake.primary.as_ref().is_some_and(|label| label.span.start.offset as usize >= offset)
}

/// Whether a mistake is none of its own: it is about the very text that runs into the syntax error.
fn follows_from(mistake: &Diagnostic, text: &str, offset: usize) -> bool {
    let Some(label) = &mistake.primary else { return false };
    let start = label.span.start.offset as usize;
    let end = start + label.span.length as usize;
    let runs_into = || {
        let between = text.get(end.min(offset)..end.max(offset));
        between.is_some_and(|between| end >= offset || between.bytes().all(|byte| byte.is_ascii_whitespace()))
    };
    matches!(mistake.code, Code::WrongType | Code::InvalidKey)
        && (start == offset || (label.span.length > 0 && start < offset && runs_into()))
}
