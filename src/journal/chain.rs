//! The chain of lines: read and verified, and continued.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use jiff::Timestamp;

use super::record::{Ended, Entry, Hash, Link, Record};
use super::{JournalError, OpenIntent};

/// The last line is looked for in so many bytes at the end; where none is found, everything is read.
const END: u64 = 1 << 20;

/// Where the chain stands after a line.
#[derive(Debug)]
pub(super) struct Chain {
    /// How many lines there are.
    pub(super) lines: u64,
    /// The hash of the last one.
    pub(super) last: Hash,
    /// Intents without an end, by their lines.
    pub(super) open: BTreeMap<u64, OpenIntent>,
    /// How many bytes there are.
    length: u64,
    /// The first of the lines at the end that hold no record.
    torn_from: Option<u64>,
    /// Whether the last line has no end.
    lacks_newline: bool,
    /// The first line that does not fit into the chain, and why: it and all that follow may be anybody's.
    altered: Option<(u64, &'static str)>,
}

impl Chain {
    /// Before the first line.
    pub(super) const START: Self = Self {
        lines: 0,
        last: Hash::START,
        open: BTreeMap::new(),
        length: 0,
        torn_from: None,
        lacks_newline: false,
        altered: None,
    };

    /// Reads and verifies what the next run has to know: from the oldest open intent on.
    pub(super) fn of_tail(path: &str, mut existing: impl Read + Seek) -> Result<Self, JournalError> {
        let unreadable = |source| JournalError::Unreadable { path: path.to_owned(), source };
        let tail = find_tail(&mut existing).map_err(unreadable)?;
        if let Some(start) = tail {
            existing.seek(SeekFrom::Start(start.length)).map_err(unreadable)?;
            let chain = start.read(path, BufReader::new(&mut existing), |_, _| {})?;
            if chain.altered.is_none() {
                return Ok(chain);
            }
        }
        // Either there is no tail, or something is wrong with it: a reading of everything names the line.
        existing.rewind().map_err(unreadable)?;
        Self::START.read(path, BufReader::new(existing), |_, _| {})
    }

    /// Fails where a line was not what was written.
    pub(super) fn check_whole(&self, path: &str) -> Result<(), JournalError> {
        self.altered.map_or(Ok(()), |(line, why)| {
            Err(JournalError::Altered { path: path.to_owned(), line, why: why.to_owned() })
        })
    }

    /// Reads and verifies the lines that follow. Each record is handed over, with whether all before it are what was
    /// written; what stands in itself is only vouched for by the next one.
    pub(super) fn read(
        mut self,
        path: &str,
        lines: impl BufRead,
        mut each: impl FnMut(&Record, bool),
    ) -> Result<Self, JournalError> {
        self.walk(path, lines, |chain, line| {
            let Some(record) = Record::parse(line) else { return false };
            let recovered = match record.entry {
                Entry::Recovered { first_line, lines } => Some((first_line, lines)),
                Entry::Began(_)
                | Entry::Intent { .. }
                | Entry::Outcome { .. }
                | Entry::LookedUp { .. }
                | Entry::Delivered { .. }
                | Entry::Resets { .. }
                | Entry::Released { .. }
                | Entry::Over { .. }
                | Entry::Missing { .. } => None,
            };
            chain.check((record.seq, &record.prev), recovered);
            chain.note(&record);
            each(&record, chain.altered.is_none());
            true
        })?;
        Ok(self)
    }

    /// Verifies the lines that follow, and keeps nothing of what they say: as fast as they can be read and hashed.
    pub(super) fn verify(mut self, path: &str, lines: impl BufRead) -> Result<(), JournalError> {
        self.walk(path, lines, |chain, line| {
            let Some(link) = Link::parse(line) else { return false };
            chain.check((link.seq, link.prev), link.recovered());
            true
        })?;
        self.check_whole(path)
    }

