//! Floor 1: small YAML documents (settings, rule sets) through serde, with the place of every value.
//!
//! [`read`] gives the typed value and a [`Document`]: the same content as a tree that knows what was written and where.
//! The typed value says what a field means; the tree tells `null` from left out, and finds the place of a mistake that
//! only shows when several fields are seen together. Manifests take another way (`source`): they are large, and all
//! their mistakes are wanted at once, where serde stops at the first.
//!
//! Deliberately absent: reading of files, and any meaning.

mod mistake;
mod rest;
mod schema;
mod strict;
mod tree;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_yaml::{DuplicateKeyPolicy, MergeKeyPolicy, Options, budget, options};

pub use mistake::Mistake;
pub(crate) use mistake::{lacks_space, nearest};
pub use rest::LeftOut;
pub use schema::{SCHEMA_BASE, named, printed_schema_of, refuse_nulls, schema_of};
pub use tree::{Document, Node, Place, Shape};

use crate::diagnostic::Code;

/// The largest document in bytes; settings and rule sets are written by hand.
pub const MAX_LENGTH: usize = 1 << 20;

/// So many mistakes are told of one document.
const MOST_MISTAKES: usize = 50;

/// Only documents of up to so many bytes are read again for further mistakes: the largest that anybody writes by hand.
const LARGEST_READ_AGAIN: usize = 64 << 10;

/// Levels of nesting that a document may have.
const MAX_DEPTH: usize = 32;

/// Reads a document as `T`, and as a tree with places. `file` is its name in messages. An empty document is an empty
/// mapping.
///
/// # Errors
/// The first mistake: syntax, an unknown or repeated key, a value of the wrong type, or a feature of YAML that lets a
/// document say more than it shows (anchors, aliases, merge keys, tags, a second document).
pub fn read<T: DeserializeOwned>(text: &str, file: &str) -> Result<(T, Document), Box<Mistake>> {
    read_with(text, file, DuplicateKeyPolicy::Error)
}

fn read_with<T: DeserializeOwned>(
    text: &str,
    file: &str,
    duplicates: DuplicateKeyPolicy,
) -> Result<(T, Document), Box<Mistake>> {
    if text.len() > MAX_LENGTH {
        return Err(Box::new(Mistake::too_large(file, text.len(), MAX_LENGTH)));
    }
    let failed = |error: serde_yaml::Error| Box::new(Mistake::from_yaml(file, text, &error));
    let options = || limits(text, duplicates);
    let document = Document::new(file, text, serde_yaml::from_str_with_options(text, options()).map_err(failed)?);
    let typed = serde_yaml::from_str_with_options(text, options())
        .map_err(|error| Box::new(failed(error).placed_in(&document)))?;
    Ok((typed, document))
}

/// What could be read of a document.
#[derive(Debug)]
pub struct Read<T> {
    /// What it says, without what is of the wrong shape; `None` where the rest can't be read.
    pub content: Option<(T, Document)>,
    /// All mistakes, in the order of the document.
    pub mistakes: Vec<Mistake>,
    /// What the content lacks because of them.
    pub left_out: LeftOut,
}

impl<T> Read<T> {
    /// Nothing but mistakes.
    #[must_use]
    pub fn nothing(mistakes: Vec<Mistake>) -> Self {
        Self { content: None, mistakes, left_out: LeftOut::default() }
    }
}

