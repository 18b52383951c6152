//! Plans made by hand, for what people read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall::diagnostic::{FileId, Position};
use rollcall::guard::{Declared, Guard, GuardedPlan, Verdicts, Waived, Waiver, ask, check};
use rollcall::model::{ActionKind, Fact, Grant, List, Membership, Name, Names, SourceLabel, Value, known};
use rollcall::plan::{
    Action, Cause, Census, Effects, Origin, People, Places, Plan, Risk, State, StoreRef, Subject, digest,
};
use rollcall::settings::{CountLimit, Guards, RemovalLimit};

/// File 0 is `access/north.yaml`, file 1 `access/south.yaml`; the offset is the line.
pub(crate) struct Lines;

impl Places for Lines {
    fn place(&self, position: Position) -> (String, u32, u32) {
        let file = if position.file == FileId(0) { "access/north.yaml" } else { "access/south.yaml" };
        (file.to_owned(), position.offset, 7)
    }
}

pub(crate) fn at(file: u32, line: u32) -> Vec<Origin> {
    vec![Origin { position: Position::new(FileId(file), line), via: None }]
}

/// A table of names and the actions made with it.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) names: Names,
    pub(crate) actions: Vec<Action>,
}

impl Draft {
    pub(crate) fn name(&mut self, text: &str) -> Name {
        self.names.intern(text)
    }

    /// `USER ORG SITE`, an empty part for what is not there.
    pub(crate) fn subject(&mut self, [user, organization, site]: [&str; 3]) -> Subject {
        let mut name = |text: &str| (!text.is_empty()).then(|| self.names.intern(text));
        Subject { user: name(user), organization: name(organization), site: name(site), role: None }
    }

    pub(crate) fn role(&mut self, role: &str) -> State {
        let value = Value::optional_text((!role.is_empty()).then(|| self.names.intern(role)));
        State::field(known::ROLE, value)
    }

    pub(crate) fn membership(&mut self, role: &str, sites: &[(&str, &str)]) -> State {
        let mut state = self.role(role);
        state.facts.push(Fact::new(known::EXTRA_ROLES, Value::Set(List::EMPTY)));
        state.facts.push(Fact::new(known::DEFAULT_SITE, Value::Null));
        state.grants = self.grants(sites);
        state
    }

    pub(crate) fn grants(&mut self, sites: &[(&str, &str)]) -> Vec<Grant> {
        let mut grant = |&(organization, site): &(&str, &str)| Grant {
            organization: self.names.intern(organization),
            site: self.names.intern(site),
            role: None,
        };
        sites.iter().map(&mut grant).collect()
    }

    pub(crate) fn account(&mut self, status: Name, roles: &[(&str, &str)], sites: &[(&str, &str)]) -> State {
        let memberships = roles.iter().map(|&(organization, role)| Membership {
            organization: self.names.intern(organization),
            role: Some(self.names.intern(role)),
            extra_roles: List::EMPTY,
            default_site: None,
        });
        let memberships = memberships.collect();
        State { facts: vec![Fact::new(known::STATUS, Value::Text(status))], memberships, grants: self.grants(sites) }
    }

    pub(crate) fn facts(&mut self, facts: &[(&str, &str)]) -> State {
        let mut fact = |&(field, value): &(&str, &str)| {
            let value = Value::Text(self.names.intern(value));
            Fact::new(self.names.intern(field), value)
        };
        State::of(facts.iter().map(&mut fact).collect())
    }

    pub(crate) fn push(
        &mut self,
        kind: ActionKind,
        subject: [&str; 3],
        before: Option<State>,
        after: Option<State>,
    ) -> &mut Action {
        let subject = self.subject(subject);
        self.actions.push(Action::new(kind, subject, before, after));
        self.actions.last_mut().expect("just pushed")
    }