    /// Goes over lines; `is_record` checks what one holds, and says whether that is a record.
    fn walk(
        &mut self,
        path: &str,
        mut lines: impl BufRead,
        mut is_record: impl FnMut(&mut Self, &[u8]) -> bool,
    ) -> Result<(), JournalError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines
                .read_until(b'\n', &mut line)
                .map_err(|source| JournalError::Unreadable { path: path.to_owned(), source })?;
            if length == 0 {
                return Ok(());
            }
            self.lacks_newline = line.pop_if(|byte| *byte == b'\n').is_none();
            if !is_record(self, &line) {
                // Only a kill tears a line, and only the last one: whatever follows says so.
                self.torn_from = self.torn_from.or(Some(self.lines + 1));
            }
            self.lines += 1;
            self.last = Hash::of(&line);
            self.length += length as u64;
        }
    }

    /// Notes whether a record continues the chain. `recovered`: the first torn line for which it accounts, and how many.
    fn check(&mut self, (seq, prev): (u64, &str), recovered: Option<(u64, u64)>) {
        let number = self.lines + 1;
        let torn_from = self.torn_from.take();
        let found = if Hash::from_text(prev) != Some(self.last) {
            Some((self.lines.max(1), "it and the next line do not fit together"))
        } else if seq != number {
            Some((number, "its number is another"))
        } else {
            match (torn_from, recovered) {
                (Some(first), Some(of)) if of == (first, number - first) => None,
                (Some(first), _) => Some((first, "it is no record")),
                (None, Some(_)) => Some((number, "there is nothing to recover")),
                (None, None) => None,
            }
        };
        self.altered = self.altered.or(found);
    }

    /// Keeps the list of open intents.
    fn note(&mut self, record: &Record) {
        match &record.entry {
            Entry::Intent { store, action, then: _ } => {
                let intent = OpenIntent {
                    line: record.seq,
                    run: record.run.clone(),
                    store: store.clone(),
                    at: record.at,
                    action: action.clone(),
                    offset: self.length,
                };
                self.open.insert(record.seq, intent);
            }
            // An outcome that nobody knows leaves the intent open.
            Entry::Outcome { outcome: Ended::Unknown, .. }
            | Entry::Began(_)
            | Entry::Delivered { .. }
            | Entry::Resets { .. }
            | Entry::Released { .. }
            | Entry::Over { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => {}
            Entry::Outcome { intent, .. } => {
                self.open.remove(intent);
            }
            Entry::LookedUp { intent, found, .. } => {
                if found.closes() {
                    self.open.remove(intent);
                }
            }
        }
    }

    /// What has to be appended before anything else, so that torn lines are ended and accounted for.
    pub(super) fn recover(&mut self, at: Timestamp, run: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.lacks_newline {
            bytes.push(b'\n');
            self.length += 1;
            self.lacks_newline = false;
        }
        if let Some(first_line) = self.torn_from.take() {
            let lines = self.lines + 1 - first_line;
            self.push(at, run, Entry::Recovered { first_line, lines }, &mut bytes);
        }
        bytes
    }

    /// The lines at the end that no kill leaves, first and last: it tears one line, and takes away its end.
    pub(super) fn foreign(&self) -> Option<(u64, u64)> {
        let first = self.torn_from?;
        (first < self.lines || !self.lacks_newline).then_some((first, self.lines))
    }

    /// Adds a line for `entry` to `bytes`. Its number.
    pub(super) fn push(&mut self, at: Timestamp, run: &str, entry: Entry, bytes: &mut Vec<u8>) -> u64 {
        let record = Record {
            seq: self.lines + 1,
            prev: self.last.to_string(),
            from: self.open.values().next().map_or(self.length, |intent| intent.offset),
            at,
            run: run.to_owned(),
            entry,
        };
        self.note(&record);
        let line = record.to_line();
        self.lines += 1;
        self.last = Hash::of(&line);
        self.length += line.len() as u64 + 1;
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
        self.lines
    }
}

/// The chain just before the line at which the last record says that the tail begins; `None` where there is no such
/// record or it can't be right.
fn find_tail(existing: &mut (impl Read + Seek)) -> io::Result<Option<Chain>> {
    let length = existing.seek(SeekFrom::End(0))?;
    existing.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut end = Vec::new();
    existing.take(END).read_to_end(&mut end)?;
    let Some(last) = end.split(|&byte| byte == b'\n').rev().find_map(Record::parse) else { return Ok(None) };
    // The line before has to end there, and a record has to begin.
    let Some(before) = last.from.checked_sub(1) else { return Ok(None) };
    existing.seek(SeekFrom::Start(before))?;
    let mut lines = BufReader::new(existing);
    let mut newline = [0];
    if lines.read(&mut newline)? != 1 || newline != *b"\n" {
        return Ok(None);
    }
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line)?;
    let first = Record::parse(line.strip_suffix(b"\n").unwrap_or(&line));
    Ok(first.and_then(|first| {
        let last = Hash::from_text(&first.prev)?;
        Some(Chain { lines: first.seq.checked_sub(1)?, last, length: before + 1, ..Chain::START })
    }))
}
