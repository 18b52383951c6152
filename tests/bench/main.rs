//! The benchmark: what `rollcall plan` costs beside the least that any program with the same data would have to do.
//!
//! ```text
//! cargo bench                                   # plan at 10,000, 100,000 and 1,000,000 users, three runs each
//! cargo bench -- plan 100000 --runs 5           # other sizes, more runs
//! cargo bench -- bootstrap 100000               # plan of that many declared users on an empty store, text and JSON
//! cargo bench -- apply 10000                    # apply of that many declared users on an empty store
//! cargo bench -- plan 1000 --keep               # leave the access repository where it was made, and say where
//! ```
//!
//! A generator (`repository`) writes an access repository of N users, about two memberships and two site grants each,
//! and fills the embedded store over its documented tables, so that one user in a thousand differs. The floor
//! (`floor`) is one process that reads the same content as JSON by `serde_json` into maps, and the same rows by bare
//! `rusqlite`. Each side runs as a process of its own (`measure`), both in turn; the table shows medians and the ratio
//! plan/floor. A plan that is not the expected one ends the benchmark with an error.
//!
//! The demand: at 1,000,000 users under 1 GB, and within 2.5 times the floor in wall time. Memory is the peak of the
//! resident set. Files lie in `/dev/shm` where there is one, so that no disk is measured. Started without `--bench`
//! (as `cargo test --all-targets` does), it only checks itself, with 2,000 users.

#![allow(clippy::panic, clippy::assigning_clones, reason = "a benchmark that can't go on should say so")]
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and one that can't go on says so")]

mod floor;
mod measure;
mod people;
mod repository;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use measure::{Cost, measure};
use repository::{Live, Repository};

/// The sizes that the demand names.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];
/// Enough to tell whether the benchmark still works.
const SMALL: u32 = 2_000;

/// What the command line asks for.
struct Options {
    scenario: String,
    sizes: Vec<u32>,
    runs: usize,
    keep: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(measure::WORD) => return measure::child(&arguments[1..]),
        Some(floor::WORD) => return floor::run(Path::new(&arguments[1])),
        Some(_) | None => {}
    }
    let options = options(&arguments);
    match options.scenario.as_str() {
        "plan" => plan(&options),
        "bootstrap" => bootstrap(&options),
        "apply" => apply(&options),
        other => panic!("`{other}` is no benchmark; there are plan, bootstrap and apply"),
    }
}

fn options(arguments: &[String]) -> Options {
    let mut options = Options { scenario: "plan".to_owned(), sizes: Vec::new(), runs: 3, keep: false };
    let mut is_bench = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), argument.replace('_', "").parse()) {
            ("--bench", _) => is_bench = true,
            ("--keep", _) => options.keep = true,
            ("--runs", _) => options.runs = rest.next().and_then(|runs| runs.parse().ok()).expect("--runs NUMBER"),
            (_, Ok(size)) => options.sizes.push(size),
            (word, Err(_)) => options.scenario = word.to_owned(),
        }
    }
    if !is_bench {
        (options.sizes, options.runs) = (vec![SMALL], 1);
    }
    options
}

impl Options {
    fn sizes_or(&self, usual: &[u32]) -> Vec<u32> {
        if self.sizes.is_empty() { usual.to_vec() } else { self.sizes.clone() }
    }

    /// A folder of its own for one size, gone at the end unless it is kept.
    fn folder(&self) -> Folder {
        let root = ["/dev/shm", env!("CARGO_TARGET_TMPDIR")].into_iter().map(Path::new).find(|root| root.is_dir());
        let folder = tempfile::Builder::new()
            .prefix("rollcall-bench-")
            .tempdir_in(root.expect("a place for files"))
            .expect("a folder");
        if self.keep {
            let path = folder.keep();
            println!("kept: {}", path.display());
            Folder { path, _temporary: None }
        } else {
            Folder { path: folder.path().to_owned(), _temporary: Some(folder) }
        }
    }
}

struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

