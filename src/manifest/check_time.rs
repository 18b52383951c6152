//! What is given only while what it needs is not in force: a membership outside of the time of its user, a grant
//! outside of the time of every membership. That is so whatever the clock says.

use super::check::Check;
use super::resolve::span;
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{Name, Piece, SourceLabel, UserView, Window};

/// What is never in force, since something that it needs is over before it begins, or begins when it is over.
#[derive(Clone, Copy)]
pub(super) struct NeverInForce {
    pub(super) piece: Piece,
    /// Where that stands which it needs.
    pub(super) needed: Position,
    /// The name of the user, if the user as a whole is what it needs; else a membership is.
    user: Option<Name>,
}

impl Check<'_> {
    /// Own access and site grants of a user that are never in force. What many share through a team is left out: it is
    /// for others.
    pub(super) fn never_in_force(&self, user: &UserView<'_>, pieces: &[Piece]) -> Vec<NeverInForce> {
        if user.window == Window::ALWAYS && pieces.iter().all(|piece| piece.window == Window::ALWAYS) {
            return Vec::new();
        }
        let is_shared = |piece: &Piece| match piece.source.map(|source| self.desired.source(source).label) {
            Some(SourceLabel::Team(_)) => true,
            Some(SourceLabel::SiteGrant) | None => false,
        };
        let memberships: Vec<&Piece> = pieces.iter().filter(|piece| piece.membership).collect();
        let mut found = Vec::new();
        for piece in pieces.iter().filter(|piece| !is_shared(piece)) {
            if piece.window.is_apart(user.window) {
                found.push(NeverInForce { piece: *piece, needed: user.position, user: Some(user.key) });
                continue;
            }
            if piece.site.is_none() || piece.window == Window::ALWAYS {
                continue;
            }
            let mut needed = memberships.iter().filter(|membership| membership.organization == piece.organization);
            if let Some(first) = needed.clone().next()
                && needed.all(|membership| membership.window.is_apart(piece.window))
            {
                found.push(NeverInForce { piece: *piece, needed: first.position, user: None });
            }
        }
        found
    }

    /// The warning about it; `who`: whom it hits.
    pub(super) fn tell_never_in_force(&self, never: &NeverInForce, who: &str) -> Diagnostic {
        let organization = self.names.text(never.piece.organization);
        let (why, needed, label) = if let Some(user) = never.user {
            let why = "the user is not in force then".to_owned();
            (why, span(never.needed, self.names.text(user)), "the user")
        } else {
            let why = format!("the membership in `{organization}` is not in force then");
            (why, span(never.needed, organization), "the membership")
        };
        let message = format!("{who} never has this: {why}");
        Diagnostic::warning(Code::NeverInForce, message)
            .at(never.piece.position, "")
            .and(needed, label)
            .help("correct `starts` or `expires`, or take it out")
    }
}
