//! Which names of files are those of manifests, and which only look like it.

use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;

use super::is_hidden;

/// What a file is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A manifest.
    Yaml,
    /// Nearly a manifest: but for upper case, blanks, what nobody sees, or letters that look alike.
    NearlyYaml,
    /// JSON that is no schema.
    Json,
    /// Something else.
    Other,
}

/// Longer endings than this are not compared.
const LONGEST_ENDING: usize = 16;

/// What the file at this path is by its name.
pub(super) fn kind_of(path: &str) -> Kind {
    if is_yaml(path) {
        return Kind::Yaml;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_seen = |character: &char| !character.is_whitespace() && !is_hidden(*character);
    let plain = |character: char| if character == '\u{3002}' { '.' } else { character };
    let name: String = name.nfkc().filter(is_seen).map(plain).collect();
    let lower = name.to_lowercase();
    let ending = |name: &str| {
        let (_, ending) = name.rsplit_once('.')?;
        (ending.len() <= LONGEST_ENDING).then(|| look(ending))
    };
    if [&name, &lower]
        .into_iter()
        .filter_map(|name| ending(name))
        .any(|ending| ["yaml", "yml"].into_iter().any(|yaml| look(yaml) == ending))
    {
        return Kind::NearlyYaml;
    }
    match lower.rsplit_once('.') {
        Some((stem, "json")) if Path::new(stem).extension().is_none_or(|schema| schema != "schema") => Kind::Json,
        Some(_) | None => Kind::Other,
    }
}

/// What a text looks like (UTS 39): the same for texts that look alike.
fn look(text: &str) -> String {
    unicode_security::skeleton(text).collect()
}

/// Whether a path is that of a manifest.
pub(super) fn is_yaml(path: &str) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind_of};

    #[test]
    fn names_that_are_nearly_those_of_manifests_are_known() {
        for name in ["a/users.yaml", "users.yml", "users.json.yaml"] {
            assert_eq!(kind_of(name), Kind::Yaml, "{name:?}");
        }
        for name in [
            "users.YAML",
            "a/users.Yml",
            "users.yaml ",
            "users. yaml",
            "users.y\u{430}ml",
            "users.yam\u{200b}l",
            "users.\u{ff59}\u{ff41}\u{ff4d}\u{ff4c}",
            "users\u{ff0e}yaml",
            "users.yam1",
        ] {
            assert_eq!(kind_of(name), Kind::NearlyYaml, "{name:?}");
        }
        assert_eq!(kind_of("users.json"), Kind::Json);
        for name in ["notes.txt", "manifest.schema.json", "yaml", "a.yaml/notes", "users.yaml.bak", "users.yaml~"] {
            assert_eq!(kind_of(name), Kind::Other, "{name:?}");
        }
    }
}
