//! Any text as a rule set: what is refused has a mistake with a place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall::rules;

fuzz_target!(|bytes: &[u8]| {
    let read = |_: &str| Err("there are no files here".to_owned());
    if let Err(mistakes) = rules::parse(&String::from_utf8_lossy(bytes), "rules.yaml", &read) {
        assert!(!mistakes.is_empty());
        assert!(mistakes.iter().all(|mistake| mistake.line >= 1 && mistake.column >= 1));
    }
});
