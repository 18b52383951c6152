//! What a process costs. Each one is started by a small process that does nothing else: the kernel then tells of this
//! one child alone, and its peak does not include that of whoever started it.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// The first argument of the process that measures.
pub(crate) const WORD: &str = "measure";

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds by the clock.
    pub(crate) wall: f64,
    /// Seconds of all cores, in the program and in the kernel for it.
    pub(crate) processor: f64,
    /// The peak of the resident set, in megabytes (10⁶ bytes).
    pub(crate) memory: f64,
}

impl Cost {
    /// The median of each number.
    pub(crate) fn median(costs: &[Self]) -> Self {
        let of = |number: fn(&Self) -> f64| {
            let mut numbers: Vec<f64> = costs.iter().map(number).collect();
            numbers.sort_by(f64::total_cmp);
            numbers[numbers.len() / 2]
        };
        Self { wall: of(|cost| cost.wall), processor: of(|cost| cost.processor), memory: of(|cost| cost.memory) }
    }
}

/// One run: what it cost, and what it wrote to standard output.
pub(crate) struct Run {
    pub(crate) cost: Cost,
    pub(crate) output: Vec<u8>,
}

/// Runs a command, which has to succeed.
pub(crate) fn measure(command: &[String]) -> Run {
    let own = std::env::current_exe().expect("this program");
    let report = tempfile::NamedTempFile::new().expect("a file for the figures");
    let measured = Command::new(own)
        .arg(WORD)
        .arg(report.path())
        .args(command)
        .stderr(Stdio::inherit())
        .output()
        .expect("a process that measures");
    assert!(measured.status.success(), "{command:?} failed");
    let figures = std::fs::read_to_string(report.path()).expect("figures");
    let figures: Vec<f64> = figures.split_whitespace().map(|figure| figure.parse().expect("a figure")).collect();
    let [wall, processor, memory] = figures[..] else { panic!("three figures, not {figures:?}") };
    Run { cost: Cost { wall, processor, memory }, output: measured.stdout }
}

/// The process that measures: `measure FIGURES COMMAND ARGUMENT…`.
pub(crate) fn child(arguments: &[String]) {
    let [report, program, arguments @ ..] = arguments else { panic!("measure FIGURES COMMAND ARGUMENT…") };
    let start = Instant::now();
    let status = Command::new(program).args(arguments).status().expect("the command");
    let wall = start.elapsed().as_secs_f64();
    assert!(status.success(), "{program} ended with {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage of the child");
    #[allow(clippy::cast_precision_loss, reason = "microseconds and kilobytes stay far below 2⁵²")]
    let (processor, memory) = (
        (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6,
        usage.max_rss() as f64 * 1024.0 / 1e6,
    );
    std::fs::write(report, format!("{wall} {processor} {memory}")).expect("a file for the figures");
}
