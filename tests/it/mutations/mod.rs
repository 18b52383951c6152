//! Broken input in bulk: arbitrary bytes, arbitrary text, and valid files with lines and words deleted, repeated,
//! exchanged and put in. Nothing may panic, every mistake has a place in its file and can be printed, and the time is
//! bounded by the length. A run prints its figures; `ROLLCALL_INPUTS` makes it longer.
//!
//! The same inputs each time: a failure shows the input, which becomes a case folder.

mod journals;
mod plans;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rollcall::diagnostic::Diagnostic;
use rollcall::manifest;
use rollcall::model::Names;
use rollcall::rules::{self, Rules};
use rollcall::settings;
use rollcall::source::{Sources, is_hidden};

/// What an input may take, on a slow machine with many tests at once: far above what is measured, far below a square.
const ALWAYS: Duration = Duration::from_secs(10);
const PER_BYTE: Duration = Duration::from_millis(1);

/// What words are put in.
const WORDS: &[&str] = &[
    "*",
    "&a",
    "*a",
    "!!str",
    "!x",
    "<<",
    "<<:",
    "---",
    "...",
    "%YAML 1.1",
    "|",
    ">",
    "|-",
    "?",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    ",",
    "null",
    "~",
    "true",
    "no",
    "0x10",
    "99999999999999999999",
    "1e999",
    ".nan",
    "2027-02-30",
    "9999-12-31",
    "2027-01-31T18:00",
    "all",
    "unmanaged",
    "absent",
    "users:",
    "teams:",
    "access:",
    "sites:",
    "role:",
    "inactive:",
    "site_grants:",
    "previously:",
    "expires:",
    "starts:",
    "extends:",
    "ana@example.com",
    "@",
    "\t",
    "\r",
    "\r\n",
    "\n\n",
    "\u{0}",
    "\u{1b}[2J",
    "\u{feff}",
    "\u{202e}",
    "\u{200b}",
    "\u{a0}",
    "а",
    "é",
    "e\u{301}",
    "\u{2028}",
    "\u{10ffff}",
    "\\u0000",
    "\"\\ud800\"",
    "a/b/c",
    "o*/s*",
    "version:",
    "stores:",
    "sqlite:",
    "path:",
    "password: x",
];

/// `SplitMix64` (Steele, Lea, Flood 2014): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).expect("small")
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len());
        &of[at]
    }
}

fn yaml_below(folder: &Path, found: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            yaml_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && fs::metadata(&path).is_ok_and(|metadata| metadata.len() < 20_000)
        {
            found.push(fs::read(&path).expect("readable"));
        }
    }
}

/// Lines, or words with the blanks and signs between them.
fn parts(text: &[u8], lines: bool) -> Vec<Vec<u8>> {
    if lines {
        return text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@' | b'.') || byte >= 0x80;
    text.chunk_by(|&a, &b| is_word(a) && is_word(b)).map(<[u8]>::to_vec).collect()
}

fn mutate(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut text = dice.one(corpus).clone();
    for _ in 0..=dice.below(6) {
        let lines = dice.below(2) == 0;
        let mut all = parts(&text, lines);
        if all.is_empty() {
            all.push(Vec::new());
        }
        let (a, b) = (dice.below(all.len()), dice.below(all.len()));
        match dice.below(7) {
            0 => drop(all.remove(a)),
            1 => {
                let again = all[a].clone();
                all.insert(b, again);
            }
            2 => all.swap(a, b),
            3 => all.insert(a, dice.one(WORDS).as_bytes().to_vec()),
            4 => all[a] = dice.one(WORDS).as_bytes().to_vec(),
            5 => {
                let other = parts(dice.one::<Vec<u8>>(corpus), lines);
                if !other.is_empty() {
                    all.insert(a, dice.one(&other).clone());
                }
            }
            _ => all.truncate(a),
        }
        text = all.concat();
    }
    text
}

fn input(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    match dice.below(10) {
        0 => (0..dice.below(300)).map(|_| u8::try_from(dice.below(256)).expect("a byte")).collect(),
        1 => (0..dice.below(60)).map(|_| *dice.one(WORDS)).collect::<String>().into_bytes(),
        _ => mutate(dice, corpus),
    }
}

fn check_diagnostics(sources: &Sources, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let Diagnostic { code: _, severity: _, message, primary, secondary, help } = diagnostic;
        for text in std::iter::once(message).chain(help) {
            assert!(!text.is_empty() && !text.contains(|c: char| c.is_control() || is_hidden(c)), "{text:?}");
        }
        for label in primary.iter().chain(secondary) {
            let (path, line, column) = sources.place(label.span.start);
            assert!(!path.is_empty() && line >= 1 && column >= 1, "{diagnostic:?}");
            if let Some(text) = sources.text(label.span.start.file) {
                let line = text.split(['\n', '\r']).count();
                assert!(line > 0 && label.span.start.offset as usize <= text.len(), "{diagnostic:?}");
            }
        }
    }
}

