//! Floor 5: user stores. A [`Reader`] is all that `plan` ever holds; a [`Writer`] executes actions.
//!
//! Each kind of store has a room with the same files. What a store can and can't do is data ([`Capabilities`]), found
//! by its adapter. Deliberately absent: any decision about what should be; a store is told, and says what came of it.

pub mod sqlite;

use std::future::Future;

use jiff::Timestamp;

use crate::model::{LiveState, Names};
use crate::plan::Action;
use crate::secret::{OneTimeSecret, SecretKind};

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its kind: `sqlite`.
    pub kind: &'static str,
    /// Its own, unchanging identity: part of a plan's digest.
    pub id: String,
    /// What its adapter can do.
    pub capabilities: Capabilities,
}

/// What a store's adapter can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it creates and changes organizations, sites and roles.
    pub writes_catalog: bool,
    /// Whether every clock of a run may be set by `--at`.
    pub clock_can_be_set: bool,
}

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// Everything.
    All,
    /// The catalog, and the accounts with these keys (compared by the rules); a key without an account is no error.
    Users(&'a [&'a str]),
}

/// What it comes to that a store can't be used, for who has to go on without this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no store, or what is in its place is another file, or damaged.
    NoStore,
    /// The device has no room left.
    NoRoom,
    /// The store is there, and could not be used in this way at this time.
    Other,
}

/// A store could not be opened, read or written at all.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What could not be done, and the way out where there is one.
    pub message: String,
    /// The settings and the store contradict each other: nothing to wait for.
    pub is_invalid: bool,
    /// What it comes to for who has to go on without this program.
    pub trouble: Trouble,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// The store can't be reached or used now.
    pub fn unavailable(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), is_invalid: false, trouble: Trouble::Other, source: Some(source.into()) }
    }

    /// The settings do not fit the store.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_invalid: true, trouble: Trouble::NoStore, source: None }
    }
}

/// What came of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Done.
    Done,
    /// It was so already.
    AlreadyTrue,
    /// The subject has changed since the plan.
    Conflict(String),
    /// The store's rules refuse it.
    Refused(String),
    /// It could not be done.
    Failed(String),
    /// Done in the other way that the action allows, and why not in its own.
    FellBack(String),
    /// Done, and the store made another value of it.
    Rewritten(String),
    /// Nobody knows: the answer was lost.
    Unknown(String),
}

impl Effect {
    /// Whether what was wanted is there now.
    #[must_use]
    pub const fn is_achieved(&self) -> bool {
        match self {
            Self::Done | Self::FellBack(_) | Self::AlreadyTrue | Self::Rewritten(_) => true,
            Self::Conflict(_) | Self::Refused(_) | Self::Failed(_) | Self::Unknown(_) => false,
        }
    }
}

/// A one-time secret that an action of the last batch yielded.
#[derive(Debug)]
pub struct Yielded {
    /// The position of the action in its batch.
    pub index: usize,
    /// What it opens.
    pub kind: SecretKind,
    /// The secret.
    pub secret: OneTimeSecret,
}

/// Reads a store.
pub trait Reader {
    /// What the store is.
    fn info(&mut self) -> impl Future<Output = Result<Info, StoreError>> + Send;

    /// What it holds. Each collection comes with evidence: a part of it is never taken for the whole.
    ///
    /// # Errors
    /// If nothing could be read at all.
    fn read(
        &mut self,
        names: &mut Names,
        which: Which<'_>,
    ) -> impl Future<Output = Result<LiveState, StoreError>> + Send;
}

/// Writes a store.
pub trait Writer: Reader {
    /// How many of the first of these actions, all ready, make one request: at least 1 unless there are none. Pure.
    fn group(&self, ready: &[&Action]) -> usize;

    /// Executes a batch as formed by [`Writer::group`] at the time `at`; one effect for each action, in order.
    /// An action fails by itself: the others of the batch are done all the same.
    ///
    /// # Errors
    /// If the store can't be written at all; then nothing of the batch was done.
    fn execute(
        &mut self,
        names: &Names,
        batch: &[&Action],
        at: Timestamp,
    ) -> impl Future<Output = Result<Vec<Effect>, StoreError>> + Send;

    /// What would come of these actions, one after the other: nothing is written. A store that can't tell says that
    /// each would be done.
    ///
    /// # Errors
    /// If the store can't be asked.
    fn rehearse(
        &mut self,
        names: &Names,
        batch: &[&Action],
        at: Timestamp,
    ) -> impl Future<Output = Result<Vec<Effect>, StoreError>> + Send {
        let _ = (names, at);
        let effects = vec![Effect::Done; batch.len()];
        async { Ok(effects) }
    }

    /// The secrets that the last batch, or the last reset, yielded. They are told once.
    fn take_secrets(&mut self) -> Vec<Yielded> {
        Vec::new()
    }

    /// Ends the password of the active account with this key, in the way that the rules have: a new one is among the
    /// secrets then, or the person has to choose one. Everybody who asked for it was heard already.
    ///
    /// # Errors
    /// If the store can't be written at all; then nothing was done.
    fn reset_password(&mut self, key: &str, at: Timestamp) -> impl Future<Output = Result<Effect, StoreError>> + Send {
        let _ = (key, at);
        async { Ok(Effect::Refused("this store resets no passwords".to_owned())) }
    }
}
