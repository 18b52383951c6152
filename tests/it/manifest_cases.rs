//! Case folders `tests/cases/NAME/`: manifests in `access/`, perhaps `rules.yaml`, and in `expected.txt` every
//! diagnostic that loading them gives, one a line. `BLESS=1 cargo test --test it manifest_cases` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rollcall::diagnostic::{Diagnostic, Label};
use rollcall::manifest;
use rollcall::model::Names;
use rollcall::rules::Rules;
use rollcall::source::Sources;

use crate::support::cases::{compare, folders};

pub(crate) fn cases() -> Vec<PathBuf> {
    folders(|case| case.join("access").is_dir())
}

pub(crate) fn rules_of(case: &Path) -> Rules {
    match fs::read_to_string(case.join("rules.yaml")) {
        Ok(text) => serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", case.display())),
        Err(_) => Rules::default(),
    }
}

fn render(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let place = |label: &Label| {
        let (path, line, column) = sources.place(label.span.start);
        format!("{path}:{line}:{column}")
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        let at = diagnostic.primary.as_ref().map_or("-".to_owned(), place);
        let (severity, code) = (diagnostic.severity.as_str(), diagnostic.code.as_str());
        let _ = write!(text, "{at} {severity} {code}: {}", diagnostic.message);
        for label in &diagnostic.secondary {
            let _ = write!(text, " | {}: {}", place(label), label.text);
        }
        if let Some(help) = &diagnostic.help {
            let _ = write!(text, " | help: {help}");
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_case_gives_what_is_expected() {
    let cases = cases();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    compare(&cases, |case| {
        let mut sources = Sources::folder(case);
        let loaded = manifest::load(
            &mut Names::new(),
            manifest::Reading { rules: &rules_of(case), time_zone: &jiff::tz::TimeZone::UTC },
            &mut sources,
            &["access".to_owned()],
        );
        render(&sources, &loaded.diagnostics)
    });
}