fn load_manifest(bytes: &[u8], rules: &Rules) {
    let mut sources = Sources::memory([("access/a.yaml", bytes.to_vec())]);
    let reading = manifest::Reading { rules, time_zone: &jiff::tz::TimeZone::UTC };
    let loaded = manifest::load(&mut Names::new(), reading, &mut sources, &["access".to_owned()]);
    check_diagnostics(&sources, &loaded.diagnostics);
    let Some(ordered) = str::from_utf8(bytes).ok().and_then(|text| manifest::canonical(text, schema())) else { return };
    assert_eq!(manifest::canonical(&ordered, schema()).as_deref(), Some(&ordered[..]), "put in order twice");
}

/// The schema of manifests, made once.
fn schema() -> &'static serde_json::Value {
    static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(manifest::schema);
    &SCHEMA
}

fn check_mistakes(mistakes: &[rollcall::document::Mistake]) {
    assert!(!mistakes.is_empty(), "refused without a mistake");
    for mistake in mistakes {
        assert!(mistake.line >= 1 && mistake.column >= 1 && !mistake.message.is_empty(), "{mistake:?}");
    }
}

/// Runs `target` on many inputs made from everything in this repository that is YAML.
fn run(name: &str, seed: u64, target: &dyn Fn(&[u8])) {
    let mut corpus = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["tests/cases", "examples", "src/rules/sets"] {
        yaml_below(&root.join(folder), &mut corpus);
    }
    assert!(corpus.len() > 50, "the corpus is gone");
    run_on(name, seed, &|dice| input(dice, &corpus), target);
}

/// Runs `target` on many inputs of this kind and prints the figures.
#[allow(clippy::print_stdout, reason = "the figures are what somebody runs this for")]
fn run_on(name: &str, seed: u64, input: &dyn Fn(&mut Dice) -> Vec<u8>, target: &dyn Fn(&[u8])) {
    let mut dice = Dice(seed);
    let (mut bytes, mut slowest) = (0, (Duration::ZERO, 0));
    let begun = Instant::now();
    let inputs = inputs();
    for _ in 0..inputs {
        let input = input(&mut dice);
        bytes += input.len();
        let at = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        let took = at.elapsed();
        let shown = || String::from_utf8_lossy(&input).into_owned();
        assert!(outcome.is_ok(), "{name} panics at:\n{}\n{:?}", shown(), shown());
        let most = ALWAYS + PER_BYTE * u32::try_from(input.len()).expect("small");
        assert!(took < most, "{name} takes {took:?} for {} bytes:\n{}", input.len(), shown());
        slowest = slowest.max((took, input.len()));
    }
    println!(
        "mutations of {name}: {inputs} inputs, {bytes} bytes, {:.1} s, slowest {:.1} ms ({} bytes)",
        begun.elapsed().as_secs_f64(),
        slowest.0.as_secs_f64() * 1e3,
        slowest.1
    );
}

#[allow(clippy::disallowed_methods, reason = "a switch for long runs, at the edge")]
fn inputs() -> usize {
    std::env::var("ROLLCALL_INPUTS").ok().and_then(|inputs| inputs.parse().ok()).unwrap_or(1_500)
}

#[test]
fn mutations_of_manifests_are_read() {
    let rules = Rules::default();
    run("manifests", 1, &|input| load_manifest(input, &rules));
}

#[test]
fn mutations_of_manifests_are_read_under_richer_rules() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/attributes");
    let rules = super::manifest_cases::rules_of(&case);
    run("manifests under richer rules", 2, &|input| load_manifest(input, &rules));
}

#[test]
fn mutations_of_settings_are_read() {
    run("settings", 3, &|input| {
        let begin = "version: 1\nstores: { a: { sqlite: { path: b } } }\nmanage: { absent_users: report }\n";
        let text = format!("{begin}{}", String::from_utf8_lossy(input));
        for text in [text.as_str(), &text[begin.len()..]] {
            if let Err(mistakes) = settings::parse(text, &|_| Err("there are no files here".to_owned())) {
                check_mistakes(&mistakes);
            }
        }
    });
}

#[test]
fn mutations_of_rules_are_read() {
    run("rules", 4, &|input| {
        let read = |_: &str| Err("there are no files here".to_owned());
        if let Err(mistakes) = rules::parse(&String::from_utf8_lossy(input), "rules.yaml", &read) {
            check_mistakes(&mistakes);
        }
    });
}
