//! Texts as one line of Markdown in which nothing works but what was meant: no link, no mention, no markup, nothing
//! hidden, no end of a table cell.
//!
//! A backslash keeps a character from being markup, but not from pinging or linking: hosts look for `@team`, `#12`,
//! `www.` and addresses in what is left over. They never look into code. So names, which come [marked](mark), become
//! code, and so does every other word that could be more than a word.

use std::borrow::Cow;

use super::super::style::{sanitise, shortened};

/// Around a name, in texts on their way to [`inline`]. They are no characters of any text: [`sanitise`] writes them out.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// A longer name is cut in its middle, even where another one looks the same then: a comment has little room.
const LONGEST: usize = 400;

/// A safe text, marked as a name.
pub(in crate::report) fn mark(text: &str) -> Cow<'static, str> {
    Cow::Owned(format!("{OPEN}{text}{CLOSE}"))
}

/// A piece of a line.
enum Piece {
    /// Shown as it is, letter by letter.
    Code(String),
    /// Words of ours, and what looks like some.
    Words(String),
}

/// One line of Markdown that shows this text.
#[must_use]
pub(super) fn inline(text: &str) -> String {
    inline_within(text, usize::MAX)
}

/// The same with at most about so many bytes; what is left out is told by `…`.
#[must_use]
pub(super) fn inline_within(text: &str, most: usize) -> String {
    let mut line = String::new();
    for piece in pieces(text) {
        let shown = match &piece {
            Piece::Code(text) => code(text),
            Piece::Words(text) => words(text),
        };
        if line.len() + shown.len() <= most {
            line.push_str(&shown);
            continue;
        }
        // Only between words: nothing that is open stays open.
        if let Piece::Words(text) = piece {
            for word in text.split_inclusive(' ') {
                let shown = words(word);
                if line.len() + shown.len() > most {
                    break;
                }
                line.push_str(&shown);
            }
        }
        line.push('…');
        break;
    }
    // What begins a line may begin a list, a heading or a rule.
    let begins_a_block = line.starts_with(|first: char| "-+=".contains(first));
    if begins_a_block { format!("\\{line}") } else { line }
}

/// A text as code, in a line of its own or in a cell of a table.
pub(super) fn code(text: &str) -> String {
    code_within(text, LONGEST)
}

/// A command, which is of no use where it is cut.
pub(super) fn command(text: &str) -> String {
    const COMMAND: usize = 3_000;
    code_within(text, COMMAND)
}

fn code_within(text: &str, most: usize) -> String {
    let safe = sanitise(text);
    let short = shortened(&safe, most);
    // A code ends at the first backtick, a cell at the first bar.
    let plain = short.replace('`', "\\u{60}").replace('|', "\\u{7c}");
    if plain.trim().is_empty() { "`\"\"`".to_owned() } else { format!("`{plain}`") }
}

/// Parts a text by marks and backticks. Names that stand in code of ours are parts of it; codes that follow each other
/// are one.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |is_code: bool, character: char| match pieces.last_mut() {
        Some(Piece::Code(last)) if is_code => last.push(character),
        Some(Piece::Words(last)) if !is_code => last.push(character),
        _ if is_code => pieces.push(Piece::Code(character.into())),
        _ => pieces.push(Piece::Words(character.into())),
    };
    let (mut is_name, mut is_code) = (false, false);
    for character in text.chars() {
        match character {
            OPEN => is_name = true,
            CLOSE => is_name = false,
            '`' if !is_name => is_code = !is_code,
            other => push(is_name || is_code, other),
        }
    }
    pieces
}

/// Words with everything written out that would be markup, and as code what could be more than a word.
fn words(text: &str) -> String {
    let mut safe = String::new();
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            safe.push(' ');
        }
        let clean = sanitise(word);
        if is_more_than_a_word(&clean) {
            // A space keeps two codes from being one.
            if safe.ends_with('`') {
                safe.push(' ');
            }
            safe.push_str(&code(&clean));
            continue;
        }
        for character in clean.chars() {
            if "\\*_[]<>|&~$^{}#!".contains(character) {
                safe.push('\\');
            }
            safe.push(character);
        }
    }
    safe
}

/// Whether some host would make something of a word: a mention, a link, a reference.
fn is_more_than_a_word(word: &str) -> bool {
    let lower = word.to_lowercase();
    let inner = word.trim_matches(|end: char| !end.is_alphanumeric());
    let hexadecimal = inner.len() >= 7 && inner.bytes().all(|byte| byte.is_ascii_hexdigit());
    // `GH-12`, and whatever else somebody refers to issues by.
    let refers = inner.starts_with(char::is_alphabetic)
        && inner.as_bytes().windows(2).any(|pair| pair[0] == b'-' && pair[1].is_ascii_digit());
    // `example.com`, `a/b`, `:tada:`, and no end of a sentence.
    let has = |sign: char| inner.contains(sign);
    word.contains(['@', '#', '\\', '<', '&'])
        || lower.contains("www")
        || lower.contains("://")
        || hexadecimal
        || refers
        || has('.')
        || has('/')
        || (word.len() > 2 && word.starts_with(':') && word.ends_with(':'))
        // Marks of other writing systems that stand for the ones above.
        || word.chars().any(|character| "＠﹫＃﹟".contains(character))
}

#[cfg(test)]
mod tests {
    use super::{code, inline, inline_within, mark};

    #[test]
    fn names_are_code_and_words_stay_words() {
        let name = |text: &str| mark(text).into_owned();
        for (text, shown) in [
            (format!("{} becomes manager", name("ana@example.com")), "`ana@example.com` becomes manager"),
            (format!("run `rollcall deactivate {} --release`", name("a")), "run `rollcall deactivate a --release`"),
            (format!("{}/{}", name("north"), name("pit-1")), "`north`/`pit-1`"),
            (name("a`b|c"), "`a\\u{60}b\\u{7c}c`"),
            ("*bold* [x](y) <b> a|b".to_owned(), "\\*bold\\* \\[x\\](y) `<b>` a\\|b"),
            ("ask @everyone, see www.example.com or #12".to_owned(), "ask `@everyone,` see `www.example.com` or `#12`"),
            ("a\nb \u{202e}c".to_owned(), "`a\\nb` `\\u{202e}c`"),
            ("- item".to_owned(), "\\- item"),
            (String::new(), ""),
        ] {
            assert_eq!(inline(&text), shown);
        }
        assert_eq!(code(""), "`\"\"`");
    }

    #[test]
    fn a_line_is_cut_between_words() {
        let text = format!("{} and {} and so on", mark("ana@example.com"), mark(&"x".repeat(300)));
        assert_eq!(inline_within(&text, 40), "`ana@example.com` and …");
        assert_eq!(inline_within("one two three", 8), "one two …");
    }
}
