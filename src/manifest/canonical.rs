//! Entries of a manifest in canonical order, everything else as it was written: `fmt`.
//!
//! The order is the one of the JSON Schema: keys of the language as they stand there, names and lists by their text,
//! site grants by their site, leavers by their key. An entry moves with the comments above it and behind it; blank
//! lines stay where they are, and so does what stands at the head of a file or a section, down to a blank line. Nothing
//! is quoted, wrapped or indented anew. Where a move could change what something says, nothing moves.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::Value as Schema;

use crate::source::{Placed, Shape};

/// What editors look for in the first lines.
const MODELINE: &str = "# yaml-language-server:";

/// The byte-order mark.
const MARK: char = '\u{FEFF}';

/// The text of a manifest with its entries in the order of this JSON Schema. `None` where it is no single, well-formed
/// document.
#[must_use]
pub fn canonical(text: &str, schema: &Schema) -> Option<String> {
    let root = Placed::of(text)?;
    let mut out = String::with_capacity(text.len());
    if has_lone_returns(text) {
        // Lines would be told apart in another way than YAML does it.
        return Some(text.to_owned());
    }
    let begin = if text.starts_with(MARK) { MARK.len_utf8() } else { 0 };
    out.push_str(&text[..begin]);
    File { text, schema }.render(&mut out, &root, begin..text.len(), Some(schema));
    // Whoever moves what people wrote proves that it still says the same, with every character still there.
    let is_same =
        histogram(&out) == histogram(text) && Placed::of(&out).is_some_and(|moved| meaning(&moved) == meaning(&root));
    Some(if is_same { out } else { text.to_owned() })
}

/// Whether a line ends with a carriage return alone.
fn has_lone_returns(text: &str) -> bool {
    text.split('\n').any(|line| line.strip_suffix('\r').unwrap_or(line).contains('\r'))
}

/// The entries or items of a collection.
struct Pieces<'a, 't> {
    pieces: Vec<Piece<'a, 't>>,
    /// Whether they can change places.
    can_move: bool,
}

/// What an entry or item is sorted by: a place in the schema, a text, and what it says.
type Key<'a> = (usize, &'a str, String);

/// A part of a collection that moves as a whole.
struct Piece<'a, 't> {
    /// From its first comment, or from itself, to its end.
    range: Range<usize>,
    /// From where on the node is rendered; what is before stays as it is.
    from: usize,
    node: &'a Placed<'t>,
    schema: Option<&'a Schema>,
    key: Key<'a>,
}

/// A manifest that is rendered.
#[derive(Clone, Copy)]
struct File<'a> {
    text: &'a str,
    schema: &'a Schema,
}

impl<'a> File<'a> {
    /// Writes a stretch of the file that holds a node, with the node's entries in order.
    fn render(self, out: &mut String, node: &'a Placed<'_>, range: Range<usize>, schema: Option<&'a Schema>) {
        let schema = schema.and_then(|schema| self.variant(schema, &node.shape));
        let pieces = match &node.shape {
            Shape::Scalar(_) => None,
            Shape::Sequence(true, _) | Shape::Mapping(true, _) => self.flow(node, schema),
            Shape::Sequence(false, _) | Shape::Mapping(false, _) => self.block(node, &range, schema),
        };
        let Some(Pieces { pieces, can_move }) = pieces.filter(|found| lie_in(&found.pieces, &range)) else {
            out.push_str(&self.text[range]);
            return;
        };
        let slots: Vec<Range<usize>> = pieces.iter().map(|piece| piece.range.clone()).collect();
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        if can_move && schema.is_some() {
            order.sort_by(|&a, &b| pieces[a].key.cmp(&pieces[b].key));
        }
        let mut end = range.start;
        for (slot, &index) in slots.iter().zip(&order) {
            out.push_str(&self.text[end..slot.start]);
            let Piece { range, from, node, schema, key: _ } = &pieces[index];
            out.push_str(&self.text[range.start..*from]);
            self.render(out, node, *from..range.end, *schema);
            end = slot.end;
        }
        out.push_str(&self.text[end..range.end]);
    }

