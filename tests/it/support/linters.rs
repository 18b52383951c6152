//! Linters of pipelines, installed once.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::folders::of_repository;

/// Where a linter is. It is installed, if it is not there; where that can't be, the test fails.
pub(crate) fn linter(name: &str) -> PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let output = Command::new(of_repository(".ci/linters")).output().expect("the script that installs linters");
        assert!(output.status.success(), ".ci/linters: {}", String::from_utf8_lossy(&output.stderr));
        of_repository("target/tools/linters/bin")
    });
    let path = place.join(name);
    assert!(path.is_file(), "{} is not there", path.display());
    path
}