/// Like [`read`], and tells every mistake of shape: what is wrong is left out, and the rest is read again, so that more
/// can be found in it. `duplicates`: whether a key may stand twice, as somebody has told already; the first one holds.
#[must_use]
pub fn read_all<T: DeserializeOwned>(text: &str, file: &str, duplicates: bool) -> Read<T> {
    let policy = if duplicates { DuplicateKeyPolicy::FirstWins } else { DuplicateKeyPolicy::Error };
    let mut mistakes: Vec<Mistake> = Vec::new();
    let (mut rest, odd) = strict::strict(text, limits(text, policy));
    let mut left_out = LeftOut::default();
    let content = loop {
        let mistake = match read_with::<T>(&rest, file, policy) {
            Ok(read) if odd.is_empty() => break Some(read),
            // What only looks like a number stands where a text is wanted.
            Ok(_) => break read_with::<T>(&strict::restored(&rest, text, &odd), file, policy).ok(),
            Err(mistake) => *mistake,
        };
        let is_shape = matches!(mistake.code, Code::UnknownKey | Code::WrongType | Code::InvalidValue);
        // What was left out may have broken what is left.
        if !is_shape && !mistakes.is_empty() {
            break None;
        }
        let may_go_on = is_shape && mistakes.len() < MOST_MISTAKES && text.len() <= LARGEST_READ_AGAIN;
        let follows = match mistake.missing_key() {
            Some(key) => left_out.has_key(key),
            None => mistake.code == Code::InvalidValue && left_out.has_owner(mistake.offset),
        };
        let meant = mistake.help.as_deref().and_then(|help| help.strip_prefix("did you mean `")?.strip_suffix("`?"));
        let next = if may_go_on {
            rest::without(&rest, mistake.offset, meant, limits(&rest, policy), &mut left_out)
        } else {
            None
        };
        if !follows {
            mistakes.push(mistake.counted_in(text));
        }
        match next {
            Some(next) => rest = Cow::Owned(next),
            None => break None,
        }
    };
    let content = content.map(|(typed, document)| (typed, document.hiding_what(text, limits(text, policy))));
    // A key that is only misspelt is not missing too.
    let asked: BTreeSet<String> = mistakes.iter().filter_map(|mistake| mistake.help.clone()).collect();
    mistakes.retain(|one| one.missing_key().is_none_or(|key| !asked.contains(&format!("did you mean `{key}`?"))));
    mistakes.sort_by_key(|mistake| mistake.offset);
    Read { content, mistakes, left_out }
}

/// Budgets that follow from the length of the text: each event and each node takes a byte at least.
fn limits(text: &str, duplicate_keys: DuplicateKeyPolicy) -> Options {
    let most = text.len() + 16;
    options! {
        budget: budget! {
            max_events: 4 * most,
            max_nodes: 2 * most,
            max_total_scalar_bytes: most,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: 2 * MAX_DEPTH,
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
        },
        duplicate_keys: duplicate_keys,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        emit_comments: false,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::{Mistake, Shape, read};
    use crate::diagnostic::Code;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        text: String,
        #[serde(default)]
        flag: Option<bool>,
        #[serde(default)]
        map: BTreeMap<String, Option<u32>>,
    }

    fn mistake(text: &str) -> Mistake {
        *read::<Sample>(text, "sample.yaml").expect_err(text)
    }

    #[test]
    fn the_tree_knows_what_is_written_and_where() {
        let text = "text: \"é\"\nmap: { a: 1,  b: null }\n";
        let (sample, document) = read::<Sample>(text, "sample.yaml").expect("valid");
        assert_eq!((sample.text.as_str(), sample.flag), ("é", None));
        assert_eq!(sample.map, BTreeMap::from([("a".to_owned(), Some(1)), ("b".to_owned(), None)]));
        let node = document.find(&["map", "b"]).expect("written");
        assert!(matches!(node.shape, Shape::Null));
        assert_eq!((node.place.line, node.place.column), (2, 18));
        assert_eq!(&text[node.place.offset as usize..][..4], "null");
        assert!(document.find(&["flag"]).is_none(), "left out is not null");
        assert_eq!(document.nearest(&["map", "c", "d"]).line, 2);
    }

    #[test]
    fn mistakes_have_a_code_a_place_and_advice() {
        let found = mistake("text: a\ntxet: b\n");
        assert_eq!((found.code, found.line, found.column), (Code::UnknownKey, 2, 1), "{found:?}");
        assert_eq!(found.help.as_deref(), Some("did you mean `text`?"));
        assert_eq!(mistake("map: { a: 1 }\nmap: { b: 1 }\n").code, Code::DuplicateKey);
        assert_eq!(mistake("map: { a: 1, a: 2 }\n").code, Code::DuplicateKey);
        let found = mistake("text: a\nflag: no\n");
        assert_eq!((found.code, found.line, found.column), (Code::WrongType, 2, 7), "{found:?}");
        assert_eq!(mistake("text: null\n").code, Code::WrongType);
        assert_eq!(mistake("text: [\n").code, Code::Syntax);
        assert_eq!(mistake("text: a\n---\ntext: b\n").code, Code::SecondDocument);
    }

    #[test]
    fn features_that_hide_something_are_refused() {
        for text in ["text: &a b\n", "text: *a\n", "map: { <<: { a: 1 } }\n", "text: !secret b\n"] {
            let found = mistake(text);
            assert_eq!(found.code, Code::YamlFeature, "{text}: {found:?}");
        }
        let deep = format!("text: {}{}", "[".repeat(500), "]".repeat(500));
        let found = mistake(&deep);
        assert_eq!(found.code, Code::TooLarge, "{found:?}");
        let long = format!("text: {}", "a".repeat(super::MAX_LENGTH));
        assert_eq!(mistake(&long).code, Code::TooLarge);
    }
}