    /// The schema that speaks of a node of this shape.
    fn variant(self, schema: &'a Schema, shape: &Shape<'_>) -> Option<&'a Schema> {
        if let Some(reference) = schema.get("$ref").and_then(Schema::as_str) {
            return self.variant(self.schema.pointer(reference.strip_prefix('#')?)?, shape);
        }
        if let Some(variants) = schema.get("anyOf").and_then(Schema::as_array) {
            return variants.iter().find_map(|variant| self.variant(variant, shape));
        }
        let speaks = match shape {
            Shape::Scalar(_) => false,
            Shape::Sequence(..) => schema.get("items").is_some(),
            Shape::Mapping(..) => schema.get("properties").or_else(|| schema.get("additionalProperties")).is_some(),
        };
        speaks.then_some(schema)
    }

    /// Of an entry with this key in a mapping: what it is sorted by, and the schema of its value.
    fn entry(schema: Option<&'a Schema>, key: &'a Placed<'_>) -> (Key<'a>, Option<&'a Schema>) {
        let text = match &key.shape {
            Shape::Scalar(text) => text.as_ref(),
            Shape::Sequence(..) | Shape::Mapping(..) => "",
        };
        if let Some(properties) = schema.and_then(|schema| schema.get("properties")).and_then(Schema::as_object) {
            let place = properties.keys().position(|name| name == text).unwrap_or(usize::MAX);
            return ((place, "", String::new()), properties.get(text));
        }
        ((0, text, String::new()), schema.and_then(|schema| schema.get("additionalProperties")))
    }

    /// Of an item of a list: what it is sorted by, and its schema.
    fn item(self, schema: Option<&'a Schema>, item: &'a Placed<'_>) -> (Key<'a>, Option<&'a Schema>) {
        let of_item = schema.and_then(|schema| schema.get("items"));
        let named = match &item.shape {
            Shape::Scalar(text) => Some(text.as_ref()),
            Shape::Sequence(..) => None,
            Shape::Mapping(_, entries) => {
                // What an item has to say names it.
                let required = of_item.and_then(|schema| self.variant(schema, &item.shape)?.pointer("/required/0"));
                let value = entries.iter().find(|(key, _)| match &key.shape {
                    Shape::Scalar(text) => required.and_then(Schema::as_str) == Some(text),
                    Shape::Sequence(..) | Shape::Mapping(..) => false,
                });
                value.and_then(|(_, value)| match &value.shape {
                    Shape::Scalar(text) => Some(text.as_ref()),
                    Shape::Sequence(..) | Shape::Mapping(..) => None,
                })
            }
        };
        let rest = match &item.shape {
            Shape::Scalar(_) => String::new(),
            Shape::Sequence(..) | Shape::Mapping(..) => meaning(item),
        };
        ((0, named.unwrap_or_default(), rest), of_item)
    }

    /// The entries or items between braces or brackets; the commas between them stay.
    fn flow<'t>(self, node: &'a Placed<'t>, schema: Option<&'a Schema>) -> Option<Pieces<'a, 't>> {
        let text = self.text;
        if has_empty_key(node) {
            return None;
        }
        let pieces: Vec<Piece<'a, 't>> = match &node.shape {
            Shape::Scalar(_) => return None,
            Shape::Sequence(_, items) => items
                .iter()
                .map(|item| {
                    let (key, schema) = self.item(schema, item);
                    Piece { range: item.range.clone(), from: item.range.start, node: item, schema, key }
                })
                .collect(),
            Shape::Mapping(_, entries) => entries
                .iter()
                .map(|(name, value)| {
                    let (key, schema) = Self::entry(schema, name);
                    let colon = text[name.range.end..].trim_start();
                    let colon = if colon.starts_with(':') { text.len() - colon.len() + 1 } else { name.range.end };
                    let end = if value.range.is_empty() { colon } else { value.range.end };
                    Piece { range: name.range.start..end, from: name.range.end, node: value, schema, key }
                })
                .collect(),
        };
        let is_framed =
            text[node.range.clone()].starts_with(['{', '[']) && text[..node.range.end].ends_with(['}', ']']);
        let mut end = node.range.start + 1;
        let mut can_move = is_framed;
        for piece in &pieces {
            // Between two there are blanks and a comma; what else there may be belongs nobody knows where.
            let between = text.get(end..piece.range.start)?;
            can_move &= between.chars().all(|one| one.is_whitespace() || one == ',') && !piece.range.is_empty();
            end = piece.range.end;
        }
        let after = text.get(end..node.range.end - 1)?;
        can_move &= after.chars().all(|one| one.is_whitespace() || one == ',');
        Some(Pieces { pieces, can_move })
    }

    /// The entries or items that begin with a key or a dash on lines of their own.
    fn block<'t>(
        self,
        node: &'a Placed<'t>,
        range: &Range<usize>,
        schema: Option<&'a Schema>,
    ) -> Option<Pieces<'a, 't>> {
        let text = self.text;
        if has_empty_key(node) {
            return None;
        }
        let mut can_move = true;
        let mut pieces: Vec<Piece<'a, 't>> = Vec::new();
        match &node.shape {
            Shape::Scalar(_) => return None,
            Shape::Sequence(_, items) => {
                for item in items {
                    let before = text[..item.range.start].trim_end();
                    let dash = before.len().checked_sub(1).filter(|_| before.ends_with('-'))?;
                    let (key, schema) = self.item(schema, item);
                    can_move &= !item.range.is_empty() && !item.is_open;
                    let end = if item.range.is_empty() { dash + 1 } else { item.range.end };
                    let range = dash..self.end_of_line(end);
                    pieces.push(Piece { range, from: dash + 1, node: item, schema, key });
                }
            }
            Shape::Mapping(_, entries) => {
                for (name, value) in entries {
                    let (key, schema) = Self::entry(schema, name);
                    can_move &= !value.is_open;
                    let end = if value.range.is_empty() { name.range.end } else { value.range.end };
                    let range = name.range.start..self.end_of_line(end);
                    pieces.push(Piece { range, from: name.range.end, node: value, schema, key });
                }
            }
        }
        if !lie_in(&pieces, range) {
            return None;
        }
        let column = self.column(pieces.first()?.range.start);
        let starts: Vec<usize> = pieces.iter().map(|piece| piece.range.start).collect();
        let is_alone = |&start: &usize| text[self.begin_of_line(start)..start].bytes().all(|byte| byte == b' ');
        let is_after_dash = !is_alone(&starts[0]);
        can_move &= starts[1..].iter().all(is_alone);
        if is_after_dash {
            let before = &text[self.begin_of_line(starts[0])..starts[0]];
            can_move &= before.bytes().all(|byte| matches!(byte, b' ' | b'-'));
        }
        // Comments behind an entry that stand further to the right belong to it, others to the next one.
        for (index, piece) in pieces.iter_mut().enumerate() {
            let until = starts.get(index + 1).map_or(range.end, |&next| self.begin_of_line(next));
            let behind = self.comments(piece.range.end..until).rfind(|&at| self.column(at) > column);
            piece.range.end = behind.map_or(piece.range.end, |at| self.end_of_line(at));
        }
        for index in usize::from(is_after_dash)..pieces.len() {
            let here = self.begin_of_line(starts[index]);
            let above = match index.checked_sub(1) {
                Some(before) => self.comments(pieces[before].range.end..here).next(),
                None => self.comments_right_above(range.start..here),
            };
            if is_after_dash {
                // There is no line above the first entry for comments to stand in.
                can_move &= above.is_none();
            } else {
                pieces[index].range.start = above.map_or(here, |at| self.begin_of_line(at));
            }
        }
        Some(Pieces { pieces, can_move })
    }

    /// The lines of a stretch: where what they say begins, and that, without blanks around it.
    fn lines(self, range: Range<usize>) -> impl DoubleEndedIterator<Item = (usize, &'a str)> {
        let mut at = range.start;
        let lines = self.text[range].split_inclusive('\n').map(|line| {
            let begin = at + line.len() - line.trim_start().len();
            at += line.len();
            (begin, line.trim())
        });
        lines.collect::<Vec<_>>().into_iter()
    }

    /// Where the comments begin that have a line of a stretch for themselves.
    fn comments(self, range: Range<usize>) -> impl DoubleEndedIterator<Item = usize> {
        self.lines(range).filter(|(_, line)| line.starts_with('#')).map(|(at, _)| at)
    }

    /// Where the comments begin with which a stretch ends, without what editors read.
    fn comments_right_above(self, range: Range<usize>) -> Option<usize> {
        let is_note = |(_, line): &(usize, &str)| line.starts_with('#') && !line.starts_with(MODELINE);
        // What stands behind a key or a dash is about that.
        let is_whole = range.start == self.begin_of_line(range.start);
        let from = if is_whole { range.start } else { self.end_of_line(range.start).min(range.end) };
        self.lines(from..range.end).rev().take_while(is_note).last().map(|(at, _)| at)
    }

    fn begin_of_line(self, at: usize) -> usize {
        let begin = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        if begin == 0 && self.text.starts_with(MARK) { MARK.len_utf8() } else { begin }
    }

    /// Where the line of a place ends, before its line break.
    fn end_of_line(self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.split_once('\n').map_or(rest, |(line, _)| line).trim_end_matches('\r').len()
    }

    fn column(self, at: usize) -> usize {
        at - self.begin_of_line(at)
    }
}