    pub(crate) fn plan(&self) -> Plan {
        let store = StoreRef {
            name: "production".to_owned(),
            kind: "scim".to_owned(),
            id: "https://id.example.com".to_owned(),
            address: "https://id.example.com".to_owned(),
        };
        let mut counts = BTreeMap::new();
        for action in &self.actions {
            *counts.entry(action.kind).or_default() += 1;
        }
        Plan {
            digest: digest(&store, &self.names, &self.actions),
            store,
            desired: "d".repeat(64),
            live: "e".repeat(64),
            rules: "f".repeat(64),
            at: timestamp("2026-11-22T09:00:00Z"),
            valid_until: Some(timestamp("2026-12-01T00:00:00Z")),
            live_people: 1_506,
            declared_people: 1_507,
            gaps: Vec::new(),
            people: People::default(),
            effects: Effects::default(),
            census: Census::default(),
            batches: None,
            counts,
            actions: self.actions.clone(),
            deferred: Vec::new(),
            unmanaged: Vec::new(),
            expiring: Vec::new(),
            passwords_due: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}

/// The limits that hold where the settings name none.
pub(crate) fn usual_limits() -> Guards {
    let most = |max_count| CountLimit { max_count };
    Guards {
        states_own_account: false,
        removals: RemovalLimit::default(),
        invitations: most(200),
        escalations: most(20),
        mails: most(500),
        deletions: most(0),
        min_admins: 1,
        protected_users: Vec::new(),
        own_account: None,
    }
}

/// The plan with every guard waived, for what comes after the guards.
pub(crate) fn unguarded(plan: Plan) -> GuardedPlan {
    let waivers = Guard::ALL.map(|guard| Waiver { waived: Waived::Guard(guard), digest: plan.digest.clone() });
    let verdicts = without_policies(&plan);
    check(plan, &usual_limits(), verdicts, &waivers).expect("every guard is waived")
}

pub(crate) fn timestamp(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// A plan with every kind of line.
pub(crate) fn every_line() -> Draft {
    use ActionKind as Kind;
    let mut draft = Draft::default();
    let north = "north-quarries";
    let south = "south-quarries";

    draft.push(Kind::CreateOrganization, ["", south, ""], None, Some(State::default())).origins = at(1, 1);
    for site in ["pit-7", "pit-8"] {
        draft.push(Kind::CreateSite, ["", south, site], None, Some(State::default())).origins = at(1, 3);
    }
    for (kind, role) in [(Kind::CreateRole, "auditor"), (Kind::UpdateRole, "operator"), (Kind::DeleteRole, "ghost")] {
        let before = draft.facts(&[("name", "Operators")]);
        let after = draft.facts(&[("name", "Operators of pits")]);
        let name = draft.name(role);
        let before = (kind != Kind::CreateRole).then_some(before);
        let action = draft.push(kind, ["", "", ""], before, Some(after));
        action.subject.role = Some(name);
        if kind == Kind::UpdateRole {
            action.risk = vec![Risk::Escalation];
        }
    }

    let ben = draft.account(known::ACTIVE, &[(north, "operator")], &[(north, "pit-1"), (north, "pit-2")]);
    let inactive = State::field(known::STATUS, Value::Text(known::INACTIVE));
    let action = draft.push(Kind::DeactivateUser, ["ben@example.com", "", ""], Some(ben), Some(inactive));
    action.reason = "not declared";
    action.risk = vec![Risk::Removal];

    let eve = draft.account(known::INACTIVE, &[], &[]);
    let action = draft.push(Kind::DeleteUser, ["eve@example.com", "", ""], Some(eve), None);
    action.fall_back = Some(Kind::CloseUser);
    action.risk = vec![Risk::Removal, Risk::Irreversible];
    action.origins = at(0, 90);

    let li = draft.account(known::INVITED, &[(north, "operator")], &[(north, "pit-2"), (north, "pit-1")]);
    let action = draft.push(Kind::InviteUser, ["li@example.com", "", ""], None, Some(li));
    action.risk = vec![Risk::Mail];
    action.origins = at(0, 18);

    let max = draft.account(known::ACTIVE, &[], &[]);
    draft.push(Kind::CreateUser, ["max@example.com", "", ""], None, Some(max)).origins = at(0, 30);
    let operator = draft.membership("operator", &[]);
    draft.push(Kind::AddMembership, ["max@example.com", south, ""], None, Some(operator)).origins = at(1, 5);
    for site in ["pit-7", "pit-8"] {
        let role = draft.role("");
        draft.push(Kind::GrantSite, ["max@example.com", south, site], None, Some(role)).origins = at(1, 6);
    }

    let old = draft.facts(&[("key", "li.wei@example.com")]);
    let new = draft.facts(&[("key", "wei@example.com")]);
    let action = draft.push(Kind::RenameUser, ["wei@example.com", "", ""], Some(old), Some(new));
    action.risk = vec![Risk::Escalation];
    action.origins = at(0, 44);
    let old = draft.facts(&[("given_name", "Ana"), ("language", "fr")]);
    let new = draft.facts(&[("given_name", "Anna"), ("language", "")]);
    draft.push(Kind::UpdateUser, ["ana@example.com", "", ""], Some(old), Some(new)).origins = at(0, 12);
    let action = draft.push(Kind::ReactivateUser, ["uma@example.com", "", ""], None, None);
    action.risk = vec![Risk::AccessReturns, Risk::Mail];
    action.origins = at(0, 60);

    let (operator, manager) = (draft.role("operator"), draft.role("manager"));
    let action = draft.push(Kind::ChangeRole, ["ana@example.com", north, ""], Some(operator), Some(manager));
    action.risk = vec![Risk::Escalation];
    action.origins = at(0, 14);
    let (manager, user) = (draft.role("manager"), draft.role("user"));
    let action = draft.push(Kind::ChangeRole, ["ole@example.com", north, ""], Some(manager), Some(user));
    action.risk = vec![Risk::Removal, Risk::LastAdmin];
    action.origins = at(0, 15);
    let was = draft.membership("operator", &[(north, "pit-1")]);
    let action = draft.push(Kind::RemoveMembership, ["pia@example.com", north, ""], Some(was), None);
    action.risk = vec![Risk::Removal];
    action.reason = "not declared";
    for site in ["pit-1", "pit-2", "pit-3", "pit-4"] {
        let role = draft.role("");
        draft.push(Kind::GrantSite, ["kim@example.com", north, site], None, Some(role)).origins = at(0, 21);
    }
    let role = draft.role("");
    let action = draft.push(Kind::GrantSite, ["kim@example.com", south, "pit-7"], None, Some(role));
    action.cause = Cause::Drift;
    action.origins = at(1, 9);
    let (read, write) = (draft.role("read"), draft.role("write"));
    draft.push(Kind::ChangeSiteRole, ["kim@example.com", south, "pit-8"], Some(read), Some(write)).origins = at(1, 10);
    let role = draft.role("");
    draft.push(Kind::RevokeSite, ["tom@example.com", south, "pit-8"], Some(role), None).reason = "not declared there";
    let before = draft.facts(&[("default_site", "pit-7")]);
    let after = draft.facts(&[("default_site", "pit-8")]);
    let action = draft.push(Kind::UpdateMembership, ["joy@example.com", south, ""], Some(before), Some(after));
    let crew = Origin { position: Position::new(FileId(1), 12), via: Some(SourceLabel::Team(known::NAME)) };
    action.origins = at(1, 11);
    action.origins.push(crew);
    draft
}

/// What policies say of a plan where there are none.
pub(crate) fn without_policies(plan: &Plan) -> Verdicts {
    let rules = rollcall::rules::Rules::default();
    let (names, desired) = (&rollcall::model::Names::new(), &rollcall::model::Desired::default());
    ask(&[], &Declared { names, desired, rules: &rules, at: plan.at }, Some(plan))
}
