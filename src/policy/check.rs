//! An expression is checked as a whole before it is ever evaluated: names, fields, types, and what could grow.
//!
//! Texts and lists can be looked at and not be put together, and a list holds no lists, so nothing that an expression
//! makes is larger than what it was given. What a loop runs over, and a list that is searched, is wrapped in a call that
//! counts steps ([`super::evaluate`]).

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators as op};

use super::evaluate::{METERED, SEARCH, pattern};
use super::shape::{AskedOf, Field};
use super::types::{Fault, Type, arithmetic, comparable, demand, either};
use crate::document::nearest;

/// What one check knows.
pub(super) struct Check {
    /// The innermost last.
    scope: Vec<(String, Type)>,
    variables: &'static [Field],
    /// Shapes and fields that it looks at.
    pub(super) used: BTreeSet<(&'static str, &'static str)>,
}

/// How deep an expression may nest.
pub(super) const DEEPEST: usize = 60;

/// The way out of what is too deep.
pub(super) const SPLIT: &str = "split it into several policies";

/// Checks an expression, and makes its loops count their steps.
pub(super) fn check(expr: &mut IdedExpr, of: AskedOf) -> Result<BTreeSet<(&'static str, &'static str)>, Fault> {
    if depth(expr, 0) > DEEPEST {
        let message = format!("it is nested more than {DEEPEST} deep");
        return Err(Fault { id: expr.id, message, help: SPLIT.to_owned() });
    }
    let mut check = Check { scope: Vec::new(), variables: of.variables(), used: BTreeSet::new() };
    let id = expr.id;
    let found = check.infer(expr)?;
    if !found.may_be(&[Type::Flag]) || found != *found.bare() {
        let message = format!("it gives {}, and has to give true or false", found.words());
        let help = "write what has to hold, such as `user.domain == \"example.com\"`".to_owned();
        return Err(Fault { id, message, help });
    }
    Ok(check.used)
}

/// How deep an expression nests.
fn depth(expr: &IdedExpr, above: usize) -> usize {
    let here = above + 1;
    if here > DEEPEST {
        return here;
    }
    children(expr).into_iter().map(|child| depth(child, here)).max().unwrap_or(here)
}

/// How many parts an expression has.
pub(super) fn parts(expr: &IdedExpr) -> usize {
    children(expr).into_iter().map(parts).sum::<usize>() + 1
}

fn children(expr: &IdedExpr) -> Vec<&IdedExpr> {
    match &expr.expr {
        Expr::Call(CallExpr { target, args, .. }) => target.as_deref().into_iter().chain(args).collect(),
        Expr::Comprehension(of) => {
            let ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, .. } = &**of;
            vec![iter_range, accu_init, loop_cond, loop_step, result]
        }
        Expr::Select(SelectExpr { operand, .. }) => vec![operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) => Vec::new(),
    }
}

