//! The house: imports point down the floors and never sideways, files stay short, nothing visible stands beside the
//! rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn architecture_page() -> String {
    fs::read_to_string(root().join("src/lib.rs")).expect("the architecture page")
}

/// Each room and its floor, as in the table of the architecture page.
fn floors(page: &str) -> BTreeMap<&str, u8> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`] | "));
    let floor = |rest: &str| rest.split(' ').next().and_then(|floor| floor.parse().ok()).expect("a floor");
    rows.map(|(room, rest)| (room, floor(rest))).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn all_sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    sources(&root().join(folder), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.strip_prefix(root()).expect("below").to_owned(), fs::read_to_string(&path).expect("text")))
        .collect()
}

/// The rooms that a file names after `crate::`, also within braces (`use crate::{model, plan::Plan}`).
fn rooms_named(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && (c == ',' || c == ':') || depth == 0 {
                    rooms.push(std::mem::take(&mut word));
                    if depth == 0 {
                        break;
                    }
                } else if depth == 1 && c != '}' {
                    word.push(c);
                }
            }
        } else {
            rooms.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms.into_iter().map(|room| room.trim().to_owned()).filter(|room| !room.is_empty()).collect()
}

#[test]
fn imports_point_down_only() {
    let page = architecture_page();
    let floors = floors(&page);
    let mut wrong = Vec::new();
    for (path, text) in all_sources("src") {
        let below = path.strip_prefix("src").expect("below src");
        let room = below.components().next().expect("a room").as_os_str().to_string_lossy().replace(".rs", "");
        if room == "lib" || room == "main" {
            continue;
        }
        let floor = floors.get(room.as_str()).unwrap_or_else(|| panic!("{room} has no floor on the architecture page"));
        for named in rooms_named(&text).into_iter().filter(|named| *named != room) {
            // A name that is no room is a macro or an item of the library's root.
            let Some(other) = floors.get(named.as_str()) else { continue };
            if other >= floor {
                wrong.push(format!("{}: {room} (floor {floor}) names {named} (floor {other})", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn the_check_sees_imports_in_every_form() {
    assert_eq!(rooms_named("use crate::plan::Plan;"), ["plan"]);
    assert_eq!(rooms_named("fn f(x: &crate::model::Names) {}"), ["model"]);
    assert_eq!(
        rooms_named("use crate::{apply, plan::{Plan, State}, rules};"),
        ["apply", "plan", "rules"].map(str::to_owned).to_vec()
    );
    assert!(rooms_named("// use crate::cli;\n//! crate::cli").is_empty());
}

#[test]
fn every_room_is_on_the_architecture_page() {
    let page = architecture_page();
    let rooms: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(floors(&page).into_keys().collect::<BTreeSet<_>>(), rooms, "the table of floors in src/lib.rs");
}

/// One topic a file: about 500 lines, a little more where a topic will not part.
const LONGEST: usize = 550;

#[test]
fn files_stay_short() {
    let long: Vec<String> = all_sources("src")
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{}: {lines}", path.display()))
        .collect();
    assert!(long.is_empty(), "files of more than {LONGEST} lines:\n{}", long.join("\n"));
}

#[test]
fn the_visible_top_level_is_as_asked() {
    let known = [
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "LICENSE",
        "README.md",
        "examples",
        "schemas",
        "src",
        "target",
        "tests",
    ];
    let found = fs::read_dir(root()).expect("the repository").map(|entry| entry.expect("an entry").file_name());
    let extra: Vec<String> = found
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !known.contains(&name.as_str()))
        .collect();
    assert!(extra.is_empty(), "visible at the top level: {extra:?}");
}
