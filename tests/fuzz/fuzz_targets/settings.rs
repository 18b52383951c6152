//! Any text as settings, alone and after what settings need: what is refused has a mistake with a place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall::settings;

const BEGIN: &str = "version: 1\nstores: { a: { sqlite: { path: b } } }\nmanage: { absent_users: report }\n";

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for text in [text.to_string(), format!("{BEGIN}{text}")] {
        if let Err(mistakes) = settings::parse(&text, &|_| Err("there are no files here".to_owned())) {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| mistake.line >= 1 && mistake.column >= 1));
        }
    }
});