impl Check {
    fn infer(&mut self, expr: &mut IdedExpr) -> Result<Type, Fault> {
        let id = expr.id;
        let fault = |message: String, help: &str| Fault { id, message, help: help.to_owned() };
        match &mut expr.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ok(Type::Flag),
                LiteralValue::Int(_) => Ok(Type::Number),
                LiteralValue::Double(_) => Ok(Type::Decimal),
                LiteralValue::String(_) => Ok(Type::Text),
                LiteralValue::Null => Ok(Type::Null),
                LiteralValue::Bytes(_) => Err(fault("nothing here is made of bytes".to_owned(), "write a string")),
                LiteralValue::UInt(_) => Err(fault("no number here is a uint".to_owned(), "leave the `u` out")),
            },
            Expr::Ident(name) => self.variable(id, name),
            Expr::Select(select) => self.select(id, select),
            Expr::Call(call) => self.call(id, call),
            Expr::Comprehension(of) => self.comprehension(id, of),
            Expr::List(list) => {
                let mut of = None;
                for element in &mut list.elements {
                    let (id, found) = (element.id, self.infer(element)?);
                    if !found.is_scalar() {
                        return Err(Fault::held(
                            id,
                            &found,
                            "list strings or numbers; take `string(…)` or `int(…)` of others",
                        ));
                    }
                    of = Some(of.map_or_else(|| found.clone(), |of| if of == found { of } else { Type::Any }));
                }
                Ok(Type::List(Box::new(of.unwrap_or(Type::Any))))
            }
            Expr::Map(_) | Expr::Struct(_) => {
                Err(fault("maps and messages can't be made here".to_owned(), "compare fields one by one"))
            }
            Expr::Unspecified => Err(fault("a part of it is missing".to_owned(), "complete it")),
        }
    }

    fn variable(&self, id: u64, name: &str) -> Result<Type, Fault> {
        if let Some((_, of)) = self.scope.iter().rev().find(|(known, _)| known == name) {
            return Ok(of.clone());
        }
        if let Some(variable) = self.variables.iter().find(|variable| variable.name == name) {
            return Ok(Type::of(variable));
        }
        let known: Vec<&str> =
            self.variables.iter().map(|one| one.name).chain(self.scope.iter().map(|(name, _)| name.as_str())).collect();
        Err(Fault {
            id,
            message: format!("there is no variable `{}`", name.escape_debug()),
            help: suggestion(name, &known),
        })
    }

    fn select(&mut self, id: u64, select: &mut SelectExpr) -> Result<Type, Fault> {
        let SelectExpr { operand, field, test } = select;
        let of = self.infer(operand)?;
        let shown = field.escape_debug();
        match of.bare() {
            Type::Record(shape) => {
                let Some(known) = shape.field(field) else {
                    let names: Vec<&str> = shape.fields.iter().map(|field| field.name).collect();
                    let message = format!("a {} has no field `{shown}`", shape.name);
                    return Err(Fault { id, message, help: suggestion(field, &names) });
                };
                self.used.insert((shape.name, known.name));
                if *test {
                    let message = format!("`{shown}` is always there, and null where it is not set");
                    let help = format!("write `.{shown} != null`");
                    return Err(Fault { id, message, help });
                }
                Ok(Type::of(known))
            }
            Type::Map | Type::Any => Ok(if *test { Type::Flag } else { Type::Any }),
            other => {
                let message = format!("`{shown}` is asked of {}, which has no fields", other.words());
                Err(Fault { id, message, help: "fields are those of users, memberships and so on".to_owned() })
            }
        }
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<Type, Fault> {
        let CallExpr { func_name, target, args } = call;
        let is_member = target.is_some();
        let mut found = Vec::new();
        for part in target.as_deref_mut().into_iter().chain(args.iter_mut()) {
            found.push((part.id, self.infer(part)?));
        }
        let name = func_name.as_str();
        match (name, found.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT, all) => {
                all.iter().try_for_each(|of| demand(of, &[Type::Flag])).map(|()| Type::Flag)
            }
            (op::CONDITIONAL, [condition, (_, yes), no]) => {
                demand(condition, &[Type::Flag])?;
                either(yes, no)
            }
            (op::EQUALS | op::NOT_EQUALS, [a, b]) => equality(id, [a, b], args),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [a, b]) => {
                let ordered = [Type::Number, Type::Decimal, Type::Text, Type::Time, Type::Span];
                demand(a, &ordered)?;
                demand(b, &ordered)?;
                comparable(id, a, b)
            }
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [a, b]) => arithmetic(id, name, a, b),
            (op::NEGATE, [a]) => {
                demand(a, &[Type::Number, Type::Decimal, Type::Span])?;
                Ok(a.1.bare().clone())
            }
            (op::IN, [item, (_, list)]) => {
                match list.bare() {
                    Type::List(of) => drop(comparable(id, item, &(id, (**of).clone()))?),
                    Type::Map | Type::Any => demand(item, &[Type::Text, Type::Number, Type::Flag])?,
                    other => {
                        let message = format!("`in` looks into a list or a map, not into {}", other.words());
                        let help = "write `[…]`, or `.contains(…)` for a part of a string".to_owned();
                        return Err(Fault { id, message, help });
                    }
                }
                args[1..].iter_mut().for_each(|list| metered(list, SEARCH));
                Ok(Type::Flag)
            }
            (op::INDEX, [(_, list), index]) => match list.bare() {
                Type::List(of) => demand(index, &[Type::Number]).map(|()| (**of).clone()),
                Type::Map => demand(index, &[Type::Text]).map(|()| Type::Any),
                Type::Any => Ok(Type::Any),
                other => {
                    let message = format!("nothing can be picked out of {}", other.words());
                    Err(Fault { id, message, help: "pick from a list or a map".to_owned() })
                }
            },
            ("size", [(_, of)]) => match of.bare() {
                Type::Text | Type::List(_) | Type::Map | Type::Any => Ok(Type::Number),
                other => {
                    let message = format!("{} has no size", other.words());
                    Err(Fault { id, message, help: "ask for the size of a list or of a string".to_owned() })
                }
            },
            ("startsWith" | "endsWith" | "contains", [a, b]) if is_member => {
                demand(a, &[Type::Text])?;
                demand(b, &[Type::Text])?;
                Ok(Type::Flag)
            }
            ("matches", [text, (at, _)]) => {
                demand(text, &[Type::Text])?;
                let written = args.last().map(|arg| &arg.expr);
                let Some(Expr::Literal(LiteralValue::String(written))) = written else {
                    let message = "the pattern of `matches` has to be written out".to_owned();
                    return Err(Fault { id: *at, message, help: "write it as a string: `matches(\"^a\")`".to_owned() });
                };
                match pattern(written.inner()) {
                    Ok(_) => Ok(Type::Flag),
                    Err(why) => {
                        let help = "mend it, or take `startsWith`, `endsWith`, `contains`".to_owned();
                        Err(Fault { id: *at, message: format!("the pattern of `matches` {why}"), help })
                    }
                }
            }
            ("timestamp", [a]) if !is_member => demand(a, &[Type::Text, Type::Time]).map(|()| Type::Time),
            ("duration", [a]) if !is_member => demand(a, &[Type::Text, Type::Span]).map(|()| Type::Span),
            ("int", [a]) if !is_member => {
                demand(a, &[Type::Number, Type::Decimal, Type::Text, Type::Time]).map(|()| Type::Number)
            }
            ("double", [a]) if !is_member => {
                demand(a, &[Type::Number, Type::Decimal, Type::Text]).map(|()| Type::Decimal)
            }
            ("string", [a]) if !is_member => {
                demand(a, &[Type::Text, Type::Number, Type::Flag, Type::Time]).map(|()| Type::Text)
            }
            (
                "getFullYear" | "getMonth" | "getDate" | "getDayOfMonth" | "getDayOfWeek" | "getDayOfYear" | "getHours"
                | "getMinutes" | "getSeconds",
                [of] | [of, _],
            ) if is_member => {
                demand(of, &[Type::Time, Type::Span])?;
                if let [_, zone] = found.as_slice() {
                    demand(zone, &[Type::Text])?;
                }
                Ok(Type::Number)
            }
            (_, _) => Err(no_function(id, name)),
        }
    }

    /// What a macro became: `all`, `exists`, `exists_one`, `map` or `filter`.
    fn comprehension(&mut self, id: u64, of: &mut ComprehensionExpr) -> Result<Type, Fault> {
        let ComprehensionExpr { iter_range, iter_var, iter_var2, accu_var, accu_init, loop_step, .. } = of;
        let item = match self.infer(iter_range)?.bare() {
            Type::List(of) => (**of).clone(),
            Type::Any => Type::Any,
            // Its members have no order, and two runs must not differ.
            Type::Map => {
                let message = "a map can't be gone through: its members have no order".to_owned();
                let help = "pick members by their names: `\"language\" in user.fields`".to_owned();
                return Err(Fault { id: iter_range.id, message, help });
            }
            other => {
                let message = format!("there is nothing to go through in {}", other.words());
                return Err(Fault { id: iter_range.id, message, help: "name a list before the dot".to_owned() });
            }
        };
        if iter_var2.is_some() {
            return Err(no_function(id, "a loop over two variables"));
        }
        let weight = i64::try_from(parts(loop_step)).unwrap_or(i64::MAX);
        let before = self.scope.len();
        self.scope.push((iter_var.clone(), item));
        // Of a step only what the author wrote is looked at; the rest stands around what is gathered.
        let gives = match &accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(_) | LiteralValue::Int(_)) => {
                self.predicate(loop_step, accu_var).map(|()| Type::Flag)
            }
            Expr::List(_) => self.gathered(loop_step, (accu_var, iter_var)).map(|of| Type::List(Box::new(of))),
            _ => Err(no_function(id, "a loop of this kind")),
        };
        self.scope.truncate(before);
        metered(iter_range, weight);
        gives
    }

    /// The condition in a step of `all`, `exists`, `exists_one`.
    fn predicate(&mut self, step: &mut IdedExpr, accumulator: &str) -> Result<(), Fault> {
        let Expr::Call(CallExpr { args, .. }) = &mut step.expr else { return Err(no_function(step.id, "this loop")) };
        let is_gathered = |part: &IdedExpr| names_only(part, accumulator);
        for part in args.iter_mut().filter(|part| !is_gathered(part)) {
            let found = (part.id, self.infer(part)?);
            demand(&found, &[Type::Flag])?;
        }
        Ok(())
    }

    /// What a step of `map` or `filter` adds to the list: what it came to itself, or something that is no list.
    fn gathered(&mut self, step: &mut IdedExpr, (accumulator, item): (&str, &str)) -> Result<Type, Fault> {
        let id = step.id;
        let Expr::Call(CallExpr { func_name, args, .. }) = &mut step.expr else {
            return Err(no_function(id, "this loop"));
        };
        match (func_name.as_str(), args.as_mut_slice()) {
            (op::CONDITIONAL, [condition, then, _]) => {
                let found = (condition.id, self.infer(condition)?);
                demand(&found, &[Type::Flag])?;
                self.gathered(then, (accumulator, item))
            }
            (op::ADD, [before, added]) if names_only(before, accumulator) => {
                let Expr::List(list) = &mut added.expr else { return Err(no_function(id, "this loop")) };
                let [element] = list.elements.as_mut_slice() else { return Err(no_function(id, "this loop")) };
                let (id, found) = (element.id, self.infer(element)?);
                let is_item = matches!(&element.expr, Expr::Ident(name) if name == item);
                if matches!(found.bare(), Type::List(_) | Type::Map) || *found.bare() == Type::Any && !is_item {
                    let help = "gather one field of each, `string(…)` of it, or use `exists` within `exists`";
                    return Err(Fault::held(id, &found, help));
                }
                Ok(found)
            }
            (_, _) => Err(no_function(id, "this loop")),
        }
    }
}

