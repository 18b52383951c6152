//! A store around any store in which chosen calls go wrong.
//!
//! Calls of `read` and `execute` are counted together, from 1. A fault that does not fit its call (a partial read at an
//! `execute`) does nothing; [`Faulty::unspent`] tells which faults never came up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall::model::{Collection, Completeness, LiveState, Names};
use rollcall::plan::Action;
use rollcall::rules::Identity;
use rollcall::store::{Effect, Info, Reader, StoreError, Which, Writer};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails and does nothing.
    Error,
    /// The batch is executed and its answer lost.
    AnswerLost,
    /// The action at this position of the batch is not executed and has this effect.
    Effect(usize, Effect),
    /// This collection is read in part: its evidence says so.
    Partial(Collection),
    /// The read shows what an earlier read of everything showed.
    Stale,
}

/// A store with faults. All reads have to use one table of names.
#[derive(Debug)]
pub(crate) struct Faulty<S> {
    pub(crate) inner: S,
    identity: Identity,
    faults: BTreeMap<usize, Fault>,
    calls: usize,
    last: Option<LiveState>,
}

impl<S> Faulty<S> {
    pub(crate) fn new(inner: S, identity: Identity, faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        Self { inner, identity, faults: faults.into_iter().collect(), calls: 0, last: None }
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// Faults of calls that have not come.
    pub(crate) fn unspent(&self) -> impl Iterator<Item = (&usize, &Fault)> {
        self.faults.iter()
    }

    fn next(&mut self) -> Option<Fault> {
        self.calls += 1;
        self.faults.remove(&self.calls)
    }

    fn stale(&self, names: &Names, which: Which<'_>) -> Option<LiveState> {
        let last = self.last.as_ref()?;
        let Which::Users(keys) = which else { return Some(last.clone()) };
        let wanted: Vec<String> = keys.iter().filter_map(|key| self.identity.normalize(key).ok()).collect();
        let mut live = LiveState::default();
        live.catalog = last.catalog.clone();
        live.evidence = last.evidence.clone();
        for row in 0..last.len() {
            let user = last.user(row);
            if user.identity.is_some_and(|identity| wanted.iter().any(|wanted| wanted == names.text(identity))) {
                live.push_columns(
                    user.id,
                    user.key,
                    user.identity,
                    user.status,
                    user.facts,
                    user.memberships,
                    user.grants,
                    user.invitation,
                );
            }
        }
        Some(live)
    }
}

fn broken(call: usize) -> StoreError {
    StoreError::unavailable(format!("call {call} was made to fail"), std::io::Error::other("a fault"))
}

impl<S: Reader + Send> Reader for Faulty<S> {
    async fn info(&mut self) -> Result<Info, StoreError> {
        self.inner.info().await
    }

    async fn read(&mut self, names: &mut Names, which: Which<'_>) -> Result<LiveState, StoreError> {
        let fault = self.next();
        match &fault {
            Some(Fault::Error) => return Err(broken(self.calls)),
            Some(Fault::Stale) => {
                if let Some(stale) = self.stale(names, which) {
                    return Ok(stale);
                }
            }
            Some(Fault::AnswerLost | Fault::Effect(..) | Fault::Partial(_)) | None => {}
        }
        let mut live = self.inner.read(names, which).await?;
        if which == Which::All {
            self.last = Some(live.clone());
        }
        if let Some(Fault::Partial(collection)) = fault {
            live.evidence.note(collection, Completeness::Partial("a fault".to_owned()));
        }
        Ok(live)
    }
}

impl<S: Writer + Send> Writer for Faulty<S> {
    fn group(&self, ready: &[&Action]) -> usize {
        self.inner.group(ready)
    }

    async fn execute(&mut self, names: &Names, batch: &[&Action], at: Timestamp) -> Result<Vec<Effect>, StoreError> {
        match self.next() {
            Some(Fault::Error) => Err(broken(self.calls)),
            Some(Fault::AnswerLost) => {
                let effects = self.inner.execute(names, batch, at).await?;
                Ok(effects.iter().map(|_| Effect::Unknown("the answer was lost".to_owned())).collect())
            }
            Some(Fault::Effect(position, effect)) if position < batch.len() => {
                let mut rest = batch.to_vec();
                rest.remove(position);
                let mut effects = self.inner.execute(names, &rest, at).await?;
                effects.insert(position, effect);
                Ok(effects)
            }
            Some(Fault::Effect(..) | Fault::Partial(_) | Fault::Stale) | None => {
                self.inner.execute(names, batch, at).await
            }
        }
    }
}
