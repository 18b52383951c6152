//! Evaluation, with a meter: every loop pays for all its rounds before the first one, and where the steps are used up
//! nothing is gone through any more.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelInt, CelList, CelString, DYN_TYPE, INT_TYPE, Kind, STRING_TYPE};
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, IdedExpr};
use regex::{Regex, RegexBuilder};

use super::value::Value;

/// The function around what is gone through; no expression can name it.
pub(super) const METERED: &str = "@metered";

/// The weight of a list, or a map, that is only searched.
pub(super) const SEARCH: i64 = 0;

/// The most bytes of a compiled pattern: some thousand states.
const LARGEST_PATTERN: usize = 1 << 16;

/// What a look at a text with a pattern costs, beside its length.
const PATTERN_STEPS: u64 = 16;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static IS_USED_UP: Cell<bool> = const { Cell::new(false) };
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    // Names of their own: none of them can be taken.
    let _ = env.add_overload(METERED, METERED, vec![DYN_TYPE, INT_TYPE], metered);
    let _ = env.add_overload("matches", "matches", vec![STRING_TYPE, STRING_TYPE], matches);
    let _ = env.add_member_overload("matches", "string_matches", STRING_TYPE, vec![STRING_TYPE], matches);
    Arc::new(env)
});

/// The language: standard functions, and those above.
pub(super) fn env() -> Arc<Env> {
    Arc::clone(&ENV)
}

/// A pattern, compiled.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "is too large".to_owned(),
        _ => "is none".to_owned(),
    })
}

/// Takes steps; `false` where there are not so many left.
fn pay(steps: u64) -> bool {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(steps));
    if left < steps {
        IS_USED_UP.set(true);
    }
    left >= steps
}

fn metered<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let mut args = args.into_iter();
    let (range, weight) = (args.next(), args.next());
    let Some(range) = range else { return Err(ExecutionError::missing_argument_or_target()) };
    let weight = weight.and_then(|weight| weight.downcast_ref::<CelInt>().map(|weight| *weight.inner())).unwrap_or(1);
    if weight != SEARCH && range.get_type().kind() == Kind::Map {
        return Err(ExecutionError::function_error("all", "the members of a map have no order"));
    }
    let length = range.as_sizer().map_or(0, |sizer| *sizer.size().inner());
    let steps = u64::try_from(length).unwrap_or(0).saturating_mul(u64::try_from(weight).unwrap_or(1).max(1));
    if pay(steps.saturating_add(1)) { Ok(range) } else { Ok(CowVal::owned(CelList::default())) }
}

#[allow(clippy::needless_pass_by_value, reason = "the type of every function of an expression")]
fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let mut texts = args.iter().filter_map(|arg| arg.downcast_ref::<CelString<'_>>());
    let (Some(text), Some(written)) = (texts.next(), texts.next()) else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    let (text, written) = (text.inner(), written.inner());
    if !pay((text.len() as u64).saturating_add(PATTERN_STEPS)) {
        return Ok(CowVal::owned(CelBool::from(false)));
    }
    let is_match = PATTERNS.with_borrow_mut(|patterns| {
        if !patterns.contains_key(written) {
            let compiled = pattern(written).map_err(|why| ExecutionError::function_error("matches", why))?;
            patterns.insert(written.to_owned(), compiled);
        }
        Ok(patterns.get(written).is_some_and(|pattern| pattern.is_match(text)))
    });
    is_match.map(|is_match| CowVal::owned(CelBool::from(is_match)))
}

/// Why an evaluation gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It took more steps than it may.
    TooManySteps,
    /// It is neither true nor false.
    NotBoolean,
    /// Something could not be done with the values that were there.
    Impossible(String),
}

/// Evaluates an expression with these variables and at most so many steps; with the steps that it took.
pub(super) fn evaluate(
    expr: &IdedExpr,
    parts: u64,
    variables: &[(&'static str, Value)],
    most: u64,
) -> (Result<bool, NoAnswer>, u64) {
    LEFT.set(most);
    IS_USED_UP.set(false);
    if !pay(parts) {
        return (Err(NoAnswer::TooManySteps), most);
    }
    let mut context = Context::with_env(env());
    for (name, value) in variables {
        context.add_variable_as_val(*name, value.clone().0);
    }
    let result = cel::Value::resolve_val(expr, &context);
    let answer = match &result {
        _ if IS_USED_UP.get() => Err(NoAnswer::TooManySteps),
        Ok(value) => value.downcast_ref::<CelBool>().map(|value| *value.inner()).ok_or(NoAnswer::NotBoolean),
        Err(error) => Err(NoAnswer::Impossible(words(error))),
    };
    (answer, most - LEFT.get())
}

/// An error without the values in it: they are people's, and can be long.
fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => {
            let key: String = key.chars().take(100).collect();
            format!("there is no `{}`", key.escape_debug())
        }
        ExecutionError::NoSuchOverload(of) => {
            format!("`{}` can't be done with {}", of.function(), { of.argument_types().join(" and ") })
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than that".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` can't take this value"),
        _ => "a value is of another type than the expression needs".to_owned(),
    }
}
