//! Explanations as JSON: what `explain --format json` prints.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use super::explain::{Access, Contribution, KnownLockOut, PlaceExplanation, PlaceHolders, UserExplanation};
use super::explain_fields::{FieldExplanation, FieldSide};
use super::state_json::value_json;
use super::{FORMAT, Places};
use crate::diagnostic::Position;
use crate::model::{InvitationState, LeftAlone, Name, Names, SourceLabel, Status, known};

/// What was asked, what it may mean, and who has what access from which lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainDocument {
    /// The version of this document: 1.
    pub format: u32,
    /// The text that was asked for.
    pub asked: String,
    /// Users of this key.
    pub users: Vec<ExplainedUser>,
    /// Organizations and sites of this name.
    pub places: Vec<ExplainedPlace>,
    /// Where nothing has exactly this name: what may have been meant. A single thing that has it in part is explained.
    pub likely: Vec<String>,
    /// How many more contain it.
    pub likely_more: usize,
}

/// A user, with all access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedUser {
    /// The key.
    pub user: String,
    /// The line of the declaration; null where there is none.
    pub line: Option<ExplainedLine>,
    /// The status asked for; null where none is.
    pub status: Option<&'static str>,
    /// When the user begins; null: always was.
    pub starts: Option<Timestamp>,
    /// When the user ends; null: never.
    pub expires: Option<Timestamp>,
    /// The entry under `inactive:`; null where there is none.
    pub leaver: Option<ExplainedLeaver>,
    /// The status in the store; null where there is no account.
    pub live_status: Option<&'static str>,
    /// How the invitation of somebody who is not in yet has ended (`declined`, `expired`, `cancelled`); null where it has
    /// not.
    pub invitation: Option<&'static str>,
    /// The lock-out by an operator; null where there is none.
    pub locked_out: Option<ExplainedLockOut>,
    /// Fields of the profile, and those that are access.
    pub fields: Vec<ExplainedField>,
    /// The platform, organizations and sites with access.
    pub access: Vec<ExplainedAccess>,
}

/// A field of the profile, or one that is access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedField {
    /// The field, by its dotted name.
    pub field: String,
    /// As declared; null where nothing is, or it is left to others.
    pub declared: Option<Json>,
    /// As the store has it; null where it has nothing.
    pub live: Option<Json>,
    /// Whether the declared value means everything there is.
    pub everything: bool,
    /// Whether the live value means everything there is.
    pub live_everything: bool,
    /// Whether others manage it.
    pub unmanaged: bool,
    /// The line that says so; null where none does.
    pub line: Option<ExplainedLine>,
}

/// A lock-out by an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedLockOut {
    /// Since when; null where that is not known.
    pub since: Option<Timestamp>,
    /// Who did it; null where that is not known.
    pub by: Option<String>,
    /// Whether a `status: active` waits, since it may be older.
    pub status_active_waits: bool,
}

/// An entry under `inactive:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedLeaver {
    /// From when on; null: at once.
    pub from: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// The line.
    pub line: ExplainedLine,
}

/// An organization or a site, with everybody who has access there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedPlace {
    /// The organization.
    pub organization: String,
    /// The site; null for the organization itself.
    pub site: Option<String>,
    /// The line of the declaration; null where there is none.
    pub line: Option<ExplainedLine>,
    /// Those with access, by key.
    pub holders: Vec<ExplainedHolder>,
}

/// Somebody with access in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedHolder {
    /// The key.
    pub user: String,
    /// What the person is called, as declared, else as in the store; null where neither says.
    pub name: Option<String>,
    /// The status in the store; null where there is no account.
    pub live_status: Option<&'static str>,
    /// How the invitation of somebody who is not in yet has ended (`declined`, `expired`, `cancelled`); null where it has
    /// not.
    pub invitation: Option<&'static str>,
    /// Whether the user can log in: active in the store, and neither inactive nor out of their time by the manifests.
    pub may_log_in: bool,
    /// What the user has there.
    pub access: ExplainedAccess,
    /// The membership by which the user reaches the site as well, beside a grant on it; null where none does.
    pub membership: Option<ExplainedAccess>,
}

