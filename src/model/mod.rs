//! Floor 1: what is declared and what is live, as sorted columns of small facts over one table of names.
//!
//! A million users, two million memberships and two million grants of both sides fit into half a gigabyte because a
//! fact is a few numbers: texts are interned ([`Names`]), positions are eight bytes, users hold offsets into flat
//! columns. Everything above sees a view of one user and none of the columns.
//!
//! Deliberately absent: input and output, the clock, the environment, and any knowledge of how stores differ.

mod catalog;
mod desired;
mod effective;
mod fact;
mod kind;
mod live;
mod name;
mod user_view;
mod window;

pub use catalog::{AppliesTo, Catalog, CatalogKey, Fields, Organization, Role, Site, SiteAccess};
pub use desired::{
    AccessRow, DeclaredFact, DeclaredStatus, DeclaredUser, Desired, Leaver, LeftAlone, Link, Previous, Selector,
    SiteRow, Source, SourceId, SourceLabel,
};
pub use effective::{Conflict, Effective, Piece, matches};
pub use fact::{Fact, Grant, Membership, Status, Value};
pub use kind::{ActionKind, Topic};
pub use live::{
    Collection, Completeness, Evidence, HalfChange, HalfChanged, Invitation, InvitationState, LiveRecord, LiveState,
    LiveView, Seat,
};
pub use name::{Elements, List, Name, Names, known};
pub use user_view::{Standing, UserView};
pub use window::{Window, WindowId, Windows};
