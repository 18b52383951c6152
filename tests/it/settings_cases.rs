//! Case folders `tests/cases/NAME/` with settings: `rollcall.yaml`, perhaps rule files, and in `expected.txt` every
//! mistake that reading them gives, one a line. `BLESS=1 cargo test --test it settings_cases` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rollcall::settings;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("tests/cases").map(|entry| entry.expect("entry").path()).collect();
    cases.retain(|case| case.join(settings::FILE_NAME).is_file());
    cases.sort();
    cases
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a switch for whoever writes cases, at the edge")]
fn every_case_of_settings_tells_all_mistakes_at_once() {
    let bless = std::env::var_os("BLESS").is_some();
    let cases = cases();
    assert!(cases.len() >= 6, "only {} cases", cases.len());
    let mut failed = String::new();
    for case in cases {
        let mistakes = settings::load(&case).map_or_else(|refused| refused.mistakes, |_| Vec::new());
        let found: String = mistakes.iter().fold(String::new(), |mut text, mistake| {
            let (file, line, column) = (&mistake.file, mistake.line, mistake.column);
            let _ = write!(text, "{file}:{line}:{column} {}: {}", mistake.code.as_str(), mistake.message);
            let help = mistake.help.as_ref().map_or_else(String::new, |help| format!(" | help: {help}"));
            let _ = writeln!(text, "{help}");
            text
        });
        let file = case.join("expected.txt");
        if bless {
            fs::write(file, found).expect("writable");
            continue;
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            let _ = write!(failed, "\n{}\n--- expected\n{expected}--- found\n{found}", case.display());
        }
    }
    assert!(failed.is_empty(), "{failed}\nBLESS=1 writes what was found");
}
