//! Of the cursor: what it makes of YAML that is legal, broken or hostile.

use super::{Cursor, Node, Outcome};
use crate::diagnostic::{Code, FileId};

fn walk(text: &str) -> Outcome {
    let mut cursor = Cursor::new(FileId(0), text);
    if let Some(node) = cursor.root() {
        cursor.skip_rest(&node);
    }
    cursor.finish()
}

fn codes(text: &str) -> Vec<(Code, u32)> {
    let diagnostics = walk(text).mistakes.into_diagnostics();
    let mut codes: Vec<(Code, u32)> = diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.code, diagnostic.primary.as_ref().map_or(0, |label| label.span.start.offset)))
        .collect();
    codes.sort_unstable_by_key(|&(_, offset)| offset);
    codes
}

#[test]
fn features_are_refused_at_their_place_and_the_walk_goes_on() {
    assert_eq!(
        codes("a: &x 1\nb: *x\nc: *y\nd: !!str e\n<<: {}\n"),
        [
            (Code::YamlFeature, 3),
            (Code::YamlFeature, 11),
            (Code::YamlFeature, 17),
            (Code::YamlFeature, 23),
            (Code::YamlFeature, 31),
        ]
    );
    assert_eq!(codes("a: 1\n---\nb: 2\n"), [(Code::SecondDocument, 5)]);
    assert_eq!(codes("a: 1\nb: {c: 1, c: 2}\na: 3\n"), [(Code::DuplicateKey, 15), (Code::DuplicateKey, 21)]);
    assert_eq!(codes("[a]: 1\nb: 2\n"), [(Code::WrongType, 0)]);
    assert_eq!(codes("---\na: 1\n...\n"), []);
    assert_eq!(codes("# nothing\n"), []);
}

#[test]
fn many_keys_are_compared_too() {
    let mut text = (0..50).map(|number| format!("k{number}: 1\n")).collect::<Vec<_>>().concat();
    assert_eq!(codes(&text), []);
    let offset = u32::try_from(text.len()).expect("small");
    text.push_str("k7: 2\n");
    assert_eq!(codes(&text), [(Code::DuplicateKey, offset)]);
}

#[test]
fn hidden_characters_are_found_in_comments_and_behind_escapes() {
    assert_eq!(codes("a: b # \u{202E}c\n"), [(Code::HiddenCharacter, 7)]);
    assert_eq!(codes("a: \"\\u202Ec\"\n"), [(Code::HiddenCharacter, 3)]);
    assert_eq!(codes("\u{FEFF}a: Zoë\n"), []);
    assert_eq!(codes("a: \"x\\ty\\n\"\n"), []);
}

#[test]
fn bombs_are_refused() {
    let deep = "[".repeat(100_000);
    assert!(walk(&deep).broken);
    let deep = "a: ".repeat(100_000);
    assert!(walk(&deep).broken);
    let deep = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<Vec<_>>().concat();
    assert!(walk(&deep).broken);
}

#[test]
fn offsets_are_bytes() {
    let text = "é: ü # ö\nlogin: 'a''b'\n";
    let mut cursor = Cursor::new(FileId(0), text);
    assert!(matches!(cursor.root(), Some(Node::Mapping(_))));
    while let Some(key) = cursor.next_key() {
        let written = &text[key.at.offset as usize..(key.at.offset + key.at.length) as usize];
        assert_eq!(written, key.text);
        if let Node::Scalar(value) = cursor.node() {
            let written = &text[value.at.offset as usize..(value.at.offset + value.at.length) as usize];
            assert!(written == value.text || written == "'a''b'", "{written}");
        }
    }
    assert!(cursor.finish().mistakes.is_empty());
}
