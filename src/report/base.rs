//! Settings that a change touches, told before its plan.

use super::style::{Style, Tone, number, sanitise, shortened};
use crate::plan::{BaseDocument, ChangedSettingDocument};

/// Settings that are shown without `-v`.
const SHOWN: usize = 40;
/// Of a value so many characters are shown.
const LONGEST: usize = 100;

/// A line for each setting and rule that differs between a change and its base, and which value holds; empty where
/// none does. It ends with an empty line.
#[must_use]
pub fn changed_settings(base: &BaseDocument, style: Style) -> String {
    let BaseDocument { revision, commit, settings, causes: _, restores: _ } = base;
    if settings.is_empty() {
        return String::new();
    }
    let short: String = commit.chars().take(12).collect();
    let title = format!("changed settings (compared with {}, {short})", sanitise(revision));
    let mut text = style.paint(Tone::Heading, &title).into_owned();
    text.push('\n');
    let most = if style.verbose { usize::MAX } else { SHOWN };
    for ChangedSettingDocument { name, base, now, holds } in settings.iter().take(most) {
        let value = |value: &Option<String>| match value {
            Some(value) => shortened(&sanitise(value), LONGEST).into_owned(),
            None => "not stated".to_owned(),
        };
        let holds = match holds.as_str() {
            "base" => format!("as in {} for this run", sanitise(revision)),
            "stricter" => "the stricter of both holds".to_owned(),
            "both" => "both together hold".to_owned(),
            _ => "a part of the change".to_owned(),
        };
        let line = format!("  ! {}   {} → {}   {holds}", sanitise(name), value(base), value(now));
        text.push_str(&style.paint(Tone::Alarm, &line));
        text.push('\n');
    }
    if settings.len() > most {
        text.push_str(&format!("    and {} more; -v or --format json shows all\n", number(settings.len() - most)));
    }
    text.push('\n');
    text
}
