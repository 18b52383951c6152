//! A disk in memory that fills up, or loses power, at a chosen call.

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use rollcall::journal::{Journal, JournalError, Medium};

use super::scripted::Log;

#[derive(Default)]
struct State {
    written: Vec<u8>,
    synced: usize,
    calls: usize,
    fails_at: Option<usize>,
}

/// Shared by whoever looks at it; a journal writes to a clone.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    log: Log,
}

impl Disk {
    pub(crate) fn logging(log: &Log) -> Self {
        Self { log: log.clone(), ..Self::default() }
    }

    /// From the call with this number on (from 0), every call fails; an append leaves half of its bytes.
    pub(crate) fn fail_at(&self, call: usize) {
        self.state.lock().unwrap().fails_at = Some(call);
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().fails_at = None;
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.lock().unwrap().calls
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap().written.clone()
    }

    /// What a power cut would leave.
    pub(crate) fn synced(&self) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        state.written[..state.synced].to_vec()
    }

    pub(crate) fn set(&self, bytes: &[u8]) {
        self.state.lock().unwrap().written = bytes.to_vec();
    }

    pub(crate) fn open(&self) -> Result<Journal, JournalError> {
        let bytes = self.bytes();
        Journal::resume("journal", Cursor::new(bytes), Box::new(self.clone()))
    }
}

impl State {
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.fails_at {
            Some(call) if self.calls > call => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Some(_) | None => Ok(()),
        }
    }
}

impl Medium for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let result = state.call();
        let length = if result.is_ok() { bytes.len() } else { bytes.len() / 2 };
        state.written.extend_from_slice(&bytes[..length]);
        self.log.push("append");
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.call()?;
        state.synced = state.written.len();
        self.log.push("sync");
        Ok(())
    }
}
