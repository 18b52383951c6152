//! Any bytes as a manifest: every mistake has a place in the file and can be printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall::manifest::{self, Reading};
use rollcall::model::Names;
use rollcall::rules::Rules;
use rollcall::source::{Sources, is_hidden};

fuzz_target!(|bytes: &[u8]| {
    let mut sources = Sources::memory([("access/a.yaml", bytes.to_vec())]);
    let reading = Reading { rules: &Rules::default(), time_zone: &jiff::tz::TimeZone::UTC };
    let loaded = manifest::load(&mut Names::new(), reading, &mut sources, &["access".to_owned()]);
    for diagnostic in &loaded.diagnostics {
        assert!(!diagnostic.message.is_empty());
        assert!(!diagnostic.message.contains(|character: char| character.is_control() || is_hidden(character)));
        for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            let (path, line, column) = sources.place(label.span.start);
            assert!(!path.is_empty() && line >= 1 && column >= 1);
        }
    }
});