/// Whether a part is what a loop gathered so far, or one more than that.
fn names_only(part: &IdedExpr, accumulator: &str) -> bool {
    match &part.expr {
        Expr::Ident(name) => name == accumulator,
        Expr::Call(CallExpr { func_name, args, .. }) if func_name == op::ADD => {
            args.first().is_some_and(|first| names_only(first, accumulator))
        }
        _ => false,
    }
}

/// Puts a count of steps around what is gone through.
fn metered(range: &mut IdedExpr, weight: i64) {
    let id = range.id;
    let inner = std::mem::take(range);
    let weight = IdedExpr { id, expr: Expr::Literal(LiteralValue::Int(weight.into())) };
    let call = CallExpr { func_name: METERED.to_owned(), target: None, args: vec![inner, weight] };
    *range = IdedExpr { id, expr: Expr::Call(call) };
}

/// What is compared and may be as large as a member of a map can be pays for that.
fn equality(id: u64, [a, b]: [&(u64, Type); 2], args: &mut [IdedExpr]) -> Result<Type, Fault> {
    let unknown = [a, b].into_iter().zip(args).filter(|((_, of), _)| *of.bare() == Type::Any);
    unknown.for_each(|(_, part)| metered(part, SEARCH));
    comparable(id, a, b)
}

fn no_function(id: u64, name: &str) -> Fault {
    const KNOWN: [&str; 18] = [
        "size",
        "startsWith",
        "endsWith",
        "contains",
        "matches",
        "all",
        "exists",
        "exists_one",
        "map",
        "filter",
        "timestamp",
        "duration",
        "int",
        "double",
        "string",
        "getFullYear",
        "getDayOfWeek",
        "getHours",
    ];
    let message = format!("there is no function `{}` for this", name.escape_debug());
    Fault { id, message, help: suggestion(name, &KNOWN) }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    }
}
