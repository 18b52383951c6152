use super::canonical;
use crate::manifest::schema;

#[track_caller]
fn becomes(text: &str, expected: &str) {
    let schema = schema();
    let once = canonical(text, &schema).expect("well-formed");
    assert_eq!(once, expected);
    assert_eq!(canonical(&once, &schema).as_deref(), Some(expected), "again");
}

#[track_caller]
fn stays(text: &str) {
    becomes(text, text);
}

#[test]
fn entries_move_with_their_comments_and_blank_lines_stay() {
    becomes(
        "\
# yaml-language-server: $schema=../schemas/manifest.schema.json
# People of the north.

# Those who work there.
users:
  # Everybody.

  # Bo came in May.
  bo@example.com: # temporary
    access: { north: { sites: [pit-2, \"pit-1\"], role: operator } } # both pits
    name: Bo
      # until June

  ana@example.com:
    access: {}
  # the end
organizations:
  south: {}
  north:
    sites:
      pit-2:
      pit-1: { name: 'Pit 1', kind: pit }
",
        "\
# yaml-language-server: $schema=../schemas/manifest.schema.json
# People of the north.

organizations:
  north:
    sites:
      pit-1: { name: 'Pit 1', kind: pit }
      pit-2:
  south: {}
# Those who work there.
users:
  # Everybody.

  ana@example.com:
    access: {}

  # Bo came in May.
  bo@example.com: # temporary
    name: Bo
      # until June
    access: { north: { role: operator, sites: [\"pit-1\", pit-2] } } # both pits
  # the end
",
    );
}

#[test]
fn lines_end_as_they_did() {
    becomes(
        "\u{FEFF}# é\r\nusers: {}\r\n\r\nroles:\r\n  b: { rank: 1 }\r\n  # é\r\n  a: {}",
        "\u{FEFF}roles:\r\n  # é\r\n  a: {}\r\n  b: { rank: 1 }\r\n\r\n# é\r\nusers: {}",
    );
    stays("users:\r  b: {}\r  a: {}\r");
}

#[test]
fn what_can_not_be_moved_stays() {
    // The blank line is part of the description.
    stays("teams:\n  t:\n    description: |+\n      a\n\n    name: T\n");
    // Nobody can tell to which item such a comment belongs.
    stays("teams:\n  t: { members: [b, # the second\n      a] }\n");
    // The comment may be about the list or about the item.
    stays("inactive:\n  -  # leaves in May\n    reason: gone\n    user: zoe\n  - ana\n");
    // Above the first key of an item there is no line for the comment.
    stays("site_grants:\n  - users: [a]\n    # where\n    site: o/s\n");
    stays("? users\n: {}\n? roles\n: {}\n");
    stays("users:\n : {}\n a: {}\n");
}

#[test]
fn texts_and_items_that_are_nothing_have_a_place() {
    stays("teams:\n  crew:\n    description: |\n    members: []\n");
    stays("teams:\n  crew:\n    description: >-\n\n    members: []\n  other: {}\n");
    stays("teams:\n  crew:\n    description: |+\n\n\n    members: []\n");
    stays("inactive:\n- ");
    stays("site_grants:\n-");
    stays("inactive:\n-\n- b\n-\n- a\n");
    becomes(
        "teams:\n  crew:\n    members: []\n    description: |\n  are: { description: ,  members: [b, a] }\n",
        "teams:\n  are: { description: ,  members: [a, b] }\n  crew:\n    description: |\n    members: []\n",
    );
}

#[test]
fn lists_and_what_they_hold_are_sorted_by_what_names_them() {
    becomes(
        "site_grants:\n- { users: [b, a], site: o/t }\n- role: read\n  site: \"o/s\"\n  users:\n  - b\n  - 'a'\nunknown: [b, a]\n",
        "site_grants:\n- site: \"o/s\"\n  users:\n  - 'a'\n  - b\n  role: read\n- { site: o/t, users: [a, b] }\nunknown: [b, a]\n",
    );
}

#[test]
fn what_is_no_single_document_has_no_order() {
    let schema = schema();
    for text in ["", "# nothing\n", "a: 1\n---\nb: 1\n", "a: &x 1\n", "a: [1\n", "<<: *x\n"] {
        assert_eq!(canonical(text, &schema), None, "{text}");
    }
}
