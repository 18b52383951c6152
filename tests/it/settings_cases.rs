//! Case folders `tests/cases/NAME/` with settings: `rollcall.yaml`, perhaps rule files, and in `expected.txt` every
//! mistake that reading them gives, one a line. `BLESS=1 cargo test --test it settings_cases` writes them anew.

use std::fmt::Write as _;

use rollcall::settings;

use crate::support::cases;

#[test]
fn every_case_of_settings_tells_all_mistakes_at_once() {
    let cases = cases::folders(|case| case.join(settings::FILE_NAME).is_file());
    assert!(cases.len() >= 6, "only {} cases", cases.len());
    cases::compare(&cases, |case| {
        let mistakes = settings::load(case).map_or_else(|refused| refused.mistakes, |_| Vec::new());
        mistakes.iter().fold(String::new(), |mut text, mistake| {
            let (file, line, column) = (&mistake.file, mistake.line, mistake.column);
            let _ = write!(text, "{file}:{line}:{column} {}: {}", mistake.code.as_str(), mistake.message);
            let help = mistake.help.as_ref().map_or_else(String::new, |help| format!(" | help: {help}"));
            let _ = writeln!(text, "{help}");
            text
        })
    });
}
