//! A document without one of its entries: blanks take its place, so that all else stays where it is.
//!
//! The result may not be well-formed, if the end of an entry was not found; whoever reads it has to bear that.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_yaml::Options;

use super::tree::{Node, Shape};

/// Where an entry of a mapping stands.
struct Entry {
    /// The keys on the way to it, and its own.
    path: Vec<String>,
    /// Where the mappings on the way to it begin, and their keys; that of its own mapping last.
    ancestors: Vec<u32>,
    owner: u32,
    start: usize,
    end: usize,
    in_braces: bool,
    alone: bool,
}

/// What was left out of a document.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// The keys on the way to each, and its own; also by the key that was meant.
    paths: Vec<Vec<String>>,
    stretches: Vec<Range<u32>>,
    /// Where the mappings begin that had them: what is wrong about one of these as a whole may follow from that.
    owners: BTreeSet<u32>,
    /// Where whatever they stood in begins.
    ancestors: BTreeSet<u32>,
}

impl LeftOut {
    /// Whether nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether something about the value at this path may follow from what was left out: that itself, what stood in it,
    /// and what it stood in.
    #[must_use]
    pub fn concerns(&self, path: &[&str]) -> bool {
        self.paths.iter().any(|left| left.iter().zip(path).all(|(left, key)| left == key))
    }

    /// Whether something told at this place may follow from what was left out.
    #[must_use]
    pub fn concerns_place(&self, offset: u32) -> bool {
        self.ancestors.contains(&offset) || self.stretches.iter().any(|stretch| stretch.contains(&offset))
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.paths.iter().any(|path| path.last().is_some_and(|last| last == key))
    }

    pub(super) fn has_owner(&self, offset: u32) -> bool {
        self.owners.contains(&offset)
    }
}

/// The text without the innermost entry that covers `offset`, which is added to `left_out`, also under the key that was
/// `meant`. `None` if there is none.
pub(super) fn without(
    text: &str,
    offset: u32,
    meant: Option<&str>,
    options: Options,
    left_out: &mut LeftOut,
) -> Option<String> {
    let root: Node = serde_yaml::from_str_with_options(text, options).ok()?;
    let mut found = None;
    let mut way = Way { path: Vec::new(), places: vec![root.place.offset] };
    innermost(&root, text, offset as usize, &mut way, &mut found);
    let Entry { path, ancestors, owner, start, end, in_braces, alone } = found?;
    let mut bytes = text.as_bytes().to_vec();
    let stretch = bytes.get_mut(start..end)?;
    stretch.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    if in_braces {
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        let after = end + bytes[end..].iter().take_while(|byte| blank(byte)).count();
        let before = start - bytes[..start].iter().rev().take_while(|byte| blank(byte)).count();
        if bytes.get(after) == Some(&b',') {
            bytes[after] = b' ';
        } else if before > 0 && bytes[before - 1] == b',' {
            bytes[before - 1] = b' ';
        }
    } else if alone {
        bytes.get_mut(start..start + 2)?.copy_from_slice(b"{}");
    }
    left_out.owners.insert(owner);
    left_out.ancestors.extend(ancestors);
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    left_out.stretches.push(number(start)..number(end));
    if let Some(meant) = meant {
        let mut path = path.clone();
        path.pop();
        path.push(meant.to_owned());
        left_out.paths.push(path);
    }
    left_out.paths.push(path);
    String::from_utf8(bytes).ok()
}

/// The way from the root to where one looks.
struct Way {
    path: Vec<String>,
    places: Vec<u32>,
}

fn innermost(node: &Node, text: &str, offset: usize, way: &mut Way, found: &mut Option<Entry>) {
    match &node.shape {
        Shape::Null | Shape::Scalar => {}
        Shape::List(nodes) => nodes.iter().for_each(|node| innermost(node, text, offset, way, found)),
        Shape::Map(entries) => {
            for (key, place, value) in entries {
                let start = place.offset as usize;
                let end = end_of(value, text).max(start + place.length as usize + 1).min(text.len());
                if (start..end).contains(&offset) {
                    let in_braces = text.as_bytes().get(node.place.offset as usize) == Some(&b'{');
                    let (owner, alone) = (node.place.offset, entries.len() == 1);
                    let ancestors = way.places.clone();
                    way.path.push(key.clone());
                    way.places.extend([place.offset, value.place.offset]);
                    let path = way.path.clone();
                    *found = Some(Entry { path, ancestors, owner, start, end, in_braces, alone });
                    innermost(value, text, offset, way, found);
                }
            }
        }
    }
}

/// The byte after a value.
fn end_of(node: &Node, text: &str) -> usize {
    let start = node.place.offset as usize;
    let last = match &node.shape {
        Shape::Null | Shape::Scalar => return start + node.place.length as usize,
        Shape::List(nodes) => nodes.last().map(|node| end_of(node, text)),
        Shape::Map(entries) => entries.last().map(|(_, _, node)| end_of(node, text)),
    };
    let closing = match text.as_bytes().get(start) {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        Some(_) | None => return last.unwrap_or(start),
    };
    let from = last.unwrap_or(start + 1).max(start + 1);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().position(|&byte| byte == closing).map_or(0, |at| at + 1)
}
