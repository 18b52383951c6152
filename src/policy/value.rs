//! Values of the model as expressions see them.
//!
//! Records and lists are shared, since the interpreter copies what a loop runs over. Records have no equality: an
//! expression compares their fields.

use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as Items, Sizer};
use cel::common::types::{CelBool, CelInt, CelMap, CelNull, CelString, CelTimestamp, DYN_TYPE, LIST_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::shape::Shape;

/// A value that an expression can look at.
#[derive(Debug)]
pub struct Value(pub(super) Box<dyn Val>);

impl Clone for Value {
    fn clone(&self) -> Self {
        Self(self.0.clone_as_boxed())
    }
}

impl Value {
    /// Nothing.
    #[must_use]
    pub fn null() -> Self {
        Self(Box::new(CelNull))
    }

    /// A truth value.
    #[must_use]
    pub fn flag(value: bool) -> Self {
        Self(Box::new(CelBool::from(value)))
    }

    /// A whole number.
    #[must_use]
    pub fn number(value: i64) -> Self {
        Self(Box::new(CelInt::from(value)))
    }

    /// A text.
    #[must_use]
    pub fn text(value: &str) -> Self {
        Self(Box::new(CelString::from(value.to_owned())))
    }

    /// A text, if there is one.
    #[must_use]
    pub fn text_or_null(value: Option<&str>) -> Self {
        value.map_or_else(Self::null, Self::text)
    }

    /// A moment; null for one that is none, and for one out of the range of expressions.
    #[must_use]
    pub fn time(value: Option<Timestamp>) -> Self {
        let moment = value.and_then(|time| {
            let nanoseconds = u32::try_from(time.subsec_nanosecond()).unwrap_or(0);
            chrono::DateTime::from_timestamp(time.as_second(), nanoseconds)
        });
        moment.map_or_else(Self::null, |moment| Self(Box::new(CelTimestamp::from(moment.fixed_offset()))))
    }

    /// A list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self(Box::new(Listing(items.into_iter().map(|item| item.0).collect())))
    }

    /// A list of texts.
    #[must_use]
    pub fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> Self {
        Self::list(items.into_iter().map(Self::text).collect())
    }

    /// A record; the values stand in the order of the fields of its shape.
    #[must_use]
    pub fn record(shape: &'static Shape, values: Vec<Self>) -> Self {
        debug_assert_eq!(shape.fields.len(), values.len(), "a value for each field of {}", shape.name);
        Self(Box::new(Record { shape, values: values.into_iter().map(|value| value.0).collect() }))
    }

    /// A value of a document.
    #[must_use]
    pub fn json(value: &Json) -> Self {
        match value {
            Json::Null => Self::null(),
            Json::Bool(value) => Self::flag(*value),
            Json::Number(number) => number.as_i64().map_or_else(Self::null, Self::number),
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::list(items.iter().map(Self::json).collect()),
            Json::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone().into(), Self::json(value).0));
                Self(Box::new(CelMap::from(members.collect::<std::collections::HashMap<_, _>>())))
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Record {
    shape: &'static Shape,
    values: Arc<[Box<dyn Val>]>,
}

impl StaticVal for Record {}

impl Val for Record {
    fn get_type(&self) -> &Type {
        &DYN_TYPE
    }

    fn cel_type() -> &'static Type {
        &DYN_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl Indexer for Record {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = index.downcast_ref::<CelString<'_>>().map_or("", |name| name.inner());
        let at = self.shape.fields.iter().position(|field| field.name == name);
        match at.and_then(|at| self.values.get(at)) {
            Some(value) => Ok(CowVal::Borrowed(value.as_ref())),
            None => Err(ExecutionError::no_such_key(name)),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

#[derive(Debug, Clone)]
struct Listing(Arc<[Box<dyn Val>]>);

impl StaticVal for Listing {}

impl Val for Listing {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }

    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    /// Only of members of maps: other lists can't be compared.
    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.0.len() == other.0.len()
                && self.0.iter().zip(other.0.iter()).all(|(a, b)| a.as_ref().equals(b.as_ref()))
        })
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl Container for Listing {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|item| item.equals(value)))
    }
}

impl Sizer for Listing {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Indexer for Listing {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let at = index.downcast_ref::<CelInt>().map_or(-1, |at| *at.inner());
        let item = usize::try_from(at).ok().and_then(|at| self.0.get(at));
        let outside = || ExecutionError::function_error("_[_]", "the list is shorter");
        item.map(|item| CowVal::Borrowed(item.as_ref())).ok_or_else(outside)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Iterable for Listing {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Items<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Walk(self.0.iter()))
    }
}

struct Walk<'b>(std::slice::Iter<'b, Box<dyn Val>>);

impl<'b, 'v> Items<'b, 'v> for Walk<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|item| item.as_ref() as &'b (dyn Val + 'v))
    }
}