/// Access in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedAccess {
    /// The organization; null for the whole platform.
    pub organization: Option<String>,
    /// The site; null for a membership.
    pub site: Option<String>,
    /// As declared; null where nothing is.
    pub declared: Option<ExplainedRole>,
    /// As the store has it; null where it has nothing.
    pub live: Option<ExplainedRole>,
    /// How many sites the declared role reaches, where it reaches them all.
    pub reaches: Option<usize>,
    /// How many sites the live role reaches, as the store has it, where it reaches them all.
    pub live_reaches: Option<usize>,
    /// Where nothing is given here itself: the sites, or organizations, that include it.
    pub through: Vec<String>,
    /// What others manage there: `membership` (all of it), `role`, `extra_roles`, `sites`.
    pub unmanaged: Vec<&'static str>,
    /// The lines that give it.
    pub because: Vec<ExplainedContribution>,
}

/// A role and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedRole {
    /// The role; null where there is none of its own.
    pub role: Option<String>,
    /// Roles beside the main one.
    pub extra_roles: Vec<String>,
    /// The preselected site.
    pub default_site: Option<String>,
}

/// A line that gives something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ExplainedContribution {
    /// The line.
    pub line: ExplainedLine,
    /// The role that it gives.
    pub role: Option<String>,
    /// Roles beside it that it gives.
    pub extra_roles: Vec<String>,
    /// `team:NAME` or `site_grant`; null for the user's own access.
    pub via: Option<String>,
    /// The team that names the user, where that is another one.
    pub through: Option<String>,
    /// Where the user is named as a member.
    pub member: Option<ExplainedLine>,
    /// When it begins; null: always was.
    pub starts: Option<Timestamp>,
    /// When it ends; null: never.
    pub expires: Option<Timestamp>,
    /// Whether it decides the result; a weaker role does not, nor what is not in force.
    pub counts: bool,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ExplainedLine {
    /// Path of the file, relative to the access repository.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl ExplainDocument {
    /// A document in which nothing is found yet.
    #[must_use]
    pub fn new(asked: &str) -> Self {
        Self {
            format: FORMAT,
            asked: asked.to_owned(),
            users: Vec::new(),
            places: Vec::new(),
            likely: Vec::new(),
            likely_more: 0,
        }
    }

    /// Adds a user.
    pub fn push_user(&mut self, found: &UserExplanation, names: &Names, places: &dyn Places) {
        let UserExplanation {
            key,
            position,
            status,
            window,
            leaver,
            at: _,
            live,
            ended,
            locked_out,
            is_compared: _,
            fields,
            places: access,
        } = found;
        self.users.push(ExplainedUser {
            user: names.text(*key).to_owned(),
            line: position.map(|position| line(places, position)),
            status: status.map(|(status, _)| status.as_str()),
            starts: window.starts,
            expires: window.expires,
            leaver: leaver.map(|leaver| ExplainedLeaver {
                from: leaver.from,
                reason: text(names, leaver.reason),
                line: line(places, leaver.position),
            }),
            live_status: live.map(Status::as_str),
            invitation: ended.map(InvitationState::as_str),
            locked_out: locked_out.as_ref().map(|KnownLockOut { since, by, waits }| ExplainedLockOut {
                since: *since,
                by: by.clone(),
                status_active_waits: *waits,
            }),
            fields: fields.iter().map(|field| explained_field(field, names, places)).collect(),
            access: access.iter().map(|place| explained(place, names, places)).collect(),
        });
    }

    /// Adds an organization or a site.
    pub fn push_place(&mut self, found: &PlaceHolders, names: &Names, places: &dyn Places) {
        let PlaceHolders { organization, site, position, at: _, is_compared: _, holders } = found;
        let holders = holders.iter().map(|holder| ExplainedHolder {
            user: names.text(holder.key).to_owned(),
            name: holder.name.clone(),
            live_status: holder.live.map(Status::as_str),
            invitation: holder.ended.map(InvitationState::as_str),
            may_log_in: holder.may_log_in(),
            access: explained(&holder.place, names, places),
            membership: holder.membership.as_ref().map(|place| explained(place, names, places)),
        });
        self.places.push(ExplainedPlace {
            organization: names.text(*organization).to_owned(),
            site: text(names, *site),
            line: position.map(|position| line(places, position)),
            holders: holders.collect(),
        });
    }
}

