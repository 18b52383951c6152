//! A store that knows accounts with one field, and does with each user what the script says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rollcall::guard::GuardedPlan;
use rollcall::model::{
    ActionKind, Collection, Completeness, Fact, Invitation, InvitationState, LiveRecord, LiveState, Names, Status,
    Value, known,
};
use rollcall::plan::{Action, Cause, Census, Effects, People, Plan, State, StoreRef, Subject, action_id};
use rollcall::rules::Identity;
use rollcall::store::{Capabilities, Effect, Info, Reader, StoreError, Which, Writer};

use super::plans::unguarded;

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn push(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Ids of the actions that were handed to the store, in order.
    pub(crate) fn executed(&self) -> Vec<String> {
        self.entries().iter().filter_map(|entry| entry.strip_prefix("execute ").map(str::to_owned)).collect()
    }
}

/// What the store does with the actions of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Obeys,
    FindsItTrue,
    ClaimsItTrue,
    Conflicts,
    Refuses,
    Fails,
    /// Says done, and does nothing.
    Lies,
    /// Says done, and stores another value.
    Rewrites,
    /// Says that it stores another value, and does.
    SaysItRewrites,
    /// Does it, and the answer is lost.
    LosesTheAnswer,
    /// Does not get it, and says that nobody knows.
    LosesTheQuestion,
}

/// How a whole request fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Works,
    /// Nothing is done.
    Fails,
    /// Everything is done, and the answer is lost.
    FailsAfterwards,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) status: Status,
    pub(crate) given_name: Option<String>,
    pub(crate) sent: Option<Timestamp>,
}

#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) behaviours: BTreeMap<String, Behaviour>,
    /// For the next calls of `execute`; then everything works.
    pub(crate) requests: VecDeque<Request>,
    /// For the next calls of `read`: how many of them fail; then everything works.
    pub(crate) reads_fail: usize,
    /// How many reads after a write still show what was before.
    pub(crate) stale_reads: usize,
    /// Whether users are read in part only.
    pub(crate) partial: bool,
    /// Actions of one request; 0 for as many as there are.
    pub(crate) group: usize,
    /// Called at each request with its number, from 0.
    pub(crate) on_execute: Option<Box<dyn FnMut(usize) + Send>>,
    pub(crate) log: Log,
    executions: usize,
    old: BTreeMap<String, Account>,
    still_stale: usize,
}

impl Scripted {
    pub(crate) fn logging(log: &Log) -> Self {
        Self { log: log.clone(), ..Self::default() }
    }

    fn apply(&mut self, names: &Names, action: &Action, at: Timestamp) -> Effect {
        let key = names.text(action.subject.user.expect("only actions on users")).to_owned();
        let after = action.after.as_ref();
        let text = |field| after.and_then(|state| state.value(field)).and_then(Value::text);
        let given_name = text(known::GIVEN_NAME).map(|name| names.text(name).to_owned());
        let status = text(known::STATUS).and_then(|word| Status::from_word(names.text(word)));
        let behaviour = self.behaviours.get(&key).copied().unwrap_or(Behaviour::Obeys);
        let given_name = match behaviour {
            Behaviour::Rewrites | Behaviour::SaysItRewrites => Some("Rewritten".to_owned()),
            _ => given_name,
        };
        let does = match behaviour {
            Behaviour::Obeys
            | Behaviour::FindsItTrue
            | Behaviour::Rewrites
            | Behaviour::SaysItRewrites
            | Behaviour::LosesTheAnswer => true,
            Behaviour::ClaimsItTrue
            | Behaviour::Conflicts
            | Behaviour::Refuses
            | Behaviour::Fails
            | Behaviour::Lies
            | Behaviour::LosesTheQuestion => false,
        };
        if does {
            match action.kind {
                ActionKind::DeleteUser => {
                    self.accounts.remove(&key);
                }
                ActionKind::ResendInvitation => {
                    self.accounts.get_mut(&key).expect("an account").sent = Some(at);
                }
                _ => {
                    let is_new = !self.accounts.contains_key(&key);
                    let account = self.accounts.entry(key).or_insert(Account {
                        status: Status::Active,
                        given_name: None,
                        sent: None,
                    });
                    account.status = status.unwrap_or(account.status);
                    account.given_name = given_name.or(account.given_name.take());
                    if is_new && account.status == Status::Invited {
                        account.sent = Some(at);
                    }
                }
            }
        }
        match behaviour {
            Behaviour::Obeys | Behaviour::Lies | Behaviour::Rewrites => Effect::Done,
            Behaviour::FindsItTrue | Behaviour::ClaimsItTrue => Effect::AlreadyTrue,
            Behaviour::SaysItRewrites => Effect::Rewritten("`given_name` became another".to_owned()),
            Behaviour::Conflicts => Effect::Conflict("changed behind our back".to_owned()),
            Behaviour::Refuses => Effect::Refused("no".to_owned()),
            Behaviour::Fails => Effect::Failed("it broke".to_owned()),
            Behaviour::LosesTheAnswer | Behaviour::LosesTheQuestion => Effect::Unknown("no answer came".to_owned()),
        }
    }
}

