//! Floor 7: what people read: plans, outcomes, explanations and diagnostics as text for a terminal; plans and mistakes as
//! comments, pages and annotations for reviews.
//!
//! Everything here is a function from values to a `String`; the caller prints. Removals and escalations come first,
//! sums last. Every name and every text from outside goes through [`sanitise`], so that none can move the cursor,
//! colour the screen or turn the direction of writing. JSON is not made here: the documents of `plan` are.
//!
//! Deliberately absent: a clock, a terminal, files. Colour and width come in with [`Style`], places with
//! [`Places`](crate::plan::Places), snippets with [`Snippets`].

#![allow(clippy::format_push_string, reason = "texts are short, and `write!` to a `String` has an error that can't be")]

mod annotations;
mod base;
mod bounds;
mod cause;
mod changes;
mod diagnostics;
mod doings;
mod excerpt;
mod explain;
mod fields;
mod happenings;
mod html;
mod lines;
mod markdown;
mod outcome;
mod refusal;
mod style;
mod text;
mod time;
mod unknown_keys;
mod waiting;
mod wanted;
mod words;

pub use annotations::{Annotation, Level, Place, annotations, annotations_of, github, gitlab};
pub use base::changed_settings;
pub use cause::{Cause, Counted, FileState, LikelyCause, Turn};
pub use diagnostics::{Snippets, diagnostics, tally};
pub use excerpt::Excerpt;
pub use explain::{explained_place, explained_user, found_by_part, invalid_key, not_found};
pub use html::{HtmlText, html, html_mistakes};
pub use markdown::{MOST, MistakesText, ReviewText, markdown, markdown_mistakes, marker};
pub use outcome::{OutcomeLine, outcome_line, outcomes};
pub use refusal::{RefusalText, refusal};
pub use style::{Style, count, sanitise, shortened};
pub use text::{PlanText, plan};
