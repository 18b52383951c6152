//! "Did you mean".

/// Longer texts are not compared with others.
const LONGEST_COMPARED: usize = 400;

/// What a text looks like (UTS 39): the same for texts that look alike.
pub(super) fn skeleton(text: &str) -> String {
    unicode_security::skeleton(text).collect()
}

/// The question whether another name was meant.
pub(super) fn question(text: &str, close: &str) -> String {
    if !text.is_ascii() && text != close && skeleton(text) == skeleton(close) {
        format!("did you mean `{close}`, which looks the same and is written with other letters?")
    } else {
        format!("did you mean `{close}`?")
    }
}

/// How many names are listed in a help text.
const MOST_LISTED: usize = 10;

/// The candidate most like `text`, if it is so by a slip or two; ties go to the first by text. Case does not count, and
/// of addresses at one domain only what stands before the `@`.
pub(super) fn closest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    // Nobody means a name that is a thousand letters long, and comparing it would take a million steps.
    let is_long = text.len() > LONGEST_COMPARED;
    let foreign = (!text.is_ascii() && !is_long).then(|| skeleton(text));
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if foreign.as_ref().is_some_and(|foreign| *foreign == skeleton(candidate)) {
            return Some(candidate);
        }
        if is_long {
            continue;
        }
        // The lengths alone rule out most of a million keys.
        if candidate.len().abs_diff(text.len()) > text.len() / 3 + 1 {
            continue;
        }
        let other = candidate.to_lowercase();
        let (left, right) = match (lower.split_once('@'), other.split_once('@')) {
            (Some((left, here)), Some((right, there))) if here == there => (left, right),
            (Some(_) | None, Some(_) | None) => (lower.as_str(), other.as_str()),
        };
        let slips = strsim::osa_distance(left, right);
        let shorter = left.chars().count().min(right.chars().count());
        if slips < shorter && slips <= (shorter / 3).max(1) && best.is_none_or(|known| (slips, candidate) < known) {
            best = Some((slips, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Names in a help text: sorted, the first ten of them.
pub(super) fn listing(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    let more = names.len().saturating_sub(MOST_LISTED);
    names.truncate(MOST_LISTED);
    let listed = names.join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::{closest, listing};

    #[test]
    fn slips_are_found() {
        let roles = ["manager", "operator", "contributor", "user"];
        assert_eq!(closest("manger", roles.into_iter()), Some("manager"));
        assert_eq!(closest("Operator", roles.into_iter()), Some("operator"));
        assert_eq!(closest("xyz", roles.into_iter()), None);
        let keys = ["ana@example.com", "li@example.com"];
        assert_eq!(closest("anna@example.com", keys.into_iter()), Some("ana@example.com"));
        assert_eq!(closest("ben@example.com", keys.into_iter()), None, "the domain makes nobody alike");
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listing(vec!["b", "a"]), "a, b");
        assert!(listing((0..12).map(|_| "x").collect()).ends_with("and 2 more"));
    }
}
