//! YAML as people would write it: block mappings, short things in one line, text quoted only where it has to be.
//!
//! Every scalar reads back as the same text, with our reader and with one that takes `no` for a truth value or `007`
//! for a number.

use std::fmt::Write as _;

/// The widest line with a list or a mapping in it; longer ones are broken up.
const WIDTH: usize = 110;

/// A node to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Yaml {
    /// A text, quoted where needed.
    Text(String),
    /// A truth value, a number or a word of the language, as it is.
    Word(String),
    /// A list: in one line if it fits.
    List(Vec<Yaml>),
    /// A mapping: in one line if it fits.
    Short(Vec<(String, Yaml)>),
    /// A mapping: a line for each key, unless it is empty.
    Block(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn word(word: &str) -> Self {
        Self::Word(word.to_owned())
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// In one line, unless it has to be in several.
    fn in_line(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(scalar(text)),
            Self::Word(word) => Some(word.clone()),
            Self::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Self::in_line).collect();
                items.map(|items| format!("[{}]", items.join(", ")))
            }
            Self::Block(entries) if !entries.is_empty() => None,
            Self::Short(entries) | Self::Block(entries) if entries.is_empty() => Some("{}".to_owned()),
            Self::Short(entries) | Self::Block(entries) => {
                let entry = |(key, value): &(String, Self)| Some(format!("{}: {}", scalar(key), value.in_line()?));
                let entries: Option<Vec<String>> = entries.iter().map(entry).collect();
                entries.map(|entries| format!("{{ {} }}", entries.join(", ")))
            }
        }
    }
}

/// A document: a mapping, a line for each key.
pub(super) fn document(head: &str, entries: &[(String, Yaml)]) -> String {
    let mut text = format!("{head}\n");
    mapping(&mut text, entries, 0);
    text
}

fn mapping(text: &mut String, entries: &[(String, Yaml)], indent: usize) {
    for (key, value) in entries {
        let key = scalar(key);
        let _ = write!(text, "{:indent$}{key}:", "");
        value_after(text, value, indent + 2, indent + key.len() + 2);
    }
}

/// A value after `key:` or `-` at this column; lines below it are indented by `indent`.
fn value_after(text: &mut String, value: &Yaml, indent: usize, column: usize) {
    let is_single = matches!(value, Yaml::Text(_) | Yaml::Word(_));
    if let Some(line) = value.in_line()
        && (is_single || column + line.chars().count() <= WIDTH || line.len() <= 2)
    {
        let _ = writeln!(text, " {line}");
        return;
    }
    text.push('\n');
    match value {
        Yaml::List(items) => {
            for item in items {
                match item {
                    Yaml::Short(entries) | Yaml::Block(entries)
                        if item.in_line().is_none_or(|line| indent + line.chars().count() > WIDTH) =>
                    {
                        let start = text.len();
                        mapping(text, entries, indent + 2);
                        text.replace_range(start + indent..=start + indent, "-");
                    }
                    item => {
                        let _ = write!(text, "{:indent$}-", "");
                        value_after(text, item, indent + 2, indent + 1);
                    }
                }
            }
        }
        Yaml::Short(entries) | Yaml::Block(entries) => mapping(text, entries, indent),
        Yaml::Text(_) | Yaml::Word(_) => {}
    }
}

/// A text as a scalar that reads back as the same text, wherever it stands.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            character if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FEFF}') => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text needs no quotes, as a key, as a value, in a list and for readers of YAML 1.1.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let starts = first.is_alphabetic() || first == '_' || first == '/';
    let safe = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '+' | ' ' | '(' | ')' | '\'');
    starts && text.chars().all(safe) && !text.ends_with(' ') && !is_word(text)
}

/// Whether some reader takes a text for null or a truth value.
fn is_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Yaml, document, scalar};

    /// Reads a document back as a mapping of texts.
    fn read(text: &str) -> BTreeMap<String, String> {
        let options = serde_yaml::options! { strict_booleans: true };
        serde_yaml::from_str_with_options(text, options).unwrap_or_else(|error| unreachable!("{text}: {error}"))
    }

    #[test]
    fn plain_where_it_can_be() {
        for text in ["ana@example.com", "North Quarries", "pit-1", "flights.read", "Zoë", "O'Hara", "名前", "x-1"] {
            assert_eq!(scalar(text), text);
        }
        let bell = "\u{7}";
        for text in [
            "", "007", "1e5", "0x1F", "-1", "+33 6", ".5", "no", "NULL", "~", "True", "y", "*a", "&a", "!a", "#a",
            "- a", "?", "a: b", "a #b", "a:", "[a", "{a", "a,b", "`a", "@a", "%a", "|", ">", "'a", "\"", " a", "a ",
            "a\nb", "=", "<<", "---", bell,
        ] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
    }

    #[test]
    fn long_lines_are_broken_up() {
        let sites: Vec<String> = (0..40).map(|site| format!("site-{site:02}")).collect();
        let access = Yaml::Short(vec![
            ("role".to_owned(), Yaml::text("operator")),
            ("sites".to_owned(), Yaml::texts(sites.iter().map(String::as_str))),
        ]);
        let text = document("# head", &[("north".to_owned(), access), ("none".to_owned(), Yaml::Block(Vec::new()))]);
        assert!(
            text.starts_with("# head\nnorth:\n  role: operator\n  sites:\n    - site-00\n    - site-01\n"),
            "{text}"
        );
        assert!(text.ends_with("    - site-39\nnone: {}\n"), "{text}");
        let long = "x".repeat(120);
        let grants = Yaml::List(vec![Yaml::Short(vec![
            ("site".to_owned(), Yaml::text(&long)),
            ("users".to_owned(), Yaml::texts(["ana", "ben"])),
        ])]);
        let text = document("# head", &[("site_grants".to_owned(), grants)]);
        assert_eq!(text, format!("# head\nsite_grants:\n  - site: {long}\n    users: [ana, ben]\n"));
    }

    proptest! {
        #[test]
        fn every_scalar_reads_back_as_the_same_text(
            key in "\\PC{1,12}", value in any::<String>(), tricky in "[-*&#!?%@`'\"\\[\\]{},:|> ~0-9a-fnoty.+\\\\\n\t]{0,12}",
        ) {
            for value in [value, tricky] {
                // YAML has no way to say these.
                prop_assume!(!value.contains(['\u{FFFE}', '\u{FFFF}']));
                let text = document("# head", &[(key.clone(), Yaml::text(&value))]);
                prop_assert_eq!(read(&text), BTreeMap::from([(key.clone(), value.clone())]), "{}", text);
                let inner = Yaml::Short(vec![(key.clone(), Yaml::text(&value))]);
                let list = Yaml::List(vec![Yaml::text(&value), Yaml::text(&key)]);
                let text = document("#", &[("map".to_owned(), inner)]);
                let back: BTreeMap<String, BTreeMap<String, String>> = serde_yaml::from_str(&text).expect("a mapping");
                prop_assert_eq!(&back["map"][&key], &value, "{}", text);
                let text = document("#", &[("list".to_owned(), list)]);
                let back: BTreeMap<String, Vec<String>> = serde_yaml::from_str(&text).expect("a list");
                prop_assert_eq!(&back["list"], &vec![value.clone(), key.clone()], "{}", text);
            }
        }
    }
}
