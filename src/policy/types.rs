//! Types of expressions, and which of them go together.

use cel::common::ast::operators as op;

use super::shape::{Field, FieldType, Shape};

/// What an expression gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// A member of a map, whose type is known only when it is looked at, or one of several scalars. Never a record: of
    /// those it has to be known which fields are looked at.
    Any,
    Null,
    Flag,
    Number,
    Decimal,
    Text,
    Time,
    Span,
    Record(&'static Shape),
    List(Box<Type>),
    Map,
    OrNull(Box<Type>),
}

impl Type {
    pub(super) fn of(field: &Field) -> Self {
        let of = match field.of {
            FieldType::Flag => Self::Flag,
            FieldType::Number => Self::Number,
            FieldType::Text => Self::Text,
            FieldType::Time => Self::Time,
            FieldType::Record(shape) => Self::Record(shape),
            FieldType::Texts => Self::List(Box::new(Self::Text)),
            FieldType::Records(shape) => Self::List(Box::new(Self::Record(shape))),
            FieldType::Map => Self::Map,
        };
        if field.or_null { Self::OrNull(Box::new(of)) } else { of }
    }

    /// What it is where it is not null.
    pub(super) fn bare(&self) -> &Self {
        match self {
            Self::OrNull(of) => of,
            other => other,
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Any => "something whose type is not known".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Number => "an int".to_owned(),
            Self::Decimal => "a double".to_owned(),
            Self::Text => "a string".to_owned(),
            Self::Time => "a timestamp".to_owned(),
            Self::Span => "a duration".to_owned(),
            Self::Record(shape) => format!("a record ({})", shape.name),
            Self::List(_) => "a list".to_owned(),
            Self::Map => "a map".to_owned(),
            Self::OrNull(of) => format!("{} or null", of.words()),
        }
    }

    /// Whether it is of one of these types, or may be.
    pub(super) fn may_be(&self, types: &[Self]) -> bool {
        *self == Self::Any || types.contains(self.bare())
    }

    /// Whether it can stand in a list that is written out: what is not known may be a list.
    pub(super) const fn is_scalar(&self) -> bool {
        matches!(self, Self::Null | Self::Flag | Self::Number | Self::Decimal | Self::Text | Self::Time | Self::Span)
    }

    /// Whether it is made of others.
    const fn has_parts(&self) -> bool {
        matches!(self, Self::Record(_) | Self::List(_) | Self::Map)
    }
}

/// Why an expression can't be used, and where in it that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The number of the part of the expression.
    pub(super) id: u64,
    pub(super) message: String,
    pub(super) help: String,
}

impl Fault {
    /// That a list can't hold something of this type.
    pub(super) fn held(id: u64, found: &Type, help: &str) -> Self {
        Self { id, message: format!("a list can't hold {}", found.words()), help: help.to_owned() }
    }
}

pub(super) fn demand((id, found): &(u64, Type), types: &[Type]) -> Result<(), Fault> {
    if found.may_be(types) {
        return Ok(());
    }
    let wanted: Vec<String> = types.iter().map(Type::words).collect();
    let message = format!("this is {}, and has to be {}", found.words(), wanted.join(" or "));
    Err(Fault { id: *id, message, help: "compare it, or take a field of it".to_owned() })
}

/// Whether two values can ever be equal.
pub(super) fn comparable(id: u64, (_, a): &(u64, Type), (_, b): &(u64, Type)) -> Result<Type, Fault> {
    let can_be_null = |of: &Type| matches!(of, Type::Null | Type::OrNull(_) | Type::Any);
    let fault = |message: String, help: &str| Err(Fault { id, message, help: help.to_owned() });
    if *a == Type::Null || *b == Type::Null {
        let other = if *a == Type::Null { b } else { a };
        if can_be_null(other) {
            return Ok(Type::Flag);
        }
        return fault(format!("this is {}, and never null", other.words()), "take the comparison with null out");
    }
    let is_number = |of: &Type| matches!(of, Type::Number | Type::Decimal);
    match (a.bare(), b.bare()) {
        (Type::Record(_) | Type::List(_) | Type::Map, _) | (_, Type::Record(_) | Type::List(_) | Type::Map) => fault(
            format!("{} can't be compared with {}", a.words(), b.words()),
            "compare a field, a size, or each element with `all` and `exists`",
        ),
        (Type::Any, _) | (_, Type::Any) => Ok(Type::Flag),
        (a, b) if a == b || is_number(a) && is_number(b) => Ok(Type::Flag),
        (a, b) => fault(
            format!("{} can't be compared with {}", a.words(), b.words()),
            "convert one of them: int(…), string(…), timestamp(…)",
        ),
    }
}

/// What `?:` gives. Where one side has parts the other is of the same type, so that it is known what is looked at.
pub(super) fn either(a: &Type, (id, b): &(u64, Type)) -> Result<Type, Fault> {
    match (a, b) {
        (a, b) if a == b => Ok(a.clone()),
        (Type::Null, other) | (other, Type::Null) => Ok(Type::OrNull(Box::new(other.bare().clone()))),
        (a, b) if a.bare() == b.bare() => Ok(Type::OrNull(Box::new(a.bare().clone()))),
        (a, b) if a.bare().has_parts() || b.bare().has_parts() => Err(Fault {
            id: *id,
            message: format!(
                "both sides of `?:` have to be of one type, and these are {} and {}",
                a.words(),
                b.words()
            ),
            help: "ask of each side: `(c && …) || (!c && …)`".to_owned(),
        }),
        (_, _) => Ok(Type::Any),
    }
}

pub(super) fn arithmetic(id: u64, name: &str, (_, a): &(u64, Type), (_, b): &(u64, Type)) -> Result<Type, Fault> {
    let is_sum = matches!(name, op::ADD | op::SUBSTRACT);
    let number = [Type::Number, Type::Decimal];
    match (a.bare(), b.bare()) {
        (a, b) if a == b && number.contains(a) => Ok(a.clone()),
        (Type::Any, b) if number.contains(b) => Ok(b.clone()),
        (a, Type::Any) if number.contains(a) => Ok(a.clone()),
        (Type::Time, Type::Span) if is_sum => Ok(Type::Time),
        (Type::Span, Type::Time) if name == op::ADD => Ok(Type::Time),
        (Type::Span, Type::Span) if is_sum => Ok(Type::Span),
        (Type::Time, Type::Time) if name == op::SUBSTRACT => Ok(Type::Span),
        (Type::Text | Type::List(_) | Type::Map | Type::Any, _) if name == op::ADD => Err(Fault {
            id,
            message: "strings and lists can't be put together here".to_owned(),
            help: "compare the parts: `a.startsWith(\"x\") && a.endsWith(\"y\")`".to_owned(),
        }),
        (a, b) => {
            let sign = name.replace('_', "");
            let message = format!("`{sign}` can't be done with {} and {}", a.words(), b.words());
            Err(Fault { id, message, help: "convert one of them: int(…), duration(\"24h\")".to_owned() })
        }
    }
}
