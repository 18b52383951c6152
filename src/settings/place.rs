//! Where something stands in the text of settings that were read before: for mistakes that show only later.

use serde::de::IgnoredAny;

use super::FILE_NAME;
use crate::document::{self, Place, Shape};

/// The place of the value under these keys, or of one item of the list there; of the last key on the way to it where it
/// is not written. `None` if this is the text of no settings.
#[must_use]
pub fn place_of(text: &str, keys: &[&str], item: Option<usize>) -> Option<Place> {
    let (_, document) = document::read::<IgnoredAny>(text, FILE_NAME).ok()?;
    let listed = document.find(keys).map(|node| &node.shape);
    let of_item = match (listed, item) {
        (Some(Shape::List(items)), Some(item)) => items.get(item).map(|node| node.place),
        (Some(Shape::Null | Shape::Scalar | Shape::List(_) | Shape::Map(_)) | None, _) => None,
    };
    Some(of_item.unwrap_or_else(|| document.nearest(keys)))
}
