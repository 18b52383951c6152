//! Commands of the settings: their time is bounded, and none leaves anything running that is waited for.
//!
//! Each is a process group of its own, so that Ctrl-C ends the run and not the command in the middle of what it does, and
//! so that whatever it has started ends with it.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a command may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look whether it has ended.
const NAP: Duration = Duration::from_millis(5);

/// Starts a command that ends at some time.
pub(super) fn start(command: &mut Command) -> io::Result<Child> {
    command.process_group(0).spawn()
}

/// Waits for its end, and for what a thread has to say that talks with it. One that takes longer is of the kind
/// `TimedOut`; whoever gets an error has to [`kill`] it.
pub(super) fn wait<T>(child: &mut Child, until: Instant, talk: &Receiver<T>) -> io::Result<(T, ExitStatus)> {
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= until {
            return Err(late());
        }
        thread::sleep(NAP);
    };
    let left = until.saturating_duration_since(Instant::now()).max(NAP);
    Ok((talk.recv_timeout(left).map_err(|_| late())?, status))
}

/// Ends it and whatever it has started.
pub(super) fn kill(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Demands that the process whose number a command wrote into the file `child` of this folder has ended with it.
#[cfg(test)]
pub(super) fn demand_ended(folder: &std::path::Path) {
    let child = std::fs::read_to_string(folder.join("child")).expect("started");
    let is_running = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    for _ in 0..200 {
        if is_running() {
            thread::sleep(Duration::from_millis(10));
        }
    }
    assert!(!is_running(), "process {child} goes on");
}
