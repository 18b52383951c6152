//! Where each node of a file stands in its text, for who moves parts of a file and keeps the rest as it is.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StrInput, StructureStyle};

use super::cursor::DEEPEST;

/// A node of a YAML file with its stretch of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<'t> {
    /// From its first byte to the one after its last: a scalar with its quotes or its `|`, a collection in braces with
    /// them, any other collection from its first key or dash to the end of its last value. Empty where nothing stands.
    pub range: Range<usize>,
    /// Whether blank lines that follow are part of it.
    pub is_open: bool,
    /// What it is.
    pub shape: Shape<'t>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape<'t> {
    /// A text, as YAML means it.
    Scalar(Cow<'t, str>),
    /// A list: whether it stands in brackets, and its items.
    Sequence(bool, Vec<Placed<'t>>),
    /// A mapping: whether it stands in braces, and its keys and values.
    Mapping(bool, Vec<(Placed<'t>, Placed<'t>)>),
}

impl<'t> Placed<'t> {
    /// The nodes of the only document of a text. `None` where there is none, more than one, what the language has no
    /// place for, or a syntax error.
    #[must_use]
    pub fn of(text: &'t str) -> Option<Self> {
        let mut options = granit_parser::options! {
            flow_nesting_limit: DEEPEST,
            block_nesting_limit: DEEPEST,
        };
        options.set_emit_comments(false);
        let mut walk = Walk { text, parser: Parser::new_from_str_with_options(text, options) };
        let begin = |event: &Event<'_>| matches!(event, Event::StreamStart | Event::DocumentStart(..));
        let first = loop {
            let next = walk.next()?;
            if !begin(&next.0) {
                break next;
            }
        };
        let root = walk.node(first)?;
        let is_end = |event: Event<'_>| matches!(event, Event::DocumentEnd | Event::StreamEnd);
        let mut rest = std::iter::from_fn(|| walk.parser.next_event());
        rest.all(|next| next.is_ok_and(|(event, _)| is_end(event))).then_some(root)
    }
}

struct Walk<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> Walk<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Range<usize>)> {
        let (event, span) = self.parser.next_event()?.ok()?;
        let start = span.start.byte_offset()?;
        Some((event, start..span.end.byte_offset()?.max(start)))
    }

    fn node(&mut self, (event, range): (Event<'t>, Range<usize>)) -> Option<Placed<'t>> {
        match event {
            Event::Scalar(text, style, 0, None) => {
                let written = self.text.get(range.clone())?.trim_end_matches([' ', '\t', '\n', '\r']);
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let header = if is_block { header(&self.text[..range.start]) } else { None };
                let is_open = header.as_ref().is_some_and(|header| self.text[header.clone()].contains('+'));
                // Where a block scalar holds nothing, its stretch is what begins it.
                let end = match &header {
                    Some(header) if written.is_empty() => header.end,
                    Some(_) | None => range.start + written.len(),
                };
                let start = header.map_or(range.start, |header| header.start);
                Some(Placed { range: start..end, is_open, shape: Shape::Scalar(text) })
            }
            Event::SequenceStart(style, 0, None) => {
                let mut items: Vec<Placed<'t>> = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => break end.end,
                        item => items.push(self.node(item)?),
                    }
                };
                let is_flow = style == StructureStyle::Flow;
                let end = if is_flow { end } else { items.last().map_or(range.start, |item| item.range.end) };
                let is_open = !is_flow && items.last().is_some_and(|item| item.is_open);
                let range = range.start..end.max(range.start);
                Some(Placed { range, is_open, shape: Shape::Sequence(is_flow, items) })
            }
            Event::MappingStart(style, 0, None) => {
                let mut entries: Vec<(Placed<'t>, Placed<'t>)> = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::MappingEnd, end) => break end.end,
                        key => {
                            let key = self.node(key)?;
                            let value = self.next()?;
                            entries.push((key, self.node(value)?));
                        }
                    }
                };
                let is_flow = style == StructureStyle::Flow;
                let last = entries.last();
                let end_of = |(key, value): &(Placed<'_>, Placed<'_>)| {
                    if value.range.is_empty() { key.range.end } else { value.range.end }
                };
                let end = if is_flow { end } else { last.map_or(range.start, end_of) };
                let is_open = !is_flow && last.is_some_and(|(_, value)| value.is_open);
                let range = range.start..end.max(range.start);
                Some(Placed { range, is_open, shape: Shape::Mapping(is_flow, entries) })
            }
            _ => None,
        }
    }
}

/// Where the `|` or `>` with its indicators stands that begins a block scalar: the end of the last line with anything
/// on it before the content.
fn header(before: &str) -> Option<Range<usize>> {
    let line = before.trim_end();
    let from = line.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let line = &line[from..];
    line.match_indices(['|', '>']).find_map(|(at, _)| {
        let indicators = line[at + 1..].find(|one: char| !matches!(one, '+' | '-' | '0'..='9'));
        let end = indicators.map_or(line.len(), |length| at + 1 + length);
        let rest = &line[end..];
        let is_end =
            rest.trim_start().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#');
        is_end.then_some(from + at..from + end)
    })
}

#[cfg(test)]
mod tests {
    use super::{Placed, Shape};

    /// The stretches of all scalars and flow collections, in their order.
    fn stretches<'t>(text: &'t str, node: &Placed<'_>, all: &mut Vec<&'t str>) {
        match &node.shape {
            Shape::Scalar(_) => all.push(&text[node.range.clone()]),
            Shape::Sequence(is_flow, items) => {
                if *is_flow {
                    all.push(&text[node.range.clone()]);
                }
                for item in items {
                    stretches(text, item, all);
                }
            }
            Shape::Mapping(is_flow, entries) => {
                if *is_flow {
                    all.push(&text[node.range.clone()]);
                }
                for (key, value) in entries {
                    stretches(text, key, all);
                    stretches(text, value, all);
                }
            }
        }
    }

    #[test]
    fn every_node_has_its_stretch_of_the_text() {
        let text = "# é\na: \"ü\"  # x\nb:\n  - {c: [1, 'two' ] , d: }  # y\n  - e: |\n      one\n\n      two\n\n    f:\ng: >+\n  h\n\n# z\n";
        let root = Placed::of(text).expect("a document");
        let mut all = Vec::new();
        stretches(text, &root, &mut all);
        let expected = [
            "a",
            "\"ü\"",
            "b",
            "{c: [1, 'two' ] , d: }",
            "c",
            "[1, 'two' ]",
            "1",
            "'two'",
            "d",
            "",
            "e",
            "|\n      one\n\n      two",
            "f",
            "",
            "g",
            ">+\n  h",
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn what_the_language_has_not_has_no_layout() {
        for text in ["", "a: &x 1", "a: !t 1", "a: 1\n---\nb: 1\n", "a: [1", "a: *x"] {
            assert_eq!(Placed::of(text), None, "{text}");
        }
    }
}
