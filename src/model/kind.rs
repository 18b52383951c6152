//! The closed list of things that can be done to a store.

use serde::{Deserialize, Serialize};

/// Declares the kinds of actions once.
macro_rules! kinds {
    ($($(#[$meta:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// What an action does (`contract.md` §1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ActionKind { $($(#[$meta])* $variant),+ }

        impl ActionKind {
            /// Every kind, in the order of this list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in plans, rules and the journal.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

kinds! {
    /// A new organization.
    CreateOrganization = "create_organization",
    /// Fields of an organization.
    UpdateOrganization = "update_organization",
    /// The end of an organization.
    DeleteOrganization = "delete_organization",
    /// A new site.
    CreateSite = "create_site",
    /// Fields of a site.
    UpdateSite = "update_site",
    /// The end of a site.
    DeleteSite = "delete_site",
    /// A new role.
    CreateRole = "create_role",
    /// Fields of a role.
    UpdateRole = "update_role",
    /// The end of a role.
    DeleteRole = "delete_role",
    /// An invitation with all that it carries.
    InviteUser = "invite_user",
    /// A new account.
    CreateUser = "create_user",
    /// Profile fields of an account.
    UpdateUser = "update_user",
    /// API access and access attributes of an account, one action a user.
    ChangeAccess = "change_access",
    /// A new key.
    RenameUser = "rename_user",
    /// No log-in any more; can be undone.
    DeactivateUser = "deactivate_user",
    /// All access removed, the account left: where a store can't deactivate.
    StripUser = "strip_user",
    /// Log-in again.
    ReactivateUser = "reactivate_user",
    /// Ended for good, still listed.
    CloseUser = "close_user",
    /// Deleted.
    DeleteUser = "delete_user",
    /// The invitation of a preloaded user goes out.
    SendInvitation = "send_invitation",
    /// The invitation goes out again.
    ResendInvitation = "resend_invitation",
    /// A pending invitation ends.
    CancelInvitation = "cancel_invitation",
    /// A user becomes a member.
    AddMembership = "add_membership",
    /// Another role in an organization, or on the whole platform.
    ChangeRole = "change_role",
    /// Default site and extra roles of a membership.
    UpdateMembership = "update_membership",
    /// A membership ends, and its grants with it.
    RemoveMembership = "remove_membership",
    /// A site is granted.
    GrantSite = "grant_site",
    /// Another role on a site.
    ChangeSiteRole = "change_site_role",
    /// A grant ends.
    RevokeSite = "revoke_site",
}

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// An organization, a site or a role.
    Catalog,
    /// Whether there is an account, its key, whether it can log in, and its invitation.
    Account,
    /// Profile and access fields of an account.
    Fields,
    /// A membership and its roles.
    Membership,
    /// A site grant.
    SiteGrant,
}

impl ActionKind {
    /// What it is about.
    #[must_use]
    pub const fn topic(self) -> Topic {
        match self {
            Self::CreateOrganization
            | Self::UpdateOrganization
            | Self::DeleteOrganization
            | Self::CreateSite
            | Self::UpdateSite
            | Self::DeleteSite
            | Self::CreateRole
            | Self::UpdateRole
            | Self::DeleteRole => Topic::Catalog,
            Self::InviteUser
            | Self::CreateUser
            | Self::RenameUser
            | Self::DeactivateUser
            | Self::StripUser
            | Self::ReactivateUser
            | Self::CloseUser
            | Self::DeleteUser
            | Self::SendInvitation
            | Self::ResendInvitation
            | Self::CancelInvitation => Topic::Account,
            Self::UpdateUser | Self::ChangeAccess => Topic::Fields,
            Self::AddMembership | Self::ChangeRole | Self::UpdateMembership | Self::RemoveMembership => {
                Topic::Membership
            }
            Self::GrantSite | Self::ChangeSiteRole | Self::RevokeSite => Topic::SiteGrant,
        }
    }
}
