//! What a document says as written, with the place of every key and value.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::mistake::Mistake;
use crate::diagnostic::{Code, names_a_secret};

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Bytes from the beginning.
    pub offset: u32,
    /// Length in bytes.
    pub length: u32,
}

impl Place {
    /// The beginning of a document.
    pub const START: Self = Self { line: 1, column: 1, offset: 0, length: 0 };

    pub(super) fn of(location: Location) -> Self {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        if location.line() == 0 {
            return Self::START;
        }
        Self {
            line: number(location.line()),
            column: number(location.column()),
            offset: number(location.span().byte_offset().unwrap_or(0)),
            length: number(location.span().byte_len().unwrap_or(0)),
        }
    }
}

/// What stands at a place.
#[derive(Debug, Clone)]
pub enum Shape {
    /// `null`, or nothing.
    Null,
    /// A text, a number or a truth value.
    Scalar,
    /// A list.
    List(Vec<Node>),
    /// A mapping: key, the place of the key, value.
    Map(Vec<(String, Place, Node)>),
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub shape: Shape,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node),
            Shape::Null | Shape::Scalar | Shape::List(_) => None,
        }
    }

    /// Notes the lines of all that stands under a key that names a secret.
    fn note_secrets(&self, text: &str, is_secret: bool, lines: &mut BTreeSet<u32>) {
        if is_secret {
            let Place { line, offset, length, .. } = self.place;
            let written = text.get(offset as usize..offset.saturating_add(length) as usize).unwrap_or_default();
            lines.extend((line..).take(written.lines().count().max(1)));
        }
        match &self.shape {
            Shape::Map(entries) => {
                for (key, place, node) in entries {
                    let is_secret = is_secret || names_a_secret(key);
                    if is_secret {
                        lines.insert(place.line);
                    }
                    node.note_secrets(text, is_secret, lines);
                }
            }
            Shape::List(nodes) => nodes.iter().for_each(|node| node.note_secrets(text, is_secret, lines)),
            Shape::Null | Shape::Scalar => {}
        }
    }

    /// The place of the value whose key begins at this offset, if it is a single value on the line of its key or below.
    pub(super) fn value_of_key_at(&self, offset: u32) -> Option<Place> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find_map(|(_, place, node)| {
                let is_scalar = matches!(node.shape, Shape::Null | Shape::Scalar);
                if place.offset == offset { is_scalar.then_some(node.place) } else { node.value_of_key_at(offset) }
            }),
            Shape::List(nodes) => nodes.iter().find_map(|node| node.value_of_key_at(offset)),
            Shape::Null | Shape::Scalar => None,
        }
    }

    /// The key that begins at this offset, or whose value does.
    pub(super) fn key_of(&self, offset: u32) -> Option<&str> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find_map(|(key, place, node)| {
                let is_it = place.offset == offset || node.place.offset == offset;
                if is_it { Some(key.as_str()) } else { node.key_of(offset) }
            }),
            Shape::List(nodes) => nodes.iter().find_map(|node| node.key_of(offset)),
            Shape::Null | Shape::Scalar => None,
        }
    }

    fn key_place(&self, key: &str) -> Option<Place> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find(|(name, _, _)| name == key).map(|(_, place, _)| *place),
            Shape::Null | Shape::Scalar | Shape::List(_) => None,
        }
    }
}

/// A document as written.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its name in messages.
    pub file: String,
    /// What it says.
    pub root: Node,
    /// The lines of values under a key that names a secret: a snippet could show one that stands there by mistake.
    secret_lines: BTreeSet<u32>,
    /// Whether nothing may be shown at all.
    hides_all: bool,
}

impl Document {
    pub(super) fn new(file: &str, text: &str, mut root: Node) -> Self {
        if matches!(root.shape, Shape::Null) {
            // What is missing from an empty document is missing from its beginning.
            root.place = Place::START;
        }
        let mut secret_lines = BTreeSet::new();
        root.note_secrets(text, false, &mut secret_lines);
        Self { file: file.to_owned(), root, secret_lines, hides_all: false }
    }

    /// With the lines hidden that hide something in the whole of a text, of which this document is a part.
    pub(super) fn hiding_what(mut self, text: &str, options: serde_yaml::Options) -> Self {
        match serde_yaml::from_str_with_options::<Node>(text, options) {
            Ok(root) => root.note_secrets(text, false, &mut self.secret_lines),
            Err(_) => self.hides_all = true,
        }
        self
    }

    /// With every line hidden.
    #[must_use]
    pub(crate) const fn hidden(mut self) -> Self {
        self.hides_all = true;
        self
    }

    /// Whether a line must not be shown.
    pub(crate) fn hides(&self, line: u32) -> bool {
        self.hides_all || self.secret_lines.contains(&line)
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, key| node.get(key))
    }

    /// The keys of the mapping at a path, as written.
    #[must_use]
    pub fn keys(&self, path: &[&str]) -> Vec<&str> {
        match self.find(path).map(|node| &node.shape) {
            Some(Shape::Map(entries)) => entries.iter().map(|(key, _, _)| key.as_str()).collect(),
            Some(Shape::Null | Shape::Scalar | Shape::List(_)) | None => Vec::new(),
        }
    }

    /// The place of the value at a path, or of the last key on the way to it.
    #[must_use]
    pub fn nearest(&self, path: &[&str]) -> Place {
        let mut node = &self.root;
        let mut place = node.place;
        for key in path {
            let Some(next) = node.get(key) else { return place };
            place = match next.shape {
                Shape::Null | Shape::Scalar => next.place,
                Shape::List(_) | Shape::Map(_) => node.key_place(key).unwrap_or(next.place),
            };
            node = next;
        }
        place
    }

    /// A mistake in the value at a path.
    #[must_use]
    pub fn mistake(&self, code: Code, path: &[&str], message: impl Into<String>) -> Mistake {
        let place = self.nearest(path);
        let mut mistake = Mistake::new(code, &self.file, place, message.into());
        mistake.hides_source = self.hides(place.line);
        mistake
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Shape>::deserialize(deserializer)?;
        Ok(Self { place: Place::of(spanned.referenced), shape: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        Shape::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Shape::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push((key.value, Place::of(key.referenced), map.next_value()?));
        }
        Ok(Shape::Map(entries))
    }
}
