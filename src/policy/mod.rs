//! Floor 2: policies as expressions: parsed, checked, bounded, and asked of values.
//!
//! A policy is an expression of the Common Expression Language (<https://cel.dev>) that has to give true for each thing
//! that it is asked of. It is checked as a whole when it is read ([`Policy::parse`]): names, fields and types, so that a
//! mistake in it shows whatever the data. It takes nothing but the values that it is given: no clock, no file, no
//! network, and no way to write. What it may cost is bounded: the length and depth of what is written, the size of what
//! it makes (nothing is larger than what it was given), and the steps of its loops ([`Budget`]).
//!
//! Deliberately absent: what is declared, live or planned (`guard` makes values of it), and where settings stand.

mod check;
mod evaluate;
mod shape;
mod types;
mod value;

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::{IdedExpr, ParseErrors};

pub use evaluate::NoAnswer;
pub use shape::{
    ACTION, AskedOf, Field, FieldType, MEMBERSHIP, ORGANIZATION, PLAN, SHAPES, SOURCE, Shape, USER, rows,
    variables_in_words,
};
pub use value::Value;

/// The most bytes of an expression.
pub const LONGEST: usize = 4_000;

/// How much stack the parser may need for what is as long as it may be: it goes down once for each sign.
const PARSER_STACK: usize = 256 << 20;

/// How bad it is where a policy does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PolicySeverity")]
pub enum PolicySeverity {
    /// Nothing is applied.
    #[default]
    Error,
    /// It is told.
    Warning,
}

/// A policy that can be asked.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name in the settings.
    pub name: String,
    /// Of what it is asked.
    pub of: AskedOf,
    /// What has to hold, as written.
    pub require: String,
    /// What holds where it is kept, in words.
    pub message: String,
    /// How bad it is where it is not.
    pub severity: PolicySeverity,
    program: Arc<Program>,
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, of, require, message, severity, program: _ } = self;
        let words = (name, require, message);
        words == (&other.name, &other.require, &other.message) && (of, severity) == (&other.of, &other.severity)
    }
}

impl Eq for Policy {}

#[derive(Debug)]
struct Program {
    expr: IdedExpr,
    parts: u64,
    used: BTreeSet<(&'static str, &'static str)>,
}

/// Why an expression can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unusable {
    /// Where in the expression, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// How many steps evaluations may take: about a hundred nanoseconds each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// The most steps of one evaluation: some loops over all people of a large organization, and not one within another.
    pub const OF_ONE: u64 = 20_000_000;

    /// For a run in which so many questions may be asked: policies times things, all together. Most take some dozens.
    #[must_use]
    pub const fn for_questions(count: usize) -> Self {
        Self { left: 50_000_000 + 300 * (count as u64) }
    }
}

impl Policy {
    /// Parses and checks the expression of a policy.
    ///
    /// # Errors
    /// If it can't be asked.
    pub fn parse(
        name: &str,
        of: AskedOf,
        require: &str,
        (severity, message): (PolicySeverity, &str),
    ) -> Result<Self, Unusable> {
        Ok(Self {
            name: name.to_owned(),
            of,
            require: require.to_owned(),
            message: message.to_owned(),
            severity,
            program: Arc::new(compile(require, of)?),
        })
    }

    /// Whether its expression looks at this field of this kind of record.
    #[must_use]
    pub fn looks_at(&self, shape: &Shape, field: &str) -> bool {
        self.program.used.iter().any(|(of, used)| *of == shape.name && *used == field)
    }

    /// Whether it holds with these values of its variables.
    ///
    /// # Errors
    /// If that can't be said.
    pub fn holds(&self, variables: &[(&'static str, Value)], budget: &mut Budget) -> Result<bool, NoAnswer> {
        let Program { expr, parts, used: _ } = &*self.program;
        let most = budget.left.min(Budget::OF_ONE);
        let (answer, taken) = evaluate::evaluate(expr, *parts, variables, most);
        budget.left -= taken;
        answer
    }
}

/// Compiles on a stack of its own: how deep the parser goes is for the author of the expression to say.
fn compile(text: &str, of: AskedOf) -> Result<Program, Unusable> {
    compile_on(PARSER_STACK, text, of)
}

fn compile_on(stack: usize, text: &str, of: AskedOf) -> Result<Program, Unusable> {
    let unusable = |message: String, help: &str| Unusable { offset: 0, message, help: help.to_owned() };
    if text.len() > LONGEST {
        let message = format!("it has {} bytes, at most {LONGEST} are read", text.len());
        return Err(unusable(message, "split it into several policies"));
    }
    if text.trim().is_empty() {
        return Err(unusable("nothing is written".to_owned(), "write what has to hold, or take the policy out"));
    }
    let compiled = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack);
        thread.spawn_scoped(scope, || compile_here(text, of)).map(std::thread::ScopedJoinHandle::join)
    });
    match compiled {
        Ok(Ok(compiled)) => compiled,
        Ok(Err(_)) => Err(unusable("it can't be parsed".to_owned(), "write it in another way")),
        Err(_) => Err(unusable(
            format!("there is not enough memory to read it: {} MiB are needed", PARSER_STACK >> 20),
            "give the process more memory (`ulimit -v`); nothing is wrong with the policy",
        )),
    }
}

fn compile_here(text: &str, of: AskedOf) -> Result<Program, Unusable> {
    let parser = evaluate::env().parser().enable_optional_syntax(false);
    let (mut expr, source) = parser.parse_with_source_info(text).map_err(|errors| syntax(text, &errors))?;
    let used = check::check(&mut expr, of).map_err(|types::Fault { id, message, help }| {
        let offset = source.offset_for(id).map_or(0, |(start, _)| start as usize);
        Unusable { offset: text.floor_char_boundary(offset), message, help }
    })?;
    let parts = check::parts(&expr) as u64;
    Ok(Program { expr, parts, used })
}

/// The first mistake of a text that is no expression.
fn syntax(text: &str, errors: &ParseErrors) -> Unusable {
    let (line, column, message) = errors.errors.first().map_or((1, 1, ""), |first| {
        let number = |at: isize| usize::try_from(at).unwrap_or(1);
        (number(first.pos.0), number(first.pos.1), first.msg.as_str())
    });
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let offset = start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    // The parser tells of its own limit in words of its own.
    if message.contains("Recursion limit") {
        let message = format!("it is nested more than {} deep", check::DEEPEST);
        return Unusable { offset: 0, message, help: check::SPLIT.to_owned() };
    }
    let said = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let said: String = said.split(" expecting ").next().unwrap_or_default().chars().take(120).collect();
    let said = if said.is_empty() { "it can't be parsed".to_owned() } else { said };
    Unusable {
        offset,
        message: format!("it is no expression: {}", said.escape_debug()),
        help: "write it as in <https://cel.dev>: `user.domain == \"example.com\"`".to_owned(),
    }
}

#[cfg(test)]
mod tests;
