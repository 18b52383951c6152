//! What fits: lines and names up to so many bytes, and how many do not.

use super::super::style::number;

/// As many of these lines as fit into so many bytes, each with a line feed, and how many that are.
pub(super) fn taken(lines: impl IntoIterator<Item = String>, most: usize) -> (String, usize) {
    let (mut text, mut count) = (String::new(), 0);
    for line in lines {
        if text.len() + line.len() + 1 > most {
            break;
        }
        text.push_str(&line);
        text.push('\n');
        count += 1;
    }
    (text, count)
}

/// As many of these names as fit into so many bytes, and how many more there are.
pub(super) fn listed(names: &[String], most: usize) -> String {
    let (mut text, mut count) = (String::new(), 0);
    for name in names {
        if text.len() + name.len() + 2 > most {
            break;
        }
        if count > 0 {
            text.push_str(", ");
        }
        text.push_str(name);
        count += 1;
    }
    let more = names.len() - count;
    match (count, more) {
        (_, 0) => text,
        (0, more) => format!("{} who are not listed", number(more)),
        (_, more) => format!("{text} and {} more who are not listed", number(more)),
    }
}

/// A part that is folded away under a title of ours; nothing where there is nothing in it.
pub(super) fn details(title: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n\n", body.trim_end())
}