fn explained_field(found: &FieldExplanation, names: &Names, places: &dyn Places) -> ExplainedField {
    let FieldExplanation { field, declared, live, is_left_alone, is_same: _ } = *found;
    let said = declared.filter(|_| !is_left_alone).map(|(said, _)| said);
    let json = |side: FieldSide| Some(value_json(names, side.value)).filter(|value| !value.is_null());
    ExplainedField {
        field: names.text(field).to_owned(),
        declared: said.and_then(json),
        live: live.and_then(json),
        everything: said.is_some_and(|said| said.is_everything),
        live_everything: live.is_some_and(|live| live.is_everything),
        unmanaged: is_left_alone,
        line: declared.map(|(_, position)| line(places, position)),
    }
}

fn explained(place: &PlaceExplanation, names: &Names, places: &dyn Places) -> ExplainedAccess {
    let PlaceExplanation {
        organization,
        site,
        declared,
        live,
        reaches,
        live_reaches,
        through,
        left_alone,
        contributions,
    } = place;
    let LeftAlone { membership, role: of_role, extra_roles, sites } = *left_alone;
    let parts = [(membership, "membership"), (of_role, "role"), (extra_roles, "extra_roles"), (sites, "sites")];
    let mut because: Vec<ExplainedContribution> =
        contributions.iter().map(|contribution| because(contribution, names, places)).collect();
    because.sort_unstable();
    ExplainedAccess {
        organization: text(names, Some(*organization).filter(|&organization| organization != known::PLATFORM)),
        site: text(names, *site),
        declared: declared.map(|access| role(access, names)),
        live: live.map(|access| role(access, names)),
        reaches: *reaches,
        live_reaches: *live_reaches,
        through: through.iter().map(|&name| names.text(name).to_owned()).collect(),
        unmanaged: parts.into_iter().filter_map(|(is_left, part)| is_left.then_some(part)).collect(),
        because,
    }
}

fn role(access: Access, names: &Names) -> ExplainedRole {
    let Access { role, extra_roles, default_site } = access;
    ExplainedRole {
        role: text(names, role),
        extra_roles: names.sorted_texts(extra_roles).into_iter().map(str::to_owned).collect(),
        default_site: text(names, default_site),
    }
}

fn because(contribution: &Contribution, names: &Names, places: &dyn Places) -> ExplainedContribution {
    let &Contribution { role, extra_roles, position, source, through, member, window, counts } = contribution;
    let label = |label: SourceLabel| match label {
        SourceLabel::Team(team) => format!("team:{}", names.text(team)),
        SourceLabel::SiteGrant => "site_grant".to_owned(),
    };
    ExplainedContribution {
        line: line(places, position),
        role: text(names, role),
        extra_roles: names.sorted_texts(extra_roles).into_iter().map(str::to_owned).collect(),
        via: source.map(label),
        through: through.map(label),
        member: member.map(|position| line(places, position)),
        starts: window.starts,
        expires: window.expires,
        counts,
    }
}

fn text(names: &Names, name: Option<Name>) -> Option<String> {
    name.map(|name| names.text(name).to_owned())
}

fn line(places: &dyn Places, position: Position) -> ExplainedLine {
    let (file, line, column) = places.place(position);
    ExplainedLine { file, line, column }
}