/// Whether there are any, one after the other within a stretch: what stands otherwise is left as it is.
fn lie_in(pieces: &[Piece<'_, '_>], range: &Range<usize>) -> bool {
    let mut end = range.start;
    let follows = |piece: &Piece<'_, '_>| {
        let is_behind = end <= piece.range.start && piece.range.start <= piece.from && piece.from <= piece.range.end;
        end = piece.range.end;
        is_behind
    };
    !pieces.is_empty() && pieces.iter().all(follows) && end <= range.end
}

/// Whether a key of this mapping is nothing, which has no place.
fn has_empty_key(node: &Placed<'_>) -> bool {
    match &node.shape {
        Shape::Scalar(_) | Shape::Sequence(..) => false,
        Shape::Mapping(_, entries) => entries.iter().any(|(key, _)| key.range.is_empty()),
    }
}

/// What a node says, whatever the order of its entries and the way it is written.
fn meaning(node: &Placed<'_>) -> String {
    let mut said = String::new();
    match &node.shape {
        Shape::Scalar(text) => {
            let _ = write!(said, "{text:?}");
        }
        Shape::Sequence(_, items) => {
            let mut items: Vec<String> = items.iter().map(meaning).collect();
            items.sort_unstable();
            let _ = write!(said, "[{}]", items.join(","));
        }
        Shape::Mapping(_, entries) => {
            let entry = |(key, value): &(Placed<'_>, Placed<'_>)| format!("{}:{}", meaning(key), meaning(value));
            let mut entries: Vec<String> = entries.iter().map(entry).collect();
            entries.sort_unstable();
            let _ = write!(said, "{{{}}}", entries.join(","));
        }
    }
    said
}

/// How often each byte stands in a text.
fn histogram(text: &str) -> [usize; 256] {
    let mut counts = [0; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    counts
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
