//! Case folders `tests/cases/NAME/`: input, and in `expected.txt` what is to be found in it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The case folders for which this holds, sorted.
pub(crate) fn folders(is_meant: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = fs::read_dir(folder).expect("tests/cases").map(|entry| entry.expect("entry").path());
    let mut cases: Vec<PathBuf> = cases.filter(|case| is_meant(case)).collect();
    cases.sort();
    cases
}

/// Demands in each case what is expected there; `BLESS=1` writes what is found instead.
#[allow(clippy::disallowed_methods, reason = "a switch for whoever writes cases, at the edge")]
#[track_caller]
pub(crate) fn compare(cases: &[PathBuf], found: impl Fn(&Path) -> String) {
    let bless = std::env::var_os("BLESS").is_some();
    let mut failed = String::new();
    for case in cases {
        let (found, file) = (found(case), case.join("expected.txt"));
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