impl Reader for Scripted {
    async fn info(&mut self) -> Result<Info, StoreError> {
        let capabilities = Capabilities { writes_catalog: true, clock_can_be_set: true };
        Ok(Info { kind: "scripted", id: "1".to_owned(), capabilities })
    }

    async fn read(&mut self, names: &mut Names, which: Which<'_>) -> Result<LiveState, StoreError> {
        self.log.push("read");
        if self.reads_fail > 0 {
            self.reads_fail -= 1;
            return Err(StoreError::unavailable("the store is away", "cable pulled"));
        }
        let accounts = if self.still_stale > 0 { &self.old } else { &self.accounts };
        self.still_stale = self.still_stale.saturating_sub(1);
        let mut live = LiveState::default();
        if self.partial {
            live.evidence.note(Collection::Users, Completeness::Partial("page 2 is missing".to_owned()));
        }
        for (key, account) in accounts {
            let wanted = match which {
                Which::All => true,
                Which::Users(keys) => keys.contains(&key.as_str()),
            };
            if !wanted || self.partial {
                continue;
            }
            let identity = names.intern(&Identity::default().normalize(key).unwrap());
            let key = names.intern(key);
            let given_name = account.given_name.as_ref().map(|name| names.intern(name));
            live.push(LiveRecord {
                id: key,
                key,
                identity: Some(identity),
                status: account.status,
                facts: vec![Fact::new(known::GIVEN_NAME, Value::optional_text(given_name))],
                memberships: Vec::new(),
                grants: Vec::new(),
                invitation: account.sent.map(|sent| Invitation {
                    state: InvitationState::Pending,
                    sent: Some(sent),
                    ends: None,
                }),
            });
        }
        Ok(live)
    }
}

impl Writer for Scripted {
    fn group(&self, ready: &[&Action]) -> usize {
        if self.group == 0 { ready.len() } else { self.group.min(ready.len()) }
    }

    async fn execute(&mut self, names: &Names, batch: &[&Action], at: Timestamp) -> Result<Vec<Effect>, StoreError> {
        if let Some(hook) = &mut self.on_execute {
            hook(self.executions);
        }
        self.executions += 1;
        for action in batch {
            self.log.push(format!("execute {}", action_id(names, action.kind, &action.subject)));
        }
        let request = self.requests.pop_front().unwrap_or(Request::Works);
        if matches!(request, Request::Fails) {
            return Err(StoreError::unavailable("the store is away", "cable pulled"));
        }
        self.old = self.accounts.clone();
        self.still_stale = self.stale_reads;
        let effects = batch.iter().map(|action| self.apply(names, action, at)).collect();
        match request {
            Request::Works => Ok(effects),
            Request::Fails | Request::FailsAfterwards => {
                Err(StoreError::unavailable("the store is away", "cable pulled"))
            }
        }
    }

    async fn reset_password(&mut self, key: &str, _: Timestamp) -> Result<Effect, StoreError> {
        self.log.push(format!("reset {key}"));
        match self.requests.pop_front().unwrap_or(Request::Works) {
            Request::Works => Ok(Effect::Done),
            Request::Fails | Request::FailsAfterwards => {
                Err(StoreError::unavailable("the store is away", "cable pulled"))
            }
        }
    }
}

/// An action on a user. Status and given name before and after; `None` where there is no account.
pub(crate) fn action(
    names: &mut Names,
    kind: ActionKind,
    key: &str,
    before: Option<&[(&str, &str)]>,
    after: Option<&[(&str, &str)]>,
    needs: &[u32],
) -> Action {
    let mut state = |fields: Option<&[(&str, &str)]>| {
        fields.map(|fields| {
            let fact =
                |&(field, value): &(&str, &str)| Fact::new(names.intern(field), Value::Text(names.intern(value)));
            State::of(fields.iter().map(fact).collect())
        })
    };
    let (before, after) = (state(before), state(after));
    Action {
        kind,
        subject: Subject { user: Some(names.intern(key)), ..Subject::default() },
        before,
        after,
        fall_back: None,
        cause: Cause::Unknown,
        risk: Vec::new(),
        needs: needs.to_vec(),
        reason: "declared",
        origins: Vec::new(),
        restores: Vec::new(),
    }
}

/// A new account.
pub(crate) fn creation(names: &mut Names, key: &str, needs: &[u32]) -> Action {
    let after = [("status", "active"), ("given_name", "Ana")];
    action(names, ActionKind::CreateUser, key, None, Some(&after), needs)
}

pub(crate) fn plan(actions: Vec<Action>) -> GuardedPlan {
    unguarded(Plan {
        store: StoreRef {
            name: "local".to_owned(),
            kind: "scripted".to_owned(),
            id: "1".to_owned(),
            address: String::new(),
        },
        digest: "sha256:00".to_owned(),
        desired: String::new(),
        live: String::new(),
        rules: String::new(),
        at: Timestamp::UNIX_EPOCH,
        valid_until: None,
        live_people: 0,
        declared_people: 0,
        gaps: Vec::new(),
        people: People::default(),
        effects: Effects::default(),
        census: Census::default(),
        batches: None,
        counts: BTreeMap::new(),
        actions,
        deferred: Vec::new(),
        unmanaged: Vec::new(),
        expiring: Vec::new(),
        passwords_due: Vec::new(),
        diagnostics: Vec::new(),
    })
}
