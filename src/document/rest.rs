//! A document without one of its entries: blanks take its place, so that all else stays where it is.
//!
//! The result may not be well-formed, if the end of an entry was not found; whoever reads it has to bear that.

use std::collections::BTreeSet;

use super::tree::{Node, Shape};

/// Where an entry of a mapping stands.
struct Entry {
    key: String,
    /// Where the mapping begins.
    owner: u32,
    start: usize,
    end: usize,
    in_braces: bool,
    alone: bool,
}

/// What was left out of a document.
#[derive(Default)]
pub(super) struct LeftOut {
    /// The keys.
    pub(super) keys: BTreeSet<String>,
    /// Where the mappings begin that had them: what is wrong about one of these as a whole may follow from that.
    pub(super) owners: BTreeSet<u32>,
}

/// The text without the innermost entry that covers `offset`, which is added to `left_out`. `None` if there is none.
pub(super) fn without(text: &str, offset: u32, left_out: &mut LeftOut) -> Option<String> {
    let root: Node = serde_yaml::from_str_with_options(text, super::limits(text)).ok()?;
    let mut found = None;
    innermost(&root, text, offset as usize, &mut found);
    let Entry { key, owner, start, end, in_braces, alone } = found?;
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
    left_out.keys.insert(key);
    left_out.owners.insert(owner);
    String::from_utf8(bytes).ok()
}

fn innermost(node: &Node, text: &str, offset: usize, found: &mut Option<Entry>) {
    match &node.shape {
        Shape::Null | Shape::Scalar => {}
        Shape::List(nodes) => nodes.iter().for_each(|node| innermost(node, text, offset, found)),
        Shape::Map(entries) => {
            for (key, place, value) in entries {
                let start = place.offset as usize;
                let end = end_of(value, text).max(start + place.length as usize + 1).min(text.len());
                if (start..end).contains(&offset) {
                    let in_braces = text.as_bytes().get(node.place.offset as usize) == Some(&b'{');
                    let (key, owner, alone) = (key.clone(), node.place.offset, entries.len() == 1);
                    *found = Some(Entry { key, owner, start, end, in_braces, alone });
                    innermost(value, text, offset, found);
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