/// `plan` with one user in a thousand changed, beside the floor.
fn plan(options: &Options) {
    let sizes = options.sizes_or(&SIZES);
    println!("rollcall plan, 0.1 % of users changed, beside the floor; medians of {} runs", options.runs);
    heading();
    for size in sizes {
        let folder = options.folder();
        let repository = Repository::write(&folder.path, size, "{}", Live::Changed);
        let (mut plans, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..options.runs {
            floors.push(measure(&floor::command(&folder.path)).cost);
            let run = measure(&rollcall(&folder.path, &["plan", "--format", "json"]));
            expect_counts(&run.output, &repository.expected);
            plans.push(run.cost);
        }
        let (plan, floor) = (Cost::median(&plans), Cost::median(&floors));
        row(size, "rollcall plan", &plan);
        row(size, "floor", &floor);
        println!(
            "{:>10}   {:<22} {:>9.2} {:>9.2} {:>9.2}",
            "",
            "plan / floor",
            plan.wall / floor.wall,
            plan.processor / floor.processor,
            plan.memory / floor.memory
        );
    }
}

/// `plan` of everybody on an empty store.
fn bootstrap(options: &Options) {
    println!("rollcall plan on an empty store; medians of {} runs", options.runs);
    heading();
    for size in options.sizes_or(&[100_000]) {
        let folder = options.folder();
        let repository = Repository::write(&folder.path, size, "{}", Live::Nobody);
        for format in ["text", "json"] {
            let runs: Vec<measure::Run> =
                (0..options.runs).map(|_| measure(&rollcall(&folder.path, &["plan", "--format", format]))).collect();
            if format == "json" {
                for run in &runs {
                    expect_counts(&run.output, &repository.expected);
                }
            }
            let costs: Vec<Cost> = runs.iter().map(|run| run.cost).collect();
            row(size, &format!("plan, {format}"), &Cost::median(&costs));
            println!("{:>10}   {} bytes", "", runs[0].output.len());
        }
    }
}

/// `apply` of everybody on an empty store, and the plan after it.
fn apply(options: &Options) {
    println!("rollcall apply --yes on an empty store, people created and not invited; one run");
    heading();
    for size in options.sizes_or(&[10_000]) {
        let folder = options.folder();
        let repository = Repository::write(&folder.path, size, "{ onboarding: create }", Live::Nobody);
        let run = measure(&rollcall(&folder.path, &["apply", "--yes", "--format", "json"]));
        row(size, "apply --yes", &run.cost);
        let actions: u32 = repository.expected.values().sum();
        println!("{:>10}   {actions} actions, {:.0} a second", "", f64::from(actions) / run.cost.wall);
        let after = measure(&rollcall(&folder.path, &["plan", "--format", "json"]));
        expect_counts(&after.output, &BTreeMap::new());
    }
}

fn rollcall(repository: &Path, arguments: &[&str]) -> Vec<String> {
    let repository = repository.to_str().expect("a path in UTF-8");
    [env!("CARGO_BIN_EXE_rollcall"), "-C", repository].iter().chain(arguments).map(ToString::to_string).collect()
}

/// A benchmark that plans the wrong thing measures nothing.
fn expect_counts(plan: &[u8], expected: &BTreeMap<&'static str, u32>) {
    #[derive(serde::Deserialize)]
    struct Plan {
        summary: Summary,
    }
    #[derive(serde::Deserialize)]
    struct Summary {
        actions: BTreeMap<String, u32>,
    }
    let plan: Plan = serde_json::from_slice(plan).expect("a plan as JSON");
    let found: BTreeMap<&str, u32> = plan
        .summary
        .actions
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(&found, expected, "the plan is not the expected one");
}

fn heading() {
    println!("{:>10}   {:<22} {:>9} {:>9} {:>9}", "users", "", "wall s", "cpu s", "peak MB");
}

fn row(size: u32, what: &str, cost: &Cost) {
    println!("{size:>10}   {what:<22} {:>9.3} {:>9.3} {:>9.1}", cost.wall, cost.processor, cost.memory);
}
