//! What only a process knows: the clock, the environment, the terminal, threads.

#![allow(clippy::disallowed_methods, reason = "this is the edge that the rest of the program is kept from")]

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::task::{Context, Waker};

use jiff::Timestamp;
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal::{SIGINT, SIGTERM, SIGXFSZ};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Failure;
use crate::journal::{Holder, Who};

/// Nobody writes a longer line.
const LONGEST_LINE: u64 = 4_096;

/// Lets a write beyond the largest size of a file fail, as one to a full disk does: by itself that ends the program at
/// once and without a word.
pub(super) fn outlive_large_files() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        let _guard = runtime.enter();
        // The handler stays when nobody listens any more. Where there can be none, all is as it was.
        let _ = signal(SignalKind::from_raw(SIGXFSZ as i32));
    }
}

/// Starts the threads that share work, or lets this one do it all where no other can be started.
pub(super) fn start_workers() {
    if rayon::ThreadPoolBuilder::new().build_global().is_err() {
        // Where even that can't be, whoever shares work says so.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    }
}

/// The time of the run: as given, or the clock.
pub(super) fn now(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_else(|| {
        let now = Timestamp::now();
        // Plans and journals tell whole seconds.
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    })
}

/// The time that was asked for, unless it is that of the clock.
pub(super) fn other_time(at: Option<Timestamp>) -> Option<Timestamp> {
    at.filter(|at| at.as_second() != Timestamp::now().as_second())
}

/// Whether a command line that could not be read asks for JSON as its format.
pub(super) fn asks_for_json() -> bool {
    let words: Vec<_> = std::env::args_os().skip(1).take_while(|word| word != "--").collect();
    words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|two| two[0] == "--format" && two[1] == "json")
}

/// Whether the environment lets us use colours (<https://no-color.org>).
pub(super) fn wants_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var("TERM").as_deref() != Ok("dumb")
}

/// The width of the terminal, where the shell tells it.
pub(super) fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|&columns| columns >= 40)
}

/// What a program that is started needs to be found and to find its user's own settings, and nothing else.
pub(super) fn where_programs_are() -> Vec<(&'static str, std::ffi::OsString)> {
    ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect()
}

/// Whether a person can be asked.
pub(super) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The first line of standard input.
pub(super) fn first_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(LONGEST_LINE).read_line(&mut line)?;
    Ok(line)
}

/// Who runs this, for the journal: the user of the machine, and what GitHub or GitLab say about their job.
pub(super) fn who() -> Who {
    let first = |names: &[&str]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty() && value.len() < 1_000))
    };
    Who {
        user: first(&["USER", "LOGNAME", "USERNAME"]),
        actor: first(&["GITHUB_ACTOR", "GITLAB_USER_LOGIN"]),
        job: first(&["GITHUB_RUN_ID", "CI_JOB_URL"]),
    }
}

/// This process, for whoever waits for it.
pub(super) fn holder() -> Holder {
    const MOST: usize = 200;
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let command = format!("rollcall {}", words.join(" ")).chars().take(MOST).collect();
    Holder { process: std::process::id(), command, since: now(None), who: who() }
}

/// A name for this run: when it began, and the number of the process.
pub(super) fn run_id() -> String {
    format!("{}-{}", Timestamp::now(), std::process::id())
}

/// A runtime on which the main thread works and a second one listens for signals.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(anyhow::Error::new(error).context("no thread can be started")))
}

/// Signals that ask the program to end, from now on.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Listens to them, also where whoever started the program had blocked them: such a mask is inherited.
    pub(super) fn listen(runtime: &Runtime) -> io::Result<Self> {
        [SIGINT, SIGTERM].into_iter().collect::<SigSet>().thread_unblock()?;
        let _guard = runtime.enter();
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Whether one has come.
    pub(super) fn has_come(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut came = |signal: &mut Signal| signal.poll_recv(&mut context).is_ready();
        came(&mut self.interrupt) || came(&mut self.terminate)
    }

    /// A line from standard input; `None` if a signal comes first.
    pub(super) fn read_line(&mut self, runtime: &Runtime) -> Option<io::Result<String>> {
        let (send, answer) = tokio::sync::oneshot::channel();
        // A thread of its own: nothing waits for it when the program ends.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().read_line(&mut line);
            let _ = send.send(read.map(|_| line));
        });
        runtime.block_on(async {
            tokio::select! {
                read = answer => Some(read.unwrap_or_else(|_| Ok(String::new()))),
                _ = self.interrupt.recv() => None,
                _ = self.terminate.recv() => None,
            }
        })
    }
}
